// What a YAML scalar means to kubectl (sigs.k8s.io/yaml over go-yaml v2): the rules of YAML 1.1 with Go's number
// syntax.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/json.h"

namespace nocobase_operator::io {

// A plain (unquoted, untagged) scalar: null, a boolean, a number or the text itself. Error (invalid) for infinities and
// NaN, which JSON does not have.
[[nodiscard]] Result<kube::Json> resolve_plain(std::string_view text);

// A scalar with an explicit tag: "!!int" and its like in long form ("tag:yaml.org,2002:int"), "!", or any other, which
// all mean text. Error (invalid) when the text is not of that type.
[[nodiscard]] Result<kube::Json> resolve_tagged(std::string_view tag, const std::string& text);

// The JSON key that a scalar map key becomes ("yes: 1" has the key "true"); nothing for null and collections.
[[nodiscard]] std::optional<std::string> key_text(const kube::Json& key, std::string_view written);

// The text of a scalar as UTF-8: yaml-cpp 0.7 turns the escapes \N and \_ into the single bytes 0x85 and 0xA0. The rest
// of the document is known to be UTF-8, so a byte that stands alone can be nothing else.
[[nodiscard]] std::string repair_escapes(const std::string& scanned);

}  // namespace nocobase_operator::io
