// A forecast as text for people and JSON for programs.
#pragma once
#include <iosfwd>
#include <string>

#include "app/forecast.h"
#include "kube/json.h"

namespace nocobase_operator::program {

// What comes of one NocoBaseCluster, `name` as "namespace/name".
void write_text(const std::string& name, const app::Forecast& forecast, std::ostream& out);
// One object: cluster, end, reason, message, why[], stops, steps[], children[], image.
[[nodiscard]] kube::Json to_json(const std::string& name, const app::Forecast& forecast);

}  // namespace nocobase_operator::program
