// Roles that are scaled by hand, by Kubernetes' own autoscaler and by whatever writes to them.
#include <csignal>
#include <iostream>

#include "lifecycle_fixture.h"
#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Kubernetes' own controller of HorizontalPodAutoscalers.
constexpr std::string_view autoscalers = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";

class ScalingTest : public LifecycleTest {
 protected:
  // The operator's writes to the intent of a role: of the object itself, not of its status.
  [[nodiscard]] std::vector<Write> intent_writes_since(std::uint64_t mark, const std::string& role) const {
    std::vector<Write> out;
    for (const Write& write : writes_since(mark)) {
      if (write.what == "nocobaseroles/crm-" + role || write.what == "nocobaseroles/scale/crm-" + role) {
        out.push_back(write);
      }
    }
    return out;
  }
  [[nodiscard]] int intent(const std::string& role) const {
    return at(cp().find("nbr", ns, "crm-" + role).value_or(Json()), "/spec/replicas", -1);
  }
  [[nodiscard]] int ready(const std::string& role) const {
    return at(cp().find("deployment", ns, "crm-" + role).value_or(Json()), "/status/readyReplicas", 0);
  }
  [[nodiscard]] bool wait_pods(const std::string& role, int wanted, seconds limit = seconds(120)) const {
    return wait_for(role + " has " + std::to_string(wanted) + " pods", limit, [&] {
      const int pods = ready(role);
      return pods == wanted && replicas("crm-" + role) == wanted ? std::string() : std::to_string(pods) + " are ready";
    });
  }
  void use_cpu(const std::string& role, const std::string& each) const {
    const Output done = cp().kubectl({"annotate", "pods", "-l", "app.kubernetes.io/component=" + role, "--overwrite",
                                      "kwok.x-k8s.io/usage-cpu=" + each, "-n", ns});
    ASSERT_EQ(done.code, 0) << done.err;
  }
  // What the external metric `jobs` of this namespace is from now on.
  void set_jobs(const std::string& value) const {
    const std::string api = api_server().url;
    const auto colon = api.rfind(':');
    const std::string metrics = api.substr(0, colon + 1) + std::to_string(std::stoi(api.substr(colon + 1)) + 6);
    const Output done = cp().kubectl({"--server=" + metrics, "--certificate-authority=" + cp().file("pki/ca.crt"),
                                      "replace", "--raw", "/set/" + ns + "/jobs", "-f", "-"},
                                     value);
    ASSERT_EQ(done.code, 0) << done.err;
  }
  // Role workflow with an autoscaler that looks at nothing but `measure`, and goes up and down at once.
  static Json autoscaled(int least, const Json& measure) {
    Json roles = three_roles();
    roles[1].erase("replicas");
    roles[1]["resources"] = {{"requests", {{"cpu", "100m"}}}};
    Json& scaling = roles[1]["autoscaling"];
    scaling = {{"minReplicas", least}, {"maxReplicas", 6}, {"behavior", {{"scaleDown", Json::object()}}}};
    scaling["behavior"]["scaleDown"] = {
        {"stabilizationWindowSeconds", 0},
        {"policies", Json::array({{{"type", "Percent"}, {"value", 100}, {"periodSeconds", 5}}})}};
    scaling.update(measure);
    return roles;
  }
  static Json elastic(std::size_t role) {
    Json roles = three_roles();
    roles[role].erase("replicas");
    return roles;
  }
  static Json by_jobs() {
    const Json target = {{"type", "AverageValue"}, {"averageValue", "10"}};
    const Json external = {{"metric", {{"name", "jobs"}}}, {"target", target}};
    return {{"metrics", Json::array({Json{{"type", "External"}, {"external", external}}})}};
  }
  void begin(const Json& roles) const {
    ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
    ASSERT_TRUE(wait_ready("crm", seconds(120)));
  }
  // An upgrade, then maintenance, of a cluster whose autoscaler has workflow at five: nobody writes that number.
  void hold_at_five(const Json& roles) const {
    const auto mark = cp().mark();
    Json object = cluster("crm", roles);
    object["spec"]["image"] = new_image;
    ASSERT_NO_FATAL_FAILURE(apply(object));
    ASSERT_TRUE(wait_upgraded());
    ASSERT_TRUE(wait_pods("workflow", 5));
    EXPECT_EQ(intent("workflow"), 5);
    object["spec"]["maintenance"] = true;
    ASSERT_NO_FATAL_FAILURE(apply(object));
    ASSERT_TRUE(wait_pods("workflow", 0));
    ASSERT_TRUE(wait_for("the autoscaler stands still", seconds(60), [&] {
      const std::string active = condition(get("hpa", "crm-workflow"), "ScalingActive");
      return active == "False InvalidSelector" ? "" : active;
    }));
    EXPECT_EQ(intent("workflow"), 5);
    object["spec"].erase("maintenance");
    ASSERT_NO_FATAL_FAILURE(apply(object));
    ASSERT_TRUE(wait_pods("workflow", 5));
    EXPECT_THAT(intent_writes_since(mark, "workflow"), IsEmpty());
    for (const Write& write : cp().writes_since(mark, autoscalers, ns)) {
      EXPECT_FALSE(write.what.starts_with("nocobaseroles/")) << write.verb << ' ' << write.what;
    }
    expect_never_mixed();
  }
};

