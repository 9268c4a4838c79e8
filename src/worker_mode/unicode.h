// UTF-8 and JavaScript's idea of white space, as far as worker_mode needs them. Internal: not installed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nocobase::worker_mode {

/// One step through UTF-8 text.
struct CodePoint {
  char32_t value = 0;      ///< U+FFFD where the bytes are ill-formed
  std::size_t length = 0;  ///< bytes taken, at least 1; an ill-formed sequence is a maximal subpart (WHATWG)
  bool valid = true;
};

/// The code point that starts at `at`, which lies inside `text`.
CodePoint decode(std::string_view text, std::size_t at);

/// The offset of the first ill-formed byte, or npos.
std::size_t find_ill_formed(std::string_view text);

/// `text` with each ill-formed sequence replaced by U+FFFD.
std::string well_formed(std::string_view text);

/// What String.prototype.trim() removes: WhiteSpace and LineTerminator of ECMA-262. U+FEFF is one, U+0085 and U+200B
/// are not.
bool is_js_space(char32_t c);

/// Controls and format characters that no one sees; white space is not counted.
bool is_invisible(char32_t c);

/// The ASCII character that a person meant by a full-width or similar one; 0 when `c` is none such.
char ascii_meant_by(char32_t c);

/// Typographic and plain quotation marks, backquotes included.
bool is_quote(char32_t c);

/// String.prototype.trim().
std::string_view js_trim(std::string_view text);

/// `text` in double quotes, one line, at most about 60 characters, with whatever is invisible or unsafe to print
/// escaped.
std::string quoted(std::string_view text);

/// Lower case in ASCII, all else as it is.
std::string ascii_lower(std::string_view text);

}  // namespace nocobase::worker_mode
