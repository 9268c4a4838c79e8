// Installations and upgrades on a real control plane, with every pod's coming and going written down.
#include <csignal>
#include <iostream>
#include <set>

#include "lifecycle_fixture.h"

namespace nocobase_operator::e2e {

namespace {

using testing::Contains;
using testing::IsEmpty;

TEST_F(LifecycleTest, an_installation_is_one_pod_until_it_is_ready) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  bool was_ready = false;
  replay([&](const std::map<std::string, Pod>& pods) {
    for (const auto& [name, pod] : pods) {
      was_ready = was_ready || (pod.component == "setup" && pod.ready);
      EXPECT_TRUE(was_ready || pod.component == "setup") << name << " before the setup was ready";
    }
  });
  EXPECT_TRUE(was_ready);
  expect_never_mixed();
  EXPECT_EQ(cp().find("pod", ns, "crm-setup"), std::nullopt);
  EXPECT_EQ(text_at(get("configmap", "crm-record"), "/data/image"), "nocobase/nocobase:2.2.15-full");
}

TEST_F(LifecycleTest, an_upgrade_stops_all_and_restores_every_count) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  Json elastic = three_roles();
  elastic[1].erase("replicas");
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", elastic)));
  ASSERT_TRUE(wait_ready("crm"));
  ASSERT_EQ(cp().kubectl({"scale", "nbr/crm-workflow", "--replicas=3", "-n", ns}).code, 0);
  ASSERT_TRUE(
      wait_for("the role is scaled", seconds(60), [&] { return replicas("crm-workflow") == 3 ? "" : "it is not"; }));
  Json object = cluster("crm", elastic);
  object["spec"]["image"] = new_image;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_upgraded());
  ASSERT_TRUE(wait_ready("crm", seconds(60)));
  expect_never_mixed();
  EXPECT_EQ(replicas("crm-web"), 1);
  EXPECT_EQ(replicas("crm-workflow"), 3);
  EXPECT_EQ(replicas("crm-tasks"), 1);
  Json status = get("nbc", "crm")["status"];
  EXPECT_EQ(status["version"], "2.2.16");
  std::cout << "seconds down: " << status["lastUpgrade"].dump() << '\n';
  const int down = at(status, "/lastUpgrade/secondsDown", 0);
  EXPECT_GT(down, 0);
  int sum = 0;
  for (const char* const each : {"Drain", "Setup", "Migrate", "Finish", "Start"}) {
    sum += at(status, std::string("/lastUpgrade/seconds/") + each, 1'000'000);
  }
  EXPECT_EQ(sum, down);
  EXPECT_THAT(cp().list("job", ns), IsEmpty());
}

TEST_F(LifecycleTest, a_backup_that_fails_brings_the_old_version_back) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  const auto mark = cp().mark();
  Json object = upgraded();
  Json pod = {{"nodeSelector", {{"no-such", "node"}}},
              {"containers", Json::array({Json{{"name", "dump"}, {"image", "tools:1"}}})}};
  object["spec"]["upgrade"]["backup"]["jobTemplate"]["spec"] = {
      {"activeDeadlineSeconds", 3}, {"backoffLimit", 0}, {"template", {{"spec", std::move(pod)}}}};
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("it says that the backup failed", seconds(120), [&]() -> std::string {
    const Json now = get("nbc", "crm");
    const std::string told = condition(now, "Stalled") + ", " + condition(now, "Ready");
    return told == "True BackupFailed, True AllRolesReady" && step("crm") == "Idle" ? "" : told + " at " + step("crm");
  }));
  EXPECT_EQ(text_at(get("nbc", "crm"), "/status/lastUpgrade/result"), "TakenBack");
  EXPECT_EQ(replicas("crm-web"), 1);
  EXPECT_EQ(setups_since(mark), 0U) << "nothing was migrated";
  expect_never_mixed();

  object["spec"].erase("upgrade");
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_upgraded());
  EXPECT_EQ(text_at(get("nbc", "crm"), "/status/version"), "2.2.16");
  expect_never_mixed();
}

TEST_F(LifecycleTest, an_operator_that_is_killed_at_each_step_changes_nothing) {
  const Json slowly = {{"metadata", {{"annotations", {{"sim/ready-ms", "5s"}}}}}};  // so that each step is seen
  Json first = cluster("crm", three_roles());
  first["spec"]["podTemplate"] = slowly;
  ASSERT_NO_FATAL_FAILURE(apply(first));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  const auto mark = cp().mark();
  Json object = upgraded();
  object["spec"]["podTemplate"] = slowly;
  object["spec"]["upgrade"] = {{"backup", hook("dump")}, {"verify", hook("check")}};
  ASSERT_NO_FATAL_FAILURE(apply(object));
  std::set<std::string> killed_at;
  ASSERT_TRUE(wait_for("the upgrade is through", seconds(300), [&]() -> std::string {
    const std::string now = step("crm");
    const bool through =
        now == "Idle" && text_at(cp().find("nbc", ns, "crm").value_or(Json()), "/status/version") == "2.2.16";
    if (now != "Idle" && killed_at.insert(now).second) {
      Operator::get().kill(SIGKILL);
      Operator::get().ensure_running();
    }
    return through ? "" : "at " + now;
  }));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  std::cout << "killed at " << testing::PrintToString(killed_at) << '\n';
  for (const auto* const each : {"Pull", "Drain", "Backup", "Migrate", "Verify", "Start"}) {
    EXPECT_THAT(killed_at, Contains(each));
  }
  EXPECT_EQ(setups_since(mark), 1U);
  EXPECT_EQ(replicas("crm-web"), 1);
  EXPECT_TRUE(wait_for("the watch has caught up", seconds(10), [&] {
    return stops() == 5 ? std::string() : std::to_string(stops()) + " have stopped, not two setups and three roles";
  }));
  expect_never_mixed();
}

TEST_F(LifecycleTest, a_setup_under_way_is_not_broken_off) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(upgraded()));
  ASSERT_TRUE(wait_for("the setup has begun", seconds(120), [&]() -> std::string {
    const std::string now = step("crm");
    return now == "Migrate" || now == "Finish" || now == "Start" ? "" : "at " + now;
  }));
  Json object = upgraded();
  object["spec"]["stopped"] = true;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("it is stopped", seconds(120), [&]() -> std::string {
    const std::string ready = condition(get("nbc", "crm"), "Ready");
    return ready == "True Stopped" && step("crm") == "Idle" ? "" : ready + " at " + step("crm");
  }));
  EXPECT_EQ(setups_since(mark), 1U);
  EXPECT_EQ(text_at(get("nbc", "crm"), "/status/version"), "2.2.16") << "the setup ended in its own time";
  EXPECT_EQ(replicas("crm-web"), 0);
  expect_never_mixed();
}

}  // namespace

}  // namespace nocobase_operator::e2e
