// From roles to pods: each role's Deployment carries the right WORKER_MODE, and users reach only pods that serve
// requests.
#include <set>
#include <thread>

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

TEST_F(RolesTest, the_samples_become_what_they_say) {
  ASSERT_NO_FATAL_FAILURE(apply(
      {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "pg"}}}, {"stringData", {{"password", "x"}}}}));
  struct Case {
    const char* name;  // of the file and of the cluster in it
    Texts modes;       // role -> what its pods are given
    std::set<std::string> served;
  };
  const Case cases[] = {
      {"three-nodes", {{"node1", "!"}, {"node2", "workflow:process"}, {"node3", "async-task:process"}}, {"node1"}},
      {"four-nodes", {{"web", "!"}, {"work", "*"}}, {"web"}},
      {"all", {{"all", ""}}, {"all"}},
      {"mixed", {{"web", "!,workflow:process"}, {"tasks", "async-task:process"}}, {"web"}},
  };
  for (const auto& [name, modes, served] : cases) {
    SCOPED_TRACE(name);
    const Output applied =
        cp().kubectl({"apply", "-n", ns, "-f", std::string(NBO_SOURCE_DIR) + "/operator/samples/" + name + ".yaml"});
    ASSERT_EQ(applied.code, 0) << applied.err;
    ASSERT_TRUE(wait_ready(name));
    for (const auto& [role, mode] : modes) {
      EXPECT_EQ(mode_set(std::string(name) + "-" + role), "=" + mode);
    }
    EXPECT_TRUE(wait_served_by(name, served));
  }
  EXPECT_EQ(modes_shown().at("all-all"), "") << "everything is an empty WORKER_MODE";
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
  EXPECT_TRUE(wait_for("all are Ready", seconds(600), [&]() -> std::string {
    std::this_thread::sleep_for(seconds(3));  // a list of so many is work, and is to leave them some
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
