#include "app/url_lint.h"

#include <algorithm>
#include <charconv>

namespace nocobase_operator::app {
namespace {

constexpr std::string_view filled_in_later = "$(";  // by Kubernetes

// What stands after scheme:// and before the path, without user and password.
std::string_view server_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return "";
  }
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  return authority;
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The path of a Redis URL is the number of a database.
std::string_view redis_number(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  const std::size_t last_at = rest.rfind('@');
  const std::string_view after = last_at == std::string_view::npos ? rest : rest.substr(last_at + 1);
  const std::size_t slash = after.find('/');
  return slash == std::string_view::npos ? "" : after.substr(slash + 1, after.find('?', slash) - slash - 1);
}

// What is wrong with scheme, user, password and host.
std::string address_problem(std::string_view url, std::string_view scheme, std::string_view schemes) {
  const std::size_t at = url.find("://");
  const std::string_view name = url.substr(0, at == std::string_view::npos ? url.find(':') : at);
  if (name != schemes && name != scheme) {
    return "does not begin with " + std::string(scheme) + ":// or " + std::string(schemes) + "://";
  }
  if (at == std::string_view::npos) {
    return "has one slash where two belong";
  }
  const std::string_view rest = url.substr(at + 3);
  const std::size_t last_at = rest.rfind('@');
  const std::string_view user = last_at == std::string_view::npos ? "" : rest.substr(0, last_at);
  if (user.find(filled_in_later) == std::string_view::npos && user.find_first_of("/?#@[]") != std::string_view::npos) {
    return "has a character in its user or password that must be percent-encoded";
  }
  return url_host(url).empty() ? "names no host" : "";
}

}  // namespace

std::string url_host(std::string_view text) {
  const std::string_view server = server_of(text);
  return std::string(server.substr(0, server.starts_with('[') ? server.find(']') + 1 : server.find(':')));
}

bool is_localhost(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::string redis_url_problem(std::string_view url) {
  if (std::string problem = address_problem(url, "redis", "rediss"); !problem.empty()) {
    return problem;
  }
  const std::string_view number = redis_number(url);
  return is_digits(number) || number.find(filled_in_later) != std::string_view::npos
             ? ""
             : "has a path that is no database number";
}

std::string rabbitmq_url_problem(std::string_view url) {
  return address_problem(url, "amqp", "amqps");
}

// RFC 3986, 3.2.1: what userinfo may hold, without the colon that ends the user's name.
bool is_url_encoded(std::string_view text) {
  static constexpr std::string_view signs = "-._~!$&'()*+,;=";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool escape = c == '%' && i + 2 < text.size() && is_hex_digit(text[i + 1]) && is_hex_digit(text[i + 2]);
    if (!letter && !escape && !(c >= '0' && c <= '9') && signs.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::optional<RedisTarget> redis_target(std::string_view url) {
  if (!redis_url_problem(url).empty()) {
    return std::nullopt;
  }
  const std::string_view server = server_of(url);
  const std::string_view number = redis_number(url);
  const std::string host = url_host(url);
  if (server.find(filled_in_later) != std::string_view::npos ||
      number.find(filled_in_later) != std::string_view::npos) {
    return std::nullopt;
  }
  RedisTarget target{host + (server.size() > host.size() ? std::string(server.substr(host.size())) : ":6379"), 0};
  std::from_chars(number.data(), number.data() + number.size(), target.number);
  return target;
}

}  // namespace nocobase_operator::app
