#include "io/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/base64.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

constexpr std::string_view standard_tag = "tag:yaml.org,2002:";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

template <std::size_t Size>
bool is_one_of(std::string_view text, const std::array<std::string_view, Size>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Only these spellings count: "yEs" is text.
std::optional<Json> as_word(std::string_view text) {
  static constexpr std::array<std::string_view, 11> yes = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                           "True", "TRUE", "on",  "On",  "ON"};
  static constexpr std::array<std::string_view, 11> no = {"n",     "N",     "no",  "No",  "NO", "false",
                                                          "False", "FALSE", "off", "Off", "OFF"};
  static constexpr std::array<std::string_view, 5> null = {"", "~", "null", "Null", "NULL"};
  // Most texts are none of them, which length and first letter tell.
  if (text.size() > 5 || (!text.empty() && std::string_view("yYnNtTfFoO~").find(text[0]) == std::string_view::npos)) {
    return std::nullopt;
  }
  if (is_one_of(text, yes)) {
    return Json(true);
  }
  if (is_one_of(text, no)) {
    return Json(false);
  }
  if (is_one_of(text, null)) {
    return Json(nullptr);
  }
  return std::nullopt;
}

bool is_beyond_json(std::string_view text) {
  static constexpr std::array<std::string_view, 12> words = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
                                                             "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};
  return text.size() <= 5 && is_one_of(text, words);
}

// Go's ParseInt with base 0: a sign, then 0x, 0o, 0b, a leading 0 (octal) or decimal digits.
std::optional<std::int64_t> as_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  constexpr auto max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (error != std::errc() || end != text.data() + text.size() || magnitude > max + (negative ? 1 : 0)) {
    return std::nullopt;
  }
  return negative ? static_cast<std::int64_t>(0 - magnitude) : static_cast<std::int64_t>(magnitude);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool is_float_syntax(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) {
      ++at;
    }
    return at - start;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
    ++at;
  }
  const std::size_t whole = digits();
  std::size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = digits();
  }
  if (whole == 0 && fraction == 0) {
    return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
      ++at;
    }
    if (digits() == 0) {
      return false;
    }
  }
  return at == text.size();
}

// A number too large for a double stays text; one too small is 0.
std::optional<double> as_float(std::string_view text) {
  if (!is_float_syntax(text)) {
    return std::nullopt;
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = std::strtod(std::string(text).c_str(), nullptr);
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// kubectl writes a whole double without a fraction, and what reads it next sees an integer.
Json from_double(double value) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (std::trunc(value) == value && value < limit && value >= -limit) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

struct Number {
  Json value;
  bool integer = false;
};

std::optional<Number> as_number(std::string_view text) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '-' || text[0] == '+' || text[0] == '.')) {
    return std::nullopt;
  }
  std::string plain(text);
  if (text[0] != '.') {
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    if (const std::optional<std::int64_t> integer = as_integer(plain)) {
      return Number{*integer, true};
    }
  }
  if (const std::optional<double> number = as_float(plain)) {
    return Number{from_double(*number), false};
  }
  return std::nullopt;
}

// A float key as Go writes it: single precision, the shortest digits, an exponent from 1e+06 and below 1e-04.
std::string short_float(double value) {
  std::array<char, 128> buffer{};
  const auto number = static_cast<float>(value);
  const double magnitude = std::abs(static_cast<double>(number));
  const bool scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                          scientific ? std::chars_format::scientific : std::chars_format::fixed);
  return {buffer.data(), error == std::errc() ? end : buffer.data()};
}

}  // namespace

Result<Json> resolve_plain(std::string_view text) {
  if (std::optional<Json> word = as_word(text)) {
    return std::move(*word);
  }
  if (is_beyond_json(text)) {
    return Error{Code::invalid, std::string(text) + " is no JSON number: quote it"};
  }
  if (std::optional<Number> number = as_number(text)) {
    return std::move(number->value);
  }
  return Json(std::string(text));
}

Result<Json> resolve_tagged(std::string_view tag, const std::string& text) {
  if (!tag.starts_with(standard_tag)) {
    return Json(text);
  }
  const std::string_view type = tag.substr(standard_tag.size());
  const Error wrong{Code::invalid, "`" + text.substr(0, 64) + "` is no !!" + std::string(type)};
  if (type == "int" || type == "float") {
    std::optional<Number> number = as_number(text);
    if (!number || (type == "int" && !number->integer)) {
      return wrong;
    }
    return std::move(number->value);
  }
  if (type == "bool" || type == "null") {
    std::optional<Json> word = as_word(text);
    if (!word || word->is_boolean() != (type == "bool")) {
      return wrong;
    }
    return std::move(*word);
  }
  if (type == "binary") {
    std::optional<std::string> bytes = decode_base64(text);
    if (!bytes) {
      return wrong;
    }
    return Json(std::move(*bytes));
  }
  return Json(text);
}

std::optional<std::string> key_text(const Json& key, std::string_view written) {
  if (const auto* text = key.get_ptr<const std::string*>()) {
    return *text;
  }
  if (key.is_boolean()) {
    return key.get<bool>() ? "true" : "false";
  }
  if (key.is_number()) {
    std::string plain(written);
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    if (const std::optional<std::int64_t> integer = as_integer(plain)) {
      return std::to_string(*integer);
    }
    if (const std::optional<double> number = as_float(plain)) {
      return short_float(*number);
    }
  }
  return std::nullopt;
}

std::string repair_escapes(const std::string& scanned) {
  const auto byte = [&scanned](std::size_t i) { return static_cast<unsigned char>(scanned[i]); };
  if (std::all_of(scanned.begin(), scanned.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return scanned;
  }
  std::string out;
  out.reserve(scanned.size());
  for (std::size_t i = 0; i < scanned.size();) {
    std::size_t size = 1;
    if (byte(i) >= 0xF0) {
      size = 4;
    } else if (byte(i) >= 0xE0) {
      size = 3;
    } else if (byte(i) >= 0xC0) {
      size = 2;
    } else if (byte(i) >= 0x80) {
      out += '\xC2';  // U+0085 and U+00A0 in UTF-8 are this and the byte
    }
    out.append(scanned, i, size);
    i += size;
  }
  return out;
}

}  // namespace nocobase_operator::io
