#include "io/log.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "kube/json.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t max_value_bytes = 2048;
constexpr std::string_view masked = "***";

bool names_credential(std::string_view key) {
  static constexpr std::array<std::string_view, 4> names = {"token", "password", "authorization", "credential"};
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return lower.ends_with(name); });
}

std::string without_bearer(std::string_view text) {
  constexpr std::string_view bearer = "Bearer ";
  std::string result;
  for (std::size_t at = text.find(bearer); at != std::string_view::npos; at = text.find(bearer)) {
    result.append(text.substr(0, at + bearer.size())).append(masked);
    text.remove_prefix(at + bearer.size());
    text.remove_prefix(std::min(text.find_first_of(" \t\r\n\"',;"), text.size()));
  }
  return result.append(text);
}

std::string cut(std::string text) {
  if (text.size() > max_value_bytes) {
    std::size_t end = max_value_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    text.resize(end);
    text += "…";
  }
  return text;
}

std::string in_quotes(std::string_view text) {
  return kube::dump(kube::Json(cut(without_bearer(text))));
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\x7f';
         });
}

std::string value_of(const Field& field, LogFormat format) {
  if (names_credential(field.key)) {
    return format == LogFormat::json ? in_quotes(masked) : std::string(masked);
  }
  if (!field.quoted) {
    return field.value;
  }
  return format == LogFormat::json || needs_quotes(field.value) ? in_quotes(field.value) : cut(field.value);
}

// A message is a sentence of ours; only line breaks from a quoted error could split it.
std::string one_line(std::string_view message) {
  std::string line = cut(without_bearer(message));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return line;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

struct Log {
  LogFormat format = LogFormat::text;
  std::shared_ptr<spdlog::logger> logger;
};

Log make_log(LogFormat format, Level least) {
  auto logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(level_of(least));
  logger->set_pattern(
      format == LogFormat::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
      spdlog::pattern_time_type::utc);
  return {format, std::move(logger)};
}

Log& the_log() {
  static Log log = make_log(LogFormat::text, Level::info);
  return log;
}

}  // namespace

void set_log(LogFormat format, Level least) {
  the_log() = make_log(format, least);
}

void set_level(Level least) {
  the_log().logger->set_level(level_of(least));
}

std::string format_line(LogFormat format, std::string_view message, std::initializer_list<Field> fields) {
  const bool json = format == LogFormat::json;
  std::string line = json ? "\"msg\":" + in_quotes(message) : one_line(message);
  for (const Field& field : fields) {
    line += json ? "," + kube::dump(kube::Json(std::string(field.key))) + ":" : " " + std::string(field.key) + "=";
    line += value_of(field, format);
  }
  return line;
}

void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
  const Log& log = the_log();
  if (log.logger->should_log(level_of(level))) {
    log.logger->log(level_of(level), "{}", format_line(log.format, message, fields));
  }
}

}  // namespace nocobase_operator::io
