#include <algorithm>

#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

struct Case {
  std::string_view name;
  std::string pointer;
  std::string_view value;
  Codes want;
};

void expect(const std::vector<Case>& cases) {
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(codes_of(findings_of(changed(sample(), row.pointer, row.value))), row.want);
  }
}

TEST(Validate, nothing_is_found_in_a_good_cluster) {
  EXPECT_EQ(findings_of(sample()), kube::Findings());
}

TEST(Validate, roles) {
  expect({
      {"reserved", "/spec/roles/0/name", R"("setup")", {"NB020 spec.roles[0].name"}},
      {"serves nothing",
       "/spec/roles/1/services",
       "[]",
       {"NB021 spec.roles[1]", "NB041 spec.roles", "NB041 spec.roles"}},
      {"star beside others",
       "/spec/roles/1/services",
       R"(["*", "workflow:process"])",
       {"NB022 spec.roles[1].services"}},
      {"star alone", "/spec/roles/1/services", R"(["*"])", {}},
      {"both counts", "/spec/roles/0/autoscaling", R"({"maxReplicas": 3, "metrics": [{}]})", {"NB023 spec.roles[0]"}},
      {"33 pods", "/spec/roles/1/replicas", "31", {"NB027 spec.roles", "NB084 spec.database"}},
      {"32 pods", "/spec/roles/1/replicas", "30", {"NB084 spec.database"}},
      {"scaled from outside", "/spec/roles/1/replicas", "", {"NB084 spec.database"}},
      {"two budgets",
       "/spec/roles/0/disruptionBudget",
       R"({"minAvailable": 1, "maxUnavailable": 1})",
       {"NB030 spec.roles[0].disruptionBudget"}},
      {"budget of none",
       "/spec/roles/0/disruptionBudget",
       R"({"maxUnavailable": "0%"})",
       {"NB031 spec.roles[0].disruptionBudget"}},
      {"budget of all",
       "/spec/roles/0/disruptionBudget",
       R"({"minAvailable": 2})",
       {"NB031 spec.roles[0].disruptionBudget"}},
      {"budget with room", "/spec/roles/0/disruptionBudget", R"({"minAvailable": 1})", {}},
      {"budget that keeps the only pod",
       "/spec/roles/1/disruptionBudget",
       R"({"minAvailable": 1})",
       {"NB038 spec.roles[1].disruptionBudget"}},
      {"budget that lets the only pod go", "/spec/roles/1/disruptionBudget", R"({"maxUnavailable": 1})", {}},
      {"short grace for requests",
       "/spec/roles/0/terminationGracePeriodSeconds",
       "29",
       {"NB032 spec.roles[0].terminationGracePeriodSeconds"}},
      {"grace for requests", "/spec/roles/0/terminationGracePeriodSeconds", "30", {}},
      {"little memory",
       "/spec/roles/1/resources",
       R"({"limits": {"memory": "1000Mi"}})",
       {"NB039 spec.roles[1].resources.limits.memory"}},
      {"little memory as a number",
       "/spec/roles/1/resources",
       R"({"limits": {"memory": 1000000000}})",
       {"NB039 spec.roles[1].resources.limits.memory"}},
      {"enough memory", "/spec/roles/1/resources", R"({"limits": {"memory": "1Gi"}})", {}},
      {"short grace for work",
       "/spec/roles/1/terminationGracePeriodSeconds",
       "69",
       {"NB032 spec.roles[1].terminationGracePeriodSeconds"}},
  });
}

TEST(Validate, autoscaling) {
  const auto scaled = [](std::string_view autoscaling) {
    return codes_of(findings_of(
        changed(changed(sample(), "/spec/roles/1/replicas", ""), "/spec/roles/1/autoscaling", autoscaling)));
  };
  EXPECT_EQ(scaled(R"({"maxReplicas": 3, "backlog": {"target": 5}})"), Codes());
  EXPECT_EQ(scaled(R"({"backlog": {"target": 5}})"), (Codes{"NB005 spec.roles[1].autoscaling.maxReplicas"}));
  EXPECT_EQ(scaled(R"({"minReplicas": 4, "maxReplicas": 3, "backlog": {"target": 5}})"),
            (Codes{"NB024 spec.roles[1].autoscaling.minReplicas"}));
  EXPECT_EQ(scaled(R"({"maxReplicas": 3})"), (Codes{"NB025 spec.roles[1].autoscaling"}));
  EXPECT_EQ(scaled(R"({"maxReplicas": 3, "metrics": [{}], "backlog": {"target": 5}})"),
            (Codes{"NB026 spec.roles[1].autoscaling.metrics"}));
  EXPECT_EQ(scaled(R"({"maxReplicas": 3, "cpu": 80})"), (Codes{"NB028 spec.roles[1].autoscaling.cpu"}));
  EXPECT_EQ(scaled(R"({"maxReplicas": 3, "backlog": {"target": 5}, "triggers":
                      [{"authenticationRef": {"name": "a"}}, {"authenticationRef": {"kind": "ClusterTriggerAuthentication"}}]})"),
            (Codes{"NB029 spec.roles[1].autoscaling.triggers[1].authenticationRef.kind"}));
  EXPECT_EQ(scaled(R"({"minReplicas": 0, "maxReplicas": 3, "metrics": [{}]})"),
            (Codes{"NB034 spec.roles[1].autoscaling.minReplicas"}));
}

