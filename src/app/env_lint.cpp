#include "app/env_lint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

#include "app/names.h"
#include "app/placeholder.h"
#include "app/secrecy.h"
#include "app/time_zone.h"
#include "app/url_lint.h"
#include "app/validate_parts.h"

namespace nocobase_operator::app {
namespace {

constexpr std::size_t least_key_bytes = 32;  // RFC 7518, 3.2: a key of HS256 has 256 bits or more
constexpr std::size_t aes_digits = 64;

// ${NAME} is filled in by Flux and envsubst on the way to the API server.
bool is_placeholder(std::string_view value, bool secret) {
  return !value.starts_with("${") && is_placeholder_text(value, secret);
}

// With a line break at its end, a key is refused by the operator.
bool ends_in_line_break(std::string_view value) {
  return value.ends_with('\n') || value.ends_with('\r');
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The keys and the first administrator, which are in Secrets only. False when the variable is none of them.
bool lint_own_secret(const NamedValue& variable, const std::string& path, Report& report) {
  const auto& [name, value, kept] = variable;
  const std::string advice = "make one with `openssl rand -hex 32`";
  if ((name == key_app || name == key_aes) && ends_in_line_break(value)) {
    report.add(name == key_app ? "NB131" : "NB133", path, std::string(name) + " ends with a line break",
               "make it with printf %s, or with stringData");
    return true;
  }
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

bool is_among(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A value as it may be told: in quotes, or not at all.
std::string told(const NamedValue& variable) {
  const bool hidden = variable.kept == Kept::secret || is_secret_name(variable.name) || has_password(variable.value);
  return hidden ? "the value" : in_quotes(variable.value);
}

// "scheme:/host" where "scheme://host" was meant.
bool has_one_slash(std::string_view value) {
  static constexpr auto schemes =
      std::to_array<std::string_view>({"amqp", "amqps", "http", "https", "mysql", "postgres", "postgresql", "redis",
                                       "rediss", "smtp", "smtps", "ws", "wss"});
  const std::size_t colon = value.find(':');
  return colon != std::string_view::npos && is_among(value.substr(0, colon), schemes) &&
         !value.substr(colon + 1).starts_with("//");
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
  } else if (name.ends_with("_URL") && has_one_slash(value)) {
    report.add("NB060", path, "the URL lacks the two slashes after its scheme", "write https://host");
  }
  if (is_localhost(url_host(value))) {
    report.add("NB056", path, "the URL names localhost, which is the pod itself", "name the server");
  } else if (name.ends_with("_HOST") && name != "APP_HOST" && is_localhost(value.substr(0, value.find(':')))) {
    report.add("NB056", path, std::string(name) + " names localhost, which is the pod itself", "name the server");
  }
}

struct Ineffective {
  std::string_view name;
  std::string_view why;
  std::string_view advice;
};

constexpr auto ineffective = std::to_array<Ineffective>({
    {"ENCRYPTION_FIELD_KEY", "is what older versions took; the plugin reads ENCRYPTION_FIELD_KEY_PATH",
     "mount the key as a file and name that, or leave it out where no field is encrypted"},
    {"LOGGER_BASE_PATH", "is not read since 2.1.0, and the operator has logs written to the console", "leave it out"},
    {"LOGGER_MAX_FILES", "is for log files, and the operator has logs written to the console", "leave it out"},
    {"LOGGER_MAX_SIZE", "is for log files, and the operator has logs written to the console", "leave it out"},
    {"PORT", "is not read by NocoBase", "leave it out; service.port is the port of the Service"},
    {"PUBSUB_ADAPTER", "is not read by NocoBase", "leave it out; coordination.redis switches the adapter on"},
});

constexpr auto numbers = std::to_array<std::string_view>(
    {"ASYNC_TASK_MAX_CONCURRENCY", "ASYNC_TASK_WORKER_MAX_OLD", "ASYNC_TASK_WORKER_MAX_YOUNG", "CACHE_MEMORY_MAX",
     "DB_POOL_ACQUIRE", "DB_POOL_EVICT", "DB_POOL_IDLE", "DB_POOL_MAX", "DB_POOL_MAX_USES", "DB_POOL_MIN",
     "EXPORT_LIMIT", "IMPORT_LIMIT", "PM2_KILL_TIMEOUT", "SUBAPP_BOOTSTRAP_CONCURRENCY", "SUBAPP_BOOTSTRAP_INTERVAL",
     "TELEMETRY_HTTP_RECORD_THRESHOLD", "TELEMETRY_PROMETHEUS_PORT", "WORKFLOW_SCRIPT_WORKER_CONCURRENCY"});

// A variable that knows a few words; "off" words may be anything.
struct Words {
  std::string_view name;
  std::array<std::string_view, 5> words;
};

constexpr std::array<std::string_view, 5> no_words = {"off", "false", "no", "0", ""};
constexpr auto switches = std::to_array<std::string_view>(
    {"DB_LOGGING", "DB_SKIP_VERSION_CHECK", "TELEMETRY_ENABLED", "TELEMETRY_PROMETHEUS_SERVER"});
constexpr auto choices = std::to_array<Words>({
    {"ASYNC_TASK_CONCURRENCY_MODE", {"app", "process"}},
    {"LOGGER_FORMAT", {"console", "json", "logfmt", "delimiter"}},
    {"LOGGER_LEVEL", {"error", "warn", "info", "debug", "trace"}},
});

std::string one_of(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) {
    out += word.empty() ? "" : (out.empty() ? "" : ", ") + std::string(word);
  }
  return out;
}

// Variables of which NocoBase understands some values only, and says nothing of the others.
void lint_words(const NamedValue& variable, const std::string& path, Report& report) {
  const auto& [name, value, kept] = variable;
  if (is_among(name, numbers) && !value.empty() &&
      !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    report.add("NB064", path, told(variable) + " is no number", "write digits only");
  }
  if (is_among(name, switches) && value != "on" && !is_among(value, no_words)) {
    report.add("NB065", path, told(variable) + " does not switch " + std::string(name) + " on",
               "write \"on\" in quotes");
  }
  for (const Words& choice : choices) {
    if (choice.name == name && !value.empty() && !is_among(value, choice.words)) {
      report.add("NB065", path, told(variable) + " is no value of " + std::string(name),
                 "use one of " + one_of(choice.words));
    }
  }
  const bool zone = name == "TZ" || name == "DB_TIMEZONE";
  const bool readable = is_zone_name(value) || (name == "DB_TIMEZONE" && written_offset(value));
  if (zone && !value.empty() && !readable) {
    report.add("NB065", path, told(variable) + " is no time zone",
               name == "TZ" ? "name one, such as Asia/Shanghai" : "name one, such as Asia/Shanghai, or write +08:00");
  }
  if (name == "APP_MODE" && value == "worker") {
    report.add("NB066", path, "APP_MODE is about several applications and splits no services",
               "list services in a role; leave APP_MODE out");
  }
}

// What must begin, or begin and end, with a slash.
void lint_paths(const NamedValue& variable, const std::string& path, Report& report) {
  const auto& [name, value, kept] = variable;
  const bool closed = name == "APP_PUBLIC_PATH" || name == "API_BASE_PATH";
  if ((closed || name == "WS_PATH") && !value.empty() &&
      (!value.starts_with('/') || (closed && !value.ends_with('/')))) {
    report.add("NB067", path, told(variable) + " does not begin" + (closed ? " and end" : "") + " with /",
               closed ? "write /crm/" : "write /ws");
  }
}

}  // namespace

void lint_value(const NamedValue& variable, const std::string& path, Report& report) {
  NamedValue read = variable;
  if (ends_in_line_break(read.value) && lint_own_secret(read, path, report)) {
    return;
  }
  if (read.kept != Kept::in_spec && read.value.ends_with('\n')) {
    read.value.remove_suffix(read.value.ends_with("\r\n") ? 2 : 1);
    if (read.value.find('\n') != std::string_view::npos) {
      return;  // a file and no setting
    }
    report.add("NB132", path, std::string(read.name) + " ends with a line break",
               read.kept == Kept::secret ? "make it with printf %s, or with stringData" : "write it in quotes");
  }
  if (const std::size_t first = read.value.find_first_not_of(" \t");
      first != std::string_view::npos && (first > 0 || read.value.find_last_not_of(" \t") + 1 < read.value.size())) {
    report.add("NB068", path, "the value of " + std::string(read.name) + " begins or ends with a blank",
               "take the blank out");
    read.value = read.value.substr(first, read.value.find_last_not_of(" \t") + 1 - first);
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
  const auto* const dead = std::find_if(ineffective.begin(), ineffective.end(),
                                        [&read](const Ineffective& each) { return each.name == read.name; });
  if (dead != ineffective.end() && !read.value.empty()) {
    report.add("NB061", path, std::string(read.name) + " " + std::string(dead->why), std::string(dead->advice));
  }
  lint_urls(read, path, report);
  if (read.value.find("$(") != std::string_view::npos) {
    return;  // Kubernetes fills it in
  }
  lint_words(read, path, report);
  lint_paths(read, path, report);
}

}  // namespace nocobase_operator::app
