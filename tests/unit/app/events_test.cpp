#include "app/events.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using Lines = std::vector<std::string>;

// "Normal RoleScaled ScaleRole: note", of each plan's events in order, for as long as anything may take.
Lines told(World& world) {
  Lines out;
  for (int pass = 0; pass < 40; ++pass) {
    const Observed observed = world.observe();
    const Plan next = plan(observed, world.now());
    for (const EventOfCall& of : events_of(observed, next)) {
      const Event& event = of.event;
      out.push_back((event.type == EventType::warning ? "Warning " : "Normal ") + event.reason + " " + event.action +
                    ": " + event.note);
    }
    for (const kube::Call& call : next.calls) {
      world.call(call);
    }
    world.tick();
  }
  return out;
}

const std::string ready = "Normal AllRolesReady Reconcile: every role has the pods it is to have";

const Lines installed = {
    "Normal KeysCreated CreateKeys: made Secret crm-keys; keep a copy of it, for data cannot be read without it",
    "Normal RoleCreated CreateRole: role web with 2 pods",
    "Normal RoleCreated CreateRole: role workflow with 1 pod",
    "Normal RoleCreated CreateRole: role tasks with 1 pod",
    ready,
};

TEST(Events, OfAnInstallationAreTheKeysTheRolesAndReady) {
  World world(sample_cluster());
  EXPECT_EQ(told(world), installed);
}

TEST(Events, OfASettledClusterAreNone) {
  World world(sample_cluster());
  world.settle();
  world.restart();
  EXPECT_EQ(events_of(world.observe(), plan(world.observe(), world.now())), std::vector<EventOfCall>());
}

TEST(Events, AreAboutTheCallThatMakesThemTrue) {
  World world(sample_cluster());
  world.settle();
  world.scale("workflow", 4);
  const Plan next = plan(world.observe(), world.now());
  const std::vector<EventOfCall> events = events_of(world.observe(), next);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(next.calls.at(events[0].call).ref, ref_of(Kind::deployment, "crm-workflow"));
}

struct Case {
  std::string_view name;
  std::function<void(World&)> change;
  Lines want;
};

TEST(Events, TellWhatAPersonCaresAbout) {
  const std::vector<Case> cases = {
      {"a role is scaled",
       [](World& world) { world.scale("workflow", 4); },
       {"Normal RoleScaled ScaleRole: role workflow from 1 to 4 pods", ready}},
      {"somebody sets a number that the spec fixes, and does so again",
       [](World& world) {
         world.scale("tasks", 4);
         world.settle();
         world.scale("tasks", 4);
       },
       {}},
      {"the same, while it is looked at",
       [](World& world) { world.scale("tasks", 4); },
       {"Warning IntentContested ScaleRole: autoscaler sets the number of pods of role tasks, and the spec fixes it at "
        "1: it is set back; take replicas out of the role to have it scaled from outside"}},
      {"a role is to be scaled by a KEDA that is not there",
       [](World& world) {
         world.missing_kinds = {Kind::scaled_object, Kind::trigger_authentication};
         world.edit_spec([](Json& spec) {
           spec["roles"][1]["autoscaling"] = {{"maxReplicas", 3}, {"backlog", {{"target", 5}}}};
         });
       },
       {"Warning KindMissing ScaleRole: ScaledObject apps/crm-workflow cannot be made, so nothing scales its role: "
        "this "
        "Kubernetes has no ScaledObject (keda.sh/v1alpha1); install KEDA, or scale on cpu, memory or metrics"}},
      {"a child that was drifted is mended without a word",
       [](World& world) { world.at(ref_of(Kind::service, "crm")).owned = 7; },
       {}},
      {"a role is taken out",
       [](World& world) { world.edit_spec([](Json& spec) { spec["roles"].erase(2); }); },
       {"Normal RoleRemoved RemoveRole: removed Deployment crm-tasks, whose role is no longer asked for"}},
      {"a cluster is stopped",
       [](World& world) { world.edit_spec([](Json& spec) { spec["stopped"] = true; }); },
       {"Normal RoleScaled ScaleRole: role web from 2 to 0 pods",
        "Normal RoleScaled ScaleRole: role tasks from 1 to 0 pods",
        "Normal RoleScaled ScaleRole: role workflow from 1 to 0 pods",
        "Normal Stopped Reconcile: no pod runs, as asked"}},
      {"an upgrade is through",
       [](World& world) { world.edit_spec([](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.16-full"; }); },
       {"Normal RoleScaled ScaleRole: role web from 2 to 0 pods",
        "Normal RoleScaled ScaleRole: role tasks from 1 to 0 pods",
        "Normal RoleScaled ScaleRole: role workflow from 1 to 0 pods",
        "Normal RoleScaled ScaleRole: role web from 0 to 2 pods",
        "Normal RoleScaled ScaleRole: role workflow from 0 to 1 pod",
        "Normal RoleScaled ScaleRole: role tasks from 0 to 1 pod",
        "Normal Upgraded Upgrade: nocobase/nocobase:2.2.16-full runs; the application was down for 18 s: Pull 3 s, "
        "Drain 4 s, Setup 7 s, Migrate 1 s, Finish 3 s, Start 3 s",
        ready}},
      {"a spec becomes invalid",
       [](World& world) { world.edit_spec([](Json& spec) { spec["image"] = "a b"; }); },
       {"Warning InvalidSpec Reconcile: spec.image: \"a b\" has the wrong form (NB007); want an image such as "
        "nocobase/nocobase:2.2.15-full"}},
      {"the server refuses a write",
       [](World& world) {
         world.refuses[ref_of(Kind::service, "crm")] = "cannot patch";
         world.at(ref_of(Kind::service, "crm")).owned = 7;
       },
       {"Warning Refused Reconcile: the API server refuses Service apps/crm: cannot patch"}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    World world(sample_cluster());
    world.settle();
    each.change(world);
    EXPECT_EQ(told(world), each.want);
  }
}

TEST(Events, OfOneReasonAreToldTogether) {
  const auto event = [](EventType type, const char* reason, const char* note) {
    return Event{type, reason, "Act", note};
  };
  const Event made = event(EventType::normal, "RoleCreated", "role web with 2 pods");
  const Event also = event(EventType::normal, "RoleCreated", "role tasks with 1 pod");
  const Event scaled = event(EventType::normal, "RoleScaled", "role workflow from 1 to 2 pods");
  const Event warned = event(EventType::warning, "RoleCreated", "x");
  Event upgraded = event(EventType::normal, "RoleCreated", "y");
  upgraded.upgrade = UpgradeTimes{};
  const Event both = event(EventType::normal, "RoleCreated", "role web with 2 pods; role tasks with 1 pod");
  EXPECT_EQ(told_together({}), std::vector<Event>());
  EXPECT_EQ(told_together({made, scaled, also, warned, upgraded}),
            (std::vector<Event>{both, scaled, warned, upgraded}));
  EXPECT_EQ(told_together({upgraded, made}), (std::vector<Event>{upgraded, made}));
}

}  // namespace
}  // namespace nocobase_operator::app