TEST(Validate, a_backlog_that_keda_can_count) {
  const auto found = [](Json object, std::string_view services, std::string_view database) {
    object = changed(std::move(object), "/spec/roles/1/replicas", "");
    object["spec"]["roles"][1]["services"] = Json::parse(services);
    object["spec"]["roles"][1]["autoscaling"] = {{"maxReplicas", 3}, {"backlog", {{"target", 5}}}};
    object["spec"]["database"].update(Json::parse(database));
    Codes codes = codes_of(findings_of(object));
    std::erase_if(codes, [](const std::string& code) { return code.find("backlog") == std::string::npos; });
    return codes;
  };
  const Codes refused = {"NB035 spec.roles[1].autoscaling.backlog"};
  EXPECT_EQ(found(sample(), R"(["*"])", "{}"), Codes());
  EXPECT_EQ(found(sample(), R"(["workflow:process"])", R"({"dialect": "mariadb"})"), Codes());
  EXPECT_EQ(found(sample(), R"(["report:process"])", "{}"), refused);
  EXPECT_EQ(found(sample(), R"(["workflow:process"])", R"({"dialect": "sqlite"})"), refused);
  EXPECT_EQ(found(changed(sample(), "/spec/database/passwordSecretRef", ""), R"(["workflow:process"])", "{}"), refused);
  const Json old = changed(sample(), "/spec/image", R"("nocobase/nocobase:2.0.9")");
  EXPECT_EQ(found(old, R"(["workflow:process"])", "{}"), (Codes{"NB037 spec.roles[1].autoscaling.backlog"}));
  EXPECT_EQ(found(old, R"(["async-task:process"])", "{}"), Codes());
}

TEST(Validate, zero_pods_where_somebody_else_serves_the_same) {
  const auto found = [](const Json& others) {
    Json object = changed(sample(), "/spec/roles/1/replicas", "");
    Json& roles = object["spec"]["roles"];
    roles[1]["autoscaling"] = {{"minReplicas", 0}, {"maxReplicas", 3}, {"backlog", {{"target", 5}}}};
    roles.insert(roles.end(), others.begin(), others.end());
    return codes_of(findings_of(object));
  };
  const auto role = [](const char* name, const std::vector<std::string>& services, int replicas) {
    return Json{{"name", name}, {"services", services}, {"replicas", replicas}};
  };
  const Codes warned = {"NB036 spec.roles[1].autoscaling.minReplicas"};
  EXPECT_EQ(found(Json::array()), warned);
  EXPECT_EQ(found(Json::array({role("a", {"workflow:process"}, 1)})), warned) << "and the tasks?";
  EXPECT_EQ(found(Json::array({role("a", {"*"}, 0)})), warned);
  EXPECT_EQ(found(Json::array({role("a", {"*"}, 1)})), Codes());
  EXPECT_EQ(found(Json::array({role("a", {"workflow:process"}, 1), role("b", {"async-task:process"}, 1)})), Codes());
}

TEST(Validate, a_request_for_cpu_may_stand_in_three_places) {
  Json object = changed(sample(), "/spec/roles/1/replicas", "");
  object = changed(object, "/spec/roles/1/autoscaling", R"({"maxReplicas": 3, "cpu": 80})");
  const std::string_view overlay =
      R"({"spec": {"containers": [{"name": "nocobase", "resources": {"requests": {"cpu": "1"}}}]}})";
  EXPECT_EQ(findings_of(changed(object, "/spec/roles/1/resources", R"({"requests": {"cpu": 1}})")), kube::Findings());
  EXPECT_EQ(findings_of(changed(object, "/spec/roles/1/resources", R"({"limits": {"cpu": "1"}})")), kube::Findings());
  EXPECT_EQ(findings_of(changed(object, "/spec/roles/1/podTemplate", overlay)), kube::Findings());
  EXPECT_EQ(findings_of(changed(object, "/spec/podTemplate", overlay)), kube::Findings());
  EXPECT_EQ(codes_of(findings_of(changed(object, "/spec/roles/0/podTemplate", overlay))),
            (Codes{"NB028 spec.roles[1].autoscaling.cpu"}));
}

