// YAML and JSON text to documents with the place of each value. yaml-cpp's headers stay in the .cpp.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
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

// What kept a text from being read to its end, and where.
struct Unreadable {
  enum class Why : std::uint8_t {
    bytes,   // no text: binary, UTF-16, control characters
    syntax,  // neither YAML nor JSON
    alias,   // an alias, an anchor or a merge key that leads to nothing that can be used
    limit    // larger, deeper or more than YamlLimits allows
  };
  Why why = Why::syntax;
  kube::Mark mark;
  std::string what;
};

struct Reading {
  std::size_t documents = 0;  // that were delivered
  std::optional<Unreadable> unreadable;
};

// Reads `text` document by document and calls `each` for every one that is not empty, in order. Where the text is no
// YAML (or binary, or too large), what came before has been delivered. Scalars become what kubectl makes of them (YAML
// 1.1 booleans, octal, floats, null), map keys are strings, merge keys are applied, and a duplicate key is a finding of
// that document.
[[nodiscard]] Reading read_text(std::string_view text, const std::string& file, const YamlLimits& limits,
                                const std::function<void(kube::SourceDocument)>& each,
                                YamlFlavour flavour = YamlFlavour::kubectl);

struct Text {
  std::string file;
  std::string text;
};

// What is to be said of a document. It runs on any thread; what it returns runs on the caller's, in the order of the
// documents.
using Judge = std::function<std::function<void()>(kube::SourceDocument)>;

// Reads texts as read_text does, several documents at a time: on `threads` threads, or, for 0, on as many as there are
// processors. `next` gives a text, or nothing at the end; `done` is called when all of a text was judged. Both run on
// the caller's thread, and nothing shows how many there are.
void read_texts(const std::function<std::optional<Text>()>& next, const YamlLimits& limits, const Judge& judge,
                const std::function<void(const std::string& file, const Reading& reading)>& done,
                std::size_t threads = 0);

// The same as read_text for those who only tell that it failed: how many documents there were, or an Error (invalid)
// "file:line:column: what".
[[nodiscard]] Result<std::size_t> read_documents(std::string_view text, const std::string& file,
                                                 const YamlLimits& limits,
                                                 const std::function<void(kube::SourceDocument)>& each,
                                                 YamlFlavour flavour = YamlFlavour::kubectl);

// A JSON value as YAML text that kubectl and yaml-cpp read back as the same value: block style, sorted keys, strings
// quoted where another reader could take them for something else.
[[nodiscard]] std::string to_yaml(const kube::Json& value);

}  // namespace nocobase_operator::io
