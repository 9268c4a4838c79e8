#include "kube/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace nocobase_operator::kube {
namespace {

// A port of k8s.io/apimachinery/pkg/api/resource (quantity.go, amount.go, suffix.go). There a value is an int64 with a
// scale or, when that is too small, an arbitrary decimal; here it always is a string of decimal digits with a scale,
// and what depends on the int64 path (which spellings are kept as they are) is decided by the same arithmetic.

constexpr std::size_t max_text = 256;
constexpr int max_exponent = 999;
constexpr int nano = -9;  // the smallest scale that is kept
constexpr std::string_view max_int64 = "9223372036854775807";

enum class Format : std::uint8_t { decimal_si, binary_si, decimal_exponent };

struct Amount {
  bool negative = false;
  std::string digits;  // no leading zero; "" is zero
  int scale = 0;       // value = digits * 10^scale
};

struct Quantity {
  Amount amount;
  Format format = Format::decimal_si;
  std::string kept;  // the spelling that String() returns unchanged, or ""
};

struct Suffix {
  Format format;
  int exponent;  // of 10, or of 2
};

struct NamedSuffix {
  std::string_view text;
  int exponent;
};
constexpr std::array<NamedSuffix, 10> decimal_suffixes{
    {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}}};
constexpr std::array<NamedSuffix, 6> binary_suffixes{
    {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}}};

template <std::size_t N>
std::string_view suffix_of(const std::array<NamedSuffix, N>& suffixes, int exponent) {
  const auto* const found =
      std::find_if(suffixes.begin(), suffixes.end(), [&](const NamedSuffix& of) { return of.exponent == exponent; });
  return found == suffixes.end() ? std::string_view() : found->text;
}

template <std::size_t N>
const NamedSuffix* named(const std::array<NamedSuffix, N>& suffixes, std::string_view text) {
  const auto* const found =
      std::find_if(suffixes.begin(), suffixes.end(), [&](const NamedSuffix& of) { return of.text == text; });
  return found == suffixes.end() ? nullptr : found;
}

Error wrong(std::string_view text, std::string_view why) {
  return {Code::invalid, "\"" + std::string(text.substr(0, max_text)) + "\" is no quantity: " + std::string(why)};
}

Result<Suffix> parse_suffix(std::string_view text, std::string_view suffix) {
  if (const NamedSuffix* const of = named(decimal_suffixes, suffix); of != nullptr) {
    return Suffix{Format::decimal_si, of->exponent};
  }
  if (const NamedSuffix* const of = named(binary_suffixes, suffix); of != nullptr) {
    return Suffix{Format::binary_si, of->exponent};
  }
  if (suffix.size() > 1 && (suffix[0] == 'e' || suffix[0] == 'E')) {
    std::string_view number = suffix.substr(1);
    if (number[0] == '+') {
      number.remove_prefix(1);
    }
    int exponent = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), exponent);
    const bool signed_twice = suffix[1] == '+' && !number.empty() && number[0] == '-';
    if (!number.empty() && end == number.data() + number.size() && !signed_twice) {
      if (error != std::errc() || exponent > max_exponent || exponent < -max_exponent) {
        return wrong(text, "its exponent is out of range");
      }
      return Suffix{Format::decimal_exponent, exponent};
    }
  }
  return wrong(text, "its suffix is none of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent");
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) {
    ++at;
  }
  return at;
}

// The parts of a quantity's text: sign, whole digits without leading zeros ("0" when there are none), fraction, suffix.
struct Parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::string_view suffix;
  bool digits = false;  // at least one digit was written
};

Result<Parts> split(std::string_view text) {
  Parts parts;
  std::size_t at = 0;
  if (text[0] == '-' || text[0] == '+') {
    parts.negative = text[0] == '-';
    at = 1;
  }
  const std::size_t first = at;
  while (at < text.size() && text[at] == '0') {
    ++at;
  }
  const std::size_t whole = at;
  at = skip_digits(text, at);
  parts.whole = at == whole ? std::string_view("0") : text.substr(whole, at - whole);
  parts.digits = at > first;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = at + 1;
    at = skip_digits(text, fraction);
    parts.fraction = text.substr(fraction, at - fraction);
    parts.digits = parts.digits || at > fraction;
  }
  const std::size_t suffix = at;
  at = std::min(text.find_first_not_of("eEinumkKMGTP", at), text.size());
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) {
    ++at;
  }
  if (skip_digits(text, at) < text.size()) {
    return wrong(text, "want a number and a suffix such as 500m, 2 or 1Gi");
  }
  parts.suffix = text.substr(suffix);
  return parts;
}

