#include "kube/reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kube/quantity.h"

namespace nocobase_operator::kube {
namespace {

// Longer names are not worth the quadratic comparison, nor the space in a message.
constexpr std::size_t max_compared = 64;
constexpr std::size_t max_shown = 60;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Insertions, deletions, substitutions and swaps of neighbours, ignoring case.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  const std::string a = lower(from);
  const std::string b = lower(to);
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::vector<std::size_t> next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    std::swap(before, row);
    std::swap(row, next);
  }
  return row[b.size()];
}

// A whole JSON number in int64, however it is written.
std::optional<std::int64_t> whole_number(const Json& value) {
  if (const auto* const natural = value.get_ptr<const Json::number_unsigned_t*>(); natural != nullptr) {
    const bool fits = *natural <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return fits ? std::optional(static_cast<std::int64_t>(*natural)) : std::nullopt;
  }
  if (const auto* const integer = value.get_ptr<const Json::number_integer_t*>(); integer != nullptr) {
    return *integer;
  }
  const auto* const real = value.get_ptr<const double*>();
  static constexpr double limit = 9007199254740992.0;  // 2^53: beyond it a double is no longer exact
  if (real != nullptr && std::trunc(*real) == *real && std::fabs(*real) <= limit) {
    return static_cast<std::int64_t>(*real);
  }
  return std::nullopt;
}

std::string in_quotes(std::string_view text) {
  std::size_t size = std::min(text.size(), max_shown);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return dump(Json(std::string(text.substr(0, size)) + (size < text.size() ? "..." : "")));
}

}  // namespace

std::string join_path(std::string_view path, std::string_view key) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  const bool starts_well = !key.empty() && plain(key[0]) && key[0] != '-' && !(key[0] >= '0' && key[0] <= '9');
  std::string out;
  out.reserve(path.size() + 1 + key.size());
  out = path;
  if (starts_well && std::all_of(key.begin(), key.end(), plain)) {
    if (!path.empty()) {
      out += '.';
    }
    return out += key;
  }
  return out + "[" + dump(Json(std::string(key))) + "]";
}

std::string join_path(std::string_view path, std::size_t index) {
  const std::string number = std::to_string(index);
  std::string out;
  out.reserve(path.size() + number.size() + 2);
  out = path;
  out += '[';
  out += number;
  return out += ']';
}

std::string describe(const Json& value) {
  if (const auto* const text = value.get_ptr<const std::string*>(); text != nullptr) {
    return in_quotes(*text);
  }
  if (value.is_array()) {
    return value.empty() ? "an empty list" : "a list of " + std::to_string(value.size());
  }
  if (value.is_object()) {
    return value.empty() ? "an empty object" : "an object";
  }
  return dump(value);
}

Reader::Reader(const Json& value, std::string path, const ReaderCodes& codes, Findings& findings)
    : value_(&value), path_(std::move(path)), codes_(&codes), findings_(&findings) {
  if (!value.is_object()) {
    wrong_type("", "an object", value);
  }
}

std::string Reader::path_of(std::string_view key) const {
  return key.empty() ? path_ : join_path(path_, key);
}

const Json* Reader::take(std::string_view key) {
  known_.emplace_back(key);
  const Json* const member = find(*value_, key);
  return member == nullptr || member->is_null() ? nullptr : member;
}

void Reader::wrong_type(std::string_view key, std::string_view want, const Json& got) {
  findings_->push_back(
      {codes_->wrong_type, Severity::error, path_of(key), "want " + std::string(want) + ", got " + describe(got), ""});
}

void Reader::fail(std::string_view key, std::string code, std::string message, std::string advice) {
  findings_->push_back({std::move(code), Severity::error, path_of(key), std::move(message), std::move(advice)});
}

std::optional<std::string> Reader::string(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (const auto* const text = member->get_ptr<const std::string*>(); text != nullptr) {
    return *text;
  }
  wrong_type(key, "a string", *member);
  return std::nullopt;
}

std::optional<bool> Reader::boolean(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (const auto* const value = member->get_ptr<const bool*>(); value != nullptr) {
    return *value;
  }
  wrong_type(key, "true or false", *member);
  return std::nullopt;
}

std::optional<std::int64_t> Reader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> value = whole_number(*member);
  if (!value && !member->is_number_integer()) {
    wrong_type(key, "a whole number", *member);
    return std::nullopt;
  }
  if (!value || *value < min || *value > max) {
    fail(key, codes_->out_of_range,
         "want a number from " + std::to_string(min) + " to " + std::to_string(max) + ", got " + describe(*member), "");
    return std::nullopt;
  }
  return value;
}

