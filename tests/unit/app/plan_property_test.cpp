// What holds of plans for random specs and random states to start from, and wherever the operator dies on the way.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "app/children.h"
#include "app/effect.h"
#include "app/names.h"
#include "app/validate.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::Ref;
using kube::Verb;

Json random_role(Rng& rng, std::size_t index) {
  static const std::vector<Json> services = {
      Json::array(), {"workflow:process"}, {"async-task:process"}, {"workflow:process", "async-task:process"}, {"*"}};
  Json role = {{"name", std::string("role") + static_cast<char>('a' + index)}};
  const bool requests = index == 0 || rng.chance(30);
  const Json& list = services[requests ? rng.below(services.size()) : 1 + rng.below(services.size() - 1)];
  if (requests) {
    role["requests"] = true;
  }
  if (!list.empty()) {
    role["services"] = list;
  }
  switch (rng.below(3)) {
    case 0:
      role["replicas"] = rng.below(5);
      break;
    case 1:
      role["autoscaling"] = {{"minReplicas", 1 + rng.below(3)}, {"maxReplicas", 4}};
      if (!list.empty() && rng.chance(50)) {
        role["autoscaling"]["backlog"] = {{"target", 5}};
      } else {
        role["autoscaling"]["metrics"] = {{{"type", "External"}, {"external", {{"metric", {{"name", "jobs"}}}}}}};
      }
      break;
    default:
      break;
  }
  return role;
}

void random_spec(Json& spec, Rng& rng) {
  spec = sample_cluster()["spec"];
  spec["roles"] = Json::array();
  const std::size_t count = 1 + rng.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    spec["roles"].push_back(random_role(rng, i));
  }
  spec["stopped"] = rng.chance(15);
  spec["maintenance"] = rng.chance(15);
  spec["storage"]["deletionPolicy"] = rng.chance(50) ? "Retain" : "Delete";
  spec["storage"]["size"] = rng.chance(50) ? "10Gi" : "20Gi";
  if (rng.chance(30)) {
    spec["ingress"] = {{"host", "crm.example.com"}};
  }
  if (rng.chance(30)) {
    spec["networkPolicy"] = {{"enabled", rng.chance(50)}};
  }
  if (rng.chance(30)) {
    spec["gateway"] = {{"parentRefs", {{{"name", "public"}}}}};
  }
  if (rng.chance(30)) {
    spec["env"] = {{{"name", "TZ"}, {"value", rng.chance(50) ? "UTC" : "Asia/Shanghai"}}};
  }
}

// One disturbance of an object that is there.
void disturb(World& world, const Ref& ref, Rng& rng) {
  SeenChild child = world.at(ref);
  switch (rng.below(8)) {
    case 0:
      if (ref.kind != Kind::persistent_volume_claim && ref.kind != Kind::secret) {
        world.remove(ref);
      }
      return;
    case 1:
      child.owned = 7;
      break;
    case 2:
      child.applied = 7;
      break;
    case 3:
      child.watched = false;
      break;
    case 4:
      if (ref.kind != Kind::secret && ref.kind != Kind::persistent_volume_claim) {
        child.meta.uid = "uid-foreign-" + ref.name;
        child.meta.owner_kind = child.meta.owner_name = child.meta.owner_uid = "";
        child.watched = rng.chance(50);
      }
      break;
    case 5:
      child.meta.terminating = ref.kind != Kind::secret && ref.kind != Kind::persistent_volume_claim;
      break;
    case 6:
      if (ref.kind != Kind::secret && ref.kind != Kind::persistent_volume_claim) {
        child.meta.uid = "uid-old-" + ref.name;
        child.meta.owner_uid = "uid-older";
      }
      break;
    default:
      if (ref.kind == Kind::nocobase_role) {
        world.scale(ref.name.substr(4), static_cast<std::int32_t>(rng.below(5)));
        return;
      }
      break;
  }
  world.put(std::move(child));
}

World random_world(Rng& rng) {
  World world(sample_cluster());
  random_spec(world.cluster()["spec"], rng);
  if (rng.chance(70)) {
    EXPECT_GT(world.settle(), 0);
    if (rng.chance(70)) {
      world.edit_spec([&](Json& spec) { random_spec(spec, rng); });
    }
    std::vector<Ref> refs;
    for (const auto& [ref, child] : world.children()) {
      refs.push_back(ref);
    }
    for (const Ref& ref : refs) {
      if (rng.chance(25)) {
        disturb(world, ref, rng);
      }
    }
    if (rng.chance(20)) {
      world.cluster()["status"].erase("roles");  // no status tells what has been there
      world.edit_spec([](Json&) {});
    }
  }
  if (rng.chance(50)) {
    world.restart();
  }
  return world;
}

