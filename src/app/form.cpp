#include "app/form.h"

#include <algorithm>
#include <array>

namespace nocobase_operator::app::form {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alnum(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c);
}
bool is_lower_alnum(char c) {
  return is_digit(c) || is_lower(c);
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

template <class Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

// Takes the longest run of digits off the front of `text`; how many there were.
std::size_t take_digits(std::string_view& text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool is_ipv6_like(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    text.remove_prefix(1);
  }
  if (!text.empty() && text.back() == ']') {
    text.remove_suffix(1);
  }
  const auto plain = [](char c) { return is_hex(c) || c == ':' || c == '.'; };
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  // Two colons at least: db:5432 is a host with a port.
  return second != std::string_view::npos &&
         all(text.substr(0, second), [](char c) { return is_hex(c) || c == ':'; }) && all(text.substr(second), plain);
}

bool is_package_part(std::string_view text) {
  return !text.empty() && (is_lower_alnum(text[0]) || one_of(text[0], "~-")) &&
         all(text, [](char c) { return is_lower_alnum(c) || one_of(c, "._~-"); });
}

}  // namespace

std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         all(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_dns_1035_label(std::string_view text) {
  return is_dns_label(text) && is_lower(text.front());
}

bool is_dns_subdomain(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

bool is_hostname(std::string_view text) {
  return is_dns_subdomain(text.starts_with("*.") ? text.substr(2) : text);
}

bool is_host(std::string_view text) {
  const bool name = !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
                    all(text, [](char c) { return is_alnum(c) || one_of(c, "._-"); });
  return name || is_ipv6_like(text);
}

bool is_quantity(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  const std::size_t whole = take_digits(text);
  std::size_t fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole + fraction == 0) {
    return false;
  }
  if (text.empty() || (text.size() == 1 && one_of(text[0], "numkMGTPE")) ||
      (text.size() == 2 && text[1] == 'i' && one_of(text[0], "KMGTPE"))) {
    return true;
  }
  if (!one_of(text[0], "eE")) {
    return false;
  }
  text.remove_prefix(1);
  if (!text.empty() && one_of(text[0], "+-")) {
    text.remove_prefix(1);
  }
  return !text.empty() && text.size() <= 2 && all(text, is_digit);
}

bool is_variable_name(std::string_view text) {
  return !text.empty() && !is_digit(text[0]) && is_secret_key(text);
}

bool is_secret_key(std::string_view text) {
  return !text.empty() && all(text, [](char c) { return is_alnum(c) || one_of(c, "-._"); });
}

bool is_service_key(std::string_view text) {
  return text == "*" || is_plain_service_key(text);
}

bool is_plain_service_key(std::string_view text) {
  return !text.empty() && (is_alnum(text[0]) || one_of(text[0], "_@")) &&
         all(text, [](char c) { return is_alnum(c) || one_of(c, "_@.:/#+~-"); });
}

bool is_package_name(std::string_view text) {
  if (text.starts_with('@')) {
    const std::size_t slash = text.find('/');
    return slash != std::string_view::npos && is_package_part(text.substr(1, slash - 1)) &&
           is_package_part(text.substr(slash + 1));
  }
  return is_package_part(text);
}

bool is_path(std::string_view text) {
  return text.starts_with('/') && all(text, [](char c) { return !one_of(c, " \t\n\f\r"); });
}

bool is_percentage(std::string_view text) {
  return take_digits(text) > 0 && text == "%";
}

bool is_interval(std::string_view text) {
  static constexpr std::array<std::string_view, 4> units = {"ms", "s", "m", "h"};
  return !text.starts_with('0') && take_digits(text) > 0 && std::find(units.begin(), units.end(), text) != units.end();
}

bool is_schema_name(std::string_view text) {
  return !text.empty() && !is_digit(text[0]) && !one_of(text[0], "$-") &&
         all(text, [](char c) { return is_alnum(c) || one_of(c, "_$-"); });
}

bool is_table_prefix(std::string_view text) {
  if (text.empty()) {
    return false;
  }
  return all(text, [](char c) { return is_alnum(c) || c == '_'; });
}

bool is_tls_mode(std::string_view text) {
  return !text.empty() && all(text, [](char c) { return is_lower(c) || is_upper(c) || one_of(c, "_-"); });
}

}  // namespace nocobase_operator::app::form
