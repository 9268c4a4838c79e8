#include "app/plan.h"

#include <algorithm>
#include <functional>

#include <gmock/gmock.h>

#include "app/children.h"
#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using Lines = std::vector<std::string>;

// A cluster that runs as asked.
World settled(Json cluster = sample_cluster()) {
  World world(std::move(cluster));
  CHECK(world.settle() > 0);
  return world;
}

Lines plan_lines(const World& world) {
  return lines(plan(world.observe(), world.now()));
}

// Carries out the plans that only read, and returns the next one.
Lines after_reads(World& world) {
  for (int i = 0; i < 5; ++i) {
    const Plan next = plan(world.observe(), world.now());
    const bool reads = !next.calls.empty() && std::all_of(next.calls.begin(), next.calls.end(),
                                                          [](const auto& call) { return !kube::is_write(call.verb); });
    if (!reads) {
      return lines(next);
    }
    for (const kube::Call& call : next.calls) {
      world.call(call);
    }
  }
  return {"reads for ever"};
}

TEST(Plan, InstallsByReadingThenKeysThenEverythingElse) {
  World world(sample_cluster());
  EXPECT_EQ(plan_lines(world),
            (Lines{"get PersistentVolumeClaim apps/crm-storage", "get Secret apps/crm-keys", "get Secret apps/pg"}));
  for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
    world.call(call);
  }
  EXPECT_EQ(plan_lines(world), (Lines{"create Secret apps/crm-keys"}));
  world.call(plan(world.observe(), world.now()).calls.front());
  EXPECT_EQ(plan_lines(world),
            (Lines{"apply ServiceAccount apps/crm absent", "apply PersistentVolumeClaim apps/crm-storage absent",
                   "apply Service apps/crm absent", "apply NocoBaseRole apps/crm-web absent replicas=2",
                   "apply Deployment apps/crm-web absent replicas=2", "apply NocoBaseRole apps/crm-workflow absent",
                   "apply Deployment apps/crm-workflow absent replicas=1",
                   "apply NocoBaseRole apps/crm-tasks absent replicas=1",
                   "apply Deployment apps/crm-tasks absent replicas=1", "apply PodDisruptionBudget apps/crm-web absent",
                   "apply_status NocoBaseCluster apps/crm uid version Starting False True False"}));
}

TEST(Plan, AppliesExactlyWhatIsRendered) {
  World world(sample_cluster());
  world.settle();
  world.restart();
  const Cluster cluster = decode(world.cluster()).cluster;
  const std::vector<Child> children = render({&cluster, initial_counts(cluster), 1}).value();
  for (const Child& rendered : children) {
    SCOPED_TRACE(kube::to_string(rendered.ref));
    ASSERT_NE(world.find(rendered.ref), nullptr);
    const auto* const deployment = std::get_if<SeenDeployment>(&world.find(rendered.ref)->detail);
    Child child = rendered;
    if (deployment != nullptr) {
      put_content(child, deployment->content);
      child = sealed(std::move(child));
    }
    EXPECT_EQ(world.find(child.ref)->applied, child.hash);
    EXPECT_EQ(world.find(child.ref)->owned, child.hash);
  }
}

