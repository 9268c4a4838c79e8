// Every scalar of the spec by itself: valid values, those at its bounds, bad ones, and each taken back.
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using Values = std::vector<std::string_view>;

struct Leaf {
  std::string_view pointer;  // below spec
  Values valid;              // JSON
  Values bad;
};

const std::vector<Leaf>& leaves() {
  static const std::vector<Leaf> all = {
      {"/image", {R"("nocobase/nocobase:2.2.16-full")"}, {"7", R"("")", R"("UPPER:1")", R"("a b")"}},
      {"/imagePullPolicy", {R"("Always")", R"("IfNotPresent")", R"("Never")"}, {"7", R"("Sometimes")"}},
      {"/imagePullSecrets", {R"([{"name": "a"}])"}, {R"([{"name": 7}])", R"([{"name": "A b"}])", R"([{}])"}},
      {"/roles/0/name", {R"("front")"}, {"7", R"("setup")", R"("")", R"("abcdefghijklmnopqrstu")", R"("A")"}},
      {"/roles/0/requests", {"true"}, {R"("yes")", "false"}},
      {"/roles/1/services", {R"(["workflow:process", "a"])"}, {R"([7])", R"(["!"])", R"(["a,b"])", "[]", R"(["-"])"}},
      {"/roles/0/replicas", {"0", "1", "20"}, {"-1", "33", R"("2")", "1.5"}},
      {"/roles/1/autoscaling",
       {R"({"maxReplicas": 3, "backlog": {"target": 5}})",
        R"({"minReplicas": 1, "maxReplicas": 6, "backlog": {"target": 1}})"},
       {R"({"maxReplicas": 0, "backlog": {"target": 5}})", R"({"maxReplicas": 33, "backlog": {"target": 5}})",
        R"({"minReplicas": 4, "maxReplicas": 3, "backlog": {"target": 5}})", R"({"maxReplicas": 3})",
        R"({"maxReplicas": 3, "backlog": {"target": 0}})", R"({"maxReplicas": 3, "cpu": 0})",
        R"({"maxReplicas": 3, "memory": "a"})", R"({"maxReplicas": "3", "backlog": {"target": 5}})"}},
      {"/roles/0/env",
       {R"([{"name": "A", "value": "1"}])"},
       {R"([{"name": 7}])", R"([{"name": "WORKER_MODE", "value": "-"}])"}},
      {"/roles/0/resources", {R"({"requests": {"cpu": "0.5"}})"}, {R"({"requests": {"cpu": "much"}})", "7"}},
      {"/roles/1/terminationGracePeriodSeconds", {"70", "86400"}, {"0", "86401", R"("70")"}},
      {"/roles/0/disruptionBudget",
       {R"({"minAvailable": 1})", R"({"maxUnavailable": "50%"})"},
       {R"({"minAvailable": 1, "maxUnavailable": 1})", R"({"minAvailable": -1})", R"({"minAvailable": "x%"})"}},
      {"/roles/0/podTemplate",
       {R"({"metadata": {"labels": {"a": "b"}}})"},
       {"7", R"({"spec": {"containers": [{"name": "nocobase", "env": [{"name": "WORKER_MODE", "value": "-"}]}]}})"}},
      {"/pluginServices", {R"(["report:render"])"}, {"7", "[7]", R"(["a b"])"}},
      {"/database/dialect", {R"("mysql")", R"("mariadb")", R"("kingbase")"}, {"7", R"("oracle")"}},
      {"/database/host", {R"("db")", R"("[fd00::1]")"}, {"7", R"("")", R"("a b")"}},
      {"/database/port", {"1", "65535"}, {"0", "65536", R"("5432")"}},
      {"/database/name", {R"("other")"}, {"7", R"("")"}},
      {"/database/user", {R"("other")"}, {"7", R"("")"}},
      {"/database/passwordSecretRef",
       {R"({"name": "pg", "key": "password"})"},
       {"7", "{}", R"({"name": "A b", "key": "k"})", R"({"name": "pg", "key": "a b"})"}},
      {"/database/schema", {R"("other")"}, {"7", R"("")", R"("a b")"}},
      {"/database/tablePrefix", {R"("nb_")"}, {"7", R"("")", R"("a b")"}},
      {"/database/underscored", {"true", "false"}, {"7"}},
      {"/database/tls",
       {R"({"mode": "verify-full"})", R"({"rejectUnauthorized": false})"},
       {"7", R"({"mode": "a b"})", R"({"rejectUnauthorized": 7})"}},
      {"/database/maxConnections", {"1000000"}, {"0", "1000001", R"("5")"}},
      {"/coordination/redis/host", {R"("other")"}, {"7", R"("")", R"("a b")"}},
      {"/coordination/redis/port", {"1", "65535"}, {"0", "65536", R"("6379")"}},
      {"/coordination/redis/tls", {"true", "false"}, {"7"}},
      {"/coordination/redis/username", {R"("u")"}, {"7", R"("")"}},
      {"/coordination/redis/databases",
       {R"({"cache": 0, "pubsub": 1023})"},
       {R"({"cache": -1})", R"({"lock": 1024})", R"({"queue": "1"})"}},
      {"/coordination/queue", {R"("Redis")"}, {"7", R"("Kafka")", R"("RabbitMQ")"}},
      {"/coordination/plugins", {R"(["@nocobase/plugin-lock-adapter-redis"])"}, {"7", "[7]", R"(["A B"])"}},
      {"/keys",
       {R"({"acceptedFingerprint": "a"})"},
       {"7", R"({"acceptedFingerprint": 7})", R"({"secretRef": {"name": "A b"}})"}},
      {"/initialAdmin", {}, {"7", R"({"secretRef": {"name": 7}})"}},
      {"/setup/env", {R"([{"name": "LICENCE", "value": "1"}])"}, {"7", R"([{"name": 7}])"}},
      {"/setup/timeoutSeconds", {"60", "86400"}, {"59", "86401", R"("60")"}},
      {"/setup/revision", {R"("2")", R"("")"}, {"7"}},
      {"/storage/size", {R"("10Gi")", R"("1.5Ti")"}, {"7", R"("big")", R"("")"}},
      {"/storage/accessModes", {R"(["ReadWriteMany"])"}, {"7", R"(["ReadSometimes"])"}},
      {"/storage/deletionPolicy", {R"("Retain")", R"("Delete")"}, {"7", R"("Recycle")"}},
      {"/service/type", {R"("NodePort")", R"("LoadBalancer")"}, {"7", R"("Nodeport")"}},
      {"/service/port", {"1", "65535"}, {"0", "65536", R"("80")"}},
      {"/service/annotations", {R"({"a": "b"})"}, {"7", R"({"a": 7})"}},
      {"/ingress",
       {R"({"host": "crm.example.com"})", R"({"host": "crm.example.com", "path": "/", "className": "nginx"})"},
       {"7", R"({"host": "A b"})", R"({"host": "a", "path": "x"})", R"({"host": "a", "tls": {"secretName": 7}})"}},
      {"/env",
       {R"([{"name": "A", "value": "1"}])"},
       {"7", R"([{"name": "A b", "value": "1"}])", R"([{"name": "APP_KEY", "value": "1"}])"}},
      {"/podTemplate", {R"({"metadata": {"labels": {"a": "b"}}})"}, {"7", R"({"spec": 7})"}},
      {"/upgrade/approval", {R"("Automatic")", R"("Manual")"}, {"7", R"("Maybe")"}},
      {"/upgrade/approvedImage", {R"("nocobase/nocobase:2.2.15-full")"}, {"7", R"("a b")"}},
      {"/upgrade/backup", {}, {"7", R"({"jobTemplate": 7})"}},
      {"/upgrade/verify", {}, {"7", R"({"jobTemplate": 7})"}},
      {"/upgrade/allowDowngrade", {"true", "false"}, {"7"}},
      {"/upgrade/retry", {R"("1")"}, {"7"}},
      {"/progressDeadlineSeconds", {"30", "86400"}, {"29", "86401", R"("600")"}},
      {"/maintenance", {"true", "false"}, {"7"}},
      {"/stopped", {"true", "false"}, {"7"}},
      {"/paused", {"true", "false"}, {"7"}},
      {"/networkPolicy/enabled", {"true", "false"}, {"7"}},
      {"/monitoring/enabled", {"true", "false"}, {"7"}},
      {"/monitoring/interval", {R"("30s")", R"("1h")"}, {"7", R"("0s")", R"("often")"}},
  };
  return all;
}

