// What a status says in each state: the three conditions that tools read, and the words that people read.
#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::string_at;

World settled(Json cluster = sample_cluster()) {
  World world(std::move(cluster));
  CHECK(world.settle() > 0);
  return world;
}

// Carries out plans, without the controllers, until they are empty.
void write_all(World& world) {
  for (int i = 0; i < 10; ++i) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      world.call(call);
    }
  }
}

std::string message(const World& world, std::string_view type) {
  const Json* const found = find_condition(world.cluster().at("status"), type);
  return found == nullptr ? "" : string_at(*found, {"message"});
}

std::string phase(const World& world) {
  return string_at(world.cluster(), {"status", "phase"});
}

// Ready, Reconciling, Stalled with their reasons.
std::vector<std::string> verdict(const World& world) {
  return {phase(world), world.condition("Ready"), world.condition("Reconciling"), world.condition("Stalled")};
}
using Verdict = std::vector<std::string>;

SeenDeployment& deployment(World& world, const std::string& role) {
  return std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-" + role)).detail);
}

SeenPod pod_of(const std::string& role, std::string reason, std::string text, std::chrono::sys_seconds since) {
  SeenPod pod;
  pod.meta.ref = ref_of(Kind::pod, "crm-" + role + "-x1");
  pod.cluster = "crm";
  pod.role = role;
  pod.image = "nocobase/nocobase:2.2.15-full";
  pod.node = "node-1";
  pod.phase = "Pending";
  pod.since = since;
  pod.reason = std::move(reason);
  pod.message = std::move(text);
  return pod;
}

TEST(PlanStatus, SaysEverythingOfAClusterThatRuns) {
  World world = settled();
  Json status = world.cluster()["status"];
  EXPECT_EQ(status["operation"], settled_operation(world.cluster()));
  status.erase("operation");
  for (Json& condition : status["conditions"]) {
    condition.erase("lastTransitionTime");
  }
  const auto condition = [](const char* type, const char* is, const char* reason, const char* text) {
    return Json{{"type", type}, {"status", is}, {"reason", reason}, {"message", text}, {"observedGeneration", 1}};
  };
  const auto role = [](const char* name, const char* mode, int pods, const char* why) {
    return Json{{"name", name},  {"workerMode", mode}, {"desired", pods}, {"effective", pods},
                {"ready", pods}, {"updated", pods},    {"why", why}};
  };
  EXPECT_EQ(
      status,
      (Json{{"phase", "Running"},
            {"observedGeneration", 1},
            {"conditions",
             {condition("Ready", "True", "AllRolesReady", "every role has the pods it is to have"),
              condition("Reconciling", "False", "AsExpected", ""), condition("Stalled", "False", "AsExpected", ""),
              condition("ServicesCovered", "True", "AllServed", ""),
              condition("WorkerIdsAvailable", "True", "WithinLimit", ""),
              condition("Coordinated", "True", "Shared", ""), condition("AutoscalersReady", "True", "NoneAsked", ""),
              condition("KeysIntact", "True", "KeysPresent", ""), condition("ImagePinned", "True", "VersionTag", "")}},
            {"roles",
             {role("web", "!", 2, "spec"), role("workflow", "workflow:process", 1, "outside"),
              role("tasks", "async-task:process", 1, "spec")}},
            {"services",
             {{{"key", "requests"}, {"roles", {"web"}}},
              {{"key", "workflow:process"}, {"roles", {"workflow"}}},
              {{"key", "async-task:process"}, {"roles", {"tasks"}}}}},
            {"image", "nocobase/nocobase:2.2.15-full"},
            {"version", "2.2.15"},
            {"keyFingerprint", "00000000000000aa"},
            {"workerIds", {{"limit", 32}, {"worst", 6}}}}))
      << status.dump(1);
}