std::optional<std::vector<std::string>> Reader::strings(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (!member->is_array()) {
    wrong_type(key, "a list of strings", *member);
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (std::size_t index = 0; index < member->size(); ++index) {
    const Json& item = (*member)[index];
    if (const auto* const text = item.get_ptr<const std::string*>(); text != nullptr) {
      out.push_back(*text);
    } else {
      findings_->push_back({codes_->wrong_type, Severity::error, join_path(path_of(key), index),
                            "want a string, got " + describe(item), ""});
    }
  }
  return out;
}

std::optional<Json> Reader::int_or_string(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (member->is_string()) {
    if (*member != "") {
      return *member;
    }
    wrong_type(key, "a whole number or a string", *member);
    return std::nullopt;
  }
  const std::optional<std::int64_t> value = whole_number(*member);
  if (!value && !member->is_number_integer()) {
    wrong_type(key, "a whole number or a string", *member);
    return std::nullopt;
  }
  using Limits = std::numeric_limits<std::int32_t>;
  if (!value || *value < Limits::min() || *value > Limits::max()) {
    fail(key, codes_->out_of_range, "want a number of 32 bits, got " + describe(*member), "");
    return std::nullopt;
  }
  return Json(*value);
}

std::optional<std::string> Reader::quantity(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (const auto* const text = member->get_ptr<const std::string*>(); text != nullptr) {
    return *text;
  }
  std::optional<std::string> number = quantity_text(*member);
  if (!number) {
    wrong_type(key, "a quantity such as 500m or 1Gi", *member);
  }
  return number;
}

std::optional<Json> Reader::object(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (!member->is_object()) {
    wrong_type(key, "an object", *member);
    return std::nullopt;
  }
  return *member;
}

std::optional<Json> Reader::array(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (!member->is_array()) {
    wrong_type(key, "a list", *member);
    return std::nullopt;
  }
  return *member;
}

std::optional<std::vector<std::pair<std::string, std::string>>> Reader::string_map(std::string_view key) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return std::nullopt;
  }
  if (!member->is_object()) {
    wrong_type(key, "an object of strings", *member);
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, value] : member->items()) {
    if (const auto* const text = value.get_ptr<const std::string*>(); text != nullptr) {
      out.emplace_back(name, *text);
    } else {
      findings_->push_back({codes_->wrong_type, Severity::error, join_path(path_of(key), name),
                            "want a string, got " + describe(value), ""});
    }
  }
  return out;
}

bool Reader::nested(std::string_view key, const std::function<void(Reader&)>& read) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return false;
  }
  Reader inner(*member, path_of(key), *codes_, *findings_);
  if (!member->is_object()) {
    return false;  // the constructor has reported it
  }
  read(inner);
  inner.finish();
  return true;
}

bool Reader::each(std::string_view key, const std::function<void(Reader&)>& read) {
  const Json* const member = take(key);
  if (member == nullptr) {
    return false;
  }
  if (!member->is_array()) {
    wrong_type(key, "a list of objects", *member);
    return false;
  }
  for (std::size_t index = 0; index < member->size(); ++index) {
    const Json& item = (*member)[index];
    Reader inner(item, join_path(path_of(key), index), *codes_, *findings_);
    if (item.is_object()) {
      read(inner);
      inner.finish();
    }
  }
  return true;
}

bool Reader::has(std::string_view key) const {
  const Json* const member = find(*value_, key);
  return member != nullptr && !member->is_null();
}

void Reader::require(std::string_view key, std::string_view advice) {
  known_.emplace_back(key);
  if (value_->is_object() && !has(key)) {
    fail(key, codes_->missing, "is required", std::string(advice));
  }
}

void Reader::skip(std::string_view key) {
  known_.emplace_back(key);
}

void Reader::finish() {
  if (!value_->is_object()) {
    return;
  }
  for (const auto& [name, value] : value_->items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) {
      continue;
    }
    std::sort(known_.begin(), known_.end());  // of equally near names the first is told, whatever was read first
    std::string_view nearest;
    std::size_t best = std::max<std::size_t>(name.size() / 3, 1) + 1;
    for (const std::string_view known : known_) {
      const bool comparable = name.size() <= max_compared && !has(known);  // a member that is there was not misspelt
      const std::size_t distance = comparable ? edit_distance(name, known) : best;
      if (distance < best) {
        best = distance;
        nearest = known;
      }
    }
    fail(name, codes_->unknown_field, "unknown field " + in_quotes(name),
         nearest.empty() ? "" : "did you mean " + std::string(nearest) + "?");
  }
}

}  // namespace nocobase_operator::kube
