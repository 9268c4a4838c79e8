// The written form of the spec's leaves: names, hosts, quantities, images. Each function here is the twin of a pattern
// in the CRD (the pattern is quoted beside it), so that this program and the API server refuse the same texts. Knows no
// fields.
#pragma once
#include <cstddef>
#include <string_view>

namespace nocobase_operator::app::form {

// How a text is to look: at least `min` and at most `max` code points, and of the form that `matches` tests.
struct Form {
  std::size_t min = 1;
  std::size_t max = 0;
  bool (*matches)(std::string_view) = nullptr;  // nullptr: any text
  std::string_view want;                        // "a DNS label: lower-case letters, digits and `-`"
};

// Code points of UTF-8 text; a stray byte counts as one. The API server measures maxLength like this.
[[nodiscard]] std::size_t length(std::string_view text);

[[nodiscard]] bool is_dns_label(std::string_view text);       // ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$
[[nodiscard]] bool is_dns_1035_label(std::string_view text);  // ^[a-z]([-a-z0-9]*[a-z0-9])?$
// ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$
[[nodiscard]] bool is_dns_subdomain(std::string_view text);
// The same, optionally after "*.".
[[nodiscard]] bool is_hostname(std::string_view text);
// ^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?)$ (a name, an IPv4 or an
// IPv6 address)
[[nodiscard]] bool is_host(std::string_view text);
// ^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$
[[nodiscard]] bool is_quantity(std::string_view text);
// ^[-._a-zA-Z][-._a-zA-Z0-9]*$
[[nodiscard]] bool is_variable_name(std::string_view text);
// ^[-._a-zA-Z0-9]+$
[[nodiscard]] bool is_secret_key(std::string_view text);
// ^(\*|[A-Za-z0-9_@][A-Za-z0-9_@.:/#+~-]*)$
[[nodiscard]] bool is_service_key(std::string_view text);
// ^[A-Za-z0-9_@][A-Za-z0-9_@.:/#+~-]*$
[[nodiscard]] bool is_plain_service_key(std::string_view text);
// ^(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*$
[[nodiscard]] bool is_package_name(std::string_view text);
// ^/[^\s]*$
[[nodiscard]] bool is_path(std::string_view text);
// ^[0-9]+%$
[[nodiscard]] bool is_percentage(std::string_view text);
// ^[1-9][0-9]*(ms|s|m|h)$
[[nodiscard]] bool is_interval(std::string_view text);
// ^[A-Za-z_][A-Za-z0-9_$-]*$
[[nodiscard]] bool is_schema_name(std::string_view text);
// ^[A-Za-z0-9_]+$
[[nodiscard]] bool is_table_prefix(std::string_view text);
// ^[A-Za-z_-]+$
[[nodiscard]] bool is_tls_mode(std::string_view text);

}  // namespace nocobase_operator::app::form
