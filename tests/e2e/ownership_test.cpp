// What is the operator's is put back; what is somebody else's stays.
#include <csignal>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::IsEmpty;

constexpr const char* container_image = "/spec/template/spec/containers/0/image";

class OwnershipTest : public OperatorTest {
 protected:
  // Patches that were carried out; one that lost against a newer version (409) changed nothing.
  [[nodiscard]] int patches_of(const std::string& what, std::uint64_t mark) const {
    int count = 0;
    for (const auto& write : writes_since(mark)) {
      count += write.verb == "patch" && write.what == what && write.code < 300 ? 1 : 0;
    }
    return count;
  }

  [[nodiscard]] static std::vector<std::string> containers_of(const Json& deployment) {
    std::vector<std::string> out;
    for (const auto& container : at(deployment, "/spec/template/spec/containers", std::vector<Json>())) {
      out.push_back(text_at(container, "/name"));
    }
    return out;
  }
};

TEST_F(OwnershipTest, a_deleted_deployment_comes_back) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const std::string uid = text_at(get("deployment", "crm-web"), "/metadata/uid");
  ASSERT_EQ(cp().kubectl({"delete", "deployment/crm-web", "-n", ns}).code, 0);
  EXPECT_TRUE(wait_for("another Deployment is there", seconds(30), [&]() -> std::string {
    const auto found = cp().find("deployment", ns, "crm-web");
    return found && text_at(*found, "/metadata/uid") != uid ? "" : "it is not";
  }));
  EXPECT_TRUE(wait_ready("crm"));
}

TEST_F(OwnershipTest, an_owned_field_that_was_edited_is_put_back_once) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const std::string image = text_at(get("deployment", "crm-web"), container_image);
  const auto mark = cp().mark();
  const Output edited = cp().kubectl({"set", "image", "deployment/crm-web", "-n", ns, "*=registry.example/other:1"});
  ASSERT_EQ(edited.code, 0) << edited.err;
  ASSERT_TRUE(wait_for("the image is back", seconds(30), [&] {
    const std::string now = text_at(get("deployment", "crm-web"), container_image);
    return now == image ? "" : now;
  }));
  EXPECT_TRUE(wait_ready("crm"));
  ASSERT_TRUE(wait_caught_up());
  EXPECT_EQ(patches_of("deployments/crm-web", mark), 1) << testing::PrintToString(writes_since(mark));
}

TEST_F(OwnershipTest, a_deployment_that_is_scaled_by_hand_is_put_back_once) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const auto mark = cp().mark();
  const Output scaled = cp().kubectl({"scale", "deployment/crm-web", "--replicas=3", "-n", ns});
  ASSERT_EQ(scaled.code, 0) << scaled.err;
  ASSERT_TRUE(wait_for("the number is back", seconds(30), [&] {
    const int now = at(get("deployment", "crm-web"), "/spec/replicas", -1);
    return now == 1 ? std::string() : std::to_string(now);
  }));
  EXPECT_TRUE(wait_ready("crm"));
  ASSERT_TRUE(wait_caught_up());
  EXPECT_EQ(patches_of("deployments/crm-web", mark), 1) << testing::PrintToString(writes_since(mark));
}

TEST_F(OwnershipTest, a_deployment_that_is_paused_goes_on) {
  Json object = cluster("crm", three_roles());
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_ready("crm"));
  ASSERT_EQ(cp().kubectl({"rollout", "pause", "deployment/crm-web", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_for("it is not paused", seconds(30), [&]() -> std::string {
    return at(get("deployment", "crm-web"), "/spec/paused", false) ? "it is" : "";
  }));
  // And where the operator looks only afterwards.
  Operator::get().kill(SIGKILL);
  ASSERT_EQ(cp().kubectl({"rollout", "pause", "deployment/crm-workflow", "-n", ns}).code, 0);
  object["spec"]["roles"][1]["env"] = Json::array({{{"name", "TZ"}, {"value", "UTC"}}});
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_ready("crm"));
  const Json deployment = get("deployment", "crm-workflow");
  EXPECT_FALSE(at(deployment, "/spec/paused", false));
  EXPECT_EQ(at(deployment, "/status/updatedReplicas", 0), 1);
}