TEST_F(ScalingTest, scaling_by_hand_is_kept) {
  Json roles = elastic(2);
  ASSERT_NO_FATAL_FAILURE(begin(roles));
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-tasks", "--replicas=4", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_pods("tasks", 4));
  const auto mark = cp().mark();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(cp().kubectl({"annotate", "nbc/crm", "--overwrite", "touched=" + std::to_string(i), "-n", ns}).code, 0);
  }
  roles[0]["env"] = Json::array({{{"name", "LOGGER_LEVEL"}, {"value", "warn"}}});
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  Operator::get().kill(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_caught_up());
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(intent("tasks"), 4);
  EXPECT_TRUE(wait_pods("tasks", 4));
  EXPECT_THAT(intent_writes_since(mark, "tasks"), IsEmpty());
}

TEST_F(ScalingTest, a_thousand_scaling_writes_in_a_row_are_not_countered) {
  ASSERT_NO_FATAL_FAILURE(begin(elastic(2)));
  Json items = Json::array();
  for (int i = 0; i < 1'000; ++i) {
    items.push_back({{"apiVersion", "nocobase.com/v1alpha1"},
                     {"kind", "NocoBaseRole"},
                     {"metadata", {{"name", "crm-tasks"}}},
                     {"spec", {{"replicas", i == 999 ? 3 : 1 + i % 5}}}});
  }
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
  const auto mark = cp().mark();
  // Not validated by kubectl: to it an object without all that a role needs is none.
  const Output done = cp().kubectl({"apply", "--server-side", "--force-conflicts", "--field-manager=somebody",
                                    "--validate=false", "-n", ns, "-f", "-"},
                                   list.dump());
  ASSERT_EQ(done.code, 0) << done.err;
  ASSERT_TRUE(wait_pods("tasks", 3));
  ASSERT_TRUE(wait_caught_up());
  EXPECT_EQ(intent("tasks"), 3);
  EXPECT_THAT(intent_writes_since(mark, "tasks"), IsEmpty());
}

TEST_F(ScalingTest, scaling_by_cpu_goes_up_and_down) {
  ASSERT_NO_FATAL_FAILURE(begin(autoscaled(1, {{"cpu", 50}})));
  ASSERT_TRUE(wait_for("the autoscaler is at work", seconds(60), [&] {
    const std::string active = condition(cp().find("hpa", ns, "crm-workflow").value_or(Json()), "ScalingActive");
    return active == "True ValidMetricFound" ? "" : "it says " + active;
  }));
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(use_cpu("workflow", "200m"));
  ASSERT_TRUE(wait_for("it goes up", seconds(120), [&] {
    const int count = intent("workflow");
    return count >= 3 ? std::string() : "it is at " + std::to_string(count);
  }));
  ASSERT_NO_FATAL_FAILURE(use_cpu("workflow", "1m"));
  ASSERT_TRUE(wait_pods("workflow", 1));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_THAT(intent_writes_since(mark, "workflow"), IsEmpty());
  for (const auto& row : cp().table("nbr", ns)) {
    EXPECT_EQ(row.at("WHY"), row.at("NAME") == "crm-workflow" ? "autoscaler" : "spec");
  }
  for (const Write& write : writes_since(mark)) {
    EXPECT_NE(write.what, "horizontalpodautoscalers/crm-workflow") << "it is as it should be";
  }
}

TEST_F(ScalingTest, scaling_changes_hands_without_a_dip) {
  Json roles = three_roles();
  roles[1]["replicas"] = 5;
  ASSERT_NO_FATAL_FAILURE(begin(roles));
  const std::string trace = cp().file("log/scaling-" + ns);
  Background watch;
  ASSERT_TRUE(watch.start({cp().program("kubectl"), "get", "deployment", "crm-workflow", "-n", ns, "--watch", "-o",
                           "jsonpath={.spec.replicas}{\"\\n\"}"},
                          trace));
  const auto settles = [&](const std::string& why) {
    return wait_ready("crm") && wait_for("the role says " + why, seconds(60), [&]() -> std::string {
             const std::string now = text_at(get("nbr", "crm-workflow"), "/status/why");
             return now == why ? "" : "it says " + now;
           });
  };
  for (const bool killed : {false, true}) {
    for (const auto& [spec, why] : std::vector<std::pair<Json, std::string>>{
             {autoscaled(5, {{"cpu", 50}}), "autoscaler"}, {elastic(1), "outside"}, {roles, "spec"}}) {
      Json next = spec;
      next[1]["resources"] = {{"requests", {{"cpu", "100m"}}}};
      ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", next)));
      if (killed) {
        Operator::get().kill(SIGKILL);
        ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
      }
      ASSERT_TRUE(settles(why));
      EXPECT_EQ(intent("workflow"), 5);
      EXPECT_EQ(cp().find("hpa", ns, "crm-workflow").has_value(), why == "autoscaler");
    }
  }
  watch.stop(SIGTERM);
  std::ifstream file(trace);
  std::set<std::string> counts;
  for (std::string line; std::getline(file, line);) {
    counts.insert(line);
  }
  EXPECT_EQ(counts, std::set<std::string>{"5"});
}

