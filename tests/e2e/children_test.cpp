// What is made only where the spec asks for it, and how children change on a real API server.
#include <algorithm>
#include <csignal>
#include <sstream>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string optional_crds = std::string(NBO_SOURCE_DIR) + "/tests/e2e/optional_crds.yaml";
const std::string golden = std::string(NBO_SOURCE_DIR) + "/tests/golden/render/on-request/";

std::string message_of(const Json& object, std::string_view type) {
  for (const auto& each : at(object, "/status/conditions", std::vector<Json>())) {
    if (text_at(each, "/type") == type) {
      return text_at(each, "/message");
    }
  }
  return "";
}

// What of `wanted` is not in `live`, which may say more; "" if nothing.
std::string missing_in(const Json& live, const Json& wanted, const std::string& where) {
  if (wanted.is_object() && live.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      std::string inner = where + "/" + key;
      inner = live.contains(key) ? missing_in(live.at(key), value, inner) : inner + " is absent";
      if (!inner.empty()) {
        return inner;
      }
    }
    return "";
  }
  if (wanted.is_array() && live.is_array() && wanted.size() == live.size()) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      std::string inner = missing_in(live[i], wanted[i], where + "/" + std::to_string(i));
      if (!inner.empty()) {
        return inner;
      }
    }
    return "";
  }
  return live == wanted ? "" : where + " is " + live.dump() + ", not " + wanted.dump();
}

class ChildrenTest : public OperatorTest {
 protected:
  void edit(const std::string& name, const Json& patch) const {
    const Output done = cp().kubectl({"patch", "nbc", name, "-n", ns, "--type=json", "-p", patch.dump()});
    ASSERT_EQ(done.code, 0) << done.err;
  }

  [[nodiscard]] bool wait_stalled(const std::string& name, const std::string& want, seconds limit) const {
    return wait_for("Stalled of " + name + " is " + want, limit, [&] {
      const Json object = get("nbc", name);
      return condition(object, "Stalled") == want ? "" : at(object, "/status", Json()).dump();
    });
  }
};

class OptionalKindsTest : public ChildrenTest {
 protected:
  void SetUp() override {
    ChildrenTest::SetUp();
    drop_crds();
  }
  void TearDown() override {
    drop_crds();
    ChildrenTest::TearDown();
  }

  static void drop_crds() {
    const Output gone = cp().kubectl({"delete", "-f", optional_crds, "--ignore-not-found"});
    EXPECT_EQ(gone.code, 0) << gone.err;
  }

  // The objects of the golden file that are made on request.
  static std::vector<Json> wanted() {
    // kubectl reads the YAML; nothing is sent that would make an object.
    const Output read = cp().kubectl({"create", "--dry-run=client", "-o", "json", "-f", golden + "out.yaml"});
    EXPECT_EQ(read.code, 0) << read.err;
    std::istringstream objects(read.out);  // one after the other
    std::vector<Json> out;
    while (objects >> std::ws && !objects.eof()) {
      Json item;
      objects >> item;
      static const std::vector<std::string> kinds = {
          "PodDisruptionBudget", "NetworkPolicy",        "Ingress", "HTTPRoute", "PodMonitor",
          "ScaledObject",        "TriggerAuthentication"};
      if (std::find(kinds.begin(), kinds.end(), text_at(item, "/kind")) != kinds.end()) {
        Json rest = {{"kind", item.at("kind")}, {"metadata", item.at("metadata")}, {"spec", item.at("spec")}};
        rest["metadata"]["annotations"].erase("nocobase.com/applied-hash");  // it has no owner there
        rest["metadata"].erase("namespace");
        if (rest["kind"] == "ScaledObject") {
          rest["spec"]["triggers"][0]["metadata"].erase("host");  // here it names the namespace
        }
        out.push_back(std::move(rest));
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<std::string> there(const std::vector<Json>& wanted) const {
    std::vector<std::string> out;
    for (const Json& item : wanted) {
      const std::string kind = text_at(item, "/kind");
      const std::string name = text_at(item, "/metadata/name");
      if (cp().find(kind, ns, name)) {
        out.push_back(kind + "/" + name);
      }
    }
    return out;
  }
};

TEST_F(OptionalKindsTest, are_made_as_rendered_and_removed_and_may_come_late) {
  ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "v1"},
                                 {"kind", "Secret"},
                                 {"metadata", {{"name", "pg"}}},
                                 {"stringData", {{"password", "for tests"}}}}));
  const Output made = cp().kubectl({"apply", "-n", ns, "-f", golden + "in.yaml"});
  ASSERT_EQ(made.code, 0) << made.err;
  Json plain = cluster("plain", three_roles());
  plain["spec"]["ingress"] = {{"host", "plain.example.com"}};
  ASSERT_NO_FATAL_FAILURE(apply(plain));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  ASSERT_TRUE(wait_stalled("crm", "True KindMissing", seconds(90)));
  EXPECT_THAT(message_of(get("nbc", "crm"), "Stalled"), HasSubstr("HTTPRoute (gateway.networking.k8s.io/v1)"));
  ASSERT_TRUE(wait_ready("plain"));
  EXPECT_EQ(condition(get("nbc", "plain"), "Stalled"), "False AsExpected");

  ASSERT_EQ(cp().kubectl({"apply", "--server-side", "-f", optional_crds}).code, 0);
  ASSERT_TRUE(wait_stalled("crm", "False AsExpected", seconds(150)));
  const std::vector<Json> all = wanted();
  ASSERT_EQ(all.size(), 9U);
  for (const Json& item : all) {
    const std::string kind = text_at(item, "/kind");
    EXPECT_EQ(missing_in(get(kind, text_at(item, "/metadata/name")), item, kind), "");
  }

  const auto mark = cp().mark();
  Operator::get().kill(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());

  Json patch = Json::array();
  for (const char* const path : {"/spec/ingress", "/spec/gateway", "/spec/networkPolicy", "/spec/monitoring/podMonitor",
                                 "/spec/roles/2/disruptionBudget"}) {
    patch.push_back({{"op", "remove"}, {"path", path}});
  }
  ASSERT_NO_FATAL_FAILURE(edit("crm", patch));
  EXPECT_TRUE(wait_for("what is not asked for is gone", seconds(30), [&]() -> std::string {
    const auto left = there(all);
    const std::vector<std::string> stay = {"PodDisruptionBudget/crm-web", "PodDisruptionBudget/crm-workflow",
                                           "TriggerAuthentication/crm-workflow", "ScaledObject/crm-workflow"};
    return left == stay ? "" : testing::PrintToString(left);
  }));
  EXPECT_EQ(there({plain, {{"kind", "Ingress"}, {"metadata", {{"name", "plain"}}}}}),
            (std::vector<std::string>{"NocoBaseCluster/plain", "Ingress/plain"}));
}