TEST(Validate, coverage) {
  expect({
      {"no requests", "/spec/roles/0", R"({"name": "x", "services": ["*"], "replicas": 1})", {"NB040 spec.roles"}},
      {"no tasks", "/spec/roles/1/services", R"(["workflow:process"])", {"NB041 spec.roles"}},
      {"plugin key", "/spec/pluginServices", R"(["report:render"])", {"NB041 spec.roles"}},
      {"misspelt",
       "/spec/roles/1/services",
       R"(["workflow:proces", "async-task:process"])",
       {"NB041 spec.roles", "NB042 spec.roles[1].services[0]"}},
      {"unknown",
       "/spec/roles/1/services",
       R"(["workflow:process", "async-task:process", "report:render"])",
       {"NB043 spec.roles[1].services[2]"}},
  });
  Json object = changed(sample(), "/spec/pluginServices", R"(["report:render"])");
  object["spec"]["roles"][0]["services"] = {"report:render"};
  EXPECT_EQ(findings_of(object), kube::Findings());
}

TEST(Validate, image) {
  expect({
      {"moving", "/spec/image", R"("nocobase/nocobase:latest")", {"NB070 spec.image"}},
      {"minor", "/spec/image", R"("nocobase/nocobase:2.2-full")", {"NB070 spec.image"}},
      {"none", "/spec/image", R"("localhost:5000/nocobase")", {"NB070 spec.image"}},
      {"digest", "/spec/image", R"("a@sha256:0123456789abcdef0123456789abcdef")", {"NB071 spec.image"}},
      {"too old", "/spec/image", R"("a:1.9.22")", {"NB072 spec.image"}},
      {"prerelease of the first", "/spec/image", R"("a:2.0.0-beta.1")", {"NB072 spec.image"}},
      {"old", "/spec/image", R"("a:2.1.40")", {"NB073 spec.image"}},
      {"advised", "/spec/image", R"("a:2.1.41")", {}},
      {"without nginx", "/spec/image", R"("nocobase/nocobase:2.2.15-no-nginx")", {}},
      {"without nginx before there was one",
       "/spec/image",
       R"("nocobase/nocobase:2.1.17-full-no-nginx")",
       {"NB073 spec.image", "NB075 spec.image"}},
      {"somebody else's tag", "/spec/image", R"("a:2.1.17-no-nginx")", {"NB073 spec.image"}},
      {"pm2 only", "/spec/image", R"("a:1.6.21")", {"NB072 spec.image", "NB076 spec.image"}},
  });
}

TEST(Validate, one_pod_that_does_everything_may_be_old_and_alone) {
  Json object =
      changed(sample(), "/spec/roles", R"([{"name": "all", "requests": true, "services": ["*"], "replicas": 1}])");
  object = changed(changed(object, "/spec/coordination", ""), "/spec/image", R"("a:1.9.22")");
  EXPECT_EQ(findings_of(object), kube::Findings());
  EXPECT_EQ(codes_of(findings_of(changed(object, "/spec/roles/0/replicas", "2"))),
            (Codes{"NB072 spec.image", "NB090 spec.roles"}));
  EXPECT_EQ(codes_of(findings_of(changed(object, "/spec/roles/0/replicas", ""))),
            (Codes{"NB072 spec.image", "NB084 spec.database", "NB090 spec.roles"}))
      << "it may be scaled";
  EXPECT_EQ(codes_of(findings_of(changed(object, "/spec/database", R"({"dialect": "sqlite"})"))), Codes());
}