// Whether an object is one that this cluster may write.
bool is_ours(const SeenChild& child) {
  const bool claim = child.meta.ref.kind == Kind::persistent_volume_claim;
  return !child.meta.terminating &&
         (child.meta.owner_uid == sample_uid || (claim && child.watched && child.meta.owner_uid.empty()));
}

void check_call(const World& world, const kube::Call& call) {
  if (!kube::is_write(call.verb) || call.ref.kind == Kind::nocobase_cluster) {
    return;
  }
  SCOPED_TRACE(kube::to_string(call.ref));
  const SeenChild* const child = world.find(call.ref);
  if (child == nullptr) {
    const bool creates = call.verb == Verb::create || (call.verb == Verb::apply && call.manager == manager &&
                                                       call.precondition == kube::must_not_exist);
    EXPECT_TRUE(creates);
    return;
  }
  EXPECT_NE(call.verb, Verb::create);
  if (call.precondition == kube::must_not_exist) {
    EXPECT_FALSE(child->watched);  // the server refuses it
    return;
  }
  EXPECT_TRUE(is_ours(*child));
  EXPECT_EQ(call.precondition.uid, child->meta.uid);
  EXPECT_NE(call.ref.kind, Kind::secret);
  if (call.verb == Verb::remove) {
    const std::set<Kind> removable = {
        Kind::deployment,    Kind::nocobase_role,          Kind::pod_disruption_budget, Kind::horizontal_pod_autoscaler,
        Kind::scaled_object, Kind::trigger_authentication, Kind::network_policy,        Kind::ingress,
        Kind::http_route};
    EXPECT_TRUE(removable.contains(call.ref.kind));
  }
  const auto* const claim = std::get_if<SeenClaim>(&child->detail);
  if (claim != nullptr && call.verb == Verb::apply && claim->requested == "20Gi") {
    EXPECT_EQ(kube::string_at(call.body, {"spec", "resources", "requests", "storage"}), "20Gi");
  }
}

void check_plan(const World& world, const Plan& plan) {
  EXPECT_EQ(plan, app::plan(world.observe(), world.now()));
  std::size_t statuses = 0;
  for (const kube::Call& call : plan.calls) {
    EXPECT_EQ(statuses, 0U) << "something after the status";
    statuses += call.ref.kind == Kind::nocobase_cluster && kube::is_write(call.verb) ? 1 : 0;
    check_call(world, call);
  }
  const bool creates_keys = std::any_of(plan.calls.begin(), plan.calls.end(),
                                        [](const kube::Call& call) { return call.verb == Verb::create; });
  EXPECT_TRUE(!creates_keys || plan.calls.size() == 1);
  EXPECT_LE(world.rolling(), 1);
  EXPECT_FALSE(plan.why.empty());
}

// The effects that the spec and the intents ask for, told independently.
void check_effects(const World& world) {
  const Spec spec = decode(world.cluster()).cluster.spec;
  std::optional<std::string> stays;
  for (const bool with_pods : {true, false}) {
    for (const Role& role : spec.roles) {
      const auto& object = std::get<SeenRole>(world.find(ref_of(Kind::nocobase_role, "crm-" + role.name))->detail);
      if (!stays && role.requests && (object.intent.value_or(0) > 0 || !with_pods)) {
        stays = role.name;
      }
    }
  }
  for (const Role& role : spec.roles) {
    SCOPED_TRACE(role.name);
    const std::string name = "crm-" + role.name;
    const auto& object = std::get<SeenRole>(world.find(ref_of(Kind::nocobase_role, name))->detail);
    const auto& deployment = std::get<SeenDeployment>(world.find(ref_of(Kind::deployment, name))->detail);
    ASSERT_TRUE(object.intent);
    if (role.replicas) {
      EXPECT_EQ(*object.intent, *role.replicas);
      EXPECT_TRUE(object.main_owns_intent);
      EXPECT_FALSE(object.intent_manager_owns);
    } else {
      EXPECT_FALSE(object.main_owns_intent);
    }
    const std::int32_t held = spec.stopped ? 0 : stays == role.name ? 1 : 0;
    EXPECT_EQ(deployment.spec_replicas, spec.stopped || spec.maintenance ? held : *object.intent);
    EXPECT_EQ(object.selectable, !spec.stopped && !spec.maintenance);
  }
}

void check_end(World& world) {
  const std::string stalled = world.condition("Stalled");
  if (stalled.starts_with("True")) {
    EXPECT_EQ(stalled, "True NameConflict");
    return;
  }
  const Plan last = plan(world.observe(), world.now());
  EXPECT_TRUE(last.calls.empty()) << lines(last).front();
  EXPECT_TRUE(world.condition("Ready").starts_with("True")) << world.condition("Ready");
  check_effects(world);
}

