#include "unicode.h"

#include <array>
#include <cstdint>

namespace nocobase::worker_mode {
namespace {

constexpr char32_t replacement = 0xFFFD;

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool in_any(const std::array<Range, N>& ranges, char32_t c) {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) {
      return true;
    }
  }
  return false;
}

// Tab to carriage return, space, no-break space, U+FEFF, line and paragraph separator, and the category Zs.
constexpr std::array<Range, 10> js_spaces{{{0x09, 0x0D},
                                           {0x20, 0x20},
                                           {0xA0, 0xA0},
                                           {0x1680, 0x1680},
                                           {0x2000, 0x200A},
                                           {0x2028, 0x2029},
                                           {0x202F, 0x202F},
                                           {0x205F, 0x205F},
                                           {0x3000, 0x3000},
                                           {0xFEFF, 0xFEFF}}};

// C0 and C1 controls, soft hyphen, joiners, direction marks, variation selectors, annotation marks and tags.
constexpr std::array<Range, 12> invisibles{{{0x00, 0x1F},
                                            {0x7F, 0x9F},
                                            {0xAD, 0xAD},
                                            {0x61C, 0x61C},
                                            {0x180B, 0x180F},
                                            {0x200B, 0x200F},
                                            {0x202A, 0x202E},
                                            {0x2060, 0x206F},
                                            {0xFE00, 0xFE0F},
                                            {0xFFF9, 0xFFFB},
                                            {0xE0000, 0xE0FFF},
                                            {0x115F, 0x1160}}};

// What follows a lead byte: how many continuation bytes, and the range of the first of them.
struct Lead {
  int more;
  std::uint8_t low;
  std::uint8_t high;
};

Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};  // beyond lie the surrogates
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};  // beyond lies more than U+10FFFF
  return {0, 0, 0};
}

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

void append_escape(std::string& out, char32_t c) {
  constexpr std::string_view digits = "0123456789abcdef";
  int shift = c > 0xFFFF ? 20 : 12;
  out += c > 0xFFFF ? "\\u{" : "\\u";
  for (; shift >= 0; shift -= 4) {
    out += digits[(c >> static_cast<unsigned>(shift)) & 0xFU];
  }
  if (c > 0xFFFF) {
    out += '}';
  }
}

}  // namespace

CodePoint decode(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at);
  if (first < 0x80) {
    return {first, 1, true};
  }
  const Lead lead = lead_of(first);
  if (lead.more == 0) {
    return {replacement, 1, false};
  }
  char32_t value = first & (0x3FU >> static_cast<unsigned>(lead.more));
  std::size_t length = 1;
  std::uint8_t low = lead.low;
  std::uint8_t high = lead.high;
  for (int i = 0; i < lead.more; ++i) {
    if (at + length >= text.size() || byte_at(text, at + length) < low || byte_at(text, at + length) > high) {
      return {replacement, length, false};
    }
    value = (value << 6U) | (byte_at(text, at + length) & 0x3FU);
    ++length;
    low = 0x80;
    high = 0xBF;
  }
  return {value, length, true};
}

std::size_t find_ill_formed(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (!point.valid) {
      return at;
    }
    at += point.length;
  }
  return std::string_view::npos;
}

std::string well_formed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (point.valid) {
      out.append(text.substr(at, point.length));
    } else {
      out += "\xEF\xBF\xBD";
    }
    at += point.length;
  }
  return out;
}

bool is_js_space(char32_t c) {
  return in_any(js_spaces, c);
}

bool is_invisible(char32_t c) {
  return in_any(invisibles, c) && !is_js_space(c);
}

char ascii_meant_by(char32_t c) {
  if (c >= 0xFF01 && c <= 0xFF5E) {  // the full-width forms, in the order of ASCII
    return static_cast<char>(c - 0xFEE0);
  }
  struct Pair {
    char32_t seen;
    char meant;
  };
  constexpr std::array<Pair, 20> pairs{{{0x3001, ','}, {0xFE50, ','}, {0xFE51, ','}, {0xFF64, ','}, {0x060C, ','},
                                        {0x2010, '-'}, {0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'}, {0x2014, '-'},
                                        {0x2015, '-'}, {0x2212, '-'}, {0xFE63, '-'}, {0xFE55, ':'}, {0x2236, ':'},
                                        {0x01C3, '!'}, {0xFE57, '!'}, {0x2217, '*'}, {0x204E, '*'}, {0xFE61, '*'}}};
  for (const Pair& pair : pairs) {
    if (pair.seen == c) {
      return pair.meant;
    }
  }
  return '\0';
}

bool is_quote(char32_t c) {
  constexpr std::array<Range, 6> quotes{
      {{'"', '"'}, {'\'', '\''}, {'`', '`'}, {0x2018, 0x201F}, {0xAB, 0xAB}, {0xBB, 0xBB}}};
  return in_any(quotes, c);
}

std::string_view js_trim(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode(text, 0);
    if (!is_js_space(point.value)) {
      break;
    }
    text.remove_prefix(point.length);
  }
  // A lead byte always starts a sequence, so a white space character that the last bytes spell is one whatever is
  // before it.
  constexpr std::size_t longest = 3;
  for (std::size_t length = 1; length <= longest && length <= text.size();) {
    const CodePoint point = decode(text, text.size() - length);
    if (point.valid && point.length == length && is_js_space(point.value)) {
      text.remove_suffix(length);
      length = 1;
    } else {
      ++length;
    }
  }
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 60;
  std::string out = "\"";
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    if (count == shown) {
      return out + "...\"";
    }
    const CodePoint point = decode(text, at);
    if (!point.valid) {
      out += "\xEF\xBF\xBD";
    } else if (point.value == U'"' || point.value == U'\\') {
      out += '\\';
      out += static_cast<char>(point.value);
    } else if (point.value != U' ' && (is_js_space(point.value) || is_invisible(point.value))) {
      append_escape(out, point.value);
    } else {
      out.append(text.substr(at, point.length));
    }
    at += point.length;
  }
  return out + "\"";
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return out;
}

}  // namespace nocobase::worker_mode