TEST(Validate, database) {
  expect({
      {"sqlite with three pods", "/spec/database", R"({"dialect": "sqlite"})", {"NB080 spec.database.dialect"}},
      {"no host", "/spec/database/host", "", {"NB081 spec.database"}},
      {"localhost", "/spec/database/host", R"("127.0.0.1")", {"NB056 spec.database.host"}},
      {"no password", "/spec/database/passwordSecretRef", "", {"NB086 spec.database"}},
      {"schema in mysql",
       "/spec/database",
       R"({"dialect": "mysql", "host": "a", "name": "a", "user": "a", "schema": "a",
        "passwordSecretRef": {"name": "a", "key": "a"}})",
       {"NB085 spec.database.schema"}},
      {"administrator",
       "/spec/database",
       R"({"dialect": "mariadb", "host": "a", "name": "a", "user": "root", "passwordSecretRef": {"name": "a", "key": "a"}})",
       {"NB087 spec.database.user"}},
      {"somebody called root", "/spec/database/user", R"("root")", {}},
      {"administrator of PostgreSQL", "/spec/database/user", R"("postgres")", {"NB087 spec.database.user"}},
      {"administrator of KingbaseES",
       "/spec/database",
       R"({"dialect": "kingbase", "host": "a", "name": "a", "user": "system", "passwordSecretRef": {"name": "a", "key": "a"}})",
       {"NB087 spec.database.user"}},
      {"a host nobody wrote", "/spec/database/host", R"("replace-me.invalid")", {"NB053 spec.database.host"}},
      {"a name nobody wrote", "/spec/database/name", R"("replace-me")", {"NB053 spec.database.name"}},
      {"a user nobody wrote", "/spec/database/user", R"("replace-me")", {"NB053 spec.database.user"}},
      {"an image nobody wrote", "/spec/image", R"("nocobase/nocobase:replace-me")", {"NB053 spec.image"}},
      {"a Redis nobody wrote",
       "/spec/coordination/redis/host",
       R"("replace-me.invalid")",
       {"NB053 spec.coordination.redis.host"}},
      {"just enough", "/spec/database/maxConnections", "15", {}},
      {"too few", "/spec/database/maxConnections", "14", {"NB083 spec.database.maxConnections"}},
  });
  Json object = changed(sample(), "/spec/env", R"([{"name": "DB_POOL_MAX", "value": "20"}])");
  object["spec"]["database"]["maxConnections"] = 59;
  const auto findings = findings_of(object);
  ASSERT_EQ(codes_of(findings), (Codes{"NB083 spec.database.maxConnections"}));
  EXPECT_EQ(findings[0].message, "the pods may open up to 60 connections, 59 are allowed");
}

TEST(Validate, coordination) {
  expect({
      {"none", "/spec/coordination", "", {"NB090 spec.roles"}},
      {"empty", "/spec/coordination", "{}", {"NB090 spec.coordination", "NB097 spec.coordination"}},
      {"neither host nor urls", "/spec/coordination/redis", "{}", {"NB091 spec.coordination.redis"}},
      {"RabbitMQ without URL and plugin",
       "/spec/coordination/queue",
       R"("RabbitMQ")",
       {"NB092 spec.coordination", "NB098 spec.coordination.plugins"}},
      {"a URL without RabbitMQ",
       "/spec/coordination/rabbitmq",
       R"({"urlSecretRef": {"name": "a", "key": "b"}})",
       {"NB092 spec.coordination"}},
      {"Redis without redis",
       "/spec/coordination",
       R"({"queue": "Redis", "plugins": ["a"]})",
       {"NB090 spec.coordination", "NB093 spec.coordination.queue"}},
      {"shared numbers",
       "/spec/coordination/redis/databases",
       R"({"queue": 0})",
       {"NB094 spec.coordination.redis.databases.queue"}},
      {"high number",
       "/spec/coordination/redis/databases",
       R"({"queue": 99})",
       {"NB095 spec.coordination.redis.databases.queue"}},
      {"a URL missing",
       "/spec/coordination/redis",
       R"({"urls": {
        "cacheSecretRef": {"name": "a", "key": "c"}, "pubsubSecretRef": {"name": "a", "key": "p"},
        "lockSecretRef": {"name": "a", "key": "l"}, "queueSecretRef": {"name": "a", "key": "q"}}})",
       {"NB096 spec.coordination.redis.urls"}},
      {"no plugins", "/spec/coordination/plugins", "", {"NB097 spec.coordination"}},
      {"localhost", "/spec/coordination/redis/host", R"("localhost")", {"NB056 spec.coordination.redis.host"}},
  });
}

