// The status tree of clusters in every situation that people ask about, byte by byte.
#include "app/status_tree.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "app/legible.h"
#include "base/time.h"
#include "golden.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view old_image = "nocobase/nocobase:2.2.15-full";
constexpr std::string_view new_image = "nocobase/nocobase:2.2.16-full";
const std::chrono::sys_seconds now{Seconds(1'767'268'800)};  // 2026-01-01T12:00:00Z

std::string before(Seconds span) {
  return to_rfc3339(now - span);
}

Json condition(const char* type, const char* status, const char* reason, const std::string& message = "",
               Seconds since = Seconds(240)) {
  return {{"type", type},
          {"status", status},
          {"reason", reason},
          {"message", message},
          {"lastTransitionTime", before(since)}};
}

Json labels(const std::string& component) {
  return {{"app.kubernetes.io/name", "nocobase"},
          {"app.kubernetes.io/instance", "crm"},
          {"app.kubernetes.io/component", component},
          {"app.kubernetes.io/managed-by", "nocobase-operator"}};
}

// An object of role crm-`name`, or of a component.
Json object(const char* api, const char* kind, const std::string& name, const std::string& component) {
  return {{"apiVersion", api},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", "apps"},
            {"uid", "uid-" + name},
            {"resourceVersion", "7"},
            {"creationTimestamp", before(Seconds(9000))},
            {"labels", labels(component)}}}};
}

Json role(const std::string& name, int replicas, const std::string& why) {
  Json out = object("nocobase.com/v1alpha1", "NocoBaseRole", "crm-" + name, name);
  out["spec"]["replicas"] = replicas;
  out["status"]["why"] = why;
  return out;
}

struct Pods {
  int told = 0, there = 0, updated = 0, ready = 0;
};

Json deployment(const std::string& name, Pods pods, std::string_view image = old_image) {
  Json out = object("apps/v1", "Deployment", "crm-" + name, name);
  out["spec"]["replicas"] = pods.told;
  out["spec"]["template"]["spec"]["containers"] = {{{"name", "nocobase"}, {"image", image}}};
  out["status"] = {{"replicas", pods.there}, {"updatedReplicas", pods.updated}, {"readyReplicas", pods.ready}};
  return out;
}

Json pod(const std::string& name, const std::string& component, bool ready, std::string_view image = old_image) {
  Json out = object("v1", "Pod", name, component);
  out["spec"] = {{"nodeName", "node-1"}, {"containers", {{{"name", "nocobase"}, {"image", image}}}}};
  out["status"]["phase"] = ready ? "Running" : "Pending";
  out["status"]["conditions"] = {{{"type", "Ready"},
                                  {"status", ready ? "True" : "False"},
                                  {"lastTransitionTime", before(Seconds(ready ? 7200 : 90))}}};
  return out;
}

Json container_status(int restarts, Json state, Json last = nullptr) {
  Json out = {{"name", "nocobase"}, {"ready", false}, {"restartCount", restarts}, {"state", std::move(state)}};
  if (!last.is_null()) {
    out["lastState"] = std::move(last);
  }
  return out;
}

Json waiting(const char* reason, const std::string& message = "") {
  return {{"waiting", {{"reason", reason}, {"message", message}}}};
}

Json job(const std::string& component, int epoch, const char* state, const std::string& message = "") {
  Json out = object("batch/v1", "Job", "crm-" + component + "-" + std::to_string(epoch), component);
  if (*state != '\0') {
    out["status"]["conditions"] = {
        {{"type", state}, {"status", "True"}, {"reason", "BackoffLimitExceeded"}, {"message", message}}};
  }
  return out;
}

Json job_pod(const std::string& component, int epoch, Json state) {
  const std::string owner = "crm-" + component + "-" + std::to_string(epoch);
  Json out = pod(owner + "-x7kq2", component, false);
  out["metadata"]["ownerReferences"] = {
      {{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"name", owner}, {"uid", "uid-job"}, {"controller", true}}};
  out["spec"]["containers"] = {{{"name", component}, {"image", new_image}}};
  Json status = container_status(0, std::move(state));
  status["name"] = component;
  out["status"]["containerStatuses"] = Json::array({status});
  return out;
}

