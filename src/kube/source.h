// A document somebody wrote, as JSON, with the place of each value in its file, for findings that point at a line.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kube/finding.h"
#include "kube/json.h"

namespace nocobase_operator::kube {

struct Mark {
  std::uint32_t line = 0;    // from 1; 0 when unknown
  std::uint32_t column = 0;  // from 1, in code points

  friend bool operator==(const Mark&, const Mark&) = default;
};

// What only the text shows and the JSON value no longer does.
struct ScalarNote {
  std::string tag;     // an explicit YAML tag ("!", "!x"), "" when there is none
  std::string text;    // the scalar as written
  bool plain = true;   // not quoted, not a block scalar
  bool alias = false;  // reached through *name
  std::string read;    // the number it was read as, where people read another one: 8 for 010
};

struct PathHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
};
// By path, as Finding::path spells it. There is one for each value, and few are asked for.
using Marks = std::unordered_map<std::string, Mark, PathHash, std::equal_to<>>;

struct SourceDocument {
  std::string file;  // "-" for stdin
  Json value;
  Marks marks;
  // By path; only of scalars with a tag, an alias, an empty plain text, or a number to read twice.
  std::map<std::string, ScalarNote, std::less<>> notes;
  Findings findings;  // syntax-level: duplicate keys, undefined aliases, too deep, too many nodes
};

// The mark of the path, or of its nearest ancestor that has one.
[[nodiscard]] Mark mark_of(const SourceDocument& document, std::string_view path);

}  // namespace nocobase_operator::kube
