// Upgrades that go wrong, or that people change their mind about.
#include <csignal>
#include <iostream>

#include "lifecycle_fixture.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;

constexpr const char* mistyped_image = "nocobase/nocobase:bad-2.2.16-full";  // no such image for kwok

class LifecycleTroubleTest : public LifecycleTest {
 protected:
  void SetUp() override {
    LifecycleTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
    ASSERT_TRUE(wait_ready("crm", seconds(120)));
  }
  [[nodiscard]] bool wait_at(const std::string& wanted) const {
    return wait_for("it is at " + wanted, seconds(180), [&]() -> std::string {
      const std::string now = step("crm");
      return now == wanted ? "" : "at " + now;
    });
  }
};

TEST_F(LifecycleTroubleTest, an_image_with_a_typo_stops_nothing) {
  const std::set<std::string> pods = pods_now();
  Json object = cluster("crm", three_roles());
  object["spec"]["image"] = mistyped_image;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("it says that the image is missing", seconds(60), [&]() -> std::string {
    const std::string now = told("Reconciling");
    return now.find("ImagePull") != std::string::npos ? "" : now;
  }));
  std::cout << "Reconciling: " << told("Reconciling") << '\n';
  EXPECT_THAT(told("Reconciling"), HasSubstr(mistyped_image));
  EXPECT_THAT(told("Reconciling"), HasSubstr("roles web, workflow, tasks"));
  if (slow()) {
    ASSERT_TRUE(wait_for("the pull check has failed", seconds(400), [&] {
      const std::string stalled = condition(get("nbc", "crm"), "Stalled");
      return stalled == "True PullFailed" ? "" : stalled;
    }));
    EXPECT_THAT(told("Stalled"), HasSubstr(mistyped_image));
  }
  std::set<std::string> now = pods_now();
  std::erase_if(now, [](const std::string& name) { return name.starts_with("crm-pull"); });
  EXPECT_EQ(now, pods);
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_at("Idle"));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(condition(get("nbc", "crm"), "Stalled"), "False AsExpected");
  EXPECT_TRUE(wait_for("the Job is gone", seconds(60), [&] { return pods_now() == pods ? "" : "its pod is there"; }));
  expect_never_mixed();
}

TEST_F(LifecycleTroubleTest, a_setup_outlives_a_drain_of_its_node_and_another_image) {
  const auto mark = cp().mark();
  Json object = upgraded();
  object["spec"]["podTemplate"] = {{"metadata", {{"annotations", {{"sim/ready-ms", "20s"}}}}}};
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_at("Migrate"));
  const Json setup = get("pod", "crm-setup");
  const std::string node = text_at(setup, "/spec/nodeName");
  const Output drained = cp().kubectl({"drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
                                       "--pod-selector=app.kubernetes.io/component=setup", "--timeout=4s"});
  EXPECT_NE(drained.code, 0);
  EXPECT_THAT(drained.err, HasSubstr("disruption budget"));
  EXPECT_EQ(cp().kubectl({"uncordon", node}).code, 0);
  object["spec"]["image"] = "nocobase/nocobase:2.2.17-full";
  ASSERT_NO_FATAL_FAILURE(apply(object));
  EXPECT_EQ(text_at(get("pod", "crm-setup"), "/metadata/uid"), text_at(setup, "/metadata/uid"));
  ASSERT_TRUE(wait_for("both upgrades are through", seconds(240), [&]() -> std::string {
    const std::string version = text_at(cp().find("nbc", ns, "crm").value_or(Json()), "/status/version");
    return version == "2.2.17" && step("crm") == "Idle" ? "" : version + " at " + step("crm");
  }));
  EXPECT_EQ(setups_since(mark), 2U) << "one for each image";
  EXPECT_EQ(text_at(get("configmap", "crm-record"), "/data/image"), "nocobase/nocobase:2.2.17-full");
  expect_never_mixed();
}

TEST_F(LifecycleTroubleTest, a_setup_that_starts_and_goes_while_paused_keeps_the_old_version_away) {
  Json object = upgraded();
  object["spec"]["podTemplate"] = {{"metadata", {{"annotations", {{"sim/start-ms", "8s"}}}}}};
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("the setup Pod is noted", seconds(180), [&]() -> std::string {
    const std::string noted = text_at(cp().find("nbc", ns, "crm").value_or(Json()), "/status/operation/setupUID");
    return !noted.empty() ? "" : "at " + step("crm");
  }));
  object["spec"]["paused"] = true;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("it is paused", seconds(30),
                       [&] { return text_at(get("nbc", "crm"), "/status/phase") == "Paused" ? "" : "not yet"; }));
  ASSERT_TRUE(wait_at("Migrate")) << "that it has started is noted";
  EXPECT_EQ(text_at(get("nbc", "crm"), "/status/phase"), "Paused");
  ASSERT_EQ(cp().kubectl({"delete", "pod", "crm-setup", "-n", ns}).code, 0);
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_for("it says why nothing runs", seconds(60), [&]() -> std::string {
    const std::string stalled = condition(get("nbc", "crm"), "Stalled");
    return stalled == "True SetupLost" || stalled == "True DowngradeRefused" ? "" : stalled;
  }));
  std::cout << "Stalled: " << told("Stalled") << '\n';
  EXPECT_EQ(replicas("crm-web"), 0);
  expect_never_mixed();
}

TEST_F(LifecycleTroubleTest, a_setup_that_fails_leaves_nothing_running_until_somebody_acts) {
  const auto mark = cp().mark();
  const auto fate = [](const char* what) -> Json { return {{"metadata", {{"annotations", {{"sim/fate", what}}}}}}; };
  Json object = upgraded();
  object["spec"]["podTemplate"] = fate("fail");
  for (Json& role : object["spec"]["roles"]) {
    role["podTemplate"] = fate("ok");  // only the setup Pod fails
  }
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("it says that the setup failed", seconds(120), [&] {
    const std::string stalled = condition(get("nbc", "crm"), "Stalled");
    return stalled == "True SetupFailed" || stalled == "True SetupLost" ? "" : stalled;
  }));
  std::cout << "Stalled: " << told("Stalled") << '\n';
  EXPECT_EQ(replicas("crm-web"), 0);
  EXPECT_EQ(setups_since(mark), 1U) << "no second attempt";

  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_for("the old image is refused", seconds(60), [&] {
    const std::string stalled = condition(get("nbc", "crm"), "Stalled");
    return stalled == "True DowngradeRefused" ? "" : stalled;
  }));
  EXPECT_EQ(replicas("crm-web"), 0);

  object = upgraded();
  object["spec"]["upgrade"]["retry"] = "1";
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_upgraded());
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  EXPECT_EQ(setups_since(mark), 2U);
  expect_never_mixed();
}

}  // namespace

}  // namespace nocobase_operator::e2e
