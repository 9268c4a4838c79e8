// YAML and JSON text to documents with the place of each value. yaml-cpp's headers stay in the .cpp.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/source.h"

namespace nocobase_operator::io {

// Whose YAML it is.
enum class YamlFlavour : std::uint8_t {
  kubectl,  // go-yaml v2: yes, no, on and off are booleans, and a merge replaces what stands above it
  compose,  // go-yaml v3 in docker-compose: they are text, and what a map says itself wins over what is merged
};

struct YamlLimits {
  std::size_t max_bytes = 32U << 20U;          // of the whole text
  std::size_t max_document_bytes = 3U << 20U;  // etcd takes 1.5 MiB; nothing larger can be an object
  std::size_t max_depth = 64;
  std::size_t max_nodes = 200'000;  // of a document; aliases count as often as they are used
  // Of the whole text, so that it is read in seconds however its bytes are spread.
  std::size_t max_documents = 100'000;
  std::size_t max_values = 500'000;  // of all documents together
};

// Reads `text` document by document and calls `each` for every one that is not empty, in order; returns how many there
// were, or an Error (invalid) with file:line:column when the text is no YAML (or binary, or too large): what
// came before has been delivered by then. Scalars become what kubectl makes of them (YAML 1.1 booleans, octal, floats,
// null), map keys are strings, merge keys are applied, and a duplicate key is a finding of that document.
[[nodiscard]] Result<std::size_t> read_documents(std::string_view text, const std::string& file,
                                                 const YamlLimits& limits,
                                                 const std::function<void(kube::SourceDocument)>& each,
                                                 YamlFlavour flavour = YamlFlavour::kubectl);

// A JSON value as YAML text that kubectl and yaml-cpp read back as the same value: block style, sorted keys, strings
// quoted where another reader could take them for something else.
[[nodiscard]] std::string to_yaml(const kube::Json& value);

}  // namespace nocobase_operator::io
