#include "io/proxy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <vector>

#include <arpa/inet.h>

namespace nocobase_operator::io {
namespace {

// An IPv4 address as its IPv6 form, so that both compare alike.
using Address = std::array<unsigned char, 16>;

std::optional<Address> address_of(std::string_view text) {
  const std::string copy = without_zone(text);
  Address address{};
  if (::inet_pton(AF_INET6, copy.c_str(), address.data()) == 1) {
    return address;
  }
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (::inet_pton(AF_INET, copy.c_str(), &address.at(12)) == 1) {
    return address;
  }
  return std::nullopt;
}

bool is_v4(const Address& address) {
  constexpr Address mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(mapped.begin(), mapped.begin() + 12, address.begin());
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "10.0.0.0/8"; nothing when the text is no range.
struct Range {
  Address address{};
  std::size_t bits = 0;
};
std::optional<Range> range_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<Address> address = address_of(text.substr(0, slash));
  if (slash == std::string_view::npos || !address || text.find('%') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(slash + 1);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const bool v4 = text.find(':') == std::string_view::npos;
  if (error != std::errc() || end != digits.data() + digits.size() || bits > (v4 ? 32U : 128U)) {
    return std::nullopt;
  }
  return Range{*address, v4 ? bits + 96 : bits};
}

bool contains(const Range& range, const Address& address) {
  for (std::size_t bit = 0; bit < range.bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((range.address.at(bit / 8) & mask) != (address.at(bit / 8) & mask)) {
      return false;
    }
  }
  return true;
}

// An entry's host without brackets, and its port, "" for any.
struct HostPort {
  std::string_view host;
  std::string_view port;
};
HostPort split(std::string_view entry) {
  if (entry.starts_with('[')) {
    const std::size_t close = entry.find(']');
    const bool port = close != std::string_view::npos && entry.substr(close + 1).starts_with(':');
    return close == std::string_view::npos
               ? HostPort{entry, ""}
               : HostPort{entry.substr(1, close - 1), port ? entry.substr(close + 2) : std::string_view()};
  }
  const std::size_t colon = entry.find(':');
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) {
    return {entry, ""};  // no port, or an IPv6 address without brackets
  }
  return {entry.substr(0, colon), entry.substr(colon + 1)};
}

// Whether one entry of NO_PROXY names the host.
bool matches(std::string_view entry, const std::string& host, const std::string& port) {
  if (entry == "*") {
    return true;
  }
  const std::optional<Address> address = address_of(host);
  if (const std::optional<Range> range = range_of(entry)) {
    return address && contains(*range, *address);
  }
  const auto [name, wanted_port] = split(entry);
  if (name.empty() || (!wanted_port.empty() && wanted_port != port)) {
    return false;
  }
  if (const std::optional<Address> named = address_of(name)) {
    return address == named;
  }
  if (address) {
    return false;
  }
  const std::string_view domain = name.starts_with("*.") ? name.substr(1) : name;
  if (domain.starts_with('.')) {
    return host.ends_with(domain);
  }
  return host == domain || host.ends_with("." + std::string(domain));
}

// The text with %XX as bytes; nothing when one is malformed.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      result += text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2) {
      return std::nullopt;
    }
    result += static_cast<char>(byte);
    at += 2;
  }
  return result;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string variable(const char* name, const char* other) {
  std::string value = variable(name);
  return value.empty() ? variable(other) : value;
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view text) {
  const std::size_t colon = text.find("://");
  const std::string scheme = colon == std::string_view::npos ? "http" : lower(text.substr(0, colon));
  std::string_view rest = colon == std::string_view::npos ? text : text.substr(colon + 3);
  if (scheme != "http") {
    return Error{Code::invalid,
                 "proxy: the scheme " + scheme.substr(0, 16) + " is not supported, only http:// proxies are"};
  }
  rest = rest.substr(0, rest.find_first_of("/?#"));
  Proxy proxy;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = rest.substr(0, at);
    const std::size_t split_at = std::min(login.find(':'), login.size());
    const auto user = percent_decoded(login.substr(0, split_at));
    const auto password = percent_decoded(login.substr(std::min(split_at + 1, login.size())));
    if (!user || !password || user->empty()) {
      return Error{Code::invalid, "proxy: the user and password before '@' are malformed"};
    }
    proxy.user = *user;
    proxy.password = *password;
    rest.remove_prefix(at + 1);
  }
  const Result<Url> url = parse_url("http://" + std::string(rest));
  if (!url.ok()) {
    return Error{Code::invalid, "proxy: " + url.error().what};
  }
  proxy.host = url.value().host;
  proxy.port = url.value().port;
  return proxy;
}

ProxyVariables proxy_variables() {
  return {.https_proxy = variable("HTTPS_PROXY", "https_proxy"),
          .http_proxy = variable("HTTP_PROXY", "http_proxy"),
          .no_proxy = variable("NO_PROXY", "no_proxy")};
}

bool is_loopback(std::string_view host) {
  const std::optional<Address> address = address_of(host);
  if (!address) {
    return lower(host) == "localhost";
  }
  constexpr Address loopback_v6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return *address == loopback_v6 || (is_v4(*address) && address->at(12) == 127);
}

bool is_excluded(const Url& server, std::string_view no_proxy) {
  const std::string host = lower(server.host);
  const std::string port = std::to_string(server.port);
  const std::string list = lower(no_proxy);
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    if (!trimmed(entry).empty() && matches(trimmed(entry), host, port)) {
      return true;
    }
  }
  return false;
}

Result<std::optional<Proxy>> proxy_for(const Url& server, const ProxyVariables& variables) {
  const std::string& text = server.https ? variables.https_proxy : variables.http_proxy;
  if (text.empty() || is_loopback(server.host) || is_excluded(server, variables.no_proxy)) {
    return std::optional<Proxy>();
  }
  Result<Proxy> proxy = parse_proxy(text);
  if (!proxy.ok()) {
    return Error{Code::invalid, (server.https ? "HTTPS_PROXY: " : "HTTP_PROXY: ") + proxy.error().what};
  }
  return std::optional(std::move(proxy).value());
}

}  // namespace nocobase_operator::io
