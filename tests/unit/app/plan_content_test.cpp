// What pods refer to: when it is read, and what becomes of a change.
#include <functional>

#include <gtest/gtest.h>

#include "app/children.h"
#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using Lines = std::vector<std::string>;

World settled(Json cluster = sample_cluster()) {
  World world(std::move(cluster));
  CHECK(world.settle() > 0);
  return world;
}

std::uint64_t content(World& world, const std::string& role) {
  return std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-" + role)).detail).content;
}

std::string ready_message(const World& world) {
  return kube::string_at(*find_condition(world.cluster().at("status"), condition_ready), {"message"});
}

// Lets the period pass and everything be done. How many Deployments were written.
int after_a_while(World& world) {
  int writes = 0;
  world.advance(Seconds(61));
  EXPECT_GT(world.settle([&](const World&, const Plan& plan) {
    for (const kube::Call& call : plan.calls) {
      writes += kube::is_write(call.verb) && call.ref.kind == Kind::deployment ? 1 : 0;
    }
  }),
            0);
  return writes;
}

TEST(PlanContent, StandsInThePodsOfEachRole) {
  World world = settled();
  for (const char* const role : {"web", "workflow", "tasks"}) {
    EXPECT_NE(content(world, role), 0U) << role;
  }
}

TEST(PlanContent, RollsPodsExactlyIfWhatTheyReferToChanged) {
  struct Case {
    std::string_view name;
    std::function<void(World&)> change;
    int writes;
  };
  const Case cases[] = {
      {"nothing", [](World&) {}, 0},
      {"another value",
       [](World& world) {
         world.put_data(Kind::secret, "pg", {{"password", 2}});
       },
       3},
      {"deleted and made anew with the same value",
       [](World& world) {
         world.remove(ref_of(Kind::secret, "pg"));
         after_a_while(world);
         world.put_data(Kind::secret, "pg", {{"password", 1}});
       },
       0},
      {"a key that nobody refers to",
       [](World& world) {
         world.put_data(Kind::secret, "pg", {{"password", 1}, {"user", 5}});
       },
       0},
      {"any key of what one role takes all of",
       [](World& world) {
         world.put_data(Kind::config_map, "settings", {{"TZ", 1}, {"NEW", 1}});
       },
       1},
      {"the key is taken out: pods that run go on", [](World& world) { world.put_data(Kind::secret, "pg", {}); }, 0},
      {"the Secret is deleted: pods that run go on", [](World& world) { world.remove(ref_of(Kind::secret, "pg")); }, 0},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    Json cluster = sample_cluster();
    Json& pods = cluster["spec"]["roles"][1]["podTemplate"]["spec"];
    pods["containers"] = {{{"name", "nocobase"}, {"envFrom", {{{"configMapRef", {{"name", "settings"}}}}}}}};
    World world(cluster);
    world.put_data(Kind::config_map, "settings", {{"TZ", 1}});
    ASSERT_GT(world.settle(), 0);
    ASSERT_EQ(world.condition("Ready"), "True AllRolesReady");
    item.change(world);
    EXPECT_EQ(after_a_while(world), item.writes);
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  }
}

TEST(PlanContent, OfPodsMadeByAnOlderOperatorIsAddedOnce) {
  World world = settled();
  const Cluster cluster = decode(world.cluster()).cluster;
  const std::vector<Child> children = render({&cluster, initial_counts(cluster), 1}).value();
  for (const Child& child : children) {
    SeenChild& live = world.at(child.ref);
    if (auto* const deployment = std::get_if<SeenDeployment>(&live.detail)) {
      live.applied = live.owned = child.hash;
      deployment->template_hash = template_hash(child.body);
      deployment->content = 0;
    }
  }
  world.restart();
  EXPECT_EQ(lines(plan(world.observe(), world.now())), Lines{}) << "not known is no reason to roll";
  EXPECT_EQ(after_a_while(world), 3);
  EXPECT_EQ(after_a_while(world), 0);
}

