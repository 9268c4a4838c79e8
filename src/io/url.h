// The URL of an API server in parts. Only what a kubeconfig may hold: no user, query or fragment.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nocobase_operator::io {

struct Url {
  bool https = true;
  std::string host;  // IPv6 without brackets, with its zone: "fe80::1%eth0"
  std::uint16_t port = 443;
  std::string prefix;  // "" or "/k8s/clusters/c1": no trailing slash

  friend bool operator==(const Url&, const Url&) = default;
};

// Error (invalid) when the text is no http or https URL with a host, or carries a user, a query or a fragment. A host
// without a scheme counts as https, as client-go reads it.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

// "host" or "[host]" and ":port" when it is not the scheme's own: what stands in a Host header. Zones are left out.
[[nodiscard]] std::string authority(const Url& url);

// The URL as text, IPv6 hosts in brackets, no trailing slash.
[[nodiscard]] std::string to_string(const Url& url);

// Whether the text is an IPv4 or IPv6 address (without brackets; a zone is allowed).
[[nodiscard]] bool is_ip_address(std::string_view host);

// The host without an IPv6 zone.
[[nodiscard]] std::string without_zone(std::string_view host);

}  // namespace nocobase_operator::io
