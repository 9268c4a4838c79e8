// NocoBase's own traps in values of variables: one row for each.
#include <gtest/gtest.h>

#include "app/time_zone.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;
using Env = std::vector<std::pair<std::string, std::string>>;

Json env_of(const Env& variables) {
  Json out = Json::array();
  for (const auto& [name, value] : variables) {
    out.push_back({{"name", name}, {"value", value}});
  }
  return out;
}

kube::Findings with(const Env& variables, const std::string& dialect = "postgres") {
  Json object = sample();
  object["spec"]["env"] = env_of(variables);
  object["spec"]["database"]["dialect"] = dialect;
  return findings_of(object);
}

TEST(Variables, values) {
  struct Case {
    std::string name;
    std::string value;
    std::string code;  // "" none
  };
  const Case cases[] = {
      // URLs and hosts
      {"WEBHOOK_URL", "https:/a.b/c", "NB060"},
      {"WEBHOOK_URL", "https://a.b/c", ""},
      {"CDN_BASE_URL", "/cdn/", ""},
      {"APP_BASE_URL", "postgres:/a:5432/b", "NB060"},
      {"WEBHOOK", "https:/a.b/c", ""},
      {"SMTP_HOST", "localhost", "NB056"},
      {"SMTP_HOST", "127.0.0.1:25", "NB056"},
      {"SMTP_HOST", "mail", ""},
      {"APP_HOST", "127.0.0.1", ""},
      // without effect
      {"ENCRYPTION_FIELD_KEY", "$(FROM_ELSEWHERE)", "NB061"},
      {"LOGGER_BASE_PATH", "/logs", "NB061"},
      {"LOGGER_MAX_FILES", "14d", "NB061"},
      {"LOGGER_MAX_SIZE", "20m", "NB061"},
      {"PORT", "13000", "NB061"},
      {"PUBSUB_ADAPTER", "redis", "NB061"},
      {"PUBSUB_ADAPTER", "", ""},
      // numbers
      {"DB_POOL_MAX", "10", ""},
      {"DB_POOL_MAX", "ten", "NB064"},
      {"DB_POOL_IDLE", "10s", "NB064"},
      {"ASYNC_TASK_MAX_CONCURRENCY", "-1", "NB064"},
      {"WORKFLOW_SCRIPT_WORKER_CONCURRENCY", "4", ""},
      {"EXPORT_LIMIT", "2k", "NB064"},
      {"EXPORT_LIMIT", "$(LIMIT)", ""},
      // words
      {"DB_LOGGING", "on", ""},
      {"DB_LOGGING", "off", ""},
      {"DB_LOGGING", "false", ""},
      {"DB_LOGGING", "true", "NB065"},
      {"TELEMETRY_ENABLED", "1", "NB065"},
      {"TELEMETRY_ENABLED", "On", "NB065"},
      {"DB_SKIP_VERSION_CHECK", "yes", "NB065"},
      {"LOGGER_LEVEL", "warn", ""},
      {"LOGGER_LEVEL", "warning", "NB065"},
      {"LOGGER_FORMAT", "text", "NB065"},
      {"ASYNC_TASK_CONCURRENCY_MODE", "process", ""},
      {"ASYNC_TASK_CONCURRENCY_MODE", "pod", "NB065"},
      {"TZ", "Asia/Shanghai", ""},
      {"TZ", "UTC", ""},
      {"TZ", "+08:00", "NB065"},
      {"TZ", "UTC+8", "NB065"},
      {"TZ", "Beijing", "NB065"},
      {"TZ", "", ""},
      {"DB_TIMEZONE", "+08:00", ""},
      {"DB_TIMEZONE", "+8", "NB065"},
      {"DB_TIMEZONE", "GMT+8", "NB065"},
      // names
      {"APP_MODE", "worker", "NB066"},
      {"APP_MODE", "supervisor", ""},
      // paths
      {"APP_PUBLIC_PATH", "/crm/", ""},
      {"APP_PUBLIC_PATH", "/", ""},
      {"APP_PUBLIC_PATH", "crm/", "NB067"},
      {"APP_PUBLIC_PATH", "/crm", "NB067"},
      {"APP_PUBLIC_PATH", "https://a.b/crm/", "NB067"},
      {"API_BASE_PATH", "/api", "NB067"},
      {"WS_PATH", "ws", "NB067"},
      {"WS_PATH", "/ws", ""},
      // blanks
      {"GREETING", "hello ", "NB068"},
      {"GREETING", "\thello", "NB068"},
      {"GREETING", "hel lo", ""},
      {"GREETING", " ", ""},
      {"TZ", "Asia/Shanghai ", "NB068"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name + "=" + row.value);
    EXPECT_EQ(codes_of(with({{row.name, row.value}})),
              row.code.empty() ? Codes() : Codes{row.code + " spec.env[0].value"});
  }
}

