// From roles to pods: each role's Deployment carries the right WORKER_MODE, and users reach only pods that serve
// requests.
#include <set>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

using Texts = std::map<std::string, std::string>;

class RolesTest : public OperatorTest {
 protected:
  // NocoBaseRole -> what its WORKER_MODE column shows.
  [[nodiscard]] Texts modes_shown() const {
    Texts out;
    for (const auto& row : cp().table("nbr", ns)) {
      out[row.at("NAME")] = row.at("WORKER_MODE");
    }
    return out;
  }

  // WORKER_MODE in a Deployment's container: "=" and the value, "absent" when the variable is not set.
  [[nodiscard]] std::string mode_set(const std::string& deployment) const {
    const Json object = get("deployment", deployment);
    for (const auto& variable : at(object, "/spec/template/spec/containers/0/env", std::vector<Json>())) {
      if (text_at(variable, "/name") == "WORKER_MODE") {
        return "=" + text_at(variable, "/value");
      }
    }
    return "absent";
  }

  // The roles whose pods the Service's endpoints name, ready or not.
  [[nodiscard]] std::set<std::string> roles_served_by(const std::string& service) const {
    std::set<std::string> out;
    for (const auto& slice : cp().list("endpointslice", ns)) {
      if (text_at(slice, "/metadata/labels/kubernetes.io~1service-name") == service) {
        for (const auto& endpoint : at(slice, "/endpoints", std::vector<Json>())) {
          const Json pod = cp().find("pod", ns, text_at(endpoint, "/targetRef/name")).value_or(Json());
          out.insert(text_at(pod, "/metadata/labels/app.kubernetes.io~1component"));
        }
      }
    }
    return out;
  }

  [[nodiscard]] bool wait_served_by(const std::string& service, const std::set<std::string>& wanted) const {
    return wait_for("the Service reaches the roles that serve requests", seconds(60), [&]() -> std::string {
      const auto served = roles_served_by(service);
      return served == wanted ? "" : "it reaches " + testing::PrintToString(served);
    });
  }
};

TEST_F(RolesTest, the_quickstart_becomes_ready_and_shows_each_worker_mode) {
  const std::string samples = std::string(NBO_SOURCE_DIR) + "/operator/samples/";
  const Output applied =
      cp().kubectl({"apply", "-n", ns, "-f", samples + "quickstart-secrets.yaml", "-f", samples + "quickstart.yaml"});
  ASSERT_EQ(applied.code, 0) << applied.err;
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(modes_shown(),
            (Texts{{"crm-web", "!"}, {"crm-workflow", "workflow:process"}, {"crm-tasks", "async-task:process"}}));
  for (const auto& row : cp().table("nbr", ns)) {
    EXPECT_EQ(row.at("READY"), row.at("DESIRED")) << row.at("NAME");
  }
}

TEST_F(RolesTest, three_nodes_one_for_each_kind_of_work) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", three_roles())));
  ASSERT_TRUE(wait_ready("app"));
  EXPECT_EQ(mode_set("app-web"), "=!");
  EXPECT_EQ(mode_set("app-workflow"), "=workflow:process");
  EXPECT_EQ(mode_set("app-tasks"), "=async-task:process");
  EXPECT_TRUE(wait_served_by("app", {"web"}));
}

TEST_F(RolesTest, four_nodes_two_of_them_for_requests) {
  Json roles = three_roles();
  roles[0]["replicas"] = 2;
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  ASSERT_TRUE(wait_ready("app"));
  EXPECT_EQ(at(get("deployment", "app-web"), "/status/readyReplicas", 0), 2);
  EXPECT_EQ(at(get("deployment", "app-tasks"), "/status/readyReplicas", 0), 1);
}

