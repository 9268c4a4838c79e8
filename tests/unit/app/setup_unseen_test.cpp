// A setup Pod of which nobody sees how it starts or goes: the old version must not come back on what it has migrated.
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "app/lifecycle.h"

namespace nocobase_operator::app {
namespace {

const std::string old_image = "nocobase/nocobase:2.2.15";
const std::string new_image = "nocobase/nocobase:2.2.16";

SetupRecord record(const std::string& image) {
  return {.image = image, .runs = "", .revision = "", .database = "db", .keys = "k", .started = ""};
}

// An upgrade whose setup Pod s1 is there and has not started.
Lifecycle waiting() {
  Lifecycle v;
  v.wanted = record(new_image);
  v.attempt = "a2";
  v.operation.epoch = 5;
  v.operation.step = Step::setup;
  v.operation.down = true;
  v.operation.record = record(old_image);
  v.operation.target = {.image = new_image, .runs = "", .revision = "", .database = "db", .keys = "", .started = ""};
  v.operation.attempt = "a2";
  v.operation.setup_uid = "s1";
  v.found = record(old_image);
  v.found->started = new_image;
  v.scaled_down = v.proven = v.recorded = v.keys_usable = true;
  v.setup = SetupPod::waiting;
  v.setup_uid = "s1";
  v.setup_epoch = 5;
  v.setup_image = new_image;
  return v;
}

Lifecycle gone(Lifecycle v) {
  v.setup = SetupPod::absent;
  v.setup_uid = v.setup_image = "";
  v.setup_epoch = 0;
  return v;
}

void take_back(Lifecycle& v) {
  v.wanted.image = old_image;
  v.attempt = "a1";
}

TEST(SetupUnseen, ThePodThatMayStartIsNotedOnceAndStaysOfItsEpoch) {
  Lifecycle v = waiting();
  v.operation.setup_uid = "";
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::setup);
  EXPECT_EQ(d.next->setup_uid, "s1");
  EXPECT_EQ(d.next->epoch, 5) << "the Pod carries it";
  const Decision then = decide(waiting());
  EXPECT_EQ(then.next, std::nullopt);
  EXPECT_FALSE(then.removes_setup);
}

// Decides until there is nothing to write.
Lifecycle settled(Lifecycle v) {
  for (int writes = 0; writes < 5; ++writes) {
    const Decision d = decide(v);
    if (!d.next) {
      return v;
    }
    v.operation = *d.next;
  }
  ADD_FAILURE() << "it does not end";
  return v;
}

TEST(SetupUnseen, APodThatWasMadeAndIsGoneMayHaveStarted) {
  for (const SetupPod now : {SetupPod::absent, SetupPod::foreign}) {
    Lifecycle v = gone(waiting());
    v.setup = now;
    take_back(v);
    const Decision d = decide(v);
    ASSERT_TRUE(d.next);
    EXPECT_EQ(d.next->step, Step::setup);
    EXPECT_EQ(d.next->record->started, new_image);
    EXPECT_EQ(d.next->setup_uid, "");
    EXPECT_EQ(d.next->epoch, 5);

    v = settled(v);
    EXPECT_EQ(v.operation.step, Step::failed);
    const Decision then = decide(v);
    ASSERT_TRUE(then.stalled);
    EXPECT_EQ(then.stalled->reason, "DowngradeRefused") << "the image that was there";
  }
}

TEST(SetupUnseen, ThatItIsGoneIsAskedOfTheApiServerFirst) {
  Lifecycle v = gone(waiting());
  v.proven = false;
  const Decision d = decide(v);
  EXPECT_EQ(d.next, std::nullopt);
  EXPECT_TRUE(d.reads_pods);
  EXPECT_FALSE(d.makes_setup);
}

TEST(SetupUnseen, WhereTheSameIsWantedItIsMadeAgainAndNotForgotten) {
  Lifecycle v = settled(gone(waiting()));
  EXPECT_EQ(v.operation.step, Step::setup);
  EXPECT_EQ(v.operation.record->started, new_image);
  v.recorded = true;
  EXPECT_TRUE(decide(v).makes_setup);

  v.setup = SetupPod::waiting;
  v.setup_uid = "s2";
  v.setup_epoch = 5;
  v.setup_image = new_image;
  v = settled(v);
  EXPECT_EQ(v.operation.setup_uid, "s2");
  take_back(v);
  v = settled(v);
  EXPECT_TRUE(decide(v).removes_setup);
  v = settled(gone(v));
  EXPECT_EQ(v.operation.step, Step::failed) << "what the first may have done";
}

TEST(SetupUnseen, AnotherPodInItsPlaceIsNotTakenForIt) {
  Lifecycle v = waiting();
  v.setup_uid = "s2";
  v = settled(v);
  EXPECT_EQ(v.operation.record->started, new_image);
  EXPECT_EQ(v.operation.setup_uid, "s2");
  EXPECT_EQ(v.operation.epoch, 5);
}

TEST(SetupUnseen, APodThatIsToGoIsNotedAsSuchBeforeItIsDeleted) {
  Lifecycle v = waiting();
  take_back(v);
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::setup);
  EXPECT_EQ(d.next->setup_uid, "");
  EXPECT_EQ(d.next->epoch, 5);
  v.operation = *d.next;
  EXPECT_TRUE(decide(v).removes_setup);
  v = gone(v);
  const Decision after = decide(v);
  ASSERT_TRUE(after.next);
  EXPECT_EQ(after.next->step, Step::start) << "it has not started, and the old version comes back";
}

TEST(SetupUnseen, APodThatOthersDeleteMayStartUntilItIsGone) {
  Lifecycle v = waiting();
  v.setup = SetupPod::terminating;
  EXPECT_EQ(decide(v).next, std::nullopt);
  v = settled(gone(v));
  EXPECT_EQ(v.operation.record->started, new_image);
  EXPECT_TRUE(decide(v).makes_setup);
}

TEST(SetupUnseen, APodThatIsDeletedAndHasStartedIsAMigration) {
  Lifecycle v = waiting();
  take_back(v);
  v.setup = SetupPod::terminating;
  v.setup_started = true;
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::migrate);
  EXPECT_EQ(d.next->record->started, new_image);
}

TEST(SetupUnseen, OfAClusterThatIsLeftAloneItIsNotedToo) {
  const auto unknown = [](Lifecycle v) {  // nobody knows what is asked for
    v.wanted = {};
    v.attempt = "?";
    return v;
  };
  EXPECT_EQ(noted_setup(unknown(waiting())), std::nullopt) << "there is nothing new";
  Lifecycle v = unknown(waiting());
  v.setup = SetupPod::started;
  const std::optional<Operation> noted = noted_setup(v);
  ASSERT_TRUE(noted);
  EXPECT_EQ(noted->step, Step::migrate);
  EXPECT_EQ(noted->setup_uid, "s1");
  EXPECT_EQ(noted->record->started, new_image);

  v.operation.step = Step::idle;
  EXPECT_TRUE(decide(v).next);
  EXPECT_EQ(noted_setup(v), std::nullopt) << "only what was begun is noted";
  v.operation.step = Step::drain;
  EXPECT_TRUE(decide(unknown(v)).next);
  EXPECT_EQ(noted_setup(v), std::nullopt);
}

}  // namespace
}  // namespace nocobase_operator::app