void strip_leading_zeros(std::string& digits) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
}

// digits * 2^exponent, on decimal digits; exponent is a multiple of 10.
void multiply_by_power_of_two(std::string& digits, int exponent) {
  for (; exponent > 0; exponent -= 10) {
    unsigned carry = 0;
    for (std::size_t at = digits.size(); at-- > 0;) {
      const unsigned product = static_cast<unsigned>(digits[at] - '0') * 1024U + carry;
      digits[at] = static_cast<char>('0' + product % 10U);
      carry = product / 10U;
    }
    if (carry > 0) {
      digits.insert(0, std::to_string(carry));
    }
  }
}

// Drops `count` digits at the end, rounding away from zero. True when nothing was lost.
bool drop_digits(Amount& amount, int count) {
  const std::size_t drop = std::min(static_cast<std::size_t>(count), amount.digits.size());
  const bool exact = amount.digits.find_first_not_of('0', amount.digits.size() - drop) == std::string::npos;
  amount.digits.resize(amount.digits.size() - drop);
  amount.scale += count;
  if (!exact) {
    std::size_t at = amount.digits.size();
    while (at > 0 && amount.digits[at - 1] == '9') {
      amount.digits[--at] = '0';
    }
    if (at > 0) {
      ++amount.digits[at - 1];
    } else {
      amount.digits.insert(0, 1, '1');
    }
  }
  return exact;
}

// Compares the absolute values.
int compare_size(const Amount& a, const Amount& b) {
  const auto top = [](const Amount& amount) { return static_cast<int>(amount.digits.size()) + amount.scale; };
  if (a.digits.empty() || b.digits.empty()) {
    return static_cast<int>(!a.digits.empty()) - static_cast<int>(!b.digits.empty());
  }
  if (top(a) != top(b)) {
    return top(a) < top(b) ? -1 : 1;
  }
  const std::size_t shared = std::min(a.digits.size(), b.digits.size());
  if (const int order = a.digits.compare(0, shared, b.digits, 0, shared); order != 0) {
    return order < 0 ? -1 : 1;
  }
  const bool more_in_a = a.digits.find_first_not_of('0', shared) != std::string::npos;
  const bool more_in_b = b.digits.find_first_not_of('0', shared) != std::string::npos;
  return static_cast<int>(more_in_a) - static_cast<int>(more_in_b);
}

// Whether apimachinery takes its int64 path, which is the one that keeps spellings and accepts no digits for zero.
bool takes_int64(const Parts& parts, const Suffix& suffix) {
  static constexpr int max_int64_digits = 18;
  const int whole = static_cast<int>(parts.whole.size());
  const int fraction = static_cast<int>(parts.fraction.size());
  if (suffix.format == Format::binary_si) {
    return fraction == 0 && 15 - whole - suffix.exponent * 3 / 10 - 1 >= 0;
  }
  return whole + fraction <= max_int64_digits && suffix.exponent - fraction >= nano;
}

// The spellings that it keeps: those it takes to be canonical already.
bool keeps_spelling(const Parts& parts, const Suffix& suffix) {
  if (!takes_int64(parts, suffix)) {
    return false;
  }
  const std::string shifted = std::string(parts.whole) + std::string(parts.fraction);
  if (suffix.format == Format::binary_si) {
    return (shifted.back() - '0' + 2 * (shifted.size() > 1 ? shifted.end()[-2] - '0' : 0) +
            4 * (shifted.size() > 2 ? shifted.end()[-3] - '0' : 0)) %
               8 !=
           0;  // the number & 7
  }
  const int scale = suffix.exponent - static_cast<int>(parts.fraction.size());
  return scale % 3 == 0 && !shifted.ends_with("000") && shifted[0] != '0';
}

