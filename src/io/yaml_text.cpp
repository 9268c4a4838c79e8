#include "io/yaml_text.h"

#include <algorithm>
#include <array>

namespace nocobase_operator::io {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view first_line_of(std::string_view text) {
  return text.substr(0, std::min(text.find('\n'), text.size()));
}

bool is_separator(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) && (line.size() == 3 || is_blank(line[3]));
}

bool has_content(std::string_view line) {
  const auto start = std::find_if_not(line.begin(), line.end(), is_blank);
  return start != line.end() && *start != '#';
}

std::string_view without_mark(std::string_view text) {
  return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

// The bytes of the UTF-8 sequence at the start of `text`, 0 when it is none or no character that YAML allows.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return lead >= 0x20 ? static_cast<std::size_t>(lead != 0x7f)
                        : static_cast<std::size_t>(lead == '\t' || lead == '\n' || lead == '\r');
  }
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) {
    return 0;
  }
  std::uint32_t point = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return 0;
    }
    point = (point << 6U) | (byte(i) & 0x3FU);
  }
  static constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  const bool control = point < 0xA0 && point != 0x85;
  return point < least[size] || surrogate || control || point > 0x10FFFF ? 0 : size;
}

std::string hex_byte(char c) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(c);
  return {'0', 'x', digits[value >> 4U], digits[value & 15U]};
}

}  // namespace

Slice Splitter::cut() {
  Slice slice{without_mark(rest_), line_};
  std::string_view ahead = slice.text;
  bool begun = false;  // a separator or content was seen
  while (!ahead.empty()) {
    const std::string_view line = first_line_of(ahead);
    const std::size_t step = std::min(line.size() + 1, ahead.size());
    if (begun && is_separator(line, "---")) {
      break;
    }
    if (!begun && line.starts_with('%')) {
      slice = {ahead.substr(step), line_ + 1};
    }
    ahead.remove_prefix(step);
    ++line_;
    if (!begun && is_separator(line, "---") && !has_content(line.substr(3)) && ahead.starts_with(byte_order_mark)) {
      ahead = without_mark(ahead);
      slice = {ahead, line_};
    }
    if (is_separator(line, "...")) {
      slice.text = slice.text.substr(0, static_cast<std::size_t>(line.data() - slice.text.data()));
      rest_ = ahead;
      return slice;
    }
    begun = begun || (has_content(line) && !line.starts_with('%'));
  }
  slice.text = slice.text.substr(0, slice.text.size() - ahead.size());
  rest_ = ahead;
  return slice;
}

std::optional<Slice> Splitter::next() {
  while (!rest_.empty()) {
    const Slice slice = cut();
    std::string_view text = slice.text;
    if (is_separator(first_line_of(text), "---")) {
      text.remove_prefix(3);
    }
    while (!text.empty()) {
      const std::string_view line = first_line_of(text);
      if (has_content(line)) {
        return slice;
      }
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
  }
  return std::nullopt;
}

Places::Places(std::string_view text, std::uint32_t first_line) : text_(text), first_line_(first_line), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

kube::Mark Places::at(std::size_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto line = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return at_line(line, offset - starts_[line]);
}

kube::Mark Places::at_line(std::size_t line, std::size_t byte) const {
  line = std::min(line, starts_.size() - 1);
  const std::string_view before = text_.substr(starts_[line], byte);
  const auto characters = std::count_if(before.begin(), before.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  return {first_line_ + static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(characters) + 1};
}

std::optional<Unreadable> check_text(const Slice& slice) {
  constexpr auto bytes = Unreadable::Why::bytes;
  if (slice.text.starts_with("\xFF\xFE") || slice.text.starts_with("\xFE\xFF")) {
    return Unreadable{bytes, {slice.first_line, 1}, "this is UTF-16: save the file as UTF-8"};
  }
  std::size_t at = 0;
  while (at < slice.text.size()) {
    const std::size_t size = character_size(slice.text.substr(at, 4));
    if (size == 0) {
      const kube::Mark mark = Places(slice.text.substr(0, at), slice.first_line).at(at);
      return Unreadable{
          bytes, mark,
          "byte " + hex_byte(slice.text[at]) + " is no UTF-8 text or a control character that YAML does not allow"};
    }
    at += size;
  }
  return std::nullopt;
}

std::string with_unix_lines(std::string_view text) {
  if (text.find('\r') == std::string_view::npos) {
    return std::string(text);
  }
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      result += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      result += '\n';
    }
  }
  return result;
}

}  // namespace nocobase_operator::io
