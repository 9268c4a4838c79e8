// Installations and upgrades on a real control plane, with every pod's coming and going written down.
#include <csignal>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* new_image = "nocobase/nocobase:2.2.16-full";

// A pod while it is there, terminating or not.
struct Pod {
  std::string component;
  std::string image;
  bool ready = false;
};

class LifecycleTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    history_ = cp().file("log/pods-" + ns + ".json");
    ASSERT_TRUE(watch_.start(
        {cp().program("kubectl"), "get", "pods", "-n", ns, "--watch", "--output-watch-events", "-o", "json"},
        history_));
  }
  void TearDown() override {
    watch_.stop(SIGTERM);
    OperatorTest::TearDown();
  }

  // Calls `visit` with all pods of the application as they were after each change.
  void replay(const std::function<void(const std::map<std::string, Pod>&)>& visit) const {
    std::ifstream file(history_);
    std::stringstream text;
    text << file.rdbuf();
    std::map<std::string, Pod> pods;
    Json event;
    while (text >> std::ws && text.peek() != std::char_traits<char>::eof()) {
      try {
        text >> event;
      } catch (const Json::exception&) {
        break;  // the last line is being written
      }
      const Json& object = event["object"];
      const std::string component = text_at(object, "/metadata/labels/app.kubernetes.io~1component");
      const std::string name = text_at(object, "/metadata/name");
      if (component == "pull" || component == "backup" || component == "verify") {
        continue;
      }
      if (event["type"] == "DELETED") {
        pods.erase(name);
      } else {
        bool ready = false;
        for (const Json& each : at(object, "/status/conditions", std::vector<Json>())) {
          ready = ready || (text_at(each, "/type") == "Ready" && text_at(each, "/status") == "True");
        }
        pods[name] = {component, text_at(object, "/spec/containers/0/image"), ready};
      }
      visit(pods);
    }
  }

  // No two versions at once, and the setup Pod alone.
  void expect_never_mixed() const {
    std::size_t changes = 0;
    replay([&](const std::map<std::string, Pod>& pods) {
      ++changes;
      std::set<std::string> images;
      bool setup = false;
      for (const auto& [name, pod] : pods) {
        images.insert(pod.image.substr(0, pod.image.find('@')));
        setup = setup || pod.component == "setup";
      }
      EXPECT_LE(images.size(), 1U) << testing::PrintToString(images);
      EXPECT_TRUE(!setup || pods.size() == 1) << pods.size() << " pods beside the setup Pod";
    });
    EXPECT_GT(changes, 3U);
  }

  [[nodiscard]] std::string step(const std::string& name) const {
    return text_at(cp().find("nbc", ns, name).value_or(Json()), "/status/operation/step");
  }
  [[nodiscard]] int replicas(const std::string& deployment) const {
    return at(cp().find("deployment", ns, deployment).value_or(Json()), "/spec/replicas", -1);
  }
  [[nodiscard]] std::size_t setups_since(std::uint64_t mark) const {
    std::size_t count = 0;
    for (const Write& write : writes_since(mark)) {
      count += write.verb == "create" && write.what == "pods/crm-setup" && write.code == 201 ? 1 : 0;
    }
    return count;
  }
  // While the image is being tried, what runs is Ready; an upgrade is through when the version says so.
  [[nodiscard]] bool wait_upgraded() const {
    return wait_for("the upgrade is through", seconds(180), [&]() -> std::string {
      const std::string version = text_at(cp().find("nbc", ns, "crm").value_or(Json()), "/status/version");
      return version == "2.2.16" && step("crm") == "Idle" ? "" : version + " at " + step("crm");
    });
  }
  [[nodiscard]] Json upgraded(int web = 1) const {
    Json roles = three_roles();
    roles[0]["replicas"] = web;
    Json object = cluster("crm", roles);
    object["spec"]["image"] = new_image;
    return object;
  }

 private:
  std::string history_;
  Background watch_;
};

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
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(upgraded(2)));
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
  EXPECT_THAT(killed_at, Contains("Drain"));
  EXPECT_EQ(setups_since(mark), 1U);
  EXPECT_EQ(replicas("crm-web"), 2);
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
