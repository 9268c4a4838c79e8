// What is wrong with the value of a variable, as far as its name and NocoBase's own code tell; wherever it stands.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "app/report.h"

namespace nocobase_operator::app {

// Where a value stands decides what may be told of it.
enum class Kept : std::uint8_t {
  in_spec,     // of a cluster
  config_map,  // everybody who may read it sees the value
  secret       // never told
};

struct NamedValue {
  std::string_view name;  // of the variable
  std::string_view value;
  Kept kept = Kept::in_spec;
};

// Adds what is found at `path`.
void lint_value(const NamedValue& variable, const std::string& path, Report& report);

}  // namespace nocobase_operator::app
