// What is made without being looked for first, and what is not.
#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>

#include "app/names.h"
#include "app/plan.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using testing::IsSupersetOf;
using Lines = std::vector<std::string>;

Lines next(const World& world) {
  return lines(plan(world.observe(), world.now()));
}

void carry_out(World& world) {
  for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
    world.call(call);
  }
}

// Its Secrets have been read, and the rest is about to be made.
World about_to_be_made() {
  World world(sample_cluster());
  carry_out(world);
  carry_out(world);
  return world;
}

Lines reads_in(const Lines& all) {
  Lines reads;
  std::copy_if(all.begin(), all.end(), std::back_inserter(reads),
               [](const std::string& line) { return line.starts_with("get "); });
  return reads;
}

// Somebody else's, or ours that has lost its label: no watch shows it.
SeenChild unlabelled(Kind kind, const std::string& name) {
  SeenChild child;
  child.meta.ref = ref_of(kind, name);
  child.meta.uid = "of-" + name;
  if (kind == Kind::deployment) {
    SeenDeployment detail;
    detail.spec_replicas = detail.replicas = 2;
    child.detail = detail;
  }
  return child;
}

TEST(PlanUnread, WhatIsThereAfterAllIsLeftAloneAndReadOnce) {
  for (const auto& [kind, name] : {std::pair{Kind::service, "crm"}, std::pair{Kind::service_account, "crm"},
                                   std::pair{Kind::nocobase_role, "crm-web"}, std::pair{Kind::deployment, "crm-web"},
                                   std::pair{Kind::pod_disruption_budget, "crm-web"}}) {
    SCOPED_TRACE(kube::to_string(ref_of(kind, name)));
    World world = about_to_be_made();
    world.put(unlabelled(kind, name));
    EXPECT_EQ(reads_in(next(world)), Lines());
    ASSERT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Stalled"), "True NameConflict");
    const SeenChild& after = world.at(ref_of(kind, name));
    EXPECT_EQ(std::tuple(after.meta.uid, after.meta.owner_uid, after.cluster, after.applied, after.owned),
              std::tuple("of-" + std::string(name), "", "", 0U, 0U));
    world.advance(Seconds(31));
    EXPECT_THAT(next(world), testing::Contains("get " + kube::to_string(ref_of(kind, name))));
    world.remove(ref_of(kind, name));
    ASSERT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  }
}

TEST(PlanUnread, OursThatHasLostItsLabelGetsItBack) {
  World world = about_to_be_made();
  SeenChild service = unlabelled(Kind::service, "crm");
  service.meta.owner_kind = "NocoBaseCluster";
  service.meta.owner_name = "crm";
  service.meta.owner_uid = world.observe().meta.uid;
  world.put(service);
  ASSERT_GT(world.settle(), 0);
  EXPECT_TRUE(world.at(ref_of(Kind::service, "crm")).watched);
  EXPECT_EQ(world.at(ref_of(Kind::service, "crm")).meta.uid, "of-crm");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanUnread, ARoleThatIsNewIsMadeAtOnce) {
  World world(sample_cluster());
  ASSERT_GT(world.settle(), 0);
  world.restart();
  world.edit_spec([](Json& spec) { spec["roles"].push_back({{"name", "more"}, {"requests", true}, {"replicas", 1}}); });
  while (!reads_in(next(world)).empty()) {
    EXPECT_THAT((Lines{"get Secret apps/crm-keys", "get Secret apps/pg"}), IsSupersetOf(next(world)));
    carry_out(world);
  }
  EXPECT_THAT(next(world), IsSupersetOf(Lines{"apply NocoBaseRole apps/crm-more absent replicas=1",
                                              "apply Deployment apps/crm-more absent replicas=1"}));
}

TEST(PlanUnread, WhatHasBeenThereIsLookedForFirst) {
  for (const auto& [kind, name] : {std::pair{Kind::service, "crm"}, std::pair{Kind::nocobase_role, "crm-web"},
                                   std::pair{Kind::deployment, "crm-web"}}) {
    World world(sample_cluster());
    ASSERT_GT(world.settle(), 0);
    world.restart();
    world.at(ref_of(kind, name)).watched = false;
    EXPECT_THAT(reads_in(next(world)), testing::Contains("get " + kube::to_string(ref_of(kind, name))));
    EXPECT_EQ(reads_in(next(world)).size(), next(world).size());
  }
}

// Its intent would be taken for that of a role that is new.
TEST(PlanUnread, ARoleOfWhichSomethingIsSeenIsLookedFor) {
  World world(sample_cluster());
  ASSERT_GT(world.settle(), 0);
  world.scale("workflow", 5);
  ASSERT_GT(world.settle(), 0);
  world.restart();
  world.cluster()["status"].erase("roles");
  world.at(ref_of(Kind::nocobase_role, "crm-workflow")).watched = false;
  EXPECT_THAT(reads_in(next(world)), testing::Contains("get NocoBaseRole apps/crm-workflow"));
  EXPECT_EQ(reads_in(next(world)).size(), next(world).size());
}

// Pods of a Deployment that no watch shows would run beside the setup.
TEST(PlanUnread, DeploymentsAreLookedForBeforeAStepIsTaken) {
  World world(fresh_cluster());
  Lines looked_for;
  for (int passes = 0; passes < 20 && !world.cluster()["status"].contains("operation"); ++passes) {
    const Lines reads = reads_in(next(world));
    looked_for.insert(looked_for.end(), reads.begin(), reads.end());
    carry_out(world);
  }
  EXPECT_TRUE(world.cluster()["status"].contains("operation"));
  EXPECT_THAT(looked_for, IsSupersetOf(Lines{"get Deployment apps/crm-web", "get Deployment apps/crm-workflow",
                                             "get Deployment apps/crm-tasks"}));
  EXPECT_THAT(looked_for, testing::Not(testing::Contains("get Service apps/crm")));
}

}  // namespace
}  // namespace nocobase_operator::app