TEST_F(ScalingTest, scaling_by_a_queue_is_left_alone_in_an_upgrade_and_in_maintenance) {
  ASSERT_NO_FATAL_FAILURE(set_jobs("45"));
  ASSERT_NO_FATAL_FAILURE(begin(autoscaled(1, by_jobs())));
  ASSERT_TRUE(wait_pods("workflow", 5));
  ASSERT_NO_FATAL_FAILURE(hold_at_five(autoscaled(1, by_jobs())));
  ASSERT_NO_FATAL_FAILURE(set_jobs("15"));
  EXPECT_TRUE(wait_pods("workflow", 2)) << "it is at work again";
}

TEST_F(ScalingTest, scaling_by_cpu_is_left_alone_in_an_upgrade_and_in_maintenance) {
  // Each pod uses exactly what it is meant to, so that any number is right; with no pod, or an idle one, none is.
  Json roles = autoscaled(1, {{"cpu", 50}});
  roles[1]["podTemplate"] = {{"metadata", {{"annotations", {{"kwok.x-k8s.io/usage-cpu", "50m"}}}}}};
  ASSERT_NO_FATAL_FAILURE(begin(roles));
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-workflow", "--replicas=5", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_pods("workflow", 5));
  ASSERT_NO_FATAL_FAILURE(hold_at_five(roles));
  ASSERT_NO_FATAL_FAILURE(use_cpu("workflow", "1m"));
  EXPECT_TRUE(wait_pods("workflow", 1)) << "it is at work again";
}

TEST_F(ScalingTest, scaling_stays_within_the_worker_ids) {
  Json roles = three_roles();
  roles[1].erase("replicas");
  roles[2].erase("replicas");
  ASSERT_NO_FATAL_FAILURE(begin(roles));
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-workflow", "--replicas=20", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_pods("workflow", 20));
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-tasks", "--replicas=20", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_for("what is left is given", seconds(120), [&] {
    const int sum = ready("web") + ready("workflow") + ready("tasks");
    return sum >= 31 ? std::string() : std::to_string(sum) + " pods";
  }));
  EXPECT_EQ(replicas("crm-workflow"), 20) << "no pod that runs is taken away";
  EXPECT_LE(replicas("crm-web") + replicas("crm-workflow") + replicas("crm-tasks"), 32);
  EXPECT_EQ(intent("tasks"), 20);
  EXPECT_EQ(text_at(get("nbr", "crm-tasks"), "/status/why"), "workerIdLimit");

  EXPECT_EQ(text_at(get("nbr", "crm-workflow"), "/status/why"), "outside");
  EXPECT_THAT(told("WorkerIdsAvailable"), HasSubstr("fewer pods than wanted: tasks"));

  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-workflow", "--replicas=2", "-n", ns}).code, 0);
  EXPECT_TRUE(wait_pods("tasks", 20)) << "what is free again is given";
  EXPECT_EQ(condition(get("nbc", "crm"), "WorkerIdsAvailable"), "True WithinLimit");
}

TEST_F(ScalingTest, scaling_beyond_the_worker_ids_is_refused_with_the_sum) {
  const auto refusal = [&](const Json& tasks) {
    Json object = cluster("crm", three_roles());
    object["spec"]["roles"][1]["replicas"] = 20;
    object["spec"]["roles"][2].erase("replicas");
    object["spec"]["roles"][2].update(tasks);
    const Output out = cp().kubectl({"apply", "--server-side", "-n", ns, "-f", "-"}, object.dump());
    return out.code == 0 ? "" : out.err;
  };
  EXPECT_THAT(refusal({{"replicas", 13}}), HasSubstr("the roles ask for 34 pods"));
  EXPECT_THAT(refusal({{"autoscaling", {{"maxReplicas", 14}, {"backlog", {{"target", 5}}}}}}),
              HasSubstr("the roles ask for 35 pods"));
  EXPECT_EQ(refusal(Json::object()), "") << "a role without a maximum counts for nothing";
}

