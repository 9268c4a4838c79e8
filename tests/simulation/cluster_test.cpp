// The simulated cluster by itself: what becomes of Deployments, Jobs, pods, nodes and the database, without an
// operator.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "app/names.h"
#include "kube/json.h"
#include "simulation/application.h"
#include "simulation/nodes.h"
#include "simulation/scene.h"
#include "simulation/state.h"
#include "simulation/workloads.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;

const std::string old_image = "nocobase/nocobase:2.2.2-full";
const std::string new_image = "nocobase/nocobase:2.2.3-full";

class Bench : public testing::Test {
 protected:
  Bench() : scene(7, Faults::none()), databases(scene), workloads(scene), nodes(scene, databases) {
    scene.history.on = true;
    scene.server.wall = scene.wall();
    scene.server.on_change = [this](const Change& change) {
      workloads.changed(change);
      nodes.changed(change);
      state.take(change);
      most_pods = std::max(most_pods, pods());
      fewest_ready = std::min(fewest_ready, ready());
    };
  }
  void run(std::int64_t time) {
    bool over = false;
    scene.after(time, [&] { over = true; });
    while (!over) {
      scene.timeline.run_next();
      scene.server.wall = scene.wall();
    }
  }
  static Json labels(const std::string& component) {
    return {{std::string(app::label_managed_by), std::string(app::manager)},
            {std::string(app::label_instance), "crm"},
            {std::string(app::label_component), component}};
  }
  static Json pod(const std::string& component, const std::string& image, bool skips = false) {
    Json container = {{"name", "nocobase"}, {"image", image}};
    if (skips) {
      container["env"] = {{{"name", "SKIP_SAME_VERSION_UPGRADE"}, {"value", "true"}}};
    }
    return {{"metadata", {{"labels", labels(component)}}},
            {"spec", {{"terminationGracePeriodSeconds", 600}, {"containers", {container}}}}};
  }
  void setup_pod(const std::string& image) {
    Json body = pod("setup", image);
    body["spec"]["restartPolicy"] = "Never";
    ASSERT_EQ(scene.server.execute({Verb::create, setup, body, "a", {}, {}}).status, 201);
  }
  void deployment(int replicas, const std::string& image, int surge = 1, int missing = 0) {
    Json body = {{"spec",
                  {{"replicas", replicas},
                   {"strategy",
                    {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", surge}, {"maxUnavailable", missing}}}}},
                   {"template", pod("web", image, true)}}}};
    body["metadata"]["labels"] = labels("web");
    ASSERT_LT(scene.server.execute({Verb::apply, web, body, "a", {}, {}}).status, 300);
  }
  void job(const std::string& component, const std::string& image) {
    Json body = {{"spec", {{"backoffLimit", 0}, {"activeDeadlineSeconds", 300}, {"template", pod(component, image)}}}};
    body["spec"]["template"]["spec"]["restartPolicy"] = "Never";
    body["metadata"]["labels"] = labels(component);
    ASSERT_EQ(scene.server.execute({Verb::create, backup, body, "a", {}, {}}).status, 201);
  }
  [[nodiscard]] std::string job_ended() const {
    const Json* const conditions = kube::find_path(*scene.server.find(backup), {"status", "conditions"});
    return conditions == nullptr ? ""
                                 : conditions->at(0).value("type", "") + " " + conditions->at(0).value("reason", "");
  }
  [[nodiscard]] std::int64_t pods() const { return static_cast<std::int64_t>(state.pods.size()); }
  [[nodiscard]] std::int64_t ready() const {
    return std::count_if(state.pods.begin(), state.pods.end(),
                         [](const auto& item) { return item.second.ready && !item.second.terminating; });
  }
  [[nodiscard]] std::int64_t of_image(const std::string& image) const {
    return std::count_if(state.pods.begin(), state.pods.end(),
                         [&](const auto& item) { return item.second.written_image == image; });
  }
  [[nodiscard]] std::string phase(const Ref& ref) const {
    return scene.server.find(ref) == nullptr ? "gone" : kube::string_at(*scene.server.find(ref), {"status", "phase"});
  }
  [[nodiscard]] std::vector<Damage> damage() const {
    std::vector<Damage> out;
    for (const Incident& incident : databases.incidents()) {
      out.push_back(incident.damage);
    }
    return out;
  }
  [[nodiscard]] std::size_t node_of(const Ref& ref) const {
    return static_cast<std::size_t>(kube::string_at(*scene.server.find(ref), {"spec", "nodeName"}).back() - '0');
  }

  using Verb = kube::Verb;
  const Ref setup{Kind::pod, "ns", "crm-setup"};
  const Ref web{Kind::deployment, "ns", "crm-web"};
  const Ref backup{Kind::job, "ns", "crm-backup"};
  Scene scene;
  Databases databases;
  Workloads workloads;
  Nodes nodes;
  State state;
  std::int64_t most_pods = 0;
  std::int64_t fewest_ready = 1'000;
};

TEST_F(Bench, ASetupPodMigratesAndGoes) {
  setup_pod(old_image);
  run(25 * seconds);
  EXPECT_TRUE(databases.migrates("ns/crm"));
  EXPECT_TRUE(state.pods.at(setup).started);
  EXPECT_FALSE(state.pods.at(setup).ready);
  run(20 * seconds);
  EXPECT_TRUE(state.pods.at(setup).ready);
  EXPECT_EQ(databases.version("ns/crm"), digest_of(old_image));
  const Json& status = (*scene.server.find(setup))["status"]["containerStatuses"][0];
  EXPECT_EQ(status["imageID"], "nocobase/nocobase@" + digest_of(old_image));
  scene.server.remove(setup);
  run(1 * seconds);
  EXPECT_TRUE(state.pods.at(setup).terminating);
  run(5 * seconds);
  EXPECT_EQ(phase(setup), "gone");
  EXPECT_TRUE(damage().empty());
}

TEST_F(Bench, WhatHarmsADatabase) {
  databases.preset("ns/crm", new_image);
  setup_pod(old_image);
  scene.server.make({Kind::pod, "ns", "other"}, pod("web", old_image), "deployments");
  run(30 * seconds);
  EXPECT_EQ(damage(),
            (std::vector{Damage::downgraded, Damage::wrong_version, Damage::migrated_twice, Damage::downgraded}));
  scene.server.remove(setup);
  run(5 * seconds);
  EXPECT_EQ(damage().size(), 4U);  // it is deaf to SIGTERM while it migrates
  scene.server.remove_now(setup, "user");
  EXPECT_EQ(damage().back(), Damage::interrupted);
}

TEST_F(Bench, ARollOutKeepsToItsLimits) {
  databases.preset("ns/crm", old_image);
  deployment(4, old_image);
  run(1 * minutes);
  EXPECT_EQ(ready(), 4);
  const Json status = (*scene.server.find(web))["status"];
  EXPECT_EQ(status["readyReplicas"], 4);
  EXPECT_EQ(status["conditions"][0]["reason"], "NewReplicaSetAvailable");
  most_pods = 0;
  fewest_ready = 4;
  deployment(4, "nocobase/nocobase@" + digest_of(old_image));  // pods are replaced, by the same version
  run(10 * minutes);
  EXPECT_EQ(of_image(old_image), 0);
  EXPECT_EQ(ready(), 4);
  EXPECT_EQ(fewest_ready, 4);
  EXPECT_LE(most_pods, 6);  // one of surge, one that terminates
  most_pods = 0;
  deployment(4, old_image, 0, 1);
  run(10 * minutes);
  EXPECT_EQ(of_image(old_image), 4);
  EXPECT_EQ(fewest_ready, 3);
  deployment(0, new_image);
  run(1 * minutes);
  EXPECT_EQ(pods(), 0);
  EXPECT_EQ((*scene.server.find(web))["status"]["replicas"], 0);
  EXPECT_EQ(of_image(new_image), 0);
  EXPECT_TRUE(damage().empty());
  deployment(1, new_image);
  run(1 * minutes);
  EXPECT_EQ(damage().front(), Damage::wrong_version);
}

TEST_F(Bench, DependentsGoWithTheirOwner) {
  databases.preset("ns/crm", old_image);
  deployment(2, old_image);
  run(10 * seconds);
  EXPECT_EQ(pods(), 2);
  scene.server.remove(web);
  run(1 * minutes);
  EXPECT_EQ(pods(), 0);
}

TEST_F(Bench, Jobs) {
  job("backup", "tools:1");
  run(1 * minutes);
  EXPECT_EQ(job_ended(), "Complete CompletionsReached");
  EXPECT_EQ((*scene.server.find(backup))["status"]["succeeded"], 1);
  EXPECT_EQ(pods(), 1);  // it stays until the Job goes
  scene.server.remove(backup);
  run(1 * minutes);
  EXPECT_EQ(pods(), 0);
}

TEST_F(Bench, APullThatFailsEndsByItsTime) {
  job("pull", "bad/nocobase:2.2.3-full");
  run(1 * minutes);
  EXPECT_EQ(job_ended(), "");
  ASSERT_EQ(pods(), 1);
  const Json& object = *scene.server.find(state.pods.begin()->first);
  EXPECT_EQ(object["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ImagePullBackOff");
  run(5 * minutes);
  EXPECT_EQ(job_ended(), "Failed DeadlineExceeded");
  EXPECT_EQ(pods(), 0);
}

TEST_F(Bench, ABrokenImageNeverBecomesReady) {
  setup_pod("broken/nocobase:2.2.3-full");
  run(30 * minutes);
  EXPECT_FALSE(state.pods.at(setup).ready);
  EXPECT_NE(phase(setup), "Succeeded");
}

TEST_F(Bench, APodOnANodeThatIsCutOffStaysUntilItIsBack) {
  setup_pod(old_image);
  run(20 * seconds);
  const std::size_t node = node_of(setup);
  nodes.lose(node, false);
  run(2 * minutes);
  EXPECT_FALSE(state.pods.at(setup).ready);    // nobody hears of it
  EXPECT_FALSE(databases.migrates("ns/crm"));  // and yet it went on
  run(10 * minutes);
  EXPECT_TRUE(state.pods.at(setup).terminating);
  nodes.bring_back(node);
  run(1 * minutes);
  EXPECT_EQ(phase(setup), "gone");
  EXPECT_TRUE(damage().empty());
}

TEST_F(Bench, APodOnANodeThatIsPoweredOff) {
  setup_pod(old_image);
  run(20 * seconds);
  const std::size_t node = node_of(setup);
  nodes.lose(node, true);
  EXPECT_EQ(damage(), std::vector{Damage::interrupted});
  run(1 * minutes);
  nodes.bring_back(node);
  EXPECT_EQ(phase(setup), "Failed");
}

TEST_F(Bench, ABudgetKeepsADrainWaitingAndThenGivesIn) {
  const Json budget = {{"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", labels("setup")}}}}}};
  const Ref ref{Kind::pod_disruption_budget, "ns", "crm-setup"};
  ASSERT_EQ(scene.server.execute({Verb::apply, ref, budget, "a", {}, {}}).status, 201);
  setup_pod(old_image);
  run(20 * seconds);
  nodes.drain(node_of(setup), 5 * minutes);
  run(2 * minutes);
  EXPECT_TRUE(state.pods.at(setup).ready);
  EXPECT_FALSE(state.pods.at(setup).terminating);
  run(4 * minutes);
  EXPECT_EQ(phase(setup), "gone");
  EXPECT_TRUE(state.pods.empty());
}

TEST_F(Bench, AContainerThatEndsIsStartedAgain) {
  databases.preset("ns/crm", old_image);
  deployment(1, old_image);
  run(1 * minutes);
  ASSERT_EQ(ready(), 1);
  nodes.crash(state.pods.begin()->first);
  run(1 * seconds);
  EXPECT_EQ(ready(), 0);
  run(1 * minutes);
  EXPECT_EQ(ready(), 1);
  EXPECT_EQ((*scene.server.find(state.pods.begin()->first))["status"]["containerStatuses"][0]["restartCount"], 1);
}

TEST(Images, Order) {
  EXPECT_LT(version_of("a/b:2.2.9"), version_of("a/b:2.2.10-full"));
  EXPECT_EQ(version_of("a/b:latest"), 0);
  EXPECT_EQ(version_of("a/b@sha256:00"), 0);
  EXPECT_EQ(digest_of("a/b:2.2.9@sha256:00"), "sha256:00");
  EXPECT_EQ(digest_of("a/b:2.2.9").size(), 7U + 64U);
  EXPECT_NE(digest_of("a/b:2.2.9"), digest_of("a/b:2.2.10"));
}

}  // namespace
}  // namespace nocobase_operator::simulation
