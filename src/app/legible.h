// Text of somebody else's that people are shown.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace nocobase_operator::app {

// `text` on one line, at most `max` characters and then an ellipsis. What a terminal or a document would take for more
// than text (controls, invisible characters, bytes that are no UTF-8) is replaced by U+FFFD.
[[nodiscard]] std::string legible(std::string_view text, std::size_t max);
// Its length in characters.
[[nodiscard]] int width_of(std::string_view text);

}  // namespace nocobase_operator::app
