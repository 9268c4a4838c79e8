// How roles come to be scaled, and what is said of it.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "app/names.h"
#include "app/plan_parts.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::Verb;

World settled(Json cluster = sample_cluster()) {
  World world(std::move(cluster));
  CHECK(world.settle() > 0);
  return world;
}

// The sample, with role workflow scaled like this.
World scaled(const Json& autoscaling) {
  World world = settled();
  world.edit_spec([&](Json& spec) {
    spec["roles"][1]["autoscaling"] = {{"maxReplicas", 6}};
    spec["roles"][1]["autoscaling"].update(autoscaling);
    spec["roles"][1]["resources"] = {{"requests", {{"cpu", "100m"}}}};
  });
  CHECK(world.settle() > 0);
  return world;
}

const Json on_backlog = {{"backlog", {{"target", 5}}}};
const Json on_cpu = {{"cpu", 80}};

std::string message(const World& world, std::string_view type) {
  const Json* const found = find_condition(world.cluster().at("status"), type);
  return found == nullptr ? "" : kube::string_at(*found, {"message"});
}

std::string why(const World& world, std::size_t role) {
  return kube::string_at(world.cluster()["status"]["roles"][role], {"why"});
}

SeenChild foreign(Kind kind, const std::string& name, std::string target_kind, std::string target) {
  SeenChild scaler;
  scaler.meta.ref = ref_of(kind, name);
  scaler.meta.uid = "uid-foreign";
  scaler.detail = SeenScaler{std::move(target_kind), std::move(target), ""};
  return scaler;
}

TEST(Scaling, AnAutoscalerIsMadeWhenTheNumberIsItsOwn) {
  for (const auto& [autoscaling, kind] :
       {std::pair(on_cpu, Kind::horizontal_pod_autoscaler), std::pair(on_backlog, Kind::scaled_object)}) {
    SCOPED_TRACE(kube::info(kind).kind);
    World world = settled();
    world.edit_spec([](Json& spec) { spec["roles"][1]["replicas"] = 5; });
    world.settle();
    world.edit_spec([&, &how = autoscaling](Json& spec) {
      spec["roles"][1].erase("replicas");
      spec["roles"][1]["autoscaling"] = {{"maxReplicas", 6}};
      spec["roles"][1]["autoscaling"].update(how);
      spec["roles"][1]["resources"] = {{"requests", {{"cpu", "100m"}}}};
    });
    world.settle([&, is = kind](const World& now, const Plan&) {
      const auto& role = std::get<SeenRole>(now.find(ref_of(Kind::nocobase_role, "crm-workflow"))->detail);
      EXPECT_EQ(role.intent, 5);
      EXPECT_TRUE(!role.main_owns_intent || now.find(ref_of(is, "crm-workflow")) == nullptr);
    });
    EXPECT_NE(world.find(ref_of(kind, "crm-workflow")), nullptr);
    EXPECT_EQ(world.condition("AutoscalersReady"), "True AllAtWork");
    EXPECT_EQ(why(world, 1), "autoscaler");
  }
}

TEST(Scaling, ANewFloorIsForTheAutoscalerAndMovesNoPod) {
  World world = scaled(Json{{"cpu", 80}, {"minReplicas", 3}});
  world.scale("workflow", 5);
  ASSERT_GT(world.settle(), 0);
  world.edit_spec([](Json& spec) { spec["roles"][1]["autoscaling"]["minReplicas"] = 4; });
  std::set<std::string> written;
  ASSERT_GT(world.settle([&](const World&, const Plan& plan) {
    for (const kube::Call& call : plan.calls) {
      if (kube::is_write(call.verb)) {
        written.insert(kube::to_string(call.ref));
      }
    }
  }),
            0);
  EXPECT_EQ(written, (std::set<std::string>{"HorizontalPodAutoscaler apps/crm-workflow", "NocoBaseCluster apps/crm"}));
  EXPECT_EQ(std::get<SeenRole>(world.at(ref_of(Kind::nocobase_role, "crm-workflow")).detail).intent, 5);
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-workflow")).detail).spec_replicas, 5);
}