TEST(PlanContent, IsToBeReadAgainAfterThePeriod) {
  World world = settled();
  const std::vector<kube::Ref> refs = {ref_of(Kind::secret, "crm-keys"), ref_of(Kind::secret, "pg")};
  const Millis period(60'000);
  const auto asked = [&] {
    const Plan next = plan(world.observe(), world.now());
    EXPECT_EQ(lines(next), Lines{});
    EXPECT_EQ(next.recheck, std::nullopt) << "no decision is needed for it";
    return next.reread;
  };
  world.restart();
  EXPECT_EQ(asked(), (Reread{refs, Millis(0), period})) << "what is not known is due";
  world.call(kube::get_call(refs[0]));
  EXPECT_EQ(asked(), (Reread{refs, Millis(0), period})) << "as long as one is not known";
  world.call(kube::get_call(refs[1]));
  EXPECT_EQ(asked(), (Reread{refs, period, period}));
  world.advance(Seconds(7));
  world.call(kube::get_call(refs[1]));
  EXPECT_EQ(asked(), (Reread{refs, Millis(53'000), period})) << "the oldest counts";
  world.advance(Seconds(53));
  EXPECT_EQ(asked(), (Reread{refs, Millis(0), period}));
}

TEST(PlanContent, WhatIsMissingIsReadAgainSooner) {
  World world = settled();
  world.remove(ref_of(Kind::secret, "pg"));
  world.advance(Seconds(61));
  ASSERT_GT(world.settle(), 0);
  const Plan next = plan(world.observe(), world.now());
  ASSERT_TRUE(next.reread);
  EXPECT_EQ(next.reread->period, Millis(5'000));
}

TEST(PlanContent, OfAClusterThatIsLeftAloneIsNotRead) {
  World world = settled();
  world.edit_spec([](Json& spec) { spec["paused"] = true; });
  EXPECT_EQ(plan(world.observe(), world.now()).reread, Reread{});
  world.edit_spec([](Json& spec) { spec["roles"][0]["services"] = {"!"}; });
  EXPECT_EQ(plan(world.observe(), world.now()).reread, Reread{});
}

TEST(PlanContent, IsReadAtOnceWherePodsAreToStart) {
  World world = settled();
  world.restart();
  world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
  EXPECT_EQ(lines(plan(world.observe(), world.now())), (Lines{"get Secret apps/crm-keys", "get Secret apps/pg"}));
  ASSERT_GT(world.settle(), 0);
  world.edit_spec([](Json& spec) { spec["stopped"] = true; });
  ASSERT_GT(world.settle(), 0);
  world.advance(Seconds(31));
  world.edit_spec([](Json& spec) { spec["stopped"] = false; });
  EXPECT_EQ(lines(plan(world.observe(), world.now())), (Lines{"get Secret apps/crm-keys", "get Secret apps/pg"}));
}

TEST(PlanContent, ThatIsMissingIsNamedAndWaitedFor) {
  World world(sample_cluster());
  world.remove(ref_of(Kind::secret, "pg"));
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.find(ref_of(Kind::deployment, "crm-web")), nullptr);
  EXPECT_EQ(world.condition("Ready"), "False ReferenceMissing");
  EXPECT_EQ(ready_message(world), "role web: Secret apps/pg does not exist; its pods need it to start");
  EXPECT_EQ(world.condition("Reconciling"), "True Starting");
  EXPECT_LE(plan(world.observe(), world.now()).reread.value().in, Millis(5'000));
  world.put_data(Kind::secret, "pg", {{"user", 1}});
  world.advance(Seconds(5));
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(ready_message(world), "role web: Secret apps/pg has no key password; its pods need it to start");
  world.advance(Seconds(601));
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Stalled"), "True ProgressDeadlineExceeded");
  world.put_data(Kind::secret, "pg", {{"password", 1}});
  EXPECT_EQ(after_a_while(world), 3);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanContent, ThatGoesMissingIsNamedAndStopsNothing) {
  World world = settled();
  world.remove(ref_of(Kind::secret, "pg"));
  after_a_while(world);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(ready_message(world),
            "every role has the pods it is to have; Secret apps/pg does not exist, and role web starts no pod without "
            "it");
  const std::uint64_t before = world.at(ref_of(Kind::deployment, "crm-web")).applied;
  world.edit_spec([](Json& spec) {
    spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
    spec["roles"][2]["replicas"] = 0;
  });
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.at(ref_of(Kind::deployment, "crm-web")).applied, before) << "pods that would not start";
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-tasks")).detail).spec_replicas, 0);
  EXPECT_EQ(world.condition("Ready"), "False ReferenceMissing");
}

TEST(PlanContent, ThatIsMissingForOneRoleHoldsUpNoOther) {
  World world = settled();
  world.edit_spec([](Json& spec) {
    spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
    spec["roles"][1]["env"] = {{{"name", "A"}, {"valueFrom", {{"configMapKeyRef", {{"name", "none"}, {"key", "a"}}}}}}};
  });
  const std::uint64_t web = world.at(ref_of(Kind::deployment, "crm-web")).applied;
  const std::uint64_t workflow = world.at(ref_of(Kind::deployment, "crm-workflow")).applied;
  ASSERT_GT(world.settle(), 0);
  EXPECT_NE(world.at(ref_of(Kind::deployment, "crm-web")).applied, web);
  EXPECT_EQ(world.at(ref_of(Kind::deployment, "crm-workflow")).applied, workflow);
  EXPECT_EQ(ready_message(world), "role workflow: ConfigMap apps/none does not exist; its pods need it to start");
}

TEST(PlanContent, ThatMayNotBeReadIsNamedAndStopsNothing) {
  World world = settled();
  world.hides = {ref_of(Kind::secret, "pg")};
  world.advance(Seconds(61));
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("Stalled"), "True Refused");
  world.edit_spec([](Json& spec) { spec["roles"][0]["replicas"] = 3; });
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(std::get<SeenDeployment>(world.at(ref_of(Kind::deployment, "crm-web")).detail).spec_replicas, 3);
  world.hides.clear();
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Stalled"), "False AsExpected");
}

TEST(PlanContent, OfGivenKeysGetsAnAdministratorOfItsOwn) {
  Json cluster = sample_cluster();
  cluster["spec"]["keys"]["secretRef"]["name"] = "mine";
  World world(cluster);
  SeenChild mine;
  mine.meta.ref = ref_of(Kind::secret, "mine");
  mine.meta.uid = "uid-mine";
  mine.detail = sample_keys();
  world.put(mine);
  std::vector<Json> made;
  ASSERT_GT(world.settle([&](const World&, const Plan& plan) {
    for (const kube::Call& call : plan.calls) {
      if (call.verb == kube::Verb::create) {
        made.push_back(call.body);
      }
    }
  }),
            0);
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0]["metadata"]["name"], "crm-keys");
  EXPECT_TRUE(made[0]["data"].contains("INIT_ROOT_PASSWORD"));
  EXPECT_FALSE(made[0]["data"].contains("APP_KEY")) << "the cluster has keys";
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

}  // namespace
}  // namespace nocobase_operator::app