TEST(PlanStatus, FollowsTheTableOfStates) {
  struct Case {
    std::string_view name;
    std::function<void(World&)> change;
    Verdict want;
  };
  const Case cases[] = {
      {"installing",
       [](World& world) { world = World(fresh_cluster()); },
       {"Installing", "False Installing", "True Installing", "False AsExpected"}},
      {"rolling",
       [](World& world) { world.edit_spec([](Json& spec) {
                            spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
                          }); },
       {"Running", "False Rolling", "True Rolling", "False AsExpected"}},
      {"stopping",
       [](World& world) { world.edit_spec([](Json& spec) { spec["stopped"] = true; }); },
       {"Draining", "False Draining", "True Draining", "False AsExpected"}},
      {"stopped",
       [](World& world) {
         world.edit_spec([](Json& spec) { spec["stopped"] = true; });
         world.settle();
       },
       {"Stopped", "True Stopped", "False AsExpected", "False AsExpected"}},
      {"started again",
       [](World& world) {
         world.edit_spec([](Json& spec) { spec["stopped"] = true; });
         world.settle();
         world.edit_spec([](Json& spec) { spec["stopped"] = false; });
       },
       {"Starting", "False Starting", "True Starting", "False AsExpected"}},
      {"maintenance",
       [](World& world) {
         world.edit_spec([](Json& spec) { spec["maintenance"] = true; });
         world.settle();
       },
       {"Maintenance", "True Maintenance", "False AsExpected", "False AsExpected"}},
      {"paused while running",
       [](World& world) { world.edit_spec([](Json& spec) { spec["paused"] = true; }); },
       {"Paused", "True AllRolesReady", "False Paused", "False Paused"}},
      {"paused from the start",
       [](World& world) {
         world = World(fresh_cluster());
         world.edit_spec([](Json& spec) { spec["paused"] = true; });
       },
       {"Paused", "Unknown Paused", "False Paused", "False Paused"}},
      {"invalid while running",
       [](World& world) { world.edit_spec([](Json& spec) { spec["roles"][0]["replicas"] = 99; }); },
       {"Blocked", "True AllRolesReady", "False Stalled", "True InvalidSpec"}},
      {"invalid from the start",
       [](World& world) {
         world = World(sample_cluster());
         world.edit_spec([](Json& spec) { spec["roles"] = Json::array(); });
       },
       {"Blocked", "False InvalidSpec", "False Stalled", "True InvalidSpec"}},
      {"a variable of the operator",
       [](World& world) {
         world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "WORKER_MODE"}, {"value", "!"}}}; });
       },
       {"Blocked", "True AllRolesReady", "False Stalled", "True ReservedVariable"}},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    World world = settled();
    item.change(world);
    write_all(world);
    EXPECT_EQ(verdict(world), item.want);
  }
}

TEST(PlanStatus, AnInvalidSpecIsToldWithPlaceCodeAndTheNumberOfOthers) {
  World world = settled();
  world.edit_spec([](Json& spec) {
    spec["roles"][0]["replicas"] = 99;
    spec["nonsense"] = 1;
  });
  write_all(world);
  const std::string text = message(world, "Stalled");
  EXPECT_EQ(text.substr(0, 24), "spec.roles[0].replicas: ");
  EXPECT_NE(text.find("(NB004)"), std::string::npos) << text;
  EXPECT_NE(text.find("; and 1 more"), std::string::npos) << text;
  EXPECT_EQ(world.cluster()["status"]["roles"][0]["ready"], 2);  // all else stays as it was said
}