// A cluster of three roles, as the operator describes it.
Json cluster(const std::string& phase, Json conditions, Json more = Json::object()) {
  Json out = sample();
  out["metadata"]["uid"] = "uid-crm";
  out["metadata"]["resourceVersion"] = "9";
  out["metadata"]["generation"] = 3;
  out["spec"]["roles"] = {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
                          {{"name", "workflow"}, {"services", {"workflow:process"}}, {"replicas", 1}},
                          {{"name", "tasks"}, {"services", {"async-task:process"}}}};
  if (!phase.empty()) {
    out["status"] = {{"phase", phase}, {"observedGeneration", 3}, {"conditions", std::move(conditions)}};
    out["status"].merge_patch(more);
  }
  return out;
}

const Json settled = {{"version", "2.2.15"},
                      {"image", "nocobase/nocobase:2.2.15-full@sha256:ab12"},
                      {"operation", {{"epoch", 5}, {"step", "Idle"}, {"record", {{"image", old_image}}}}}};

Json with(Json base, const Json& more) {
  base.merge_patch(more);
  return base;
}

std::vector<Json> at_rest() {
  return {role("web", 2, "spec"),
          role("workflow", 1, "spec"),
          role("tasks", 1, "outside"),
          deployment("web", {2, 2, 2, 2}),
          deployment("workflow", {1, 1, 1, 1}),
          deployment("tasks", {1, 1, 1, 1}),
          pod("crm-web-5d4-aaaaa", "web", true),
          pod("crm-web-5d4-bbbbb", "web", true),
          pod("crm-workflow-7f8-ccccc", "workflow", true),
          pod("crm-tasks-6c2-ddddd", "tasks", true)};
}

std::vector<Json> held(const std::string& why) {
  return {role("web", 2, why),   role("workflow", 1, why),   role("tasks", 4, why),
          deployment("web", {}), deployment("workflow", {}), deployment("tasks", {})};
}

std::vector<Json> joined(std::vector<Json> some, const std::vector<Json>& more) {
  some.insert(some.end(), more.begin(), more.end());
  return some;
}

Json all_ready() {
  return {condition("Ready", "True", "AllRolesReady", "every role has the pods it is to have"),
          condition("Reconciling", "False", "AsExpected"), condition("Stalled", "False", "AsExpected"),
          condition("ServicesCovered", "True", "AllServed"), condition("KeysIntact", "True", "KeysPresent")};
}

Json on_the_way(const char* reason, const std::string& message) {
  return {condition("Ready", "False", reason, message), condition("Reconciling", "True", reason, message),
          condition("Stalled", "False", "AsExpected"), condition("KeysIntact", "Unknown", "NotRead")};
}

struct Case {
  std::string name;
  StatusScene scene;
  bool ready = false;
};

Case fresh() {
  Json object = cluster("", {});
  object["status"]["observedGeneration"] = -1;
  return {"fresh", {object, {}, {}, now}};
}

Case installing() {
  Json setup = pod("crm-setup", "setup", false);
  setup["status"]["phase"] = "Running";
  setup["status"]["containerStatuses"] = {container_status(0, {{"running", {{"startedAt", before(Seconds(80))}}}})};
  const Json operation = {{"epoch", 2},
                          {"step", "Migrate"},
                          {"install", true},
                          {"since", before(Seconds(80))},
                          {"target", {{"image", old_image}}}};
  return {"installing",
          {cluster("SettingUp", on_the_way("SettingUp", "waiting for Pod crm-setup to be Ready"),
                   {{"operation", operation}}),
           joined(held("upgrade"), {setup}),
           {},
           now}};
}

Case awaiting_approval() {
  const std::string message =
      "spec.upgrade.approvedImage is to be nocobase/nocobase:2.2.16-full before it is brought in";
  Json conditions = all_ready();
  conditions[1] = condition("Reconciling", "True", "AwaitingApproval", message, Seconds(7200));
  return {"awaiting-approval", {cluster("AwaitingApproval", conditions, settled), at_rest(), {}, now}, true};
}

