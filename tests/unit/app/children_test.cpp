#include "app/children.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/defaults.h"
#include "app/names.h"
#include "base/hash.h"
#include "kube/owned.h"
#include "unit/app/render_samples.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using testing::ElementsAreArray;
namespace wm = nocobase::worker_mode;

std::vector<Child> children_of(const Cluster& cluster) {
  auto children = render_once(cluster);
  EXPECT_TRUE(children.ok()) << children.error().what;
  return children.ok() ? std::move(children).value() : std::vector<Child>{};
}

Json body_of(const Cluster& cluster, Kind kind, std::string_view name) {
  const auto children = children_of(cluster);
  const Child* child = find_child(children, kind, name);
  return child == nullptr ? Json(nullptr) : child->body;
}

Cluster everything_asked_for() {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].replicas = 2;
  cluster.spec.ingress.emplace().host = "crm.example.com";
  cluster.spec.gateway.emplace().parent_refs = Json::array({{{"name", "public"}}});
  cluster.spec.network_policy = NetworkPolicySpec{true};
  cluster.spec.monitoring = Monitoring{true, true, {}};
  return cluster;
}

TEST(Render, WritesInAFixedOrder) {
  std::vector<std::string> refs;
  for (const Child& child : children_of(everything_asked_for())) {
    refs.push_back(kube::to_string(child.ref));
  }
  EXPECT_THAT(refs, ElementsAreArray({"ServiceAccount apps/crm", "PersistentVolumeClaim apps/crm-storage",
                                      "Service apps/crm", "NocoBaseRole apps/crm-web", "Deployment apps/crm-web",
                                      "NocoBaseRole apps/crm-workflow", "Deployment apps/crm-workflow",
                                      "PodDisruptionBudget apps/crm-web", "NetworkPolicy apps/crm", "Ingress apps/crm",
                                      "HTTPRoute apps/crm", "PodMonitor apps/crm"}));
}

TEST(Render, IsAFunctionOfItsInputAlone) {
  const Cluster cluster = small_cluster();
  EXPECT_EQ(children_of(cluster), children_of(cluster));
  const Cluster copy = cluster;
  EXPECT_EQ(children_of(cluster), children_of(copy));
}

TEST(Render, EveryChildNamesItselfItsOwnerAndItsHash) {
  for (const Child& child : children_of(everything_asked_for())) {
    SCOPED_TRACE(kube::to_string(child.ref));
    const Json& metadata = child.body["metadata"];
    EXPECT_EQ(kube::kind_of(kube::string_at(child.body, {"apiVersion"}), kube::string_at(child.body, {"kind"})),
              child.ref.kind);
    EXPECT_EQ(metadata["name"], child.ref.name);
    EXPECT_EQ(metadata["namespace"], child.ref.ns);
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/name"], "nocobase");
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/instance"], "crm");
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/part-of"], "nocobase");
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/managed-by"], "nocobase-operator");
    EXPECT_NE(child.hash, 0U);
    EXPECT_EQ(metadata["annotations"]["nocobase.com/applied-hash"], hex64(child.hash));
    EXPECT_EQ(kube::content_hash(child.ref.kind, child.body, annotation_applied), child.hash);
    if (child.ref.kind == Kind::persistent_volume_claim) {
      EXPECT_FALSE(metadata.contains("ownerReferences"));
      continue;
    }
    EXPECT_EQ(metadata["ownerReferences"],
              Json::parse(R"([{"apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster", "name": "crm",
                               "uid": "6d3c5b1e-0000-4000-8000-000000000001", "controller": true,
                                "blockOwnerDeletion": true}])"));
  }
}

TEST(Render, OfflineThereIsNeitherOwnerNorNamespace) {
  Cluster cluster = small_cluster();
  cluster.ns.clear();
  cluster.uid.clear();
  cluster.spec.storage.emplace().deletion_policy = DeletionPolicy::remove;
  for (const Child& child : children_of(cluster)) {
    EXPECT_FALSE(child.body["metadata"].contains("ownerReferences")) << kube::to_string(child.ref);
    EXPECT_FALSE(child.body["metadata"].contains("namespace")) << kube::to_string(child.ref);
  }
}

