#include "io/url.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

namespace nocobase_operator::io {
namespace {

bool is_host_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

bool is_prefix_character(char c) {
  return is_host_character(c) || std::string_view("/~%!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(port);
}

Error bad(std::string_view text, std::string_view why) {
  return {Code::invalid, "server \"" + std::string(text) + "\": " + std::string(why)};
}

}  // namespace

bool is_ip_address(std::string_view host) {
  const std::string text = without_zone(host);
  if (text.find('\0') != std::string::npos) {
    return false;  // where inet_pton would stop reading
  }
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

std::string without_zone(std::string_view host) {
  return std::string(host.substr(0, host.find('%')));
}

namespace {

// "[v6]:port" into host and port; `port` stays empty when there is none. The brackets and the zone's %25 are taken off.
Result<Unit> split_ipv6(std::string_view text, std::string_view authority, Url& url, std::string_view& port) {
  const std::size_t close = authority.find(']');
  if (close == std::string_view::npos || (close + 1 < authority.size() && authority[close + 1] != ':')) {
    return bad(text, "the brackets of the IPv6 address do not match");
  }
  if (close + 2 == authority.size()) {
    return bad(text, "the port is missing after ':'");
  }
  port = authority.substr(std::min(close + 2, authority.size()));
  const std::string_view host = authority.substr(1, close - 1);
  if (host.find(':') == std::string_view::npos || !is_ip_address(host)) {
    return bad(text, "no IPv6 address stands in the brackets");
  }
  url.host = without_zone(host);
  if (host.size() > url.host.size()) {
    std::string_view zone = host.substr(url.host.size() + 1);
    zone.remove_prefix(zone.starts_with("25") ? 2 : 0);
    if (zone.empty() || !std::all_of(zone.begin(), zone.end(), is_host_character)) {
      return bad(text, "the zone of the IPv6 address is no name");
    }
    url.host.append("%").append(zone);
  }
  return Unit{};
}

// "host:port" into host and port; `port` stays empty when there is none.
Result<Unit> split_host(std::string_view text, std::string_view authority, Url& url, std::string_view& port) {
  const std::size_t colon = authority.find(':');
  const std::string_view host = authority.substr(0, colon);
  if (colon != std::string_view::npos) {
    port = authority.substr(colon + 1);
    if (port.empty()) {
      return bad(text, "the port is missing after ':'");
    }
  }
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_character)) {
    return bad(text, host.empty() ? "the host is missing" : "the host is no name or address; IPv6 needs brackets");
  }
  url.host = host;
  return Unit{};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  if (const std::size_t colon = rest.find("://"); colon != std::string_view::npos) {
    const std::string_view scheme = rest.substr(0, colon);
    if (scheme != "https" && scheme != "http") {
      return bad(text, "the scheme must be https or http");
    }
    url.https = scheme == "https";
    rest.remove_prefix(colon + 3);
  }
  url.port = url.https ? 443 : 80;
  const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  if (!std::all_of(prefix.begin(), prefix.end(), is_prefix_character)) {
    return bad(text, "a query, a fragment or a special character is not allowed");
  }
  while (prefix.ends_with('/')) {
    prefix.remove_suffix(1);
  }
  url.prefix = prefix;
  std::string_view port;
  TRY(authority.starts_with('[') ? split_ipv6(text, authority, url, port) : split_host(text, authority, url, port));
  if (!port.empty()) {
    const std::optional<std::uint16_t> number = parse_port(port);
    if (!number) {
      return bad(text, "the port must be 1 to 65535");
    }
    url.port = *number;
  }
  return url;
}

std::string authority(const Url& url) {
  const std::string bare = without_zone(url.host);
  std::string result = bare.find(':') == std::string::npos ? bare : "[" + bare + "]";
  if (url.port != (url.https ? 443 : 80)) {
    result += ":" + std::to_string(url.port);
  }
  return result;
}

std::string to_string(const Url& url) {
  const bool ipv6 = url.host.find(':') != std::string::npos;
  std::string result = url.https ? "https://" : "http://";
  if (ipv6) {
    std::string host = url.host;
    if (const std::size_t zone = host.find('%'); zone != std::string::npos) {
      host.insert(zone + 1, "25");
    }
    result += "[" + host + "]";
  } else {
    result += url.host;
  }
  if (url.port != (url.https ? 443 : 80)) {
    result += ":" + std::to_string(url.port);
  }
  return result + url.prefix;
}

}  // namespace nocobase_operator::io