World installed() {
  World world(fresh_cluster());
  EXPECT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  return world;
}

void set(World& world, const Leaf& leaf, std::string_view value) {
  world.edit_spec([&](Json& spec) {
    const Json::json_pointer where{std::string(leaf.pointer)};
    spec[where] = Json::parse(value);
  });
}

// Everything but how often the spec was written.
std::string end_of(const World& world) {
  std::string out;
  std::istringstream in(world.digest());
  for (std::string line; std::getline(in, line);) {
    if (line.find("observedGeneration") == std::string::npos) {
      out += line + "\n";
    }
  }
  return out;
}

void take_back(World& world) {
  world.edit_spec([](Json& spec) { spec = fresh_cluster()["spec"]; });
}

TEST(Leaves, BadValuesChangeNothingThatRunsAndAreForgottenWhenTheyAreTakenBack) {
  const World before = installed();
  const std::string end = end_of(before);
  for (const Leaf& leaf : leaves()) {
    for (const std::string_view value : leaf.bad) {
      SCOPED_TRACE(std::string(leaf.pointer) + " " + std::string(value));
      World world = before;
      set(world, leaf, value);
      EXPECT_GT(world.settle([](const World&, const Plan& plan) {
        for (const kube::Call& call : plan.calls) {
          EXPECT_EQ(call.verb, kube::Verb::apply_status) << kube::to_string(call.ref);
        }
      }),
                0);
      EXPECT_TRUE(world.condition("Stalled").starts_with("True ")) << world.condition("Stalled");
      EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
      take_back(world);
      EXPECT_GT(world.settle(), 0);
      EXPECT_EQ(end_of(world), end);
    }
  }
}

TEST(Leaves, ValidValuesAndBoundsAreTakenAndCanBeTakenBack) {
  const World before = installed();
  for (const Leaf& leaf : leaves()) {
    for (const std::string_view value : leaf.valid) {
      SCOPED_TRACE(std::string(leaf.pointer) + " " + std::string(value));
      World world = before;
      set(world, leaf, value);
      world.put_references();
      EXPECT_GT(world.settle(), 0);
      EXPECT_TRUE(world.condition("Stalled").starts_with("False ")) << world.condition("Stalled");
      EXPECT_LE(world.images().size(), 1U);
      take_back(world);
      EXPECT_GT(world.settle(), 0);
      const bool is_older = leaf.pointer == "/image";  // the way back is refused: the database has moved
      EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
      EXPECT_EQ(world.condition("Stalled").starts_with("True DowngradeRefused"), is_older)
          << world.condition("Stalled");
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::app
