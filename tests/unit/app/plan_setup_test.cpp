// The setup Pod in plans that are carried out: when it is deleted, and what is noted of it whatever else is asked for.
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

const std::string old_image = "nocobase/nocobase:2.2.15-full";
const std::string new_image = "nocobase/nocobase:2.2.16-full";

void upgrade(Json& spec) {
  spec["image"] = new_image;
}

Operation operation(const World& world) {
  return operation_of(world.cluster().at("status"));
}

// Goes on until there is a setup Pod, which has not started then.
void until_made(World& world) {
  for (int ticks = 0; world.setup_pod() == nullptr && ticks < 100; ++ticks) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      (void)world.call(call);
    }
    if (world.setup_pod() == nullptr) {
      world.tick();
    }
  }
}

// Carries out what is planned without time passing.
void carry_out(World& world) {
  for (int passes = 0; passes < 10; ++passes) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      (void)world.call(call);
    }
  }
}

// The delete of the setup Pod in what is planned without time passing, carried out up to there; nothing when there is
// none.
std::optional<kube::Precondition> deletes_setup(World& world) {
  for (int passes = 0; passes < 10; ++passes) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      if (call.verb == kube::Verb::remove && call.ref.kind == Kind::pod) {
        return call.precondition;
      }
      (void)world.call(call);
    }
  }
  return std::nullopt;
}

TEST(PlanSetup, APodThatHasNotStartedIsDeletedOnlyAsItWasSeen) {
  World world(fresh_cluster());
  until_made(world);
  ASSERT_NE(world.setup_pod(), nullptr);
  ASSERT_FALSE(world.setup_pod()->started);
  world.edit_spec(upgrade);
  const kube::Meta seen = world.setup_pod()->meta;
  EXPECT_EQ(deletes_setup(world), (kube::Precondition{seen.uid, std::to_string(seen.version)}))
      << "it could start in the meantime, and then it stays";
}

TEST(PlanSetup, APodThatIsDoneIsDeletedWhateverItSaysByThen) {
  World world(fresh_cluster());
  std::optional<kube::Precondition> deleted;
  std::string uid;
  EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
    for (const kube::Call& call : plan.calls) {
      if (call.verb == kube::Verb::remove && call.ref.kind == Kind::pod) {
        deleted = call.precondition;
        uid = const_cast<World&>(now).setup_pod()->meta.uid;
      }
    }
  }),
            0);
  EXPECT_EQ(deleted, (kube::Precondition{uid, ""}));
}

TEST(PlanSetup, ThatItHasStartedIsNotedThoughNothingIsDone) {
  const std::function<void(Json&)> edits[] = {[](Json& spec) { spec["paused"] = true; },
                                              [](Json& spec) { spec["roles"] = Json::array(); }};
  for (const auto& edit : edits) {
    World world(fresh_cluster());
    ASSERT_GT(world.settle(), 0);
    const Json roles = world.cluster()["spec"]["roles"];
    world.edit_spec(upgrade);
    until_made(world);
    ASSERT_NE(world.setup_pod(), nullptr);
    ASSERT_FALSE(world.setup_pod()->started);
    world.edit_spec(edit);
    const std::int64_t epoch = operation(world).epoch;
    carry_out(world);
    EXPECT_EQ(operation(world).step, Step::setup);
    EXPECT_EQ(operation(world).setup_uid, world.setup_pod()->meta.uid);

    world.setup_pod()->started = true;
    carry_out(world);
    EXPECT_EQ(operation(world).step, Step::migrate);
    EXPECT_EQ(operation(world).record->started, new_image);
    EXPECT_EQ(operation(world).epoch, epoch + 1);

    world.remove_pod("crm-setup");
    carry_out(world);
    EXPECT_EQ(operation(world).step, Step::migrate) << "what it means is for when it is looked at again";
    world.edit_spec([&](Json& spec) {
      spec["paused"] = false;
      spec["roles"] = roles;
      spec["image"] = old_image;
    });
    (void)world.settle();
    EXPECT_EQ(operation(world).step, Step::failed);
    EXPECT_EQ(world.condition("Stalled"), "True DowngradeRefused");
    EXPECT_TRUE(world.images().empty()) << "the old version does not come back";
  }
}

TEST(PlanSetup, AWithdrawnOneIsDeletedAndTheOldVersionComesBack) {
  World world(fresh_cluster());
  ASSERT_GT(world.settle(), 0);
  world.edit_spec(upgrade);
  until_made(world);
  ASSERT_NE(world.setup_pod(), nullptr);
  carry_out(world);
  EXPECT_EQ(operation(world).setup_uid, world.setup_pod()->meta.uid);
  world.edit_spec([](Json& spec) { spec["image"] = old_image; });
  ASSERT_GT(world.settle(), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(operation(world).record->image, old_image);
}

}  // namespace
}  // namespace nocobase_operator::app
