// The JSON value that every Kubernetes object passes through on its way in and out, and the one way to parse it.
// nlohmann's object type is a std::map: keys stay sorted, so whatever is rendered is deterministic.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

// Instantiated once, in json.cpp: compiling it in every file that uses it took a quarter of the build.
extern template class nlohmann::basic_json<>;

namespace nocobase_operator::kube {

using Json = nlohmann::json;

// Limits on input that somebody else wrote. Deeper JSON would overflow the stack when it is copied or destroyed.
struct JsonLimits {
  std::size_t max_bytes = 8U << 20U;
  std::size_t max_depth = 64;
};

// Parses one JSON text without recursion, so depth costs no stack. Errors (Code::invalid): syntax with byte offset, a
// duplicate key with its path, too deep, too large. No error repeats the text, which may hold secrets. Never throws.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// The member `key` of an object, or nullptr when `value` is no object or has no such member.
[[nodiscard]] const Json* find(const Json& value, std::string_view key);

// The value at a chain of object members, or nullptr.
[[nodiscard]] const Json* find_path(const Json& value, std::initializer_list<std::string_view> path);

// The string at a chain of object members, or "" when it is absent or no string.
[[nodiscard]] std::string string_at(const Json& value, std::initializer_list<std::string_view> path);

// The integer at a chain of object members, or `fallback` when absent, no integer, or out of int64.
[[nodiscard]] std::int64_t integer_at(const Json& value, std::initializer_list<std::string_view> path,
                                      std::int64_t fallback = 0);

// Compact UTF-8 text; invalid UTF-8 is replaced instead of throwing.
[[nodiscard]] std::string dump(const Json& value);

}  // namespace nocobase_operator::kube
