#include "worker_mode.h"

#include <algorithm>
#include <unordered_set>

#include "unicode.h"

namespace nocobase::worker_mode {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::vector<std::string> as_set(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

// The first of `keys` that stands there a second time, or their number.
std::size_t find_repeated(const std::vector<std::string>& keys) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!seen.insert(keys[i]).second) {
      return i;
    }
  }
  return keys.size();
}

}  // namespace

Mode Mode::parse(std::string_view value) {
  Mode mode;
  if (value.empty()) {
    return mode;
  }
  if (value == "-" || value == "*") {  // upstream compares these before it trims
    mode.kind_ = value == "-" ? Kind::transient : Kind::all_services;
    return mode;
  }
  mode.kind_ = Kind::listed;
  const std::string text = well_formed(value);
  const std::string_view list = js_trim(text);  // the value is trimmed, its items are not
  std::unordered_set<std::string_view> seen;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    const std::string_view item = list.substr(at, end - at);
    at = end + 1;
    if (item == "!") {
      mode.listed_requests_ = true;
    } else if (!item.empty() && seen.insert(item).second) {
      mode.services_.emplace_back(item);
    }
  }
  return mode;
}

bool Mode::serves(std::string_view key) const {
  if (key.empty()) {
    return serves_requests();
  }
  switch (kind_) {
    case Kind::everything:
    case Kind::all_services:
      return true;
    case Kind::transient:
      return false;
    case Kind::listed:
      break;
  }
  if (key == "!") {
    return listed_requests_;
  }
  return find_ill_formed(key) == std::string_view::npos ? contains(services_, key)
                                                        : contains(services_, well_formed(key));
}

bool Mode::serves_requests() const {
  return kind_ == Kind::everything || listed_requests_;
}

bool Mode::serves_nothing() const {
  return kind_ == Kind::transient || (kind_ == Kind::listed && !listed_requests_ && services_.empty());
}

bool operator==(const Mode& a, const Mode& b) {
  return a.kind_ == b.kind_ && a.listed_requests_ == b.listed_requests_ && as_set(a.services_) == as_set(b.services_);
}

bool serves_exactly(const Mode& mode, const RoleServices& role) {
  if (mode.serves_requests() != role.requests || mode.is_transient()) {
    return false;
  }
  const bool all = role.services == std::vector<std::string>{"*"};
  if (all || mode.serves_all_services()) {
    return all && mode.serves_all_services();
  }
  return as_set(mode.services()) == as_set(role.services);
}

std::string_view to_text(FormatError error) {
  switch (error) {
    case FormatError::none:
      return "is well";
    case FormatError::nothing_to_serve:
      return "serves neither requests nor a service, and an empty WORKER_MODE would mean everything";
    case FormatError::star_not_alone:
      return "stands beside other keys; * stands alone";
    case FormatError::repeated_key:
      return "is listed twice";
    case FormatError::empty_key:
      return "is empty";
    case FormatError::comma_in_key:
      return "contains a comma";
    case FormatError::reserved_start:
      return "starts with ! or -";
    case FormatError::blank_in_key:
      return "contains white space";
    case FormatError::invisible_in_key:
      return "contains a control or invisible character";
    case FormatError::key_not_utf8:
      return "is not UTF-8";
    case FormatError::value_too_long:
      return "is longer than Linux accepts in a variable";
  }
  return {};
}

FormatError check_key(std::string_view key) {
  if (key.empty()) {
    return FormatError::empty_key;
  }
  if (key.front() == '!' || key.front() == '-') {
    return FormatError::reserved_start;
  }
  for (std::size_t at = 0; at < key.size();) {
    const CodePoint point = decode(key, at);
    if (!point.valid) {
      return FormatError::key_not_utf8;
    }
    if (point.value == U',') {
      return FormatError::comma_in_key;
    }
    if (is_js_space(point.value)) {
      return FormatError::blank_in_key;
    }
    if (is_invisible(point.value)) {
      return FormatError::invisible_in_key;
    }
    at += point.length;
  }
  return FormatError::none;
}

Formatted format(const RoleServices& role) {
  const auto refused = [](FormatError error, std::size_t index) { return Formatted{{}, error, index}; };
  const std::vector<std::string>& keys = role.services;
  if (!role.requests && keys.empty()) {
    return refused(FormatError::nothing_to_serve, 0);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (const FormatError error = check_key(keys[i]); error != FormatError::none) {
      return refused(error, i);
    }
  }
  if (const std::size_t i = find_repeated(keys); i != keys.size()) {
    return refused(FormatError::repeated_key, i);
  }
  const auto star = std::find(keys.begin(), keys.end(), "*");
  if (star != keys.end()) {
    if (keys.size() > 1) {
      return refused(FormatError::star_not_alone, static_cast<std::size_t>(star - keys.begin()));
    }
    return {role.requests ? "" : "*", FormatError::none, 0};
  }
  Formatted out;
  out.value = role.requests ? "!" : "";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out.value += out.value.empty() ? "" : ",";
    out.value += keys[i];
    if (out.value.size() > max_value_size) {
      return refused(FormatError::value_too_long, i);
    }
  }
  return out;
}

std::optional<RoleServices> role_of(const Mode& mode) {
  RoleServices role{mode.serves_requests(), mode.services()};
  if (mode.serves_all_services()) {
    role.services = {"*"};
  }
  // A list may spell what no role can say, a lone star among other keys for one.
  if (!format(role).ok() || !serves_exactly(mode, role)) {
    return std::nullopt;
  }
  return role;
}

std::vector<std::string> known_keys(const std::vector<std::string>& extra) {
  std::vector<std::string> keys;
  std::unordered_set<std::string_view> seen{"", "!", "*", "-"};
  const auto add = [&](std::string_view key) {
    if (key.find(',') == std::string_view::npos && seen.insert(key).second) {
      keys.emplace_back(key);
    }
  };
  for (const KnownKey& known : upstream_keys) {
    add(known.key);
  }
  for (const std::string& key : extra) {
    add(key);
  }
  return keys;
}

}  // namespace nocobase::worker_mode
