// Which proxy leads to an API server: the kubeconfig's proxy-url, or the environment's variables as Go reads them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/url.h"

namespace nocobase_operator::io {

// An HTTP proxy: https servers are reached through it by CONNECT.
struct Proxy {
  std::string host{};  // IPv6 without brackets
  std::uint16_t port = 80;
  std::string user{};  // "" signs in to nothing
  std::string password{};

  friend bool operator==(const Proxy&, const Proxy&) = default;
};

// The proxy a URL names; without a scheme it counts as http. Error (invalid) for any other scheme: TLS to a proxy and
// SOCKS are not supported. No error shows the password.
[[nodiscard]] Result<Proxy> parse_proxy(std::string_view text);

// The values of HTTPS_PROXY, HTTP_PROXY and NO_PROXY, or of their names in lower case when those are empty.
struct ProxyVariables {
  std::string https_proxy{};
  std::string http_proxy{};
  std::string no_proxy{};
};
[[nodiscard]] ProxyVariables proxy_variables();

// The proxy the variables ask for on the way to a server, or nothing for a direct connection. Never one to loopback.
[[nodiscard]] Result<std::optional<Proxy>> proxy_for(const Url& server, const ProxyVariables& variables);

// Whether a NO_PROXY list names the host: "*", an address, a CIDR range, a name ("a.b" is for a.b and what is below it,
// ".a.b" and "*.a.b" only for the latter), each but the range with a port at will.
[[nodiscard]] bool is_excluded(const Url& server, std::string_view no_proxy);

// Whether connections to the host stay on this machine.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace nocobase_operator::io