Result<Quantity> parse(std::string_view text) {
  if (text.empty()) {
    return wrong(text, "it is empty");
  }
  if (text.size() > max_text) {
    return wrong(text, "it is too long");
  }
  const Parts parts = TRY(split(text));
  const Suffix suffix = TRY(parse_suffix(text, parts.suffix));
  Quantity quantity{{parts.negative, std::string(parts.whole) + std::string(parts.fraction), 0}, suffix.format, {}};
  Amount& amount = quantity.amount;
  amount.scale = -static_cast<int>(parts.fraction.size());
  strip_leading_zeros(amount.digits);
  if (!parts.digits && !takes_int64(parts, suffix)) {
    return wrong(text, "it has no digit");
  }
  if (amount.digits.empty()) {
    quantity.amount = {};
    return quantity;
  }
  if (keeps_spelling(parts, suffix)) {
    quantity.kept = std::string(text);
  }
  if (suffix.format == Format::binary_si) {
    multiply_by_power_of_two(amount.digits, suffix.exponent);
  } else {
    amount.scale += suffix.exponent;
  }
  if (amount.scale < nano) {
    drop_digits(amount, nano - amount.scale);
  }
  if (suffix.format == Format::binary_si && compare_size(amount, {false, std::string(max_int64), 0}) > 0) {
    amount.digits = max_int64;
    amount.scale = 0;
  }
  return quantity;
}

// Both ends of CanonicalizeBytes.
std::string format_decimal(Amount amount, Format format) {
  while (amount.digits.ends_with('0')) {
    amount.digits.pop_back();
    ++amount.scale;
  }
  while (amount.scale % 3 != 0) {
    amount.digits.push_back('0');
    --amount.scale;
  }
  if (format == Format::decimal_exponent) {
    return amount.scale == 0 ? amount.digits : amount.digits + "e" + std::to_string(amount.scale);
  }
  return amount.digits + std::string(suffix_of(decimal_suffixes, amount.scale));
}

// A whole binary value of 1024 and more.
std::string format_binary(const Amount& amount) {
  std::uint64_t value = 0;  // parse() keeps it below 2^63
  for (const char digit : amount.digits) {
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  for (int times = 0; times < amount.scale; ++times) {
    value *= 10;
  }
  int exponent = 0;
  while (value >= 1024 && value % 1024 == 0) {
    value /= 1024;
    exponent += 10;
  }
  if (exponent == 0) {  // stored without a suffix ("64000"), it is read as a decimal value and spelt so: "64k"
    return format_decimal(amount, Format::decimal_si);
  }
  return std::to_string(value) + std::string(suffix_of(binary_suffixes, exponent));
}

std::string spell(const Quantity& quantity) {
  if (!quantity.kept.empty()) {
    return quantity.kept;
  }
  if (quantity.amount.digits.empty()) {
    return "0";
  }
  const std::string sign = quantity.amount.negative ? "-" : "";
  if (quantity.format != Format::binary_si) {
    return sign + format_decimal(quantity.amount, quantity.format);
  }
  Amount whole = quantity.amount;
  const bool exact = whole.scale >= 0 || drop_digits(whole, -whole.scale);
  if (!exact || compare_size(quantity.amount, {false, "1024", 0}) < 0) {
    return sign + format_decimal(quantity.amount, Format::decimal_si);
  }
  return sign + format_binary(whole);
}

}  // namespace

Result<std::string> canonical_quantity(std::string_view text) {
  const Quantity quantity = TRY(parse(text));
  return spell(quantity);
}

std::optional<std::string> quantity_text(const Json& value) {
  if (const auto* const text = value.get_ptr<const std::string*>(); text != nullptr) {
    const std::size_t first = text->find_first_not_of(" \t\n\v\f\r");
    if (first == std::string::npos) {
      return std::string();
    }
    return text->substr(first, text->find_last_not_of(" \t\n\v\f\r") - first + 1);
  }
  if (const auto* const real = value.get_ptr<const double*>(); real != nullptr && std::isfinite(*real)) {
    // encoding/json: the shortest digits that read back equal, in exponent form below 1e-6 and from 1e21 on
    const double size = std::fabs(*real);
    const bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
    std::array<char, 64> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), *real,
                                            exponent ? std::chars_format::scientific : std::chars_format::fixed);
    return error == std::errc() ? std::optional<std::string>(std::string(buffer.data(), end)) : std::nullopt;
  }
  return value.is_number_integer() ? std::optional<std::string>(dump(value)) : std::nullopt;
}

std::optional<int> compare_quantities(std::string_view a, std::string_view b) {
  const Result<Quantity> left = parse(a);
  const Result<Quantity> right = parse(b);
  if (!left.ok() || !right.ok()) {
    return std::nullopt;
  }
  const Amount& x = left.value().amount;
  const Amount& y = right.value().amount;
  if (x.negative != y.negative) {
    return x.negative ? -1 : 1;
  }
  return x.negative ? -compare_size(x, y) : compare_size(x, y);
}

}  // namespace nocobase_operator::kube
