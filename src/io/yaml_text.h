// YAML text before it is parsed: documents cut apart, bytes checked, places counted. Knows nothing of YAML's grammar
// beyond the lines that separate documents.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/yaml.h"
#include "kube/source.h"

namespace nocobase_operator::io {

// One document of a file, with its separator line when it has one.
struct Slice {
  std::string_view text;
  std::uint32_t first_line = 1;
};

// Cuts a text at lines that start with "---" or "...", as kubectl does. Byte order marks at the start of a document, or
// right after the line that separates it from the one before, and directives ("%YAML 1.1") are left out.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : rest_(text) {}
  // The next document that is more than blank lines and comments, or nothing at the end.
  [[nodiscard]] std::optional<Slice> next();

 private:
  [[nodiscard]] Slice cut();

  std::string_view rest_;
  std::uint32_t line_ = 1;
};

// Places in one document.
class Places {
 public:
  // `text` must outlive it.
  Places(std::string_view text, std::uint32_t first_line);
  // The mark of a byte offset.
  [[nodiscard]] kube::Mark at(std::size_t offset) const;
  // The mark of a line (from 0) and a byte in it (from 0).
  [[nodiscard]] kube::Mark at_line(std::size_t line, std::size_t byte) const;

 private:
  std::string_view text_;
  std::uint32_t first_line_;
  std::vector<std::size_t> starts_;  // of each line
};

// The first bytes that are no text: invalid UTF-8, control characters, UTF-16.
[[nodiscard]] std::optional<Unreadable> check_text(const Slice& slice);

// The text with line ends "\n".
[[nodiscard]] std::string with_unix_lines(std::string_view text);

}  // namespace nocobase_operator::io
