// The quick way to read JSON, over simdjson. Parsing costs little beside building the values, so that leaving some of
// them out is worth it. Part of json and live; nobody else includes it.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "kube/json.h"

namespace nocobase_operator::kube {

// The same value as parse_json() gives, or nothing: then that is to be asked, for the value or for what is wrong.
[[nodiscard]] std::optional<Json> parse_quickly(std::string_view text, std::size_t max_depth);
// parse_json() without trying the quick way first.
[[nodiscard]] Result<Json> parse_closely(std::string_view text, const JsonLimits& limits = {});

}  // namespace nocobase_operator::kube
