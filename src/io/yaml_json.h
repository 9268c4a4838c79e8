// JSON text as a source document: one pass for the value, one for the places. YAML readers misread some of it
// (surrogate pairs, "\/"), so it does not go through one.
#pragma once
#include <optional>
#include <string_view>

#include "io/yaml.h"
#include "io/yaml_text.h"
#include "kube/source.h"

namespace nocobase_operator::io {

// The bytes of the JSON value at the start of `text` (after white space), which must be an object or array; 0 when its
// brackets do not close.
[[nodiscard]] std::size_t json_extent(std::string_view text);

// The JSON value `text` at byte `offset` of its document, or nothing when it is no strict JSON, has a duplicate key or
// goes beyond a limit: the YAML reader then says what is wrong.
[[nodiscard]] std::optional<kube::SourceDocument> read_json(std::string_view text, std::size_t offset,
                                                            const Places& places, const YamlLimits& limits);

}  // namespace nocobase_operator::io
