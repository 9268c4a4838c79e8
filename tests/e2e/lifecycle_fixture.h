// A cluster whose pods' coming and going is written down, for what must be true at every moment of a lifecycle.
#pragma once
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "harness.h"

namespace nocobase_operator::e2e {

constexpr const char* new_image = "nocobase/nocobase:2.2.16-full";

// A pod while it is there, terminating or not.
struct Pod {
  std::string component;
  std::string image;
  std::string uid;
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
        pods[name] = {component, text_at(object, "/spec/containers/0/image"), text_at(object, "/metadata/uid"), ready};
      }
      visit(pods);
    }
  }

  // How many pods of the application have gone so far.
  [[nodiscard]] std::size_t stops() const {
    std::set<std::string> seen;
    std::size_t left = 0;
    replay([&](const std::map<std::string, Pod>& pods) {
      left = pods.size();
      for (const auto& [name, pod] : pods) {
        seen.insert(name == "crm-setup" ? name + pod.uid : name);
      }
    });
    return seen.size() - left;
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
  // A Job template whose pod ends well.
  [[nodiscard]] static Json hook(const char* name) {
    Json pod = {{"containers", Json::array({Json{{"name", name}, {"image", "tools:1"}}})}, {"restartPolicy", "Never"}};
    Json hook;
    hook["jobTemplate"]["spec"]["template"]["spec"] = std::move(pod);
    return hook;
  }
  // A condition's message.
  [[nodiscard]] std::string told(std::string_view type) const {
    for (const Json& each :
         at(cp().find("nbc", ns, "crm").value_or(Json()), "/status/conditions", std::vector<Json>())) {
      if (text_at(each, "/type") == type) {
        return text_at(each, "/message");
      }
    }
    return "";
  }
  [[nodiscard]] std::set<std::string> pods_now() const {
    std::set<std::string> names;
    for (const Json& pod : cp().list("pod", ns)) {
      names.insert(text_at(pod, "/metadata/name"));
    }
    return names;
  }

 private:
  std::string history_;
  Background watch_;
};

}  // namespace nocobase_operator::e2e