TEST(Render, TheServiceSelectsThePodsOfExactlyTheRolesThatServeRequests) {
  Cluster cluster = small_cluster();
  cluster.spec.roles = {role_of("a", true, {}), role_of("b", true, {"workflow:process"}), role_of("c", true, {"*"}),
                        role_of("d", false, {"*"}), role_of("e", false, {"workflow:process"})};
  const auto children = children_of(cluster);
  const Json selector = find_child(children, Kind::service, "crm")->body["spec"]["selector"];
  for (const Role& role : cluster.spec.roles) {
    SCOPED_TRACE(role.name);
    const Child* deployment = find_child(children, Kind::deployment, "crm-" + role.name);
    ASSERT_NE(deployment, nullptr);
    const Json labels = deployment->body["spec"]["template"]["metadata"]["labels"];
    const bool selected = std::all_of(selector.items().begin(), selector.items().end(), [&](const auto& item) {
      return labels.contains(item.key()) && labels[item.key()] == item.value();
    });
    EXPECT_EQ(selected, role.requests);
    EXPECT_EQ(selected, wm::Mode::parse(worker_mode_of(role).value()).serves_requests());
  }
}

// The pods that a label selector selects among those of a role.
bool selects(const Json& selector, const Json& labels) {
  const Json matches = selector.value("matchLabels", Json::object());
  const Json expressions = selector.value("matchExpressions", Json::array());
  return std::all_of(matches.items().begin(), matches.items().end(),
                     [&](const auto& item) { return labels.value(item.key(), "") == item.value(); }) &&
         std::all_of(expressions.begin(), expressions.end(), [&](const Json& expression) {
           EXPECT_EQ(expression["operator"], "DoesNotExist");
           return !labels.contains(expression["key"].get<std::string>());
         });
}

TEST(Render, TheNetworkPolicyIsAboutThePodsOfExactlyTheRolesThatServeNoRequests) {
  Cluster cluster = small_cluster();
  cluster.spec.network_policy = NetworkPolicySpec{true};
  cluster.spec.roles = {role_of("a", true, {}), role_of("b", true, {"workflow:process"}), role_of("c", false, {"*"})};
  const auto children = children_of(cluster);
  const Json selector = find_child(children, Kind::network_policy, "crm")->body["spec"]["podSelector"];
  for (const Role& role : cluster.spec.roles) {
    const Child* deployment = find_child(children, Kind::deployment, "crm-" + role.name);
    const Json labels = deployment->body["spec"]["template"]["metadata"]["labels"];
    EXPECT_EQ(selects(selector, labels), !role.requests) << role.name;
  }
  cluster.spec.network_policy = NetworkPolicySpec{false};
  EXPECT_EQ(body_of(cluster, Kind::network_policy, "crm"), nullptr);
}

TEST(Render, ABudgetNeverKeepsTheOnlyPod) {
  struct Case {
    const char* name;
    std::optional<std::int32_t> replicas;  // absent: autoscaled, from `least`
    std::optional<std::int32_t> least;     // absent as well: scaled from outside
    std::optional<DisruptionBudget> budget;
    bool maintenance;
    Json want;  // what the budget says, null for none
  };
  const Json one_out = {{"maxUnavailable", 1}};
  for (const Case& c : std::vector<Case>{
           {"two pods", 2, {}, {}, false, one_out},
           {"one pod", 1, {}, {}, false, nullptr},
           {"no pod", 0, {}, {}, false, nullptr},
           {"scaled from outside", {}, {}, {}, false, nullptr},
           {"autoscaled from one", {}, 1, {}, false, nullptr},
           {"autoscaled from two", {}, 2, {}, false, one_out},
           {"an empty budget is as good as none", 2, {}, DisruptionBudget{}, false, one_out},
           {"a floor", 3, {}, DisruptionBudget{Json(2), {}}, false, {{"minAvailable", 2}}},
           {"a floor in percent", 3, {}, DisruptionBudget{Json("50%"), {}}, false, {{"minAvailable", "50%"}}},
           {"a floor where one pod may be all", {}, {}, DisruptionBudget{Json("50%"), {}}, false, nullptr},
           {"no floor where one pod may be all", {}, {}, DisruptionBudget{Json(0), {}}, false, {{"minAvailable", 0}}},
           {"a floor in maintenance", 3, {}, DisruptionBudget{Json(2), {}}, true, nullptr},
           {"one out in maintenance", 3, {}, {}, true, one_out},
           {"some out where one pod may be all",
            {},
            {},
            DisruptionBudget{{}, Json("30%")},
            false,
            {{"maxUnavailable", "30%"}}},
           {"none out where one pod may be all", {}, {}, DisruptionBudget{{}, Json("0%")}, false, nullptr},
           {"none out of three, as asked", 3, {}, DisruptionBudget{{}, Json(0)}, false, {{"maxUnavailable", 0}}}}) {
    SCOPED_TRACE(c.name);
    Cluster cluster = small_cluster();
    cluster.spec.maintenance = c.maintenance;
    Role& role = cluster.spec.roles[0];
    role.replicas = c.replicas;
    if (c.least) {
      role.autoscaling.emplace().min_replicas = c.least;
    }
    role.disruption_budget = c.budget;
    const auto children = children_of(cluster);
    const Child* const budget = find_child(children, Kind::pod_disruption_budget, "crm-web");
    ASSERT_EQ(budget == nullptr, c.want.is_null());
    if (budget != nullptr) {
      Json want = c.want;
      want["unhealthyPodEvictionPolicy"] = "AlwaysAllow";
      want["selector"] = find_child(children, Kind::deployment, "crm-web")->body["spec"]["selector"];
      EXPECT_EQ(budget->body["spec"], want);
    }
  }
}

