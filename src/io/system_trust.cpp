#include "io/system_trust.h"

#include <cstdlib>
#include <string_view>

#include <openssl/x509.h>

namespace nocobase_operator::io {
namespace {

constexpr std::string_view nothing = "/dev/null";

// A variable of the environment, what it was before it was hidden, and whether it is.
struct Variable {
  const char* name;
  std::optional<std::string> chosen{};
  bool hidden = false;

  void hide() {
    const char* const value = std::getenv(name);
    if (hidden && value != nullptr && value == nothing) {
      return;
    }
    chosen = value == nullptr ? std::nullopt : std::optional<std::string>(value);
    hidden = ::setenv(name, nothing.data(), 1) == 0;
  }
  // What it would be if it were not hidden.
  [[nodiscard]] std::optional<std::string> value() const {
    const char* const now = std::getenv(name);
    if (hidden && now != nullptr && now == nothing) {
      return chosen;
    }
    return now == nullptr ? std::nullopt : std::optional<std::string>(now);
  }
};

Variable& file() {
  static Variable variable{X509_get_default_cert_file_env()};
  return variable;
}

Variable& folder() {
  static Variable variable{X509_get_default_cert_dir_env()};
  return variable;
}

}  // namespace

void hide_system_trust() {
  file().hide();
  folder().hide();
}

std::string system_trust_file() {
  return file().value().value_or(X509_get_default_cert_file());
}

std::vector<std::pair<std::string, std::optional<std::string>>> hidden_variables() {
  std::vector<std::pair<std::string, std::optional<std::string>>> out;
  for (const Variable* const variable : {&file(), &folder()}) {
    if (variable->hidden) {
      out.emplace_back(variable->name, variable->value());
    }
  }
  return out;
}

}  // namespace nocobase_operator::io