Case upgrading() {
  const Json operation = {{"epoch", 8},
                          {"step", "Backup"},
                          {"down", true},
                          {"since", before(Seconds(30))},
                          {"downSince", before(Seconds(45))},
                          {"target", {{"image", new_image}}},
                          {"record", {{"image", old_image}}}};
  const Json last = {{"image", old_image},
                     {"result", "Completed"},
                     {"completionTime", before(Seconds(864'000))},
                     {"secondsDown", 95},
                     {"seconds", {{"Pull", 7}, {"Drain", 9}, {"Setup", 9}, {"Migrate", 40}, {"Start", 37}}}};
  return {"upgrading",
          {cluster("BackingUp", on_the_way("BackingUp", "waiting for Job crm-backup-8"),
                   with(settled, {{"operation", operation}, {"lastUpgrade", last}})),
           joined(held("upgrade"), {job("backup", 8, ""), job_pod("backup", 8, waiting("ContainerCreating"))}),
           {},
           now}};
}

Case stalled_on_pull() {
  const std::string text =
      "nocobase/nocobase:2.2.16-full cannot be pulled: manifest unknown; set spec.upgrade.retry or the old image";
  Json conditions = all_ready();
  conditions[2] = condition("Stalled", "True", "PullFailed", text, Seconds(300));
  conditions[1] = condition("Reconciling", "False", "Stalled");
  const Json last = {{"image", old_image},
                     {"result", "TakenBack"},
                     {"completionTime", before(Seconds(100'000))},
                     {"secondsDown", 41},
                     {"seconds", Json::object()}};
  return {"stalled-on-pull",
          {cluster("Blocked", conditions, with(settled, {{"lastUpgrade", last}})),
           joined(at_rest(), {job("pull", 9, "Failed", "Job was active longer than specified deadline"),
                              job_pod("pull", 9, waiting("ErrImagePull", "manifest unknown"))}),
           {},
           now},
          true};
}

Case rolling() {
  const std::string message =
      "role web: 1 of 2 pods replaced; pod crm-web-9e1-eeeee: CrashLoopBackOff, exit code 1: Error";
  Json bad = pod("crm-web-9e1-eeeee", "web", false);
  bad["status"]["phase"] = "Running";
  bad["status"]["containerStatuses"] =
      Json::array({container_status(12, waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
                                    {{"terminated", {{"exitCode", 1}, {"reason", "Error"}}}})});
  Json going = pod("crm-web-5d4-bbbbb", "web", true);
  going["metadata"]["deletionTimestamp"] = before(Seconds(5));
  Json start = pod("crm-web-9e1-fffff", "web", false);
  start["spec"].erase("nodeName");
  start["status"]["conditions"].push_back({{"type", "PodScheduled"},
                                           {"status", "False"},
                                           {"reason", "Unschedulable"},
                                           {"message", "0/3 nodes are available: 3 Insufficient memory."}});
  std::vector<Json> objects = {role("web", 3, "spec"),
                               role("workflow", 1, "spec"),
                               role("tasks", 1, "outside"),
                               deployment("web", {3, 4, 2, 1}),
                               deployment("workflow", {1, 1, 1, 1}),
                               deployment("tasks", {1, 1, 1, 1}),
                               pod("crm-web-5d4-aaaaa", "web", true, "nocobase/nocobase:2.2.14-full"),
                               going,
                               bad,
                               start,
                               pod("crm-workflow-7f8-ccccc", "workflow", true),
                               pod("crm-tasks-6c2-ddddd", "tasks", true)};
  Json conditions = on_the_way("PodsFailing", message);
  conditions[1]["reason"] = "Rolling";
  return {"rolling", {cluster("Running", conditions, settled), objects, {}, now}};
}

Case maintenance() {
  Json conditions = all_ready();
  conditions[0] = condition("Ready", "True", "Maintenance", "one pod runs, as asked");
  Json object = cluster("Maintenance", conditions, settled);
  object["spec"]["maintenance"] = true;
  std::vector<Json> objects = held("maintenance");
  objects[3] = deployment("web", {1, 1, 1, 1});
  objects.push_back(pod("crm-web-5d4-aaaaa", "web", true));
  return {"maintenance", {object, objects, {}, now}, true};
}

Json scaler(const std::string& name, const std::string& target) {
  Json out = object("autoscaling/v2", "HorizontalPodAutoscaler", name, "x");
  out["spec"] = {
      {"minReplicas", 2},
      {"maxReplicas", 6},
      {"scaleTargetRef", {{"apiVersion", "nocobase.com/v1alpha1"}, {"kind", "NocoBaseRole"}, {"name", target}}},
      {"metrics", {{{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"target", {{"averageUtilization", 70}}}}}}}}};
  out["status"]["desiredReplicas"] = 6;
  out["status"]["conditions"] = Json::array({condition("ScalingActive", "True", "ValidMetricFound")});
  return out;
}

Case autoscaled() {
  const std::string limited = "there are worker ids for 32 pods; fewer pods than wanted: tasks";
  Json conditions = all_ready();
  conditions.push_back(condition("WorkerIdsAvailable", "False", "Limited", limited, Seconds(600)));
  conditions.push_back(condition("AutoscalersReady", "False", "NotActive",
                                 "ScaledObject apps/crm-workflow does not work: TriggerError", Seconds(60)));
  Json web = scaler("crm-web", "crm-web");
  web["status"]["currentMetrics"] = {
      {{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"current", {{"averageUtilization", 94}}}}}}};
  web["status"]["conditions"].push_back(condition("ScalingLimited", "True", "TooManyReplicas",
                                                  "the desired replica count is more than the maximum replica count"));
  Json keda = object("keda.sh/v1alpha1", "ScaledObject", "crm-workflow", "workflow");
  keda["spec"] = {{"minReplicaCount", 0}, {"maxReplicaCount", 4}, {"scaleTargetRef", {{"name", "crm-workflow"}}}};
  keda["status"]["conditions"] = {
      {{"type", "Ready"}, {"status", "False"}, {"reason", "TriggerError"}, {"message", "cannot reach pg"}}};
  Json of_keda = scaler("keda-hpa-crm-workflow", "crm-workflow");
  of_keda["metadata"]["labels"] = {{"scaledobject.keda.sh/name", "crm-workflow"}};
  of_keda["status"]["conditions"] =
      Json::array({condition("ScalingActive", "False", "FailedGetExternalMetric", "no answer")});
  Json theirs = scaler("by-hand", "crm-tasks");
  theirs["metadata"].erase("labels");
  Json elsewhere = scaler("other", "shop-web");
  std::vector<Json> objects = at_rest();
  objects[0] = role("web", 6, "autoscaler");
  objects[3] = deployment("web", {6, 2, 2, 2});
  objects[2] = role("tasks", 9, "workerIdLimit");
  objects[1] = role("workflow", 1, "autoscaler");
  return {"autoscaled",
          {cluster("Running", conditions, settled),
           joined(objects, {web, keda, of_keda, theirs, elsewhere}),
           {"Jobs: jobs.batch is forbidden"},
           now},
          true};
}

// What is told of others, of roles that have gone, and of what the operator has not done yet.
Case leaving() {
  Json object = cluster("Running", all_ready(), settled);
  object["metadata"]["generation"] = 4;
  object["spec"]["paused"] = true;
  object["spec"]["roles"].erase(2);
  Json foreign = pod("shop-web-1", "web", true);
  foreign["metadata"]["labels"]["app.kubernetes.io/instance"] = "shop";
  Json blocked = deployment("workflow", {1, 0, 0, 0});
  blocked["status"]["conditions"] = {
      {{"type", "ReplicaFailure"}, {"status", "True"}, {"message", "exceeded quota: pods"}}};
  std::vector<Json> objects = at_rest();
  objects[4] = blocked;
  objects.push_back(foreign);
  return {"leaving", {object, objects, {}, now}};
}

std::vector<Case> cases() {
  return {fresh(),   installing(),  awaiting_approval(), upgrading(), stalled_on_pull(),
          rolling(), maintenance(), autoscaled(),        leaving()};
}

TEST(StatusTree, IsWhatItWas) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.name);
    expect_golden(fs::path(NBO_SOURCE_DIR) / "tests/golden/status" / (each.name + ".txt"), status_tree(each.scene, {}));
    EXPECT_EQ(is_ready(each.scene.cluster), each.ready);
  }
}