TEST(Render, AnAutoscalerScalesTheRoleAndNotItsDeployment) {
  Cluster cluster = small_cluster();
  Role& role = cluster.spec.roles[1];
  role.replicas.reset();
  Autoscaling& scaling = role.autoscaling.emplace();
  scaling.max_replicas = 6;
  scaling.cpu = 80;
  const Json load = {
      {"type", "Resource"},
      {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}};
  Json want = {
      {"scaleTargetRef", {{"apiVersion", "nocobase.com/v1alpha1"}, {"kind", "NocoBaseRole"}, {"name", "crm-workflow"}}},
      {"minReplicas", 1},
      {"maxReplicas", 6},
      {"metrics", Json::array({load})}};
  want["behavior"] = Json::parse(R"({
    "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15},
                                                              {"type": "Percent", "value": 100, "periodSeconds": 15}]},
    "scaleDown": {"stabilizationWindowSeconds": 300, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}})");
  const auto spec = [&] { return body_of(cluster, Kind::horizontal_pod_autoscaler, "crm-workflow")["spec"]; };
  EXPECT_EQ(spec(), want) << "workers go down slowly and up fast";

  role.requests = true;
  want.erase("behavior");
  EXPECT_EQ(spec(), want) << "as Kubernetes does it";

  const Json jobs = {{"type", "External"}, {"external", {{"metric", {{"name", "jobs"}}}}}};
  scaling.memory = 70;
  scaling.min_replicas = 2;
  scaling.metrics = Json::array({jobs});
  scaling.behavior = Json{{"scaleDown", {{"selectPolicy", "Disabled"}}}};
  Json memory = load;
  memory["resource"] = {{"name", "memory"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 70}}}};
  want["minReplicas"] = 2;
  want["metrics"] = Json::array({load, memory, jobs});
  want["behavior"] = *scaling.behavior;
  EXPECT_EQ(spec(), want) << "what is given is handed on";

  scaling.backlog_target = 5;
  EXPECT_EQ(body_of(cluster, Kind::horizontal_pod_autoscaler, "crm-workflow"), nullptr) << "that is for KEDA";
  scaling.backlog_target.reset();
  scaling.triggers = Json::array({Json{{"type", "cron"}}});
  EXPECT_EQ(body_of(cluster, Kind::horizontal_pod_autoscaler, "crm-workflow"), nullptr);
  role.autoscaling.reset();
  EXPECT_EQ(body_of(cluster, Kind::horizontal_pod_autoscaler, "crm-workflow"), nullptr);
}

TEST(Render, EveryDeploymentServesExactlyItsRole) {
  Cluster cluster = small_cluster();
  cluster.spec.roles = {role_of("a", true, {}), role_of("b", true, {"workflow:process", "x:y"}),
                        role_of("c", true, {"*"}), role_of("d", false, {"*"}),
                        role_of("e", false, {"async-task:process", "workflow:process"})};
  const auto children = children_of(cluster);
  for (const Role& role : cluster.spec.roles) {
    SCOPED_TRACE(role.name);
    const Json env = find_child(children, Kind::deployment, "crm-" + role.name)
                         ->body["spec"]["template"]["spec"]["containers"][0]["env"];
    ASSERT_EQ(env[0]["name"], "WORKER_MODE");
    EXPECT_TRUE(
        wm::serves_exactly(wm::Mode::parse(env[0]["value"].get<std::string>()), {role.requests, role.services}));
  }
}