TEST(PlanProperty, ConvergesFromAnyStateWithoutTouchingWhatIsNotOurs) {
  std::size_t conflicts = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    World world = random_world(rng);
    ASSERT_FALSE(kube::has_errors(validate(decode(world.cluster()).cluster)));
    ASSERT_GT(world.settle(check_plan), 0);
    check_end(world);
    conflicts += world.condition("Stalled") == "True NameConflict" ? 1 : 0;
    if (testing::Test::HasFailure()) {
      return;
    }
  }
  EXPECT_GT(conflicts, 10U);  // the states do contain foreign objects
  EXPECT_LT(conflicts, 140U);
}

TEST(PlanProperty, ReachesTheSameEndWhereverTheOperatorDies) {
  for (std::uint64_t seed = 1001; seed <= 1006; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    World world = random_world(rng);
    World whole = world;
    ASSERT_GT(whole.settle(), 0);
    const std::string end = whole.digest();
    for (int pass = 0; pass < 12; ++pass) {
      const Plan next = plan(world.observe(), world.now());
      for (const kube::Call& call : next.calls) {
        world.call(call);
        World again = world;
        again.restart();
        ASSERT_GT(again.settle(), 0);
        ASSERT_EQ(again.digest(), end) << "after " << lines({{call}, false, {}, ""}).front();
      }
      world.tick();
    }
  }
}

TEST(PlanProperty, AnIntentNeverLosesItsLastOwner) {
  for (std::uint64_t seed = 2001; seed <= 2040; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    World world(sample_cluster());
    ASSERT_GT(world.settle(), 0);
    for (int edit = 0; edit < 4; ++edit) {
      world.edit_spec([&](Json& spec) {
        Json& role = spec["roles"][1];
        role.erase("replicas");
        if (rng.chance(50)) {
          role["replicas"] = 1 + rng.below(3);
        }
      });
      if (rng.chance(40)) {
        world.scale("workflow", static_cast<std::int32_t>(1 + rng.below(4)));
      }
      ASSERT_GT(world.settle([](const World& seen, const Plan&) {
        const SeenChild* const role = seen.find(ref_of(Kind::nocobase_role, "crm-workflow"));
        EXPECT_TRUE(std::get<SeenRole>(role->detail).intent);
      }),
                0);
    }
    check_effects(world);
  }
}

TEST(PlanProperty, EveryRoleChangeEndsWithItsEffect) {
  const std::vector<Json> services = {Json::array(), {"workflow:process"}, {"*"}};
  for (const Json& before : services) {
    for (const Json& after : services) {
      World world(sample_cluster());
      const auto set = [](const Json& list) {
        return [&list](Json& spec) {
          Json& role = spec["roles"][0];
          role["services"] = list;
        };
      };
      world.edit_spec(set(before));
      ASSERT_GT(world.settle(check_plan), 0);
      world.edit_spec(set(after));
      ASSERT_GT(world.settle(check_plan), 0);
      check_end(world);
      const Json mode = world.cluster()["status"]["roles"][0]["workerMode"];
      EXPECT_EQ(mode, after.empty() ? "!" : after[0] == "*" ? "" : "!,workflow:process");
    }
  }
}

TEST(PlanProperty, RolesThatSwapTheirNamesLeaveNothingOfTheOldOnes) {
  World world(sample_cluster());
  ASSERT_GT(world.settle(check_plan), 0);
  const auto has_budget = [&](const std::string& name) {
    return world.find(ref_of(Kind::pod_disruption_budget, name)) != nullptr;
  };
  EXPECT_TRUE(has_budget("crm-web"));
  world.edit_spec([](Json& spec) { std::swap(spec["roles"][0]["name"], spec["roles"][2]["name"]); });
  ASSERT_GT(world.settle(check_plan), 0);
  check_end(world);
  const Json roles = world.cluster()["status"]["roles"];
  EXPECT_EQ(roles[0]["name"], "tasks");
  EXPECT_EQ(roles[0]["workerMode"], "!");
  EXPECT_EQ(roles[0]["ready"], 2);
  EXPECT_EQ(roles[2]["name"], "web");
  EXPECT_EQ(roles[2]["workerMode"], "async-task:process");
  EXPECT_EQ(roles[2]["ready"], 1);
  EXPECT_FALSE(has_budget("crm-web"));
  EXPECT_TRUE(has_budget("crm-tasks"));
}

}  // namespace
}  // namespace nocobase_operator::app