TEST(Scaling, OneSortOfAutoscalerIsMadeWhenTheOtherIsGone) {
  for (const auto& [first, second] : {std::pair(on_cpu, on_backlog), std::pair(on_backlog, on_cpu)}) {
    World world = scaled(first);
    world.edit_spec([&, &next = second](Json& spec) {
      spec["roles"][1]["autoscaling"] = {{"maxReplicas", 6}};
      spec["roles"][1]["autoscaling"].update(next);
    });
    const auto is_there = [](const World& now, Kind kind) { return now.find(ref_of(kind, "crm-workflow")) != nullptr; };
    world.settle([&](const World& now, const Plan&) {
      EXPECT_FALSE(is_there(now, Kind::horizontal_pod_autoscaler) && is_there(now, Kind::scaled_object));
    });
    EXPECT_EQ(is_there(world, Kind::scaled_object), second == on_backlog);
    EXPECT_EQ(is_there(world, Kind::trigger_authentication), second == on_backlog);
    EXPECT_EQ(is_there(world, Kind::horizontal_pod_autoscaler), second == on_cpu);
    EXPECT_EQ(world.condition("AutoscalersReady"), "True AllAtWork");
  }
}

TEST(Scaling, KedaIsPausedInAHoldAndOnlyThen) {
  World world = scaled(on_backlog);
  const auto last_write = [&](const std::function<void(Json&)>& edit) {
    std::string paused = "not written";
    world.edit_spec(edit);
    world.settle([&](const World&, const Plan& plan) {
      for (const kube::Call& call : plan.calls) {
        if (call.ref.kind == Kind::scaled_object && call.verb == Verb::apply) {
          paused = kube::annotation_of(call.body, annotation_paused);
        }
      }
    });
    return paused;
  };
  EXPECT_EQ(last_write([](Json& spec) { spec["maintenance"] = true; }), "true");
  EXPECT_EQ(last_write([](Json& spec) { spec["maintenance"] = false; }), "");
  EXPECT_EQ(last_write([](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.16-full"; }), "")
      << "paused, and at work again";
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(Scaling, WithoutKedaOnlyTheRolesThatUseItAreAffected) {
  World world = settled();
  world.missing_kinds = {Kind::scaled_object, Kind::trigger_authentication};
  const auto verdict = [&] {
    return world.condition("Ready") + ", " + world.condition("Stalled") + ", " + world.condition("AutoscalersReady");
  };
  world.settle();
  EXPECT_EQ(verdict(), "True AllRolesReady, False AsExpected, True NoneAsked") << "nobody has asked";
  world.edit_spec([](Json& spec) {
    spec["roles"][1]["autoscaling"] = {{"maxReplicas", 6}, {"backlog", {{"target", 5}}}};
  });
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(verdict(), "True AllRolesReady, False AsExpected, False KindMissing");
  EXPECT_EQ(message(world, "AutoscalersReady"),
            "ScaledObject apps/crm-workflow cannot be made, so nothing scales its role: this Kubernetes has no "
            "ScaledObject (keda.sh/v1alpha1); install KEDA, or scale on cpu, memory or metrics");
  EXPECT_EQ(why(world, 0), "spec");
  EXPECT_EQ(why(world, 1), "kedaMissing");
  EXPECT_EQ(plan(world.observe(), world.now()).recheck, Millis(30'000)) << "it may be installed later";
  world.scale("workflow", 3);
  world.settle();
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-workflow")).detail).spec_replicas, 3)
      << "by hand";

  world.missing_kinds.clear();
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(verdict(), "True AllRolesReady, False AsExpected, True AllAtWork");
  EXPECT_NE(world.find(ref_of(Kind::scaled_object, "crm-workflow")), nullptr);
  EXPECT_EQ(why(world, 1), "autoscaler");

  world.missing_kinds = {Kind::scaled_object, Kind::trigger_authentication};
  world.remove(ref_of(Kind::scaled_object, "crm-workflow"));
  world.remove(ref_of(Kind::trigger_authentication, "crm-workflow"));
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(verdict(), "True AllRolesReady, False AsExpected, False KindMissing");
}

TEST(Scaling, AnObjectThatKedaDoesNotLetGoOfHoldsUpNothingElse) {
  World world = scaled(on_backlog);
  SeenChild& object = world.at(ref_of(Kind::scaled_object, "crm-workflow"));
  object.meta.terminating = true;
  for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
    EXPECT_EQ(world.call(call), "");
  }
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(message(world, "AutoscalersReady"), "ScaledObject apps/crm-workflow is being deleted");
}

TEST(Scaling, AnAutoscalerThatDoesNothingIsTold) {
  World world = scaled(on_cpu);
  std::get<SeenScaler>(world.at(ref_of(Kind::horizontal_pod_autoscaler, "crm-workflow")).detail).problem =
      "FailedGetResourceMetric";
  world.settle();
  EXPECT_EQ(world.condition("AutoscalersReady"), "False NotActive");
  EXPECT_EQ(
      message(world, "AutoscalersReady"),
      "HorizontalPodAutoscaler apps/crm-workflow does not work: FailedGetResourceMetric; `kubectl describe` tells "
      "more of it");
  world.edit_spec([](Json& spec) { spec["stopped"] = true; });
  world.settle();
  EXPECT_EQ(world.condition("AutoscalersReady"), "True AllAtWork") << "it has nothing to do";
}

TEST(Scaling, AForeignAutoscalerIsNamedWithTheRemedy) {
  constexpr Kind hpa = Kind::horizontal_pod_autoscaler;
  struct Case {
    std::string_view name;
    SeenChild scaler;
    std::string want;
  };
  for (const Case& c : std::vector<Case>{
           {"the Deployment of a fixed role", foreign(hpa, "mine", "Deployment", "crm-web"),
            "HorizontalPodAutoscaler apps/mine scales Deployment crm-web, whose number is the operator's: let it scale "
            "NocoBaseRole crm-web and take replicas out of role web, or delete it"},
           {"the Deployment of a role scaled from outside", foreign(hpa, "mine", "Deployment", "crm-workflow"),
            "HorizontalPodAutoscaler apps/mine scales Deployment crm-workflow, whose number is the operator's: let it "
            "scale NocoBaseRole crm-workflow, or delete it"},
           {"a fixed role", foreign(Kind::scaled_object, "mine", "NocoBaseRole", "crm-tasks"),
            "ScaledObject apps/mine scales NocoBaseRole crm-tasks, whose number the spec fixes: take replicas out of "
            "role tasks, or delete it"},
           {"a role scaled from outside", foreign(hpa, "mine", "NocoBaseRole", "crm-workflow"), ""},
           {"something else", foreign(hpa, "mine", "StatefulSet", "crm-web"), ""}}) {
    SCOPED_TRACE(c.name);
    World world = settled();
    world.scalers = {c.scaler};
    world.settle();
    EXPECT_EQ(world.condition("AutoscalersReady"), c.want.empty() ? "True NoneAsked" : "False ForeignAutoscaler");
    EXPECT_EQ(message(world, "AutoscalersReady"), c.want);
    world.scalers.clear();
    world.settle();
    EXPECT_EQ(world.condition("AutoscalersReady"), "True NoneAsked");
  }
  World world = scaled(on_cpu);
  world.scalers = {foreign(hpa, "mine", "NocoBaseRole", "crm-workflow")};
  world.settle();
  EXPECT_EQ(message(world, "AutoscalersReady"),
            "HorizontalPodAutoscaler apps/mine scales NocoBaseRole crm-workflow, whose number its own autoscaler sets: "
            "take autoscaling out of role workflow, or delete it");
}

TEST(Scaling, WhatKedaMakesIsNotForeign) {
  World world = settled();
  SeenChild made = foreign(Kind::horizontal_pod_autoscaler, "keda-hpa-mine", "Deployment", "crm-web");
  made.meta.owner_kind = kube::info(Kind::scaled_object).kind;
  world.scalers = {made, foreign(Kind::scaled_object, "mine", "Deployment", "crm-web")};
  world.settle();
  EXPECT_THAT(message(world, "AutoscalersReady"), testing::StartsWith("ScaledObject apps/mine scales Deployment"));
}

TEST(Scaling, AContestIsNamedAndFoughtMoreAndMoreSlowly) {
  World world = settled();
  const auto intent = [&] {
    return std::get<SeenRole>(world.at(ref_of(Kind::nocobase_role, "crm-web")).detail).intent;
  };
  EXPECT_EQ(world.condition("IntentContested"), "");
  world.scale("web", 7);
  world.settle();
  EXPECT_EQ(intent(), 2) << "at once";
  EXPECT_EQ(world.condition("IntentContested"), "True NumberIsFixed");
  EXPECT_EQ(message(world, "IntentContested"),
            "autoscaler sets the number of pods of role web, and the spec fixes it at 2: it is set back; take replicas "
            "out of the role to have it scaled from outside");

  // How long it is left like that.
  const auto pause = [&] {
    world.scale("web", 7);
    const auto began = world.now().wall;
    auto ended = began;
    for (int i = 0; i < 120 && intent() != 2; ++i) {
      world.settle([&](const World& now, const Plan&) { ended = now.now().wall; });
      if (intent() == 2) {
        break;
      }
      EXPECT_LE(plan(world.observe(), world.now()).recheck.value_or(Millis(0)), longest_contest_pause);
      world.advance(Seconds(1));
    }
    EXPECT_EQ(intent(), 2);
    return ended - began;
  };
  Seconds before(0);
  for (int i = 0; i < 4; ++i) {
    world.advance(Seconds(1));
    const Seconds now = pause();
    EXPECT_GT(now, before);
    before = now;
  }
  world.advance(Seconds(200));
  const Seconds longest = pause();
  EXPECT_GE(longest, longest_contest_pause);
  EXPECT_LE(longest, longest_contest_pause + Seconds(10)) << "the world takes its time";
  world.advance(contest_lasts);
  world.settle();
  EXPECT_EQ(world.condition("IntentContested"), "") << "it is over";
  EXPECT_LE(pause(), Seconds(10)) << "at once";
}

TEST(Scaling, AChangeOfHandsIsNoContest) {
  World world = settled();
  world.scale("workflow", 4);
  world.settle();
  world.edit_spec([](Json& spec) { spec["roles"][1]["replicas"] = 2; });
  world.settle([](const World& now, const Plan&) { EXPECT_EQ(now.condition("IntentContested"), ""); });
  EXPECT_EQ(world.condition("IntentContested"), "");
  EXPECT_EQ(std::get<SeenRole>(world.at(ref_of(Kind::nocobase_role, "crm-workflow")).detail).intent, 2);
}

TEST(Scaling, PodsThatOnlyAListHasShownHoldTheirWorkerIds) {
  World world = settled(sample_cluster());
  const kube::Ref tasks = ref_of(Kind::deployment, "crm-tasks");
  // Somebody has deleted the Deployment, and the watch of pods is behind.
  for (const auto& [leaving, want] : {std::pair(27, 1), std::pair(28, 0)}) {
    Observed seen = world.observe();
    seen.children.erase(tasks);
    seen.absent[tasks] = world.now().mono;
    seen.pods_read = PodsRead{seen.pods, world.now().mono};
    for (int i = 0; i < leaving; ++i) {
      SeenPod pod;
      pod.meta.ref = ref_of(Kind::pod, "crm-tasks-" + std::to_string(i));
      pod.meta.terminating = true;
      pod.cluster = "crm";
      pod.role = "tasks";
      seen.pods_read->pods.push_back(pod);
    }
    const Plan next = plan(seen, world.now());
    const auto made =
        std::find_if(next.calls.begin(), next.calls.end(), [&](const kube::Call& call) { return call.ref == tasks; });
    ASSERT_NE(made, next.calls.end());
    EXPECT_EQ(kube::integer_at(made->body, {"spec", "replicas"}, -1), want)
        << "beside 3 pods of other roles and one of its own";
  }
}

TEST(Scaling, PodsAreListedBeforeARoleIsRaisedNearTheLimit) {
  World world = settled(sample_cluster());
  const auto next = [&] { return lines(plan(world.observe(), world.now())); };
  const std::vector<std::string> list = {"list Pod apps/"};
  world.scale("workflow", 13);
  EXPECT_NE(next(), list) << "16 pods, and 16 that are still to go, all have an id";
  ASSERT_GT(world.settle(), 0);
  world.scale("workflow", 14);
  EXPECT_EQ(next(), list);
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-workflow")).detail).spec_replicas, 14);
  world.scale("workflow", 40);
  EXPECT_EQ(next(), list);
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-workflow")).detail).spec_replicas, 29);
  EXPECT_EQ(next(), std::vector<std::string>()) << "what stays as it is needs no proof";
  world.scale("workflow", 20);
  EXPECT_NE(next(), list) << "nor what falls";
}

TEST(Scaling, WithoutACoordinatorTheOddsOfACollisionAreTold) {
  struct Case {
    int pods;
    std::string odds;
  };
  for (const auto& [pods, odds] : std::vector<Case>{
           {1, ""}, {2, "3 %"}, {3, "9 %"}, {5, "28 %"}, {8, "61 %"}, {12, "91 %"}, {28, "more than 99 %"}}) {
    Json cluster = sample_cluster();
    cluster["spec"].erase("coordination");
    cluster["spec"]["roles"] = {{{"name", "web"}, {"requests", true}, {"services", {"*"}}, {"replicas", pods}}};
    const World world = settled(cluster);
    EXPECT_EQ(world.condition("WorkerIdsAvailable"), odds.empty() ? "True WithinLimit" : "True Random");
    EXPECT_EQ(message(world, "WorkerIdsAvailable"),
              odds.empty() ? ""
                           : "nothing gives out worker ids, so each pod takes one of 32 at random: two of " +
                                 std::to_string(pods) + " pods have the same with a probability of " + odds +
                                 ", and rows that they insert in the same second may clash; set "
                                 "spec.coordination.redis");
  }
}

TEST(PlanScaling, OnlyTheFirstStatusThatSpeaksOfRolesMayWait) {
  World world(sample_cluster());
  bool waited = false;
  EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
    const bool first = kube::find(now.cluster().at("status"), "roles") == nullptr;
    EXPECT_TRUE(first || !plan.status_waits);
    waited = waited || plan.status_waits;
  }),
            0);
  EXPECT_TRUE(waited);
  world.scale("web", 7);
  const Plan first = plan(world.observe(), world.now());
  EXPECT_EQ(lines(first), (std::vector<std::string>{"get NocoBaseCluster apps/crm", "list Pod apps/"}))
      << "of an older copy the number may have been taken out since";
  for (const kube::Call& call : first.calls) {
    (void)world.call(call);
  }
  const Plan contested = plan(world.observe(), world.now());
  EXPECT_FALSE(contested.status_waits) << "the next one sees nothing of it";
  ASSERT_FALSE(contested.calls.empty());
  EXPECT_EQ(contested.calls.back().verb, kube::Verb::apply_status);
}

}  // namespace
}  // namespace nocobase_operator::app