TEST_F(OwnershipTest, a_role_may_be_written_by_two_managers) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  Json role = {{"name", "workflow"}};
  role["env"] = Json::array({Json{{"name", "TZ"}, {"value", "UTC"}}});
  const Json of_team = {{"apiVersion", "nocobase.com/v1alpha1"},
                        {"kind", "NocoBaseCluster"},
                        {"metadata", {{"name", "crm"}}},
                        {"spec", {{"roles", Json::array({role})}}}};
  // Not validated by kubectl: to it an object without all that a cluster needs is none.
  const Output added = cp().kubectl(
      {"apply", "--server-side", "--field-manager=team", "--validate=false", "-n", ns, "-f", "-"}, of_team.dump());
  ASSERT_EQ(added.code, 0) << added.err;
  Json roles = three_roles();
  roles[0]["replicas"] = 2;
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  ASSERT_TRUE(wait_ready("crm"));
  roles[1]["env"] = role["env"];
  const auto by_name = [](const Json& list) {
    std::map<std::string, Json> out;
    for (const Json& each : list) {
      out[text_at(each, "/name")] = each;
    }
    return out;
  };
  EXPECT_EQ(by_name(get("nbc", "crm")["spec"]["roles"]), by_name(roles)) << "neither takes anything from the other";
}

TEST_F(OwnershipTest, what_another_manager_adds_to_a_deployment_stays) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const Json sidecar = {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", "crm-web"}, {"labels", {{"mesh.example/injected", "yes"}}}}},
      {"spec",
       {{"template",
         {{"spec", {{"containers", Json::array({{{"name", "sidecar"}, {"image", "registry.example/mesh:1"}}})}}}}}}}};
  const Output injected =
      cp().kubectl({"apply", "--server-side", "--field-manager=mesh", "-n", ns, "-f", "-"}, sidecar.dump());
  ASSERT_EQ(injected.code, 0) << injected.err;
  ASSERT_EQ(cp().kubectl({"rollout", "restart", "deployment/crm-web", "-n", ns}).code, 0);
  // The operator must write this Deployment again: only then can it take something away.
  Json roles = three_roles();
  roles[0]["replicas"] = 2;
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  ASSERT_TRUE(wait_ready("crm"));
  const Json after = get("deployment", "crm-web");
  EXPECT_EQ(at(after, "/spec/replicas", 0), 2);
  EXPECT_THAT(containers_of(after), testing::UnorderedElementsAre("nocobase", "sidecar"));
  EXPECT_EQ(text_at(after, "/metadata/labels/mesh.example~1injected"), "yes");
  EXPECT_NE(text_at(after, "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"), "");
}

TEST_F(OwnershipTest, what_is_foreign_and_has_the_name_of_a_child_is_not_touched) {
  const Json labels = {{"app", "another"}};
  const Json pod = {{"metadata", {{"labels", labels}}},
                    {"spec", {{"containers", Json::array({{{"name", "c"}, {"image", "registry.example/other:1"}}})}}}};
  const std::vector<std::pair<std::string, Json>> foreign = {
      {"serviceaccounts/crm", {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "crm"}}}}},
      {"services/crm",
       {{"apiVersion", "v1"},
        {"kind", "Service"},
        {"metadata", {{"name", "crm"}}},
        {"spec", {{"selector", labels}, {"ports", Json::array({{{"port", 8080}}})}}}}},
      {"nocobaseroles/crm-workflow",
       {{"apiVersion", "nocobase.com/v1alpha1"},
        {"kind", "NocoBaseRole"},
        {"metadata", {{"name", "crm-workflow"}}},
        {"spec", {{"clusterName", "another"}, {"role", "workflow"}, {"replicas", 7}}}}},
      {"deployments/crm-web",
       {{"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata", {{"name", "crm-web"}}},
        {"spec", {{"replicas", 0}, {"selector", {{"matchLabels", labels}}}, {"template", pod}}}}}};
  const auto is = [&](const std::string& what) {
    Json object = get(what.substr(0, what.find('/')), what.substr(what.find('/') + 1));
    object.erase("status");  // Kubernetes' own
    object["metadata"].erase("resourceVersion");
    object["metadata"].erase("managedFields");
    return object;
  };
  std::vector<Json> before;
  for (const auto& [what, object] : foreign) {
    ASSERT_NO_FATAL_FAILURE(apply(object));
    before.push_back(is(what));
  }
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_for("the conflict is named", seconds(60), [&] {
    const std::string stalled = condition(get("nbc", "crm"), "Stalled");
    return stalled == "True NameConflict" ? "" : "Stalled is: " + stalled;
  }));
  ASSERT_TRUE(wait_caught_up());
  for (std::size_t i = 0; i < foreign.size(); ++i) {
    EXPECT_EQ(is(foreign[i].first), before[i]);
  }
  for (const auto& write : writes_since(mark)) {
    for (const auto& [what, object] : foreign) {
      EXPECT_TRUE(write.what != what || write.code == 409) << testing::PrintToString(write);
    }
  }
  // Out of the way, the names are taken.
  for (const auto& [what, object] : foreign) {
    ASSERT_EQ(cp().kubectl({"delete", what, "-n", ns}).code, 0);
  }
  EXPECT_TRUE(wait_ready("crm"));
}

}  // namespace

}  // namespace nocobase_operator::e2e