TEST(StatusTree, ColoursAreAllThatDiffers) {
  for (const Case& each : cases()) {
    std::string text = status_tree(each.scene, {.colour = true});
    std::size_t signs = 0;
    for (const std::string_view code : {"\033[31m", "\033[32m", "\033[33m", "\033[0m"}) {
      for (std::size_t at = text.find(code); at != std::string::npos; at = text.find(code)) {
        text.erase(at, code.size());
        ++signs;
      }
    }
    EXPECT_GT(signs, 1U);
    EXPECT_EQ(text, status_tree(each.scene, {})) << each.name;
  }
  EXPECT_TRUE(
      status_tree(maintenance().scene, {.colour = true}).starts_with("\033[32m✓ \033[0mNocoBaseCluster apps/crm: "));
}

TEST(StatusTree, LinesGoOnWithinTheTree) {
  Case each = rolling();
  each.scene.cluster["status"]["image"] = "nocobase/nocobase:2.2.15-full@sha256:" + std::string(64, 'a');
  expect_golden(fs::path(NBO_SOURCE_DIR) / "tests/golden/status/rolling-80-columns.txt",
                status_tree(each.scene, {.columns = 80}));
}

// The same words in the same order, and a line is longer than the terminal only where a word is.
TEST(StatusTree, LinesAreBrokenOnlyAtBlanks) {
  const auto words_of = [](const std::string& text) {
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; in >> word;) {
      if (word.find_first_not_of("│├└─") != std::string::npos) {
        words.push_back(word);
      }
    }
    return words;
  };
  for (const Case& each : cases()) {
    const std::string whole = status_tree(each.scene, {});
    for (const int columns : {80, 120, 1000}) {
      const std::string text = status_tree(each.scene, {.columns = columns});
      EXPECT_EQ(words_of(text), words_of(whole)) << each.name;
      std::istringstream in(text);
      for (std::string line; std::getline(in, line);) {
        EXPECT_LE(width_of(line), columns) << line;
      }
    }
    EXPECT_EQ(status_tree(each.scene, {.columns = 1000}), whole);
    EXPECT_EQ(status_tree(each.scene, {.columns = 20}), whole);
  }
}

