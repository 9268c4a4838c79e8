// What KEDA is given for a role that scales on waiting work or on triggers.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/backlog.h"
#include "render_samples.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

Cluster scaled_on_backlog() {
  Cluster cluster = small_cluster();
  Role& role = cluster.spec.roles[1];
  role.replicas.reset();
  Autoscaling& scaling = role.autoscaling.emplace();
  scaling.max_replicas = 6;
  scaling.backlog_target = 5;
  return cluster;
}

Json body_of(const Cluster& cluster, Kind kind, bool hold = false) {
  RenderInput input{.cluster = &cluster, .counts = initial_counts(cluster), .epoch = 1};
  input.hold = hold;
  const auto children = render(input);
  const Child* const child = find_child(children.value(), kind, "crm-workflow");
  return child == nullptr ? Json() : child->body;
}

TEST(Backlog, OnlyKnownServicesHaveOne) {
  using Keys = std::vector<std::string_view>;
  EXPECT_EQ(backlog_keys(role_of("a", false, {"workflow:process"})), Keys({"workflow:process"}));
  EXPECT_EQ(backlog_keys(role_of("a", true, {"async-task:process"})), Keys({"async-task:process"}));
  EXPECT_EQ(backlog_keys(role_of("a", false, {"async-task:process", "x:y", "workflow:process"})),
            Keys({"workflow:process", "async-task:process"}));
  EXPECT_EQ(backlog_keys(role_of("a", false, {"*"})), Keys({"workflow:process", "async-task:process"}));
  EXPECT_EQ(backlog_keys(role_of("a", true, {"*"})), Keys({"workflow:process", "async-task:process"}));
  EXPECT_EQ(backlog_keys(role_of("a", true, {})), Keys());
  EXPECT_EQ(backlog_keys(role_of("a", false, {"x:y"})), Keys());
  EXPECT_EQ(backlog_keys(role_of("a", false, {})), Keys()) << "no role at all";
}

TEST(Backlog, IsCountedWhereNocoBaseKeepsIt) {
  Database database;
  EXPECT_EQ(backlog_query(database, {"async-task:process"}),
            R"(SELECT (SELECT COUNT(*) FROM "public"."asyncTasks" t WHERE t."status" IS NULL) AS backlog)");
  database.schema = "crm";
  database.table_prefix = "nb_";
  database.underscored = true;
  EXPECT_EQ(
      backlog_query(database, {"workflow:process", "async-task:process"}),
      R"(SELECT (SELECT COUNT(*) FROM "crm"."nb_executions" e JOIN "crm"."nb_workflows" w ON w."id" = e."workflow_id")"
      R"( WHERE e."dispatched" = FALSE AND e."status" IS NULL AND e."started_at" IS NULL AND w."enabled" = TRUE))"
      R"( + (SELECT COUNT(*) FROM "crm"."nb_async_tasks" t WHERE t."status" IS NULL) AS backlog)");
  database.dialect = Dialect::mysql;
  database.underscored = false;
  EXPECT_EQ(backlog_query(database, {"async-task:process"}),
            "SELECT (SELECT COUNT(*) FROM `nb_asyncTasks` t WHERE t.`status` IS NULL) AS backlog")
      << "it has no schemas";
  database.table_prefix = "a`b";
  EXPECT_NE(backlog_query(database, {"async-task:process"}).find("`a``basyncTasks`"), std::string::npos);
}

TEST(Backlog, NeedsAServerAndAPassword) {
  Database database = small_cluster().spec.database;
  EXPECT_TRUE(has_readable_backlog(database));
  database.password.reset();
  EXPECT_FALSE(has_readable_backlog(database));
  database.password = SecretKeyRef{"pg", "password"};
  database.dialect = Dialect::sqlite;
  EXPECT_FALSE(has_readable_backlog(database));
}