TEST_F(ChildrenTest, a_service_takes_every_type_and_leaves_nothing_of_the_last_one) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  struct Step {
    const char* type;
    int port;
  };
  for (const auto& [type, port] :
       {Step{"NodePort", 80}, Step{"LoadBalancer", 8080}, Step{"NodePort", 8080}, Step{"LoadBalancer", 80},
        Step{"ClusterIP", 80}, Step{"LoadBalancer", 80}, Step{"ClusterIP", 8080}}) {
    SCOPED_TRACE(type);
    const std::string wanted = type;
    ASSERT_NO_FATAL_FAILURE(edit(
        "crm", Json::array({{{"op", "add"}, {"path", "/spec/service"}, {"value", {{"type", type}, {"port", port}}}}})));
    ASSERT_TRUE(wait_for("the Service is " + wanted, seconds(30), [&]() -> std::string {
      const Json service = get("service", "crm");
      const bool done = text_at(service, "/spec/type") == wanted && at(service, "/spec/ports", Json()).size() == 1 &&
                        at(service, "/spec/ports/0/port", 0) == port;
      return done ? "" : at(service, "/spec", Json()).dump();
    }));
    const Json spec = get("service", "crm").at("spec");
    EXPECT_EQ(spec.at("ports")[0].contains("nodePort"), wanted != "ClusterIP") << spec;
    EXPECT_EQ(spec.contains("allocateLoadBalancerNodePorts"), wanted == "LoadBalancer") << spec;
    EXPECT_EQ(spec.contains("externalTrafficPolicy"), wanted != "ClusterIP") << spec;
  }
  ASSERT_TRUE(wait_ready("crm"));
  const auto mark = cp().mark();
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());
}

TEST_F(ChildrenTest, storage_grows_where_its_class_lets_it_and_the_refusal_is_told_where_not) {
  struct Case {
    const char* name;
    const char* storage_class;
  };
  for (const auto& [name, storage_class] : {Case{"grows", "standard"}, Case{"stays", "first-consumer"}}) {
    Json object = cluster(name, three_roles());
    object["spec"]["storage"]["storageClassName"] = storage_class;
    ASSERT_NO_FATAL_FAILURE(apply(object));
    ASSERT_TRUE(wait_ready(name));
    ASSERT_NO_FATAL_FAILURE(
        edit(name, Json::array({{{"op", "add"}, {"path", "/spec/storage/size"}, {"value", "2Gi"}}})));
  }
  EXPECT_TRUE(wait_for("the claim has grown", seconds(30), [&] {
    const std::string size = text_at(get("pvc", "grows-storage"), "/spec/resources/requests/storage");
    return size == "2Gi" ? "" : size;
  }));
  ASSERT_TRUE(wait_stalled("stays", "True Refused", seconds(30)));
  const Json stays = get("nbc", "stays");
  EXPECT_THAT(message_of(stays, "Stalled"), HasSubstr("the storageclass that provisions the pvc must support resize"));
  EXPECT_EQ(condition(stays, "Ready"), "True AllRolesReady");
  EXPECT_EQ(text_at(get("pvc", "stays-storage"), "/spec/resources/requests/storage"), "1Gi");
  const Output shrunk = cp().kubectl({"patch", "nbc", "grows", "-n", ns, "--type=merge", "-p",
                                      Json{{"spec", {{"storage", {{"size", "1Gi"}}}}}}.dump()});
  EXPECT_NE(shrunk.code, 0);
  EXPECT_THAT(shrunk.err, HasSubstr("storage.size may only grow"));
}

TEST_F(ChildrenTest, a_quota_that_refuses_pods_is_named) {
  ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "v1"},
                                 {"kind", "ResourceQuota"},
                                 {"metadata", {{"name", "few"}}},
                                 {"spec", {{"hard", {{"pods", "2"}}}}}}));
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_for("the quota is named", seconds(60), [&] {
    const Json object = get("nbc", "crm");
    const bool named = condition(object, "Ready") == "False PodsFailing" &&
                       message_of(object, "Ready").find("exceeded quota: few") != std::string::npos;
    return named ? "" : at(object, "/status", Json()).dump();
  }));
}

}  // namespace

}  // namespace nocobase_operator::e2e