TEST(Render, ADeploymentSelectsItsOwnPodsByFixedLabels) {
  const auto children = children_of(small_cluster());
  for (const char* role : {"web", "workflow"}) {
    const Json body = find_child(children, Kind::deployment, std::string("crm-") + role)->body;
    const Json selector = body["spec"]["selector"]["matchLabels"];
    EXPECT_EQ(selector, (Json{{"app.kubernetes.io/name", "nocobase"},
                              {"app.kubernetes.io/instance", "crm"},
                              {"app.kubernetes.io/component", role}}));
    const Json labels = body["spec"]["template"]["metadata"]["labels"];
    for (const auto& [key, value] : selector.items()) {
      EXPECT_EQ(labels[key], value) << key;
    }
  }
}

TEST(Render, CountsAreTheCallers) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].replicas = 3;
  const auto children = render({&cluster, {{3, 1}, {5, 0}}, 12});
  ASSERT_TRUE(children.ok());
  const auto body = [&](Kind kind, const char* name) { return find_child(children.value(), kind, name)->body; };
  EXPECT_EQ(body(Kind::nocobase_role, "crm-web")["spec"],
            (Json{{"clusterName", "crm"}, {"role", "web"}, {"replicas", 3}}));
  EXPECT_EQ(body(Kind::nocobase_role, "crm-workflow")["spec"], (Json{{"clusterName", "crm"}, {"role", "workflow"}}))
      << "the intent of an elastic role is somebody else's";
  EXPECT_EQ(body(Kind::deployment, "crm-web")["spec"]["replicas"], 1);
  EXPECT_EQ(body(Kind::deployment, "crm-workflow")["spec"]["replicas"], 0);
}

TEST(Render, TheEpochIsOnTheDeploymentAndNeverOnItsPods) {
  const Cluster cluster = small_cluster();
  const auto first = render({&cluster, initial_counts(cluster), 1});
  const auto second = render({&cluster, initial_counts(cluster), 2});
  ASSERT_TRUE(first.ok() && second.ok());
  const Json a = find_child(first.value(), Kind::deployment, "crm-web")->body;
  const Json b = find_child(second.value(), Kind::deployment, "crm-web")->body;
  EXPECT_EQ(a["metadata"]["annotations"]["nocobase.com/epoch"], "1");
  EXPECT_EQ(b["metadata"]["annotations"]["nocobase.com/epoch"], "2");
  EXPECT_EQ(a["spec"], b["spec"]);
}

TEST(Render, Strategy) {
  struct Case {
    const char* name;
    void (*change)(Cluster&);
    Json web, workflow;
  };
  const Json surge = Json::parse(R"({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})");
  const Json in_place =
      Json::parse(R"({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})");
  const Json recreate = {{"type", "Recreate"}};
  for (const Case& c : {
           Case{"workers roll without surge", [](Cluster&) {}, surge, in_place},
           Case{"ReadWriteOnce", [](Cluster& k) { k.spec.storage.emplace().access_modes = {"ReadWriteOnce"}; },
                recreate, recreate},
           Case{"ReadWriteOncePod", [](Cluster& k) { k.spec.storage.emplace().access_modes = {"ReadWriteOncePod"}; },
                recreate, recreate},
           Case{"both",
                [](Cluster& k) {
                  k.spec.storage.emplace().access_modes = {"ReadWriteOnce", "ReadWriteMany"};
                },
                surge, in_place},
           Case{"a version that migrates at each start", [](Cluster& k) { k.spec.image = "nocobase/nocobase:1.9.22"; },
                recreate, recreate},
           Case{"the first that does not", [](Cluster& k) { k.spec.image = "nocobase/nocobase:2.0.0"; }, surge,
                in_place},
           Case{"sqlite is one file", [](Cluster& k) { k.spec.database.dialect = Dialect::sqlite; }, recreate,
                recreate},
       }) {
    SCOPED_TRACE(c.name);
    Cluster cluster = small_cluster();
    c.change(cluster);
    EXPECT_EQ(body_of(cluster, Kind::deployment, "crm-web")["spec"]["strategy"], c.web);
    EXPECT_EQ(body_of(cluster, Kind::deployment, "crm-workflow")["spec"]["strategy"], c.workflow);
  }
}

