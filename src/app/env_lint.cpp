#include "app/env_lint.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "app/names.h"
#include "app/secrecy.h"
#include "app/url_lint.h"
#include "app/validate_parts.h"

namespace nocobase_operator::app {
namespace {

constexpr std::size_t least_key_bytes = 32;  // RFC 7518, 3.2: a key of HS256 has 256 bits or more
constexpr std::size_t aes_digits = 64;

bool is_placeholder(std::string_view value, bool secret) {
  static constexpr std::array<std::string_view, 8> words = {
      "your-secret-key", "test-key", "changeme",      "change-me",
      "your-password",   "xxx",      "password-here", "change-this-to-a-random-secret-string"};
  const bool angled = value.size() > 2 && value.front() == '<' && value.back() == '>' &&
                      value.find_first_of("<>", 1) == value.size() - 1;
  return angled || (secret && std::find(words.begin(), words.end(), value) != words.end());
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The keys and the first administrator, which are in Secrets only. False when the variable is none of them.
bool lint_own_secret(const NamedValue& variable, const std::string& path, Report& report) {
  const auto& [name, value, kept] = variable;
  const std::string advice = "make one with `openssl rand -hex 32`";
  if (name == key_app) {
    if (value.empty() || is_public_app_key(value)) {
      report.add("NB131", path, value.empty() ? "APP_KEY is empty" : "APP_KEY is a key that everybody knows", advice);
    } else if (value.size() < least_key_bytes) {
      report.add("NB136", path, "APP_KEY is shorter than 32 bytes", advice);
    }
    return true;
  }
  if (name == key_aes) {
    if (value.size() != aes_digits || !is_hex(value)) {
      report.add("NB133", path, "APP_AES_SECRET_KEY is not 64 hexadecimal digits", advice);
    }
    return true;
  }
  if (name == key_admin_password && value == "admin123") {
    report.add("NB137", path, "INIT_ROOT_PASSWORD is the one that NocoBase has without being told another",
               "choose a password");
    return true;
  }
  return false;
}

void lint_urls(const NamedValue& variable, const std::string& path, Report& report) {
  const auto& [name, value, kept] = variable;
  if (name.ends_with("REDIS_URL")) {
    if (const std::string problem = redis_url_problem(value); !problem.empty()) {
      report.add("NB055", path, "the URL " + problem, "write redis://host:6379/0");
    }
  } else if (name.ends_with("RABBITMQ_URL")) {
    if (const std::string problem = rabbitmq_url_problem(value); !problem.empty()) {
      report.add("NB138", path, "the URL " + problem, "write amqp://user:password@host:5672");
    }
  }
  if (is_localhost(url_host(value))) {
    report.add("NB056", path, "the URL names localhost, which is the pod itself", "name the server");
  }
}

}  // namespace

void lint_value(const NamedValue& variable, const std::string& path, Report& report) {
  NamedValue read = variable;
  if (read.kept != Kept::in_spec && read.value.ends_with('\n')) {
    read.value.remove_suffix(read.value.ends_with("\r\n") ? 2 : 1);
    if (read.value.find('\n') != std::string_view::npos) {
      return;  // a file and no setting
    }
    report.add("NB132", path, std::string(read.name) + " ends with a line break",
               read.kept == Kept::secret ? "make it with printf %s, or with stringData" : "write it in quotes");
  }
  const bool secret = is_secret_name(read.name);
  if (lint_own_secret(read, path, report)) {
    return;
  }
  if (is_placeholder(read.value, secret)) {
    const bool told = !secret && read.kept != Kept::secret;
    report.add(
        "NB053", path,
        told ? in_quotes(read.value) + " is a placeholder" : "the value is the placeholder of a template",
        read.kept == Kept::in_spec ? "write the value, or take it from a Secret with valueFrom" : "write the value");
    return;
  }
  const bool in_sight = read.kept != Kept::secret;
  if (in_sight && ((secret && !read.value.empty() && !read.value.starts_with("$(")) || has_password(read.value))) {
    report.add(
        "NB054", path,
        "the value of " + std::string(read.name) + " (" + std::to_string(read.value.size()) + " bytes) is written out",
        read.kept == Kept::config_map ? "keep it in a Secret" : "take it from a Secret with valueFrom.secretKeyRef");
  }
  lint_urls(read, path, report);
}

}  // namespace nocobase_operator::app