TEST_F(ScalingTest, scaling_of_a_fixed_number_is_undone_and_the_writer_named) {
  ASSERT_NO_FATAL_FAILURE(begin(three_roles()));
  const int fixed = intent("web");
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-web", "--replicas=7", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_for("it is told", seconds(30), [&] { return told("IntentContested").empty() ? "not yet" : ""; }));
  EXPECT_THAT(told("IntentContested"), HasSubstr("kubectl sets the number of pods of role web"));
  EXPECT_EQ(intent("web"), fixed);
  EXPECT_EQ(replicas("crm-web"), fixed);
}

TEST_F(ScalingTest, scaling_a_deployment_by_somebody_elses_autoscaler_is_told) {
  ASSERT_NO_FATAL_FAILURE(begin(elastic(1)));
  const auto autoscaler = [](const char* api_version, const char* kind) {
    Json out = {{"apiVersion", "autoscaling/v2"},
                {"kind", "HorizontalPodAutoscaler"},
                {"metadata", {{"name", "mine"}}},
                {"spec", by_jobs()}};
    out["spec"]["maxReplicas"] = 3;
    out["spec"]["scaleTargetRef"] = {{"apiVersion", api_version}, {"kind", kind}, {"name", "crm-workflow"}};
    return out;
  };
  ASSERT_NO_FATAL_FAILURE(set_jobs("25"));
  ASSERT_NO_FATAL_FAILURE(apply(autoscaler("apps/v1", "Deployment")));
  ASSERT_TRUE(wait_for("it is told", seconds(30), [&] { return told("AutoscalersReady").empty() ? "not yet" : ""; }));
  EXPECT_THAT(told("AutoscalersReady"), HasSubstr("HorizontalPodAutoscaler " + ns + "/mine scales Deployment"));
  ASSERT_NO_FATAL_FAILURE(apply(autoscaler("nocobase.com/v1alpha1", "NocoBaseRole")));
  ASSERT_TRUE(wait_pods("workflow", 3)) << "so it is meant";
  EXPECT_EQ(told("AutoscalersReady"), "");
  EXPECT_EQ(text_at(get("nbr", "crm-workflow"), "/status/why"), "outside");
}

TEST_F(ScalingTest, scaling_by_a_keda_that_is_not_there_comes_later_and_goes_again) {
  const auto says = [&](const std::string& wanted, seconds limit) {
    return wait_for("AutoscalersReady is " + wanted, limit, [&] {
      const std::string now = condition(get("nbc", "crm"), "AutoscalersReady");
      return now == wanted ? "" : now;
    });
  };
  const std::string kinds = std::string(NBO_SOURCE_DIR) + "/tests/e2e/optional_crds.yaml";
  Json roles = three_roles();
  roles[1].erase("replicas");
  roles[1]["autoscaling"] = {{"maxReplicas", 6}, {"backlog", {{"target", 5}}}};
  ASSERT_NO_FATAL_FAILURE(begin(roles));
  ASSERT_TRUE(says("False KindMissing", seconds(30)));
  EXPECT_EQ(condition(get("nbc", "crm"), "Stalled"), "False AsExpected");
  EXPECT_EQ(text_at(get("nbr", "crm-workflow"), "/status/why"), "kedaMissing");
  EXPECT_EQ(text_at(get("nbr", "crm-web"), "/status/why"), "spec");

  ASSERT_EQ(cp().kubectl({"apply", "--server-side", "-f", kinds}).code, 0);
  EXPECT_TRUE(says("True AllAtWork", seconds(150)));
  const Json object = get("scaledobject", "crm-workflow");
  EXPECT_EQ(text_at(object, "/spec/scaleTargetRef/kind"), "NocoBaseRole");
  EXPECT_THAT(text_at(object, "/spec/triggers/0/metadata/query"), HasSubstr("executions"));
  EXPECT_EQ(text_at(object, "/metadata/annotations/autoscaling.keda.sh~1paused"), "");

  Json held = cluster("crm", roles);
  held["spec"]["maintenance"] = true;
  EXPECT_NO_FATAL_FAILURE(apply(held));
  EXPECT_TRUE(wait_for("KEDA is paused", seconds(60), [&]() -> std::string {
    const std::string paused =
        text_at(get("scaledobject", "crm-workflow"), "/metadata/annotations/autoscaling.keda.sh~1paused");
    return paused == "true" ? "" : "it is not";
  }));
  EXPECT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  EXPECT_TRUE(wait_ready("crm"));

  EXPECT_EQ(cp().kubectl({"delete", "-f", kinds}).code, 0);
  EXPECT_TRUE(says("False KindMissing", seconds(150)));
  EXPECT_EQ(condition(get("nbc", "crm"), "Ready"), "True AllRolesReady");
}

}  // namespace

}  // namespace nocobase_operator::e2e
