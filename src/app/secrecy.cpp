#include "app/secrecy.h"

#include <algorithm>
#include <array>
#include <string>

namespace nocobase_operator::app {

bool is_secret_name(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  static constexpr std::array<std::string_view, 5> harmless = {"_PATH", "_FILE", "PUBLIC_KEY", "_EXPIRES_IN",
                                                               "_KEY_ID"};
  static constexpr std::array<std::string_view, 6> parts = {"PASSWORD", "PASSWD",      "SECRET",
                                                            "TOKEN",    "PRIVATE_KEY", "CREDENTIAL"};
  const auto ends = [&upper](std::string_view suffix) { return upper.ends_with(suffix); };
  const auto has = [&upper](std::string_view part) { return upper.find(part) != std::string::npos; };
  return std::none_of(harmless.begin(), harmless.end(), ends) &&
         (std::any_of(parts.begin(), parts.end(), has) || ends("_KEY") || ends("_PASS"));
}

// .env.example and docker/*/docker-compose.yml; packages/core/cli-v1/src/util.js.
bool is_public_app_key(std::string_view value) {
  return value == "your-secret-key" || value == "test-key" || value == "test-jwt-secret";
}

bool has_password(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return false;
  }
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t at = rest.find('@');
  const std::size_t colon = rest.find(':');
  // "$(NAME)" is filled in by Kubernetes from another variable.
  return at != std::string_view::npos && colon < at && at - colon > 1 && rest.substr(colon + 1, 2) != "$(";
}

}  // namespace nocobase_operator::app