TEST(Render, Claim) {
  Cluster cluster = small_cluster();
  EXPECT_EQ(body_of(cluster, Kind::persistent_volume_claim, "crm-storage")["spec"],
            Json::parse(R"({"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}})"));
  cluster.spec.storage = Storage{"10240Mi", "", {"ReadWriteOnce"}, {}, DeletionPolicy::remove};
  const Json claim = body_of(cluster, Kind::persistent_volume_claim, "crm-storage");
  EXPECT_EQ(claim["spec"],
            Json::parse(R"({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}},
                                          "storageClassName": ""})"));
  EXPECT_EQ(claim["metadata"]["ownerReferences"][0]["name"], "crm");
  cluster.spec.storage = Storage{{}, {}, {}, "old-data", {}};
  EXPECT_EQ(body_of(cluster, Kind::persistent_volume_claim, "old-data"), nullptr) << "what a user made is not touched";
  EXPECT_EQ(body_of(cluster, Kind::deployment,
                    "crm-web")["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "old-data");
}

TEST(Render, RefusesASizeThatIsNoQuantity) {
  Cluster cluster = small_cluster();
  cluster.spec.storage.emplace().size = "10GB";
  const auto children = render_once(cluster);
  ASSERT_FALSE(children.ok());
  EXPECT_EQ(children.error().code, Code::invalid);
  EXPECT_EQ(children.error().what.rfind("spec.storage.size: ", 0), 0U) << children.error().what;
}

TEST(Render, Service) {
  Cluster cluster = small_cluster();
  EXPECT_EQ(
      body_of(cluster, Kind::service, "crm")["spec"],
      Json::parse(
          R"({"type": "ClusterIP", "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 13000}],
                            "selector": {"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": "crm",
                                         "nocobase.com/requests": "true"}})"));
  cluster.spec.service = ServiceSpec{"LoadBalancer", {{"a.example/b", "c"}}, 8080};
  const Json service = body_of(cluster, Kind::service, "crm");
  EXPECT_EQ(service["spec"]["type"], "LoadBalancer");
  EXPECT_EQ(service["spec"]["ports"][0]["port"], 8080);
  EXPECT_EQ(service["spec"]["ports"][0]["targetPort"], 13000);
  EXPECT_EQ(service["metadata"]["annotations"]["a.example/b"], "c");
}

TEST(Render, RefusesARoleThatCannotBeWritten) {
  Cluster cluster = small_cluster();
  cluster.spec.roles.push_back(role_of("idle", false, {}));
  const auto children = render_once(cluster);
  ASSERT_FALSE(children.ok());
  EXPECT_EQ(children.error().code, Code::invalid);
  EXPECT_EQ(children.error().what.rfind("role idle: ", 0), 0U) << children.error().what;
}

TEST(Render, TheLongestNamesFit) {
  Cluster cluster = small_cluster();
  cluster.name = std::string(30, 'c');
  cluster.spec.roles = {role_of(std::string(20, 'r'), true, {})};
  for (const Child& child : children_of(cluster)) {
    EXPECT_LE(child.ref.name.size(), 63U - std::string("-5d4f8c7b9d").size())
        << "room for a ReplicaSet's suffix: " << child.ref.name;
    for (const auto& [key, value] : child.body["metadata"]["labels"].items()) {
      EXPECT_LE(value.get<std::string>().size(), 63U) << key;
    }
  }
}

TEST(Render, NoNameOfAChildIsThatOfAnother) {
  Cluster cluster = everything_asked_for();
  std::set<std::string> names;
  for (const Child& child : children_of(cluster)) {
    EXPECT_TRUE(names.insert(kube::to_string(child.ref)).second) << child.ref.name;
  }
}

TEST(InitialCounts, StartWhereNobodyHasScaledYet) {
  struct Case {
    const char* name;
    std::optional<std::int32_t> replicas;
    std::optional<Autoscaling> autoscaling;
    std::int32_t want;
  };
  Autoscaling zero, none, three;
  zero.min_replicas = 0;
  three.min_replicas = 3;
  for (const Case& c : {Case{"fixed", 4, {}, 4}, Case{"fixed at none", 0, {}, 0}, Case{"from outside", {}, {}, 1},
                        Case{"autoscaled", {}, none, 1}, Case{"autoscaled from none", {}, zero, 1},
                        Case{"autoscaled from three", {}, three, 3}}) {
    SCOPED_TRACE(c.name);
    Cluster cluster = small_cluster();
    cluster.spec.roles = {role_of("r", true, {})};
    cluster.spec.roles[0].replicas = c.replicas;
    cluster.spec.roles[0].autoscaling = c.autoscaling;
    EXPECT_EQ(initial_counts(cluster), (std::vector<RoleCount>{{c.want, c.want}}));
  }
}

}  // namespace
}  // namespace nocobase_operator::app