TEST(Validate, adapters_and_their_plugins) {
  const auto found = [](std::string_view plugins, std::string_view coordination = "{}") {
    Json object = changed(sample(), "/spec/coordination/plugins", plugins);
    object["spec"]["coordination"].update(parsed(coordination));
    return findings_of(object);
  };
  const std::string rest = R"("@nocobase/plugin-lock-adapter-redis", "@nocobase/plugin-workerid-allocator-redis")";
  const auto of = [&rest](const std::string& more) { return "[" + rest + more + "]"; };
  const std::string pubsub = R"(, "@nocobase/plugin-pubsub-adapter-redis")";
  const std::string redis_queue = R"(, "@nocobase/plugin-queue-adapter-redis")";
  const std::string rabbit_queue = R"(, "@nocobase/plugin-queue-adapter-rabbitmq")";
  const std::string rabbit = R"({"queue": "RabbitMQ", "rabbitmq": {"urlSecretRef": {"name": "a", "key": "b"}}})";
  const Codes lacking = {"NB098 spec.coordination.plugins"};
  EXPECT_EQ(found(of(pubsub + redis_queue)), kube::Findings());
  EXPECT_EQ(codes_of(found(of(pubsub))), lacking);
  EXPECT_EQ(found(of(""))[0].message, "none of the plugins is for pubsub, queue");
  EXPECT_EQ(codes_of(found(of(pubsub + redis_queue), rabbit)), lacking) << "the queue is RabbitMQ";
  EXPECT_EQ(found(of(pubsub + rabbit_queue), rabbit), kube::Findings());
  EXPECT_EQ(found(of(R"(, "@nocobase/preset-cluster")")), kube::Findings()) << "it may bring anything";
  EXPECT_EQ(codes_of(found(of(redis_queue + R"(, "@nocobase/plugin-sync-adapter-redis")"))),
            Codes{"NB099 spec.coordination.plugins[3]"});
  Json object = changed(sample(), "/spec/coordination/plugins", "");
  object["spec"]["env"] = parsed(R"([{"name": "APPEND_PRESET_BUILT_IN_PLUGINS", "value": "a"}])");
  EXPECT_EQ(findings_of(object), kube::Findings()) << "they are named elsewhere";
}

TEST(Validate, storage) {
  expect({
      {"zero", "/spec/storage", R"({"size": "0"})", {"NB100 spec.storage.size"}},
      {"one node", "/spec/storage", R"({"accessModes": ["ReadWriteOnce"]})", {"NB101 spec.storage.accessModes"}},
      {"read only", "/spec/storage", R"({"accessModes": ["ReadOnlyMany"]})", {"NB105 spec.storage.accessModes"}},
      {"one node and more", "/spec/storage", R"({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]})", {}},
      {"someone else's",
       "/spec/storage",
       R"({"existingClaim": "a", "size": "1Gi", "storageClassName": "b"})",
       {"NB102 spec.storage.size", "NB102 spec.storage.storageClassName"}},
  });
  Json object = changed(sample(), "/spec/storage", R"({"accessModes": ["ReadWriteOnce"]})");
  object["spec"]["podTemplate"] = parsed(R"({"spec": {"nodeSelector": {"kubernetes.io/hostname": "a"}}})");
  EXPECT_EQ(findings_of(object), kube::Findings());
}

TEST(Validate, lifecycle) {
  expect({
      {"both holds", "/spec/maintenance", "true", {}},
      {"no backup", "/spec/upgrade", "{}", {"NB112 spec.upgrade"}},
      {"empty job",
       "/spec/upgrade/verify",
       R"({"jobTemplate": {"spec": {}}})",
       {"NB111 spec.upgrade.verify.jobTemplate"}},
      {"approval of nothing", "/spec/upgrade/approvedImage", R"("a:1")", {"NB113 spec.upgrade.approvedImage"}},
      {"downgrades allowed", "/spec/upgrade/allowDowngrade", "true", {"NB114 spec.upgrade.allowDowngrade"}},
      {"monitoring off", "/spec/monitoring", R"({"podMonitor": true})", {"NB113 spec.monitoring"}},
  });
  Json object = changed(sample(), "/spec/maintenance", "true");
  EXPECT_EQ(codes_of(findings_of(changed(object, "/spec/stopped", "true"))), (Codes{"NB110 spec.maintenance"}));
}

TEST(Validate, workers_alone_do_not_stop_the_operator) {
  kube::Findings findings =
      findings_of(changed(sample(), "/spec/roles/0", R"({"name": "x", "services": ["*"], "replicas": 1})"));
  ASSERT_EQ(codes_of(findings), Codes{"NB040 spec.roles"});
  EXPECT_EQ(first_error(findings), nullptr);
  findings.push_back({"NB101", kube::Severity::error, "spec.storage.accessModes", "", ""});
  EXPECT_EQ(first_error(findings), &findings[1]);
}

}  // namespace
}  // namespace nocobase_operator::app