TEST(Plan, OfASettledClusterIsEmptyAndStaysSoAfterARestart) {
  World world = settled();
  EXPECT_EQ(lines(plan(world.observe(), world.now())), Lines{});
  world.restart();
  world.advance(Seconds(100'000));
  EXPECT_EQ(plan(world.observe(), world.now()),
            (Plan{.calls = {},
                  .stop_on_error = false,
                  .recheck = {},
                  .why = "nothing to do",
                  .reread = Reread{
                      {ref_of(Kind::secret, "crm-keys"), ref_of(Kind::secret, "pg")}, Millis(0), Millis(60'000)}}));
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("KeysIntact"), "True KeysPresent");
}

// What is made only where the spec asks for it. Monitoring changes the pods as well.
void ask_for_everything(Json& spec) {
  spec["ingress"] = {{"host", "crm.example.com"}};
  spec["gateway"] = {{"parentRefs", {{{"name", "public"}}}}};
  spec["networkPolicy"] = {{"enabled", true}};
  spec["monitoring"] = {{"enabled", true}, {"podMonitor", true}};
}

struct Case {
  std::string_view name;
  std::function<void(World&)> change;
  Lines want;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"a drifted child is applied again, and nobody is told",
       [](World& world) { world.at(ref_of(Kind::service, "crm")).owned = 7; },
       {"apply Service apps/crm uid"}},
      {"a child whose label was taken off is read, then applied again",
       [](World& world) { world.at(ref_of(Kind::service_account, "crm")).watched = false; },
       {"apply ServiceAccount apps/crm uid"}},
      {"a deployment is applied on the version the decision rests on",
       [](World& world) { world.at(ref_of(Kind::deployment, "crm-tasks")).owned = 7; },
       {"apply Deployment apps/crm-tasks uid version replicas=1",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a scaled role moves its deployment at once",
       [](World& world) { world.scale("workflow", 4); },
       {"apply_status NocoBaseRole apps/crm-workflow uid outside "
        "[app.kubernetes.io/component=workflow,app.kubernetes.io/instance=crm,app.kubernetes.io/name=nocobase]",
        "apply Deployment apps/crm-workflow uid version replicas=4",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a foreign write to a fixed role is undone and told",
       [](World& world) { world.scale("tasks", 4); },
       {"apply NocoBaseRole apps/crm-tasks uid replicas=1",
        "apply_status NocoBaseRole apps/crm-tasks uid spec "
        "[app.kubernetes.io/component=tasks,app.kubernetes.io/instance=crm,app.kubernetes.io/name=nocobase]",
        "apply_status NocoBaseCluster apps/crm uid version Running True False False"}},
      {"a role that is dropped is removed on uid and version, after the rest",
       [](World& world) { world.edit_spec([](Json& spec) { spec["roles"].erase(2); }); },
       {"remove NocoBaseRole apps/crm-tasks uid version", "remove Deployment apps/crm-tasks uid version",
        "apply_status NocoBaseCluster apps/crm uid version Running True False False"}},
      {"what is asked for is looked for first and made after the roles",
       [](World& world) { world.edit_spec(ask_for_everything); },
       {"apply Deployment apps/crm-workflow uid version replicas=1", "apply NetworkPolicy apps/crm absent",
        "apply Ingress apps/crm absent", "apply HTTPRoute apps/crm absent", "apply PodMonitor apps/crm absent",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"what is no longer asked for is removed on uid and version",
       [](World& world) {
         world.edit_spec(ask_for_everything);
         world.settle();
         world.edit_spec([](Json& spec) {
           for (const char* const key : {"ingress", "gateway", "networkPolicy"}) {
             spec.erase(key);
           }
           spec["monitoring"]["podMonitor"] = false;
           spec["roles"][0]["replicas"] = 1;
         });
       },
       {"apply NocoBaseRole apps/crm-web uid replicas=1", "apply Deployment apps/crm-web uid version replicas=1",
        "remove PodDisruptionBudget apps/crm-web uid version", "remove Ingress apps/crm uid version",
        "remove NetworkPolicy apps/crm uid version", "remove HTTPRoute apps/crm uid version",
        "remove PodMonitor apps/crm uid version",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"what somebody else made of that kind is neither written nor removed",
       [](World& world) {
         SeenChild foreign;
         foreign.meta.ref = ref_of(Kind::ingress, "crm");
         foreign.meta.uid = "uid-foreign";
         world.put(foreign);
         world.edit_spec([](Json& spec) { spec["ingress"] = {{"host", "crm.example.com"}}; });
       },
       {"apply_status NocoBaseCluster apps/crm uid version Blocked True False True"}},
      {"a kind that is missing is neither read nor written; all else goes on",
       [](World& world) {
         world.missing_kinds = {Kind::http_route, Kind::pod_monitor};
         world.edit_spec(ask_for_everything);
       },
       {"apply Deployment apps/crm-workflow uid version replicas=1", "apply NetworkPolicy apps/crm absent",
        "apply Ingress apps/crm absent", "apply_status NocoBaseCluster apps/crm uid version Blocked False False True"}},
      {"workers roll before request roles, one at a time",
       [](World& world) { world.edit_spec([](Json& spec) {
                            spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
                          }); },
       {"apply Deployment apps/crm-workflow uid version replicas=1",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a scale change does not wait for a roll-out elsewhere",
       [](World& world) {
         world.edit_spec([](Json& spec) { spec["roles"][1]["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
         world.settle([](const World&, const Plan&) {});
         auto& seen = std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-workflow")).detail);
         seen.updated = 0;  // as if it were still rolling
         world.edit_spec([](Json& spec) { spec["roles"][0]["replicas"] = 3; });
       },
       {"apply NocoBaseRole apps/crm-web uid replicas=3", "apply Deployment apps/crm-web uid version replicas=3",
        "apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a claim grows",
       [](World& world) { world.edit_spec([](Json& spec) { spec["storage"]["size"] = "20Gi"; }); },
       {"apply PersistentVolumeClaim apps/crm-storage uid",
        "apply_status NocoBaseCluster apps/crm uid version Running True True False"}},
      {"a claim that somebody made larger is left as large as it is",
       [](World& world) {
         std::get<SeenClaim>(world.at(ref_of(Kind::persistent_volume_claim, "crm-storage")).detail).requested = "1Ti";
       },
       {"apply PersistentVolumeClaim apps/crm-storage uid"}},
      {"a foreign service is left alone",
       [](World& world) {
         SeenChild foreign = world.at(ref_of(Kind::service, "crm"));
         foreign.meta.uid = "uid-foreign";
         foreign.meta.owner_kind = foreign.meta.owner_name = foreign.meta.owner_uid = "";
         foreign.watched = false;
         world.put(foreign);
       },
       {"apply_status NocoBaseCluster apps/crm uid version Blocked True False True"}},
      {"a service of an older cluster of the same name is waited for",
       [](World& world) { world.at(ref_of(Kind::service, "crm")).meta.owner_uid = "uid-older"; },
       {"apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a child that is being deleted is waited for",
       [](World& world) { world.at(ref_of(Kind::service, "crm")).meta.terminating = true; },
       {"apply_status NocoBaseCluster apps/crm uid version Running False True False"}},
      {"a paused cluster is looked at and not touched",
       [](World& world) {
         world.at(ref_of(Kind::service, "crm")).owned = 7;
         world.edit_spec([](Json& spec) { spec["paused"] = true; });
       },
       {"apply_status NocoBaseCluster apps/crm uid version Paused True False False"}},
      {"an invalid spec touches nothing that runs",
       [](World& world) {
         world.at(ref_of(Kind::service, "crm")).owned = 7;
         world.edit_spec([](Json& spec) { spec["roles"][0]["replicas"] = 99; });
       },
       {"apply_status NocoBaseCluster apps/crm uid version Blocked True False True"}},
      {"a hold first takes the selector away from autoscalers; the other roles stop at once",
       [](World& world) { world.edit_spec([](Json& spec) { spec["stopped"] = true; }); },
       {"apply_status NocoBaseRole apps/crm-web uid stopped []", "apply Deployment apps/crm-web uid version replicas=0",
        "apply_status NocoBaseRole apps/crm-workflow uid stopped []",
        "apply_status NocoBaseRole apps/crm-tasks uid stopped []",
        "apply Deployment apps/crm-tasks uid version replicas=0",
        "apply_status NocoBaseCluster apps/crm uid version Draining False True False"}},
      {"a stop does not wait for anybody's turn",
       [](World& world) {
         world.edit_spec([](Json& spec) {
           spec["roles"][1]["replicas"] = 1;
           spec["stopped"] = true;
           spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
         });
       },
       {"apply_status NocoBaseRole apps/crm-web uid stopped []", "apply Deployment apps/crm-web uid version replicas=0",
        "apply NocoBaseRole apps/crm-workflow uid replicas=1",
        "apply_status NocoBaseRole apps/crm-workflow uid stopped []",
        "apply Deployment apps/crm-workflow uid version replicas=0",
        "apply_status NocoBaseRole apps/crm-tasks uid stopped []",
        "apply Deployment apps/crm-tasks uid version replicas=0",
        "apply_status NocoBaseCluster apps/crm uid version Draining False True False"}},
      {"a child of a later epoch that an older cluster left is nobody's warning",
       [](World& world) {
         SeenChild left = world.at(ref_of(Kind::deployment, "crm-web"));
         left.meta.ref.name = "crm-old";
         left.meta.uid = "uid-left";
         left.meta.owner_uid = "uid-older";
         left.epoch = 9;
         world.put(left);
         world.at(ref_of(Kind::service, "crm")).owned = 7;
       },
       {"apply Service apps/crm uid"}},
      {"a child of a later epoch keeps an old copy of the cluster from deciding",
       [](World& world) {
         world.at(ref_of(Kind::deployment, "crm-web")).epoch = 3;
         world.at(ref_of(Kind::service, "crm")).owned = 7;
       },
       {}},
      {"a lost deployment is made again only after its keys were looked at",
       [](World& world) {
         world.remove(ref_of(Kind::deployment, "crm-web"));
         world.remove(ref_of(Kind::secret, "crm-keys"));
         world.restart();
       },
       {"apply_status NocoBaseRole apps/crm-web uid spec "
        "[app.kubernetes.io/component=web,app.kubernetes.io/instance=crm,app.kubernetes.io/name=nocobase]",
        "apply_status NocoBaseCluster apps/crm uid version Blocked False False True"}},
      {"fixed to elastic: the intent gets its new owner before the old one lets go",
       [](World& world) { world.edit_spec([](Json& spec) { spec["roles"][0].erase("replicas"); }); },
       {"apply NocoBaseRole apps/crm-web as intent uid version replicas=2",
        "apply_status NocoBaseRole apps/crm-web uid outside "
        "[app.kubernetes.io/component=web,app.kubernetes.io/instance=crm,app.kubernetes.io/name=nocobase]",
        "remove PodDisruptionBudget apps/crm-web uid version",
        "apply_status NocoBaseCluster apps/crm uid version Running True False False"}},
      {"elastic to fixed: the new owner writes, the intent manager lets go afterwards",
       [](World& world) { world.edit_spec([](Json& spec) { spec["roles"][1]["replicas"] = 1; }); },
       {"apply NocoBaseRole apps/crm-workflow uid replicas=1",
        "apply_status NocoBaseRole apps/crm-workflow uid spec "
        "[app.kubernetes.io/component=workflow,app.kubernetes.io/instance=crm,app.kubernetes.io/name=nocobase]",
        "apply_status NocoBaseCluster apps/crm uid version Running True True False"}},
      {"an intent that is gone is seeded with what was last known",
       [](World& world) {
         world.scale("workflow", 3);
         world.settle();
         std::get<SeenRole>(world.at(ref_of(Kind::nocobase_role, "crm-workflow")).detail).intent.reset();
       },
       {"apply NocoBaseRole apps/crm-workflow as intent uid version replicas=3"}},
  };
  return all;
}

TEST(Plan, OfOneChange) {
  for (const Case& item : cases()) {
    SCOPED_TRACE(item.name);
    World world = settled();
    item.change(world);
    EXPECT_EQ(after_reads(world), item.want);
  }
}

TEST(Plan, OfAClusterThatIsBeingDeletedIsEmpty) {
  World world = settled();
  world.cluster()["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  world.at(ref_of(Kind::service, "crm")).owned = 7;
  EXPECT_EQ(plan(world.observe(), world.now()), (Plan{.calls = {},
                                                      .stop_on_error = false,
                                                      .recheck = {},
                                                      .why = "the cluster is being deleted",
                                                      .reread = Reread{}}));
}

TEST(Plan, OfAnOldCopyOfTheClusterSaysWhyItWaits) {
  World world = settled();
  world.at(ref_of(Kind::deployment, "crm-web")).epoch = 3;
  EXPECT_EQ(plan(world.observe(), world.now()),
            (Plan{.calls = {},
                  .stop_on_error = false,
                  .recheck = Millis(5000),
                  .why = "Deployment apps/crm-web is of a later epoch than this copy of the cluster; waiting for the "
                         "newer one",
                  .reread = {}}));
}

TEST(Plan, ReadsAForeignObjectAgainAfterAWhile) {
  World world = settled();
  SeenChild foreign = world.at(ref_of(Kind::service, "crm"));
  foreign.meta.owner_kind = foreign.meta.owner_name = foreign.meta.owner_uid = "";
  foreign.watched = false;
  world.put(foreign);
  world.settle();
  EXPECT_EQ(world.condition("Stalled"), "True NameConflict");
  EXPECT_EQ(plan(world.observe(), world.now()).recheck, Millis(30'000));
  world.advance(Seconds(31));
  EXPECT_EQ(plan_lines(world), (Lines{"get Service apps/crm"}));
  world.remove(foreign.meta.ref);
  world.settle();
  EXPECT_EQ(world.condition("Stalled"), "False AsExpected");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(Plan, TellsWhichFieldAsksForAKindThatIsMissingAndTheWaysOut) {
  struct Missing {
    Kind kind;
    Json spec;
    std::string_view message;
  };
  for (const Missing& missing :
       {Missing{Kind::http_route,
                {{"gateway", {{"parentRefs", {{{"name", "public"}}}}}}},
                "spec.gateway: this Kubernetes has no HTTPRoute (gateway.networking.k8s.io/v1); install the Gateway "
                "API CRDs, or use spec.ingress"},
        Missing{Kind::pod_monitor,
                {{"monitoring", {{"enabled", true}, {"podMonitor", true}}}},
                "spec.monitoring.podMonitor: this Kubernetes has no PodMonitor (monitoring.coreos.com/v1); install the "
                "Prometheus operator, or take podMonitor out"}}) {
    SCOPED_TRACE(missing.message);
    World world = settled();
    world.missing_kinds = {Kind::http_route, Kind::pod_monitor};
    EXPECT_EQ(plan_lines(world), Lines{}) << "nobody has asked";
    world.edit_spec([&](Json& spec) { spec.update(missing.spec); });
    ASSERT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
    EXPECT_EQ(world.condition("Stalled"), "True KindMissing");
    EXPECT_EQ(kube::string_at(*find_condition(world.cluster()["status"], "Stalled"), {"message"}), missing.message);
    EXPECT_EQ(plan(world.observe(), world.now()).recheck, Millis(30'000));
    world.missing_kinds.clear();
    ASSERT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Stalled"), "False AsExpected");
    EXPECT_NE(world.find(ref_of(missing.kind, "crm")), nullptr);
  }
}

TEST(Plan, ReadsBeforeItSpeaksOfAnything) {
  World world = settled();
  for (const auto& ref : {ref_of(Kind::service, "crm"), ref_of(Kind::service_account, "crm")}) {
    SeenChild foreign = world.at(ref);
    foreign.meta.owner_kind = foreign.meta.owner_name = foreign.meta.owner_uid = "";
    foreign.watched = false;
    world.put(foreign);
  }
  world.call(plan(world.observe(), world.now()).calls.front());
  const Plan next = plan(world.observe(), world.now());
  EXPECT_EQ(lines(next), (Lines{"get Service apps/crm"}));
  EXPECT_EQ(next.why, "get Service apps/crm");
  EXPECT_EQ(next.reread, std::nullopt) << "what was asked for before still is";
}

TEST(Plan, TellsWhatTheServerRefuses) {
  struct Refusal {
    kube::Ref ref;
    std::string message;
  };
  for (const Refusal& refusal :
       {Refusal{ref_of(Kind::service, "crm"), "the API server refuses Service apps/crm: no"},
        Refusal{ref_of(Kind::secret, "crm-keys"), "the API server refuses Secret apps/crm-keys: no"}}) {
    SCOPED_TRACE(refusal.message);
    World world(sample_cluster());
    world.refuses[refusal.ref] = "no";
    for (int i = 0; i < 30; ++i) {
      for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
        world.call(call);
      }
      world.tick();
    }
    EXPECT_EQ(world.condition("Stalled"), "True Refused");
    EXPECT_EQ(kube::string_at(*find_condition(world.cluster()["status"], "Stalled"), {"message"}), refusal.message);
    world.refuses.clear();
    EXPECT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  }
}

TEST(Plan, DoesNotLoopWhereTheServerDropsWhatItDoesNotKnow) {
  World world(sample_cluster());
  world.drops_status_fields = true;
  EXPECT_GT(world.settle(), 0);
  EXPECT_EQ(plan_lines(world), Lines{});
}

TEST(Plan, DoesNotLoopWhereTheServerSpellsOurFieldsItsOwnWay) {
  World world(sample_cluster());
  world.spells_its_own_way = true;
  EXPECT_GT(world.settle(), 0);
  EXPECT_EQ(plan_lines(world), Lines{});
}

TEST(Plan, WorkersAloneRunAsAsked) {
  Json cluster = sample_cluster();
  cluster["spec"]["roles"].erase(0);
  World world(std::move(cluster));
  EXPECT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("ServicesCovered"), "False NotServed");
}

}  // namespace
}  // namespace nocobase_operator::app