TEST(Variables, time_zones_of_application_and_database) {
  struct Case {
    std::string dialect;
    std::string tz;
    std::string database;  // "" is absent
    Codes want;
  };
  const Codes differ = {"NB062 spec.env[1].value"};
  const Codes moves = {"NB063 spec.env[1].value"};
  const Case cases[] = {
      {"mysql", "UTC", "+08:00", differ},
      {"mysql", "UTC", "+00:00", {}},
      {"mysql", "UTC", "-0:00", {}},
      {"postgres", "Asia/Shanghai", "Asia/Tokyo", differ},
      {"postgres", "Asia/Shanghai", "Asia/Taipei", {}},
      {"postgres", "Etc/GMT-8", "+08:00", {}},
      {"postgres", "Etc/GMT+8", "+08:00", differ},
      {"postgres", "Mars/Olympus", "+08:00", {}},
      {"postgres", "Europe/Berlin", "+01:00", moves},
      {"postgres", "Europe/Berlin", "Europe/Berlin", {}},
      {"postgres", "Europe/Berlin", "", {}},
      {"mysql", "Europe/Berlin", "Europe/Berlin", moves},
      {"mariadb", "Europe/Berlin", "", {"NB063 spec.env[0].value"}},
      {"mariadb", "Asia/Shanghai", "", {}},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.dialect + " " + row.tz + " " + row.database);
    Env env = {{"TZ", row.tz}};
    if (!row.database.empty()) {
      env.emplace_back("DB_TIMEZONE", row.database);
    }
    EXPECT_EQ(codes_of(with(env, row.dialect)), row.want);
  }
  const kube::Findings findings = with({{"TZ", "UTC"}, {"DB_TIMEZONE", "+08:00"}});
  EXPECT_EQ(findings.at(0).message, "DB_TIMEZONE is at +08:00 and TZ, \"UTC\", at +00:00");
}

TEST(Variables, a_role_counts_before_the_spec_and_is_told_where_it_stands) {
  Json object = sample();
  object["spec"]["env"] = env_of({{"TZ", "UTC"}});
  object["spec"]["roles"][1]["env"] = env_of({{"DB_TIMEZONE", "+08:00"}});
  EXPECT_EQ(codes_of(findings_of(object)), Codes{"NB062 spec.roles[1].env[0].value"});
  object["spec"]["roles"][1]["env"] = env_of({{"DB_POOL_MIN", "6"}});
  EXPECT_EQ(codes_of(findings_of(object)), Codes{"NB088 spec.roles[1].env[0].value"});
  object["spec"]["env"] = env_of({{"DB_POOL_MAX", "6"}});
  EXPECT_EQ(codes_of(findings_of(object)), Codes());
}

// `validate` stops what is wrong before it is applied. What is applied nevertheless is obeyed where pods can be made of
// it: an operator that learns a rule must not stop caring for clusters that have long been running.
TEST(Variables, mistakes_in_what_the_application_is_told_keep_the_operator_from_nothing) {
  Json object = sample();
  object["spec"]["env"] = env_of({{"TZ", "UTC"}, {"DB_TIMEZONE", "+08:00"}});
  const kube::Findings findings = findings_of(object);
  EXPECT_EQ(codes_of(findings), Codes{"NB062 spec.env[1].value"});
  EXPECT_EQ(first_error(findings), nullptr);
  object["spec"]["env"] = env_of({{"WORKER_MODE", "!"}});
  EXPECT_EQ(first_error(findings_of(object))->code, "NB050");
}

TEST(Variables, metrics_stay_where_monitoring_looks) {
  const Env moved = {{"TELEMETRY_PROMETHEUS_PORT", "9100"}, {"TELEMETRY_ENABLED", "off"}};
  EXPECT_EQ(codes_of(with(moved)), Codes());
  Json object = sample();
  object["spec"]["monitoring"] = {{"enabled", true}};
  object["spec"]["env"] = env_of(moved);
  EXPECT_EQ(codes_of(findings_of(object)), (Codes{"NB069 spec.env[1].value", "NB069 spec.env[0].value"}));
  object["spec"]["env"] = env_of({{"TELEMETRY_PROMETHEUS_PORT", "9464"}, {"TELEMETRY_ENABLED", "on"}});
  EXPECT_EQ(codes_of(findings_of(object)), Codes());
}

TEST(Variables, the_pool_of_a_role_counts_in_its_connections) {
  Json object = sample();
  object["spec"]["roles"][1]["env"] = env_of({{"DB_POOL_MAX", "20"}});
  object["spec"]["database"]["maxConnections"] = 29;
  const kube::Findings findings = findings_of(object);
  ASSERT_EQ(codes_of(findings), Codes{"NB083 spec.database.maxConnections"});
  EXPECT_EQ(findings[0].message, "the pods may open up to 30 connections, 29 are allowed");
}

TEST(TimeZone, offsets_and_names) {
  EXPECT_EQ(written_offset("+08:00"), 480);
  EXPECT_EQ(written_offset("-3:30"), -210);
  for (const char* const text : {"", "8", "+8", "+08", "08:00", "+008:00", "+08:0", "+0a:00", "+08:0x", "UTC"}) {
    EXPECT_EQ(written_offset(text), std::nullopt) << text;
  }
  EXPECT_EQ(fixed_offset("Asia/Kolkata"), 330);
  EXPECT_EQ(fixed_offset("Etc/GMT+3"), -180);
  EXPECT_EQ(fixed_offset("Etc/GMT-14"), 840);
  EXPECT_EQ(fixed_offset("Etc/GMT-15"), std::nullopt);
  EXPECT_EQ(fixed_offset("Europe/Paris"), std::nullopt);
  EXPECT_TRUE(has_summer_time("Europe/Paris"));
  EXPECT_FALSE(has_summer_time("Asia/Kolkata"));
  EXPECT_EQ(offset_text(-210), "-03:30");
  EXPECT_EQ(offset_text(0), "+00:00");
  for (const char* const name : {"America/Argentina/Buenos_Aires", "Etc/GMT-8", "Navajo", "EST5EDT", "UTC"}) {
    EXPECT_TRUE(is_zone_name(name)) << name;
  }
  for (const char* const name : {"UTC+8", "Asia Shanghai", "/Shanghai", "Asia/", "Beijing"}) {
    EXPECT_FALSE(is_zone_name(name)) << name;
  }
}

}  // namespace
}  // namespace nocobase_operator::app
