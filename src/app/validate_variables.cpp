#include <charconv>
#include <set>

#include "app/pod.h"
#include "app/time_zone.h"
#include "app/validate_parts.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

constexpr std::int32_t default_pool = 5;  // DB_POOL_MAX, packages/core/database/src/helpers.ts

// The text of a variable, "" when there is none or it is not written in the spec.
std::string_view text_of(const VariableAt& at) {
  return at.variable != nullptr && at.variable->value ? std::string_view(*at.variable->value) : "";
}

// A variable that roles share is judged once.
class Once {
 public:
  explicit Once(Report& report) : report_(report) {}
  void add(std::string_view code, const std::string& path, std::string message, std::string advice) {
    if (told_.insert(std::string(code) + path).second) {
      report_.add(code, path, std::move(message), std::move(advice));
    }
  }

 private:
  Report& report_;
  std::set<std::string> told_;
};

// NocoBase turns a name in DB_TIMEZONE into the offset of the day it starts on, and refuses to start where that is not
// the offset of TZ (packages/core/cli-v1/src/util.js).
void judge_zones(const Spec& spec, std::size_t role, Once& report) {
  const VariableAt zone = variable_of(spec, role, "TZ");
  const VariableAt database = variable_of(spec, role, "DB_TIMEZONE");
  const std::string_view ours = text_of(zone);
  const std::string_view theirs = text_of(database);
  const auto offset = [](std::string_view text) {
    const auto written = written_offset(text);
    return written ? written : fixed_offset(text);
  };
  if (const auto a = offset(ours), b = offset(theirs); a && b && *a != *b) {
    report.add("NB062", database.path,
               "DB_TIMEZONE is at " + offset_text(*b) + " and TZ, " + in_quotes(ours) + ", at " + offset_text(*a),
               "leave DB_TIMEZONE out, or make them agree");
    return;
  }
  const bool mysql = spec.database.dialect == Dialect::mysql || spec.database.dialect == Dialect::mariadb;
  if (has_summer_time(ours) && written_offset(theirs)) {
    report.add("NB063", database.path,
               "the application starts only while " + in_quotes(ours) + " is at " + std::string(theirs),
               "leave DB_TIMEZONE out, or use a zone without summer time for both");
  } else if (const bool named = !theirs.empty(); mysql && has_summer_time(named ? theirs : ours)) {
    report.add("NB063", named ? database.path : zone.path,
               in_quotes(named ? theirs : ours) + " changes its offset twice a year, and " +
                   std::string(name_of(spec.database.dialect)) + " is written in that of the day a pod started",
               "use a zone without summer time, such as UTC");
  }
}

void judge_pool(const Spec& spec, std::size_t role, Once& report) {
  const VariableAt least = variable_of(spec, role, "DB_POOL_MIN");
  const std::int32_t most = number_of(spec, role, "DB_POOL_MAX", default_pool);
  if (const std::int32_t wanted = number_of(spec, role, "DB_POOL_MIN", 0); wanted > most) {
    report.add("NB088", least.path,
               "the pool keeps " + std::to_string(wanted) + " connections at least and has " + std::to_string(most) +
                   " at most",
               "use at most DB_POOL_MAX, which is " + std::to_string(default_pool) + " where it is not given");
  }
}

// The operator tells Prometheus, or its operator, where to look.
void judge_metrics(const Spec& spec, std::size_t role, Once& report) {
  if (!spec.monitoring || !spec.monitoring->enabled) {
    return;
  }
  const std::string port = std::to_string(metrics_port);
  for (const auto& [name, want] : {std::pair<std::string_view, std::string_view>("TELEMETRY_ENABLED", "on"),
                                   {"TELEMETRY_PROMETHEUS_SERVER", "on"},
                                   {"TELEMETRY_PROMETHEUS_PORT", port}}) {
    const VariableAt at = variable_of(spec, role, name);
    if (at.variable != nullptr && at.variable->value && *at.variable->value != want) {
      report.add("NB069", at.path, std::string(name) + " keeps metrics from where monitoring looks for them",
                 "leave it out");
    }
  }
}

}  // namespace

std::int32_t number_of(const Spec& spec, std::size_t role, std::string_view name, std::int32_t fallback) {
  const std::string_view text = text_of(variable_of(spec, role, name));
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole && value > 0 && value <= 10000 ? value : fallback;
}

void judge_variables_together(const Spec& spec, Report& report) {
  Once once(report);
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    judge_zones(spec, i, once);
    judge_pool(spec, i, once);
    judge_metrics(spec, i, once);
  }
}

}  // namespace nocobase_operator::app