TEST(PlanStatus, FailingPodsAreNamedAndStallTheClusterAfterTheLimit) {
  World world = settled();
  deployment(world, "web").ready = 1;
  world.add_pod(pod_of("web", "ImagePullBackOff", "not found", world.now().wall));
  write_all(world);
  EXPECT_EQ(verdict(world), (Verdict{"Running", "False PodsFailing", "True PodsNotReady", "False AsExpected"}));
  EXPECT_EQ(message(world, "Ready"),
            "role web: 1 of 2 pods ready; pod crm-web-x1: ImagePullBackOff, image nocobase/nocobase:2.2.15-full: not "
            "found");
  Observed idle = world.observe();
  idle.reread_period = std::chrono::hours(1);
  const Plan waiting = plan(idle, world.now());
  EXPECT_TRUE(waiting.calls.empty());
  ASSERT_TRUE(waiting.recheck);
  EXPECT_EQ(*waiting.recheck, Millis(600'000));

  const Json since = (*find_condition(world.cluster()["status"], "Reconciling"))["lastTransitionTime"];
  Observed later = world.observe();
  for (SeenPod& pod : later.pods) {
    pod.since = world.now().wall;  // nobody became ready since
  }
  world.advance(Seconds(599));
  EXPECT_TRUE(plan(later, world.now()).calls.empty());
  world.advance(Seconds(1));
  const Plan over = plan(later, world.now());
  ASSERT_EQ(lines(over),
            (std::vector<std::string>{"apply_status NocoBaseCluster apps/crm uid version Blocked False False True"}));
  world.call(over.calls.front());
  EXPECT_EQ(world.condition("Stalled"), "True ProgressDeadlineExceeded");
  EXPECT_EQ(message(world, "Stalled").substr(0, 49), "no progress for 600 s: role web: 1 of 2 pods read");
  EXPECT_FALSE(since.empty());
  later.cluster = world.cluster();
  later.meta = world.observe().meta;
  world.advance(Seconds(5000));
  EXPECT_TRUE(plan(later, world.now()).calls.empty()) << "stays stalled, and says so once";
  later.cluster["metadata"]["generation"] = 2;
  later.meta.generation = 2;
  EXPECT_EQ(lines(plan(later, world.now())),
            (std::vector<std::string>{"apply_status NocoBaseCluster apps/crm uid version Running False True False"}))
      << "a new spec gets a new chance";
}

TEST(PlanStatus, EachRoleThatRollsHasTheWholeLimit) {
  World world = settled();
  world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
  for (int pass = 0; pass < 60 && world.condition("Ready") != "True AllRolesReady"; ++pass) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      world.call(call);
    }
    EXPECT_TRUE(world.condition("Stalled").starts_with("False")) << pass;
    world.advance(Seconds(400));
    world.tick();
  }
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanStatus, NamesTheCauseInWordsThatHelp) {
  struct Case {
    std::string_view name;
    std::function<void(World&, SeenPod&)> change;
    std::string want;
  };
  const Case cases[] = {
      {"crash",
       [](World&, SeenPod& pod) { pod.reason = "CrashLoopBackOff", pod.exit_code = 137, pod.message = "OOMKilled"; },
       "role web: 1 of 2 pods ready; pod crm-web-x1: CrashLoopBackOff, exit code 137: OOMKilled"},
      {"missing Secret key",
       [](World&, SeenPod& pod) {
         pod.reason = "CreateContainerConfigError";
         pod.message = "couldn't find key password in Secret apps/pg";
       },
       "role web: 1 of 2 pods ready; pod crm-web-x1: CreateContainerConfigError: couldn't find key password in Secret "
       "apps/pg"},
      {"no node", [](World&, SeenPod& pod) { pod.reason = "Unschedulable", pod.message = "0/3 nodes are available"; },
       "role web: 1 of 2 pods ready; pod crm-web-x1: Unschedulable: 0/3 nodes are available"},
      {"quota",
       [](World& world, SeenPod& pod) {
         deployment(world, "web").failure = "exceeded quota: pods=4";
         pod.reason = "Unschedulable";
       },
       "role web: 1 of 2 pods ready; no more can be made: exceeded quota: pods=4"},
      {"starting", [](World&, SeenPod& pod) { pod.reason = "ContainerCreating"; },
       "role web: 1 of 2 pods ready; pod crm-web-x1: ContainerCreating"},
      {"unready", [](World&, SeenPod& pod) { pod.phase = "Running", pod.reason = ""; },
       "role web: 1 of 2 pods ready; pod crm-web-x1 runs; waiting for its health check to answer 200"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    World world = settled();
    deployment(world, "web").ready = deployment(world, "web").replicas = 1;
    SeenPod pod = pod_of("web", "", "", world.now().wall);
    item.change(world, pod);
    world.add_pod(pod);
    write_all(world);
    EXPECT_EQ(message(world, "Ready"), item.want);
  }
}

TEST(PlanStatus, AQuotaThatIsLiftedIsForgotten) {
  World world = settled();
  deployment(world, "web").failure = "exceeded quota: pods=4";
  deployment(world, "web").ready = deployment(world, "web").replicas = 1;
  write_all(world);
  EXPECT_EQ(verdict(world), (Verdict{"Running", "False PodsFailing", "True PodsNotReady", "False AsExpected"}));
  deployment(world, "web").failure.clear();
  deployment(world, "web").ready = deployment(world, "web").replicas = 2;
  write_all(world);
  EXPECT_EQ(verdict(world), (Verdict{"Running", "True AllRolesReady", "False AsExpected", "False AsExpected"}));
}

TEST(PlanStatus, TellsWhetherTheImageMayBecomeAnother) {
  struct Case {
    std::string image;
    std::string want;
  };
  const Case cases[] = {{"nocobase/nocobase:latest-full", "False MovingTag"},
                        {"nocobase/nocobase:2.2.15-full", "True VersionTag"},
                        {"nocobase/nocobase:2.2@sha256:" + std::string(64, 'a'), "True Digest"}};
  for (const Case& item : cases) {
    SCOPED_TRACE(item.image);
    Json cluster = fresh_cluster();
    cluster["spec"]["image"] = item.image;
    cluster["status"]["operation"] = settled_operation(cluster);
    const World world = settled(cluster);
    EXPECT_EQ(world.condition("ImagePinned"), item.want);
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  }
}

TEST(PlanStatus, EachPodThatBecomesReadyIsProgress) {
  World world = settled();
  SeenDeployment& seen = deployment(world, "web");
  seen.ready = seen.replicas = 0;
  SeenPod slow = pod_of("web", "", "", world.now().wall);
  world.add_pod(slow);
  write_all(world);
  world.advance(Seconds(599));
  Observed later = world.observe();
  later.pods.back().ready = true;
  later.pods.back().since = world.now().wall;
  world.advance(Seconds(2));
  EXPECT_EQ(lines(plan(later, world.now())),
            (std::vector<std::string>{"apply_status NocoBaseCluster apps/crm uid version Running False True False"}));
  EXPECT_EQ(plan(later, world.now()).recheck, Millis(598'000));
  world.advance(Seconds(598));
  EXPECT_EQ(lines(plan(later, world.now())),
            (std::vector<std::string>{"apply_status NocoBaseCluster apps/crm uid version Blocked False False True"}));
}

TEST(PlanStatus, PodsThatHaveEndedCountForNothing) {
  World world = settled();
  for (int i = 0; i < 40; ++i) {
    SeenPod ended = pod_of("web", "Evicted", "low on disk", world.now().wall);
    ended.meta.ref.name += std::to_string(i);
    ended.phase = i % 2 == 0 ? "Failed" : "Succeeded";
    world.add_pod(ended);
  }
  world.scale("workflow", 4);
  world.settle();
  EXPECT_EQ(deployment(world, "workflow").spec_replicas, 4);
  EXPECT_EQ(world.condition("WorkerIdsAvailable"), "True WithinLimit");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  world.edit_spec([](Json& spec) { spec["stopped"] = true; });
  world.settle();
  EXPECT_EQ(phase(world), "Stopped");
}

TEST(PlanStatus, ThatKubernetesGaveUpOnARollOutIsNoProgress) {
  World world = settled();
  SeenDeployment& seen = deployment(world, "workflow");
  seen.ready = 0;
  seen.progress = "ReplicaSetUpdated";
  seen.progressed_at = world.now().wall;
  write_all(world);
  EXPECT_EQ(world.condition("Reconciling"), "True Rolling");
  world.advance(Seconds(601));
  seen.progress = "ProgressDeadlineExceeded";
  seen.progressed_at = world.now().wall;
  write_all(world);
  EXPECT_EQ(world.condition("Stalled"), "True ProgressDeadlineExceeded");
}

TEST(PlanStatus, OfSeveralRolesSpeaksOfTheOneThatIsGettingOn) {
  World world = settled();
  world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
  for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
    world.call(call);
  }
  world.tick();
  write_all(world);
  EXPECT_EQ(message(world, "Ready"),
            "role workflow: 0 of 1 pods replaced; pod crm-workflow-0 runs; waiting for its "
            "health check to answer 200");
  EXPECT_EQ(message(world, "Reconciling"), message(world, "Ready"));
}

TEST(PlanStatus, AHoldIsReachedWhenTheLastPodIsGone) {
  World world = settled();
  SeenPod leaving = pod_of("workflow", "", "", world.now().wall);
  leaving.meta.terminating = true;
  leaving.phase = "Running";
  world.add_pod(leaving);
  world.edit_spec([](Json& spec) { spec["stopped"] = true; });
  world.settle();
  EXPECT_EQ(verdict(world), (Verdict{"Draining", "False Draining", "True Draining", "False AsExpected"}));
  EXPECT_EQ(message(world, "Ready"), "role workflow: 1 pods, to be 0; waiting for pod crm-workflow-x1 on node node-1");
  world.advance(Seconds(600 + 615 + 1));
  write_all(world);
  EXPECT_EQ(world.condition("Stalled"), "True ProgressDeadlineExceeded");
}

TEST(PlanStatus, AHoldKeepsEveryIntentAndLeavingItRestoresTheCounts) {
  World world = settled();
  world.scale("workflow", 5);
  world.settle();
  world.edit_spec([](Json& spec) { spec["maintenance"] = true; });
  world.settle();
  EXPECT_EQ(deployment(world, "web").spec_replicas, 1);
  EXPECT_EQ(deployment(world, "workflow").spec_replicas, 0);
  const Json role = world.cluster()["status"]["roles"][1];
  EXPECT_EQ(role["desired"], 5);
  EXPECT_EQ(role["effective"], 0);
  EXPECT_EQ(role["why"], "maintenance");
  world.edit_spec([](Json& spec) { spec.erase("maintenance"); });
  world.settle();
  EXPECT_EQ(deployment(world, "web").spec_replicas, 2);
  EXPECT_EQ(deployment(world, "workflow").spec_replicas, 5);
}

TEST(PlanStatus, TheLimitOfWorkerIdsIsToldAndNeverPassed) {
  World world = settled();
  world.scale("workflow", 40);
  world.settle();
  EXPECT_EQ(deployment(world, "workflow").spec_replicas, 29);
  EXPECT_EQ(world.condition("WorkerIdsAvailable"), "False Limited");
  EXPECT_EQ(message(world, "WorkerIdsAvailable"), "there are worker ids for 32 pods; fewer pods than wanted: workflow");
  EXPECT_EQ(world.cluster()["status"]["roles"][1]["why"], "workerIdLimit");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  world.scale("workflow", 2);
  world.settle();
  EXPECT_EQ(world.condition("WorkerIdsAvailable"), "True WithinLimit");
}

TEST(PlanStatus, SeveralPodsWithoutCoordinationAreTold) {
  Json cluster = sample_cluster();
  cluster["spec"].erase("coordination");
  World world = settled(cluster);
  EXPECT_EQ(world.condition("Coordinated"), "False NotShared");
  EXPECT_EQ(message(world, "Coordinated"),
            "each pod has its own queue, cache, locks: work does not cross pods; set spec.coordination");
  EXPECT_EQ(message(world, "Ready"),
            "every role has the pods it is to have; work does not cross pods, because spec.coordination does not share "
            "it");
}

TEST(PlanStatus, WhatNobodyServesIsTold) {
  Json cluster = sample_cluster();
  cluster["spec"]["roles"].erase(2);
  cluster["spec"]["pluginServices"] = {"report:build"};
  World world = settled(cluster);
  EXPECT_EQ(world.condition("ServicesCovered"), "False NotServed");
  EXPECT_EQ(message(world, "ServicesCovered"), "no role serves async-task:process, report:build");
}

TEST(PlanStatus, KeepsTheOperationThatIsUnderWay) {
  World world = settled();
  world.cluster()["status"]["operation"]["epoch"] = 4;
  const Json before = world.cluster()["status"]["operation"];
  world.edit_spec([](Json& spec) { spec["roles"][0]["replicas"] = 3; });
  world.settle();
  EXPECT_EQ(world.cluster()["status"]["operation"], before);
  EXPECT_EQ(world.at(ref_of(Kind::deployment, "crm-web")).epoch, 4);
}

}  // namespace
}  // namespace nocobase_operator::app