TEST(ScaledObject, ScalesTheRoleOnItsWaitingWork) {
  const Cluster cluster = scaled_on_backlog();
  const Json body = body_of(cluster, Kind::scaled_object);
  EXPECT_EQ(body["apiVersion"], "keda.sh/v1alpha1");
  EXPECT_EQ(body["metadata"].value("annotations", Json::object()).contains("autoscaling.keda.sh/paused"), false);
  const Json& spec = body["spec"];
  EXPECT_EQ(spec["scaleTargetRef"],
            (Json{{"apiVersion", "nocobase.com/v1alpha1"}, {"kind", "NocoBaseRole"}, {"name", "crm-workflow"}}));
  EXPECT_EQ(spec["minReplicaCount"], 1);
  EXPECT_EQ(spec["maxReplicaCount"], 6);
  const Json metadata = {
      {"host", "pg-rw.apps.svc"}, {"port", "5432"},
      {"dbName", "nocobase"},     {"userName", "nocobase"},
      {"sslmode", "prefer"},      {"query", backlog_query(cluster.spec.database, {"workflow:process"})},
      {"targetQueryValue", "5"}};
  EXPECT_EQ(spec["triggers"],
            Json::array({Json{
                {"type", "postgresql"}, {"metadata", metadata}, {"authenticationRef", {{"name", "crm-workflow"}}}}}));
  const Json down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"];
  EXPECT_EQ(down["stabilizationWindowSeconds"], 300) << "workers go down slowly";
  EXPECT_EQ(body_of(cluster, Kind::trigger_authentication)["spec"]["secretTargetRef"],
            Json::array({Json{{"parameter", "password"}, {"name", "pg"}, {"key", "password"}}}))
      << "the Secret that the application itself reads";
  EXPECT_TRUE(body_of(cluster, Kind::horizontal_pod_autoscaler).is_null()) << "KEDA makes it";
}

TEST(ScaledObject, ReadsTheDatabaseAsItsDialectAndPlaceWantIt) {
  Cluster cluster = scaled_on_backlog();
  Database& database = cluster.spec.database;
  const auto metadata = [&] { return body_of(cluster, Kind::scaled_object)["spec"]["triggers"][0]["metadata"]; };
  for (const auto& [host, want] : {std::pair("pg.databases", "pg.databases"), std::pair("10.0.0.1", "10.0.0.1"),
                                   std::pair("fd00::1", "fd00::1"), std::pair("pg", "pg.apps.svc")}) {
    database.host = host;
    EXPECT_EQ(metadata()["host"], want);
  }
  database.tls.emplace();
  EXPECT_EQ(metadata()["sslmode"], "require");
  database.tls->mode = "disable";
  EXPECT_EQ(metadata()["sslmode"], "prefer");
  for (const Dialect dialect : {Dialect::mysql, Dialect::mariadb}) {
    database.dialect = dialect;
    database.port = 3307;
    EXPECT_EQ(metadata(), (Json{{"host", "pg.apps.svc"},
                                {"port", "3307"},
                                {"dbName", "nocobase"},
                                {"username", "nocobase"},
                                {"query", backlog_query(database, {"workflow:process"})},
                                {"queryValue", "5"}}));
    EXPECT_EQ(body_of(cluster, Kind::scaled_object)["spec"]["triggers"][0]["type"], "mysql");
  }
}

TEST(ScaledObject, HandsTriggersOnAndAddsUtilisation) {
  Cluster cluster = scaled_on_backlog();
  Role& role = cluster.spec.roles[1];
  Autoscaling& scaling = *role.autoscaling;
  scaling.backlog_target.reset();
  scaling.min_replicas = 0;
  scaling.cpu = 80;
  scaling.memory = 70;
  const Json cron = {{"type", "cron"}, {"metadata", {{"timezone", "Etc/UTC"}, {"desiredReplicas", "3"}}}};
  scaling.triggers = Json::array({cron});
  scaling.behavior = Json{{"scaleUp", {{"selectPolicy", "Min"}}}};
  const Json spec = body_of(cluster, Kind::scaled_object)["spec"];
  EXPECT_EQ(
      spec["triggers"],
      Json::array({Json{{"type", "cpu"}, {"metricType", "Utilization"}, {"metadata", {{"value", "80"}}}},
                   Json{{"type", "memory"}, {"metricType", "Utilization"}, {"metadata", {{"value", "70"}}}}, cron}));
  EXPECT_EQ(spec["minReplicaCount"], 0);
  EXPECT_EQ(spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"], *scaling.behavior);
  EXPECT_TRUE(body_of(cluster, Kind::trigger_authentication).is_null()) << "triggers bring their own";
  role.requests = true;
  scaling.behavior.reset();
  EXPECT_FALSE(body_of(cluster, Kind::scaled_object)["spec"].contains("advanced"));
}

TEST(ScaledObject, IsPausedInAHold) {
  const Cluster cluster = scaled_on_backlog();
  EXPECT_EQ(body_of(cluster, Kind::scaled_object, true)["metadata"]["annotations"]["autoscaling.keda.sh/paused"],
            "true");
}

}  // namespace
}  // namespace nocobase_operator::app