TEST(StatusTree, WhatOthersSayReachesTheTerminalAsText) {
  Case bad = rolling();
  bad.scene.cluster["status"]["conditions"][0]["message"] = "a\033]0;owned\a\u202eb\nc";
  const std::string text = status_tree(bad.scene, {});
  EXPECT_NE(text.find("for 4 min: a\uFFFD]0;owned\uFFFD\uFFFDb\uFFFDc\n"), std::string::npos) << text;
  for (const char c : text) {
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20U);
  }
}

TEST(StatusTree, IsReadyOnlyWhereTheNewestSpecWasSeen) {
  Json object = cluster("Running", all_ready(), settled);
  EXPECT_TRUE(is_ready(object));
  object["metadata"]["generation"] = 4;
  EXPECT_FALSE(is_ready(object));
  object["status"]["observedGeneration"] = 4;
  EXPECT_TRUE(is_ready(object));
  object["metadata"]["deletionTimestamp"] = before(Seconds(1));
  EXPECT_FALSE(is_ready(object));
  EXPECT_FALSE(is_ready(Json::object()));
}

// Nothing that an API server could answer ends the program.
TEST(StatusTree, TakesWhateverItIsGiven) {
  const std::vector<Json> odd = {nullptr, 3, "x", Json::array(), Json::object(), {{"kind", "Pod"}}};
  for (const Json& value : odd) {
    EXPECT_TRUE(status_tree({value, odd, {}, now}, {}).ends_with("\n"));
  }
  const Case whole = upgrading();
  const Json flat = whole.scene.cluster.flatten();
  for (const auto& [path, value] : flat.items()) {
    for (const Json& wrong : odd) {
      Case other = whole;
      other.scene.cluster[Json::json_pointer(path)] = wrong;
      EXPECT_TRUE(status_tree(other.scene, {}).ends_with("\n")) << path;
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::app
