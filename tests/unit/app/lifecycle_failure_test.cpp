// Steps that fail, or take too long.
#include <functional>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/lifecycle.h"
#include "lifecycle_views.h"

namespace nocobase_operator::app {
namespace {

using testing::HasSubstr;

TEST(Lifecycle, WhatFailsBeforeTheSetupBringsTheOldVersionBackOnce) {
  Lifecycle v = upgrading(Step::pull);
  v.roles = "roles web, tasks";
  v.pull = {JobState::running, "ImagePullBackOff"};
  EXPECT_EQ(
      decide(v).awaits->message,
      "the image " + v.wanted.image + " for roles web, tasks is being pulled: the Job is under way: ImagePullBackOff");
  v.pull = {JobState::failed, "ImagePullBackOff"};
  Decision d = decide(v);
  ASSERT_TRUE(d.next && d.next->failed);
  EXPECT_EQ(d.next->step, Step::idle);
  EXPECT_EQ(d.next->failed->reason, "PullFailed");
  EXPECT_THAT(d.next->failed->message, HasSubstr("ImagePullBackOff"));

  v = upgrading(Step::backup);
  v.backup = {JobState::failed, "BackoffLimitExceeded"};
  d = decide(v);
  ASSERT_TRUE(d.next && d.next->failed);
  EXPECT_EQ(d.next->step, Step::start);
  EXPECT_EQ(d.next->failed->reason, "BackupFailed");
  EXPECT_EQ(d.next->record->image, old_image);

  Lifecycle after = settled();
  after.wanted.image = new_image;
  after.attempt = "a2";
  after.operation.failed = d.next->failed;
  expect_stays(after);
  EXPECT_EQ(decide(after).stalled->reason, "BackupFailed");
  after.attempt = "a3";
  EXPECT_EQ(next_of(after), Step::pull);
  after.wanted.image = old_image;
  d = decide(after);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->failed, std::nullopt) << "what runs is what is asked for";
}

TEST(Lifecycle, WhatFailsInTheSetupStaysDown) {
  for (const auto& fail :
       {+[](Lifecycle& v) { v.setup = SetupPod::ended; }, +[](Lifecycle& v) { v.setup = SetupPod::absent; },
        +[](Lifecycle& v) { v.setup_uid = "s2"; }}) {
    Lifecycle v = upgrading(Step::migrate);
    fail(v);
    const Decision d = decide(v);
    ASSERT_TRUE(d.next && d.next->failed);
    EXPECT_EQ(d.next->step, Step::failed);
    EXPECT_TRUE(holds(*d.next));
  }
  Lifecycle v = upgrading(Step::verify);
  v.setup = SetupPod::ready;
  v.verify = {JobState::failed, "no"};
  EXPECT_EQ(next_of(v), Step::failed);
}

TEST(Lifecycle, ASetupPodThatTheCacheLacksIsLookedForBeforeItIsLost) {
  for (const Step step : {Step::migrate, Step::verify}) {
    for (const SetupPod seen : {SetupPod::absent, SetupPod::ended}) {
      Lifecycle v = upgrading(step);
      v.setup = seen;  // absent, or an earlier one of another uid
      v.setup_uid = seen == SetupPod::absent ? "" : "s0";
      v.proven = false;
      const Decision d = decide(v);
      EXPECT_EQ(d.next, std::nullopt);
      EXPECT_TRUE(d.reads_pods);
      EXPECT_FALSE(d.makes_verify);
      v.proven = true;
      EXPECT_EQ(decide(v).next->failed->reason, "SetupLost");
    }
  }
}

TEST(Lifecycle, TheOldVersionNeverComesBackOnADatabaseThatMayHaveChanged) {
  for (const Step step : {Step::pull, Step::backup}) {
    Lifecycle v = upgrading(step);
    v.operation.record->started = "nocobase/nocobase:2.2.15-x";
    (step == Step::pull ? v.pull : v.backup) = {JobState::failed, "no"};
    Decision d = decide(v);
    ASSERT_TRUE(d.next && d.next->failed);
    EXPECT_EQ(d.next->step, Step::failed);
    EXPECT_TRUE(holds(*d.next));
    (step == Step::pull ? v.pull : v.backup) = {};
    v.stopped = true;
    d = decide(v);
    ASSERT_TRUE(d.next && d.next->failed);
    EXPECT_EQ(d.next->step, Step::failed);
  }
}

TEST(Lifecycle, AFailedSetupIsTriedAgainWhenSomethingHasChanged) {
  Lifecycle v = upgrading(Step::failed);
  v.operation.record->started = new_image;
  v.operation.failed = Failure{.attempt = "a2", .image = new_image, .reason = "SetupFailed", .message = "why"};
  v.setup = SetupPod::ended;
  expect_stays(v);
  EXPECT_EQ(decide(v).stalled->reason, "SetupFailed");
  EXPECT_FALSE(decide(v).removes_setup) << "its logs are kept";
  v.attempt = "a3";
  EXPECT_TRUE(decide(v).removes_setup);
  v.setup = SetupPod::absent;
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::pull);
  EXPECT_TRUE(d.next->down);
  EXPECT_EQ(d.next->failed, std::nullopt);

  v.wanted.image = old_image;
  expect_stays(v);
  EXPECT_EQ(decide(v).stalled->reason, "DowngradeRefused");
  v.allow_downgrade = true;
  EXPECT_EQ(next_of(v), Step::pull);
}

TEST(Lifecycle, ASetupThatTakesTooLongIsTold) {
  Lifecycle v = upgrading(Step::migrate);
  v.setup_timeout = Seconds(60);
  EXPECT_EQ(decide(v).wake, noon + Seconds(60));
  v.attempt = "a3";  // another image, say
  v.now = noon + Seconds(60);
  Decision d = decide(v);
  EXPECT_EQ(d.stalled->reason, "SetupTimeout");
  EXPECT_FALSE(d.removes_setup) << "who changed it did not know yet that it takes too long";
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::migrate);
  v.operation = *d.next;
  expect_stays(v);
  EXPECT_EQ(decide(v).stalled->reason, "SetupTimeout");
  EXPECT_FALSE(decide(v).removes_setup);
  v.attempt = "a4";
  EXPECT_TRUE(decide(v).removes_setup);
  v.setup = SetupPod::ready;
  v.setup_is_ready = true;
  d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::finish) << "late is not failed";
  EXPECT_EQ(d.next->failed, std::nullopt);
}

}  // namespace
}  // namespace nocobase_operator::app