TEST_F(RolesTest, a_role_that_does_everything_has_an_empty_worker_mode) {
  ASSERT_NO_FATAL_FAILURE(apply(
      cluster("app", Json::array({{{"name", "all"}, {"requests", true}, {"services", {"*"}}, {"replicas", 1}}}))));
  ASSERT_TRUE(wait_ready("app"));
  EXPECT_EQ(mode_set("app-all"), "=");
  EXPECT_EQ(modes_shown(), (Texts{{"app-all", ""}}));
  EXPECT_TRUE(wait_served_by("app", {"all"}));
}

TEST_F(RolesTest, a_mixed_role_serves_requests_beside_its_services) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster(
      "app", Json::array({{{"name", "front"}, {"requests", true}, {"services", {"workflow:process"}}, {"replicas", 1}},
                          {{"name", "back"}, {"services", {"*"}}, {"replicas", 1}}}))));
  ASSERT_TRUE(wait_ready("app"));
  EXPECT_EQ(mode_set("app-front"), "=!,workflow:process");
  EXPECT_EQ(mode_set("app-back"), "=*");
  EXPECT_TRUE(wait_served_by("app", {"front"}));
}

TEST_F(RolesTest, a_role_that_turns_to_requests_is_served_from_then_on) {
  Json roles = Json::array({{{"name", "web"}, {"requests", true}, {"replicas", 1}},
                            {{"name", "spare"}, {"services", {"*"}}, {"replicas", 1}}});
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  ASSERT_TRUE(wait_ready("app"));
  ASSERT_TRUE(wait_served_by("app", {"web"}));
  roles[1] = {{"name", "spare"}, {"requests", true}, {"replicas", 1}};
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  ASSERT_TRUE(wait_ready("app"));
  EXPECT_EQ(mode_set("app-spare"), "=!");
  EXPECT_TRUE(wait_served_by("app", {"web", "spare"}));
}

TEST_F(RolesTest, a_role_that_is_taken_out_takes_its_objects_along) {
  Json roles = three_roles();
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  ASSERT_TRUE(wait_ready("app"));
  roles.erase(1);
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  EXPECT_TRUE(wait_for("the role's objects are gone", seconds(60), [&]() -> std::string {
    return cp().find("nbr", ns, "app-workflow") || cp().find("deployment", ns, "app-workflow") ? "one is there" : "";
  }));
  EXPECT_TRUE(wait_ready("app"));
}

TEST_F(RolesTest, a_role_without_replicas_is_scaled_from_outside) {
  Json roles = three_roles();
  roles[2].erase("replicas");
  ASSERT_NO_FATAL_FAILURE(apply(cluster("app", roles)));
  ASSERT_TRUE(wait_ready("app"));
  const Output scaled = cp().kubectl({"scale", "nbr/app-tasks", "-n", ns, "--replicas=3"});
  ASSERT_EQ(scaled.code, 0) << scaled.err;
  EXPECT_TRUE(wait_for("three Pods are ready", seconds(60), [&]() -> std::string {
    const int ready = at(get("deployment", "app-tasks"), "/status/readyReplicas", 0);
    return ready == 3 ? "" : std::to_string(ready) + " are";
  }));
  EXPECT_TRUE(wait_ready("app"));
  EXPECT_EQ(at(get("nbr", "app-tasks"), "/spec/replicas", 0), 3);
}

TEST_F(RolesTest, a_hundred_clusters_at_once_become_ready) {
  constexpr int many = 100;
  Json items = Json::array();
  for (int i = 0; i < many; ++i) {
    items.push_back(cluster("c" + std::to_string(i), three_roles()));
  }
  ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}}));
  EXPECT_TRUE(wait_for("all are Ready", seconds(300), [&]() -> std::string {
    int ready = 0;
    std::string other;
    for (const auto& object : cp().list("nbc", ns)) {
      if (condition(object, "Ready").starts_with("True")) {
        ++ready;
      } else {
        other = text_at(object, "/metadata/name") + ": " + condition(object, "Ready");
      }
    }
    return ready == many ? "" : std::to_string(ready) + " are; " + other;
  }));
}

}  // namespace

}  // namespace nocobase_operator::e2e
