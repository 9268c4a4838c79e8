// A setup Pod of which nobody sees how it starts or goes: the old version must not come back on what it has migrated.
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/lifecycle.h"

namespace nocobase_operator::app {
namespace {

using testing::HasSubstr;

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

TEST(SetupUnseen, APodThatWasMadeAndIsGoneMayHaveStarted) {
  Lifecycle v = gone(waiting());
  take_back(v);
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::failed);
  EXPECT_EQ(d.next->record->started, new_image);
  ASSERT_TRUE(d.next->failed);
  EXPECT_EQ(d.next->failed->reason, "SetupLost");
  EXPECT_THAT(d.next->failed->message, HasSubstr("nobody has seen whether it had started"));

  v.operation = *d.next;
  const Decision then = decide(v);
  EXPECT_EQ(then.next, std::nullopt) << "the image that was there is a downgrade now";
  EXPECT_TRUE(then.stalled);
}

TEST(SetupUnseen, ThatItIsGoneIsAskedOfTheApiServerFirst) {
  Lifecycle v = gone(waiting());
  take_back(v);
  v.proven = false;
  const Decision d = decide(v);
  EXPECT_EQ(d.next, std::nullopt);
  EXPECT_TRUE(d.reads_pods);
}

TEST(SetupUnseen, WhereTheSameIsWantedItIsMadeAgain) {
  const Decision d = decide(gone(waiting()));
  EXPECT_EQ(d.next, std::nullopt);
  EXPECT_TRUE(d.makes_setup);
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

TEST(SetupUnseen, APodThatOthersDeleteBeforeItHasStartedIsMadeAgain) {
  Lifecycle v = waiting();
  v.setup = SetupPod::terminating;
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->setup_uid, "");
  v.operation = *d.next;
  EXPECT_EQ(decide(v).next, std::nullopt);
  EXPECT_TRUE(decide(gone(v)).makes_setup);
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
  Lifecycle v = waiting();
  EXPECT_EQ(note_start(v), std::nullopt) << "there is nothing new";
  v.setup = SetupPod::started;
  v.wanted = {};  // nobody knows what is asked for
  v.attempt = "?";
  const std::optional<Operation> noted = note_start(v);
  ASSERT_TRUE(noted);
  EXPECT_EQ(noted->step, Step::migrate);
  EXPECT_EQ(noted->setup_uid, "s1");
  EXPECT_EQ(noted->record->started, new_image);
  EXPECT_EQ(note_start(gone(waiting())), std::nullopt) << "what to make of that is for later";
  v.operation.step = Step::migrate;
  EXPECT_EQ(note_start(v), std::nullopt);
}

}  // namespace
}  // namespace nocobase_operator::app
