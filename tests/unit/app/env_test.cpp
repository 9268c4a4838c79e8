#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/defaults.h"
#include "app/names.h"
#include "app/pod.h"
#include "unit/app/render_samples.h"

namespace nocobase_operator::app {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using testing::ElementsAreArray;

Redis full_redis() {
  Redis redis;
  redis.host = "redis";
  redis.password = SecretKeyRef{"redis", "password"};
  return redis;
}

Cluster with_redis(Redis redis) {
  Cluster cluster = small_cluster();
  cluster.spec.coordination.emplace().redis = std::move(redis);
  return cluster;
}

std::string value_of(const Cluster& cluster, std::string_view name, const char* absent = "(absent)") {
  for (const auto& [key, value] : flat(environment(cluster, cluster.spec.roles[0], "!"))) {
    if (key == name) {
      return value;
    }
  }
  return absent;
}

TEST(Environment, HasOneFixedOrder) {
  Cluster cluster = with_redis(full_redis());
  cluster.spec.coordination->plugins = {"@nocobase/plugin-lock-adapter-redis", "@nocobase/plugin-queue-adapter-redis"};
  cluster.spec.env = {{"TZ", "UTC", {}}, {"DB_LOGGING", "on", {}}};
  cluster.spec.roles[0].env = {{"NODE_OPTIONS", "--max-old-space-size=1024", {}}};
  EXPECT_THAT(flat(environment(cluster, cluster.spec.roles[0], "!")),
              ElementsAreArray(Pairs{
                  {"WORKER_MODE", "!"},
                  {"APP_PORT", "13000"},
                  {"APP_LAUNCH_MODE", "node"},
                  {"SKIP_SAME_VERSION_UPGRADE", "true"},
                  {"DISABLE_PKG_DOWNLOAD", "true"},
                  {"LOGGER_TRANSPORT", "console"},
                  {"SOCKET_PATH", "/run/nocobase/gateway.sock"},
                  {"PM2_HOME", "/run/nocobase/pm2"},
                  {"DB_DIALECT", "postgres"},
                  {"DB_HOST", "pg-rw"},
                  {"DB_PORT", "5432"},
                  {"DB_DATABASE", "nocobase"},
                  {"DB_USER", "nocobase"},
                  {"DB_PASSWORD", "<pg/password>"},
                  {"COORDINATION_REDIS_PASSWORD", "<redis/password>"},
                  {"CACHE_REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/0"},
                  {"CACHE_DEFAULT_STORE", "redis"},
                  {"PUBSUB_ADAPTER_REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/1"},
                  {"LOCK_ADAPTER_REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/2"},
                  {"LOCK_ADAPTER_DEFAULT", "redis"},
                  {"QUEUE_ADAPTER_REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/3"},
                  {"QUEUE_ADAPTER", "redis"},
                  {"REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/4"},
                  {"APPEND_PRESET_BUILT_IN_PLUGINS",
                   "@nocobase/plugin-lock-adapter-redis,@nocobase/plugin-queue-adapter-redis"},
                  {"APP_KEY", "<crm-keys/APP_KEY>"},
                  {"APP_AES_SECRET_KEY", "<crm-keys/APP_AES_SECRET_KEY>"},
                  {"INIT_ROOT_EMAIL", "<crm-keys/INIT_ROOT_EMAIL>"},
                  {"INIT_ROOT_PASSWORD", "<crm-keys/INIT_ROOT_PASSWORD>"},
                  {"TZ", "UTC"},
                  {"DB_LOGGING", "on"},
                  {"NODE_OPTIONS", "--max-old-space-size=1024"},
              }));
}

TEST(Environment, WorkerModeIsThereEvenWhenItIsEmpty) {
  const Cluster cluster = small_cluster();
  const EnvVar first = environment(cluster, cluster.spec.roles[0], "").front();
  EXPECT_EQ(first, (EnvVar{"WORKER_MODE", "", {}}));
}

TEST(Environment, ARoleReplacesTheClustersVariableInItsPlace) {
  Cluster cluster = small_cluster();
  const Json source = {{"configMapKeyRef", {{"name", "c"}, {"key", "k"}}}};
  cluster.spec.env = {{"A", "1", {}}, {"B", "2", {}}, {"C", "3", {}}};
  cluster.spec.roles[0].env = {{"C", "4", {}}, {"A", {}, source}, {"D", "5", {}}};
  auto env = environment(cluster, cluster.spec.roles[0], "!");
  env.erase(env.begin(), env.end() - 4);
  EXPECT_EQ(env, (std::vector<EnvVar>{{"A", {}, source}, {"B", "2", {}}, {"C", "4", {}}, {"D", "5", {}}}));
}

TEST(Environment, NeverNamesAVariableTwice) {
  Cluster cluster = with_redis(full_redis());
  cluster.spec.env = {{"A", "1", {}}, {"A", "2", {}}};
  cluster.spec.roles[0].env = {{"A", "3", {}}};
  std::set<std::string> names;
  for (const EnvVar& item : environment(cluster, cluster.spec.roles[0], "!")) {
    EXPECT_TRUE(names.insert(item.name).second) << item.name;
  }
  EXPECT_EQ(value_of(cluster, "A"), "3");
}

TEST(Environment, KubernetesExpandsNothingInWhatASpecSays) {
  Cluster cluster = small_cluster();
  cluster.spec.database.user = "a$(DB_HOST)$$b";
  cluster.spec.env = {{"MINE", "$(DB_HOST)", {}}};
  EXPECT_EQ(value_of(cluster, "DB_USER"), "a$$(DB_HOST)$$$$b");
  EXPECT_EQ(value_of(cluster, "MINE"), "$(DB_HOST)") << "in a user's own variable an expansion is meant";
  EXPECT_EQ(environment(cluster, cluster.spec.roles[0], "a$(b)").front().value, "a$$(b)");
}

TEST(Environment, DatabaseOfEachDialect) {
  struct Case {
    Dialect dialect;
    Pairs want;
  };
  for (const Case& c :
       {Case{Dialect::postgres, {{"DB_DIALECT", "postgres"}, {"DB_PORT", "5432"}, {"DB_HOST", "pg-rw"}}},
        Case{Dialect::mysql, {{"DB_DIALECT", "mysql"}, {"DB_PORT", "3306"}, {"DB_HOST", "pg-rw"}}},
        Case{Dialect::mariadb, {{"DB_DIALECT", "mariadb"}, {"DB_PORT", "3306"}, {"DB_HOST", "pg-rw"}}},
        Case{Dialect::kingbase, {{"DB_DIALECT", "kingbase"}, {"DB_PORT", "54321"}, {"DB_HOST", "pg-rw"}}},
        Case{Dialect::sqlite, {{"DB_DIALECT", "sqlite"}, {"DB_PORT", "(absent)"}, {"DB_HOST", "(absent)"}}}}) {
    SCOPED_TRACE(name_of(c.dialect));
    Cluster cluster = small_cluster();
    cluster.spec.database.dialect = c.dialect;
    for (const auto& [name, value] : c.want) {
      EXPECT_EQ(value_of(cluster, name), value) << name;
    }
  }
}

TEST(Environment, DatabaseOptionsAreWrittenOnlyWhenGiven) {
  Cluster cluster = small_cluster();
  const std::vector<std::string> names = {"DB_SCHEMA",
                                          "DB_TABLE_PREFIX",
                                          "DB_UNDERSCORED",
                                          "DB_DIALECT_OPTIONS_SSL_MODE",
                                          "DB_DIALECT_OPTIONS_SSL_CA",
                                          "DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED"};
  for (const std::string& name : names) {
    EXPECT_EQ(value_of(cluster, name), "(absent)") << name;
  }
  cluster.spec.database.schema = "app";
  cluster.spec.database.table_prefix = "nb_";
  cluster.spec.database.underscored = true;
  DatabaseTls tls;
  tls.mode = "verify-full";
  tls.ca = tls.cert = tls.key = SecretKeyRef{"pg-tls", "x"};
  tls.reject_unauthorized = false;
  cluster.spec.database.tls = tls;
  for (const auto& [name, value] : Pairs{{"DB_SCHEMA", "app"},
                                         {"DB_TABLE_PREFIX", "nb_"},
                                         {"DB_UNDERSCORED", "true"},
                                         {"DB_DIALECT_OPTIONS_SSL_MODE", "verify-full"},
                                         {"DB_DIALECT_OPTIONS_SSL_CA", "/etc/nocobase/database-tls/ca.crt"},
                                         {"DB_DIALECT_OPTIONS_SSL_CERT", "/etc/nocobase/database-tls/tls.crt"},
                                         {"DB_DIALECT_OPTIONS_SSL_KEY", "/etc/nocobase/database-tls/tls.key"},
                                         {"DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED", "false"}}) {
    EXPECT_EQ(value_of(cluster, name), value) << name;
  }
  cluster.spec.database.underscored = false;
  EXPECT_EQ(value_of(cluster, "DB_UNDERSCORED"), "false");
}

TEST(Environment, RedisUrl) {
  struct Case {
    const char* name;
    void (*change)(Redis&);
    const char* want;
  };
  for (const Case& c : {
           Case{"no password", [](Redis& r) { r.password.reset(); }, "redis://redis:6379/0"},
           Case{"password", [](Redis&) {}, "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/0"},
           Case{"user name", [](Redis& r) { r.username = "app"; },
                "redis://app:$(COORDINATION_REDIS_PASSWORD)@redis:6379/0"},
           Case{"a user name is encoded", [](Redis& r) { r.username = "a@b:c/$(x) \xc3\xa9"; },
                "redis://a%40b%3Ac%2F%24%28x%29%20%C3%A9:$(COORDINATION_REDIS_PASSWORD)@redis:6379/0"},
           Case{"TLS", [](Redis& r) { r.tls = true; }, "rediss://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/0"},
           Case{"port", [](Redis& r) { r.port = 6380; }, "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6380/0"},
           Case{"number", [](Redis& r) { r.databases.emplace().cache = 9; },
                "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/9"},
           Case{"IPv6", [](Redis& r) { r.host = "fd00::1"; },
                "redis://:$(COORDINATION_REDIS_PASSWORD)@[fd00::1]:6379/0"},
           Case{"IPv6 in brackets", [](Redis& r) { r.host = "[fd00::1]"; },
                "redis://:$(COORDINATION_REDIS_PASSWORD)@[fd00::1]:6379/0"},
           Case{"a whole URL",
                [](Redis& r) {
                  r.urls.emplace().cache = SecretKeyRef{"urls", "cache"};
                },
                "<urls/cache>"},
       }) {
    SCOPED_TRACE(c.name);
    Redis redis = full_redis();
    c.change(redis);
    EXPECT_EQ(value_of(with_redis(redis), "CACHE_REDIS_URL"), c.want);
  }
}

TEST(Environment, AnAdapterIsSwitchedOnOnlyWithItsUrl) {
  Redis redis;
  redis.urls.emplace().cache = SecretKeyRef{"urls", "cache"};
  Cluster cluster = with_redis(redis);
  for (const auto& [name, value] : Pairs{{"CACHE_DEFAULT_STORE", "redis"},
                                         {"LOCK_ADAPTER_DEFAULT", "(absent)"},
                                         {"LOCK_ADAPTER_REDIS_URL", "(absent)"},
                                         {"QUEUE_ADAPTER", "(absent)"},
                                         {"PUBSUB_ADAPTER_REDIS_URL", "(absent)"},
                                         {"REDIS_URL", "(absent)"},
                                         {"COORDINATION_REDIS_PASSWORD", "(absent)"}}) {
    EXPECT_EQ(value_of(cluster, name), value) << name;
  }
}

TEST(Environment, RabbitMqTakesTheQueueAndLeavesTheRest) {
  Cluster cluster = with_redis(full_redis());
  cluster.spec.coordination->queue = QueueKind::rabbitmq;
  cluster.spec.coordination->rabbitmq_url = SecretKeyRef{"mq", "url"};
  for (const auto& [name, value] : Pairs{{"QUEUE_ADAPTER", "rabbitmq"},
                                         {"QUEUE_ADAPTER_RABBITMQ_URL", "<mq/url>"},
                                         {"QUEUE_ADAPTER_REDIS_URL", "(absent)"},
                                         {"LOCK_ADAPTER_DEFAULT", "redis"},
                                         {"REDIS_URL", "redis://:$(COORDINATION_REDIS_PASSWORD)@redis:6379/4"}}) {
    EXPECT_EQ(value_of(cluster, name), value) << name;
  }
}

TEST(Environment, KeysAndAdministratorComeFromTheSecretsThatAreNamed) {
  Cluster cluster = small_cluster();
  cluster.spec.keys = Keys{"my-keys", {}};
  cluster.spec.initial_admin_secret = "my-admin";
  for (const auto& [name, value] : Pairs{{"APP_KEY", "<my-keys/APP_KEY>"},
                                         {"APP_AES_SECRET_KEY", "<my-keys/APP_AES_SECRET_KEY>"},
                                         {"INIT_ROOT_EMAIL", "<my-admin/INIT_ROOT_EMAIL>"},
                                         {"INIT_ROOT_PASSWORD", "<my-admin/INIT_ROOT_PASSWORD>"}}) {
    EXPECT_EQ(value_of(cluster, name), value) << name;
  }
}

TEST(Environment, MonitoringMaySetItsVariablesOtherwise) {
  Cluster cluster = small_cluster();
  cluster.spec.monitoring.emplace().enabled = true;
  EXPECT_EQ(value_of(cluster, "TELEMETRY_ENABLED"), "on");
  EXPECT_EQ(value_of(cluster, "TELEMETRY_PROMETHEUS_PORT"), "9464");
  EXPECT_EQ(value_of(cluster, "TELEMETRY_METRIC_READER"), "prometheus");
  cluster.spec.env = {{"TELEMETRY_METRIC_READER", "console,prometheus", {}}};
  EXPECT_EQ(value_of(cluster, "TELEMETRY_METRIC_READER"), "console,prometheus");
}

// A variable that the operator sets and a user may replace is in this list on purpose, or it is a hole.
TEST(Environment, WhatTheOperatorSetsIsReserved) {
  const std::set<std::string> free = {"TELEMETRY_ENABLED", "TELEMETRY_METRIC_READER", "TELEMETRY_PROMETHEUS_SERVER",
                                      "TELEMETRY_PROMETHEUS_PORT"};
  Cluster cluster = with_redis(full_redis());
  cluster.spec.coordination->plugins = {"p"};
  cluster.spec.monitoring.emplace().enabled = true;
  Cluster other = cluster;
  other.spec.coordination->queue = QueueKind::rabbitmq;
  other.spec.coordination->rabbitmq_url = SecretKeyRef{"mq", "url"};
  for (const Cluster& each : {cluster, other}) {
    for (const EnvVar& item : environment(each, each.spec.roles[0], "!")) {
      const bool reserved = is_reserved_variable(item.name) || !field_setting(each.spec, item.name).empty();
      EXPECT_NE(reserved, free.count(item.name) == 1) << item.name;
    }
  }
  EXPECT_FALSE(is_reserved_variable("TZ"));
}

}  // namespace
}  // namespace nocobase_operator::app
