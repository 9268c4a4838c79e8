// URLs of servers as NocoBase reads them: taken apart, and what is wrong with them, without telling the password in
// them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator::app {

// The host of scheme://user:password@host:port/…, "" when `text` is no such URL.
[[nodiscard]] std::string url_host(std::string_view text);
// Whether a host is the machine, or in a pod the pod, itself.
[[nodiscard]] bool is_localhost(std::string_view host);

// What is wrong with a Redis URL; "" when nothing is.
[[nodiscard]] std::string redis_url_problem(std::string_view url);
// What is wrong with a RabbitMQ URL; "" when nothing is.
[[nodiscard]] std::string rabbitmq_url_problem(std::string_view url);
// Whether a text can stand in a URL as a password as it is.
[[nodiscard]] bool is_url_encoded(std::string_view text);

// Where a Redis URL leads.
struct RedisTarget {
  std::string server;  // "host:port"
  std::int32_t number = 0;
  friend bool operator==(const RedisTarget&, const RedisTarget&) = default;
  friend auto operator<=>(const RedisTarget&, const RedisTarget&) = default;
};
// Nothing for a URL that has a problem, or that Kubernetes has yet to fill in.
[[nodiscard]] std::optional<RedisTarget> redis_target(std::string_view url);

}  // namespace nocobase_operator::app
