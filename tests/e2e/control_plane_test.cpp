// The harness itself, without an operator: the control plane is up, Pods live, the audit log tells who wrote what.
#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::ElementsAre;

Json plain_deployment(const std::string& name, int replicas) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", name}}}}},
              {"spec", {{"containers", Json::array({{{"name", "main"}, {"image", "registry.example/plain:1"}}})}}}}}}}};
}

class ControlPlaneTest : public NamespaceTest {};

TEST_F(ControlPlaneTest, pods_of_a_deployment_become_ready) {
  ASSERT_NO_FATAL_FAILURE(apply(plain_deployment("plain", 2)));
  EXPECT_TRUE(wait_for("two Pods are ready", seconds(30), [&]() -> std::string {
    const int ready = at(get("deployment", "plain"), "/status/readyReplicas", 0);
    return ready == 2 ? "" : std::to_string(ready) + " are";
  }));
}

TEST_F(ControlPlaneTest, the_audit_log_tells_who_wrote_what) {
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(plain_deployment("noted", 0)));
  (void)cp().kubectl({"get", "deployment", "-n", ns});
  EXPECT_THAT(cp().writes_since(mark, "kubernetes-admin", ns),
              ElementsAre(Write{"patch", "deployments/noted", ns, 201}));
  EXPECT_THAT(cp().writes_since(cp().mark(), "kubernetes-admin", ns), ElementsAre());
}

TEST_F(ControlPlaneTest, a_table_keeps_empty_cells) {
  ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "nocobase.com/v1alpha1"},
                                 {"kind", "NocoBaseRole"},
                                 {"metadata", {{"name", "of-nobody"}}},
                                 {"spec", {{"clusterName", "nobody"}, {"role", "web"}, {"replicas", 2}}}}));
  const auto rows = cp().table("nbr", ns);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("NAME"), "of-nobody");
  EXPECT_EQ(rows[0].at("WORKER_MODE"), "");
  EXPECT_EQ(rows[0].at("DESIRED"), "2");
}

TEST_F(ControlPlaneTest, an_api_server_that_was_killed_comes_back_with_its_objects) {
  ASSERT_NO_FATAL_FAILURE(apply(plain_deployment("kept", 1)));
  const std::string uid = text_at(get("deployment", "kept"), "/metadata/uid");
  EXPECT_TRUE(cp().restart_api_server("KILL", seconds(0)));
  EXPECT_EQ(text_at(get("deployment", "kept"), "/metadata/uid"), uid);
}

}  // namespace

}  // namespace nocobase_operator::e2e
