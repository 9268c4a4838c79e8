// The steps of installations and upgrades, one decision at a time.
#include "app/lifecycle.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle_views.h"

namespace nocobase_operator::app {
namespace {

using testing::HasSubstr;

TEST(Lifecycle, NothingIsDoneWhereNothingIsAskedFor) {
  const Decision d = decide(settled());
  EXPECT_EQ(d.next, std::nullopt);
  EXPECT_TRUE(d.may_raise);
  EXPECT_FALSE(d.stalled || d.awaits || d.reads_pods || d.reads_record || d.keeps_record);
}

TEST(Lifecycle, WhatWasSetUpIsReadFirst) {
  Lifecycle v = settled();
  v.operation = {};
  v.found.reset();
  EXPECT_TRUE(decide(v).reads_record);
  expect_stays(v);
}

TEST(Lifecycle, WhatWasNeverThereIsInstalled) {
  Lifecycle v = settled();
  v.operation = {};
  v.found = SetupRecord{};
  v.is_new = true;
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::setup);
  EXPECT_TRUE(d.next->install);
  EXPECT_EQ(d.next->epoch, 1);
  EXPECT_EQ(d.next->target.image, old_image);
}

TEST(Lifecycle, DataThatIsThereIsUpgraded) {
  Lifecycle v = settled();
  v.operation = {};
  v.found = SetupRecord{};
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::pull);
  EXPECT_FALSE(d.next->install);
}

TEST(Lifecycle, ARecordOfTheSameImageIsTakenOver) {
  Lifecycle v = settled();
  v.operation = {};
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::idle);
  EXPECT_EQ(d.next->record, record(old_image));
}

TEST(Lifecycle, AnotherImageRevisionOrDatabaseIsSetUp) {
  for (const auto& change :
       {+[](SetupRecord& wanted) { wanted.image = new_image; }, +[](SetupRecord& wanted) { wanted.revision = "2"; },
        +[](SetupRecord& wanted) { wanted.database = "other"; }}) {
    Lifecycle v = settled();
    change(v.wanted);
    EXPECT_EQ(next_of(v), Step::pull);
    EXPECT_FALSE(decide(v).next->down) << "what runs goes on";
  }
}

TEST(Lifecycle, NothingIsBegunWhileStoppedOrNotApproved) {
  Lifecycle v = settled();
  v.wanted.image = new_image;
  v.stopped = true;
  expect_stays(v);
  v.stopped = false;
  v.is_approved = false;
  expect_stays(v);
  EXPECT_EQ(decide(v).awaits->reason, "AwaitingApproval");
}

TEST(Lifecycle, AnOlderImageIsRefused) {
  Lifecycle v = settled();
  v.wanted.image = "nocobase/nocobase:2.2.9";
  expect_stays(v);
  EXPECT_EQ(decide(v).stalled->reason, "DowngradeRefused");
  v.allow_downgrade = true;
  EXPECT_EQ(next_of(v), Step::pull);
}

TEST(Lifecycle, TheStepsInTheirOrder) {
  Lifecycle v = upgrading(Step::pull);
  EXPECT_TRUE(decide(v).makes_pull);
  v.pull.state = JobState::running;
  EXPECT_FALSE(decide(v).makes_pull);
  v.pull.state = JobState::succeeded;
  const Decision drains = decide(v);
  ASSERT_TRUE(drains.next);
  EXPECT_EQ(drains.next->step, Step::drain);
  EXPECT_TRUE(drains.next->down);
  EXPECT_EQ(drains.next->down_since, noon);

  v = upgrading(Step::drain);
  EXPECT_EQ(next_of(v), Step::setup);
  v.backs_up = true;
  EXPECT_EQ(next_of(v), Step::backup);

  v = upgrading(Step::backup);
  EXPECT_TRUE(decide(v).makes_backup);
  v.backup.state = JobState::succeeded;
  EXPECT_EQ(next_of(v), Step::setup);

  v = upgrading(Step::setup);
  EXPECT_TRUE(decide(v).makes_setup);
  v.setup = SetupPod::waiting;
  v.setup_epoch = 5;
  v.setup_created = noon;
  EXPECT_FALSE(decide(v).makes_setup);
  v.setup = SetupPod::started;
  v.setup_uid = "s1";
  const Decision migrates = decide(v);
  ASSERT_TRUE(migrates.next);
  EXPECT_EQ(migrates.next->step, Step::migrate);
  EXPECT_EQ(migrates.next->setup_uid, "s1");
  EXPECT_EQ(migrates.next->record->started, new_image);

  v = upgrading(Step::migrate);
  expect_stays(v);
  v.setup = SetupPod::ready;
  v.setup_is_ready = true;
  v.setup_runs = new_image + "@sha256:d";
  const Decision done = decide(v);
  ASSERT_TRUE(done.next);
  EXPECT_EQ(done.next->step, Step::finish);
  EXPECT_EQ(done.next->record->runs, new_image + "@sha256:d");
  EXPECT_EQ(done.next->record->started, "");
  v.verifies = true;
  EXPECT_EQ(next_of(v), Step::verify);

  v = upgrading(Step::verify);
  v.setup = SetupPod::ready;
  EXPECT_TRUE(decide(v).makes_verify);
  v.verify.state = JobState::succeeded;
  EXPECT_EQ(next_of(v), Step::finish);

  v = upgrading(Step::finish);
  v.setup = SetupPod::ready;
  EXPECT_TRUE(decide(v).removes_setup);
  v.recorded = false;
  EXPECT_FALSE(decide(v).removes_setup);
  EXPECT_TRUE(decide(v).keeps_record);
  v.recorded = true;
  v.setup = SetupPod::terminating;
  EXPECT_FALSE(decide(v).removes_setup);
  expect_stays(v);
  v.setup = SetupPod::absent;
  EXPECT_EQ(next_of(v), Step::start);

  v = upgrading(Step::start);
  v.operation.record = record(new_image);
  v.raises = true;
  EXPECT_TRUE(decide(v).may_raise);
  v.roles_reached = true;
  EXPECT_EQ(next_of(v), Step::idle);
}

TEST(Lifecycle, DrainsUntilTheApiServerItselfShowsNoPod) {
  Lifecycle v = upgrading(Step::drain);
  v.proven = false;
  EXPECT_TRUE(decide(v).reads_pods);
  expect_stays(v);
  v.proven = true;
  v.pods = 1;
  expect_stays(v);
  EXPECT_THAT(decide(v).awaits->message, HasSubstr("crm-web-1 on node n1"));
  v.pods = 0;
  v.scaled_down = false;
  expect_stays(v);
}

TEST(Lifecycle, ALimitThatIsOverIsToldAndStillWaitedFor) {
  Lifecycle v = upgrading(Step::drain);
  v.pods = 1;
  v.drain_limit = Seconds(600);
  EXPECT_EQ(decide(v).wake, noon + Seconds(600));
  v.now = noon + Seconds(600);
  EXPECT_EQ(decide(v).stalled->reason, "DrainTimeout");
  EXPECT_THAT(decide(v).stalled->message, HasSubstr("n1"));
  v.pods = 0;
  EXPECT_EQ(next_of(v), Step::setup);
}

TEST(Lifecycle, TheSetupPodIsMadeOnlyAloneRecordedAndWithKeys) {
  for (const auto& lack :
       {+[](Lifecycle& v) { v.pods = 1; }, +[](Lifecycle& v) { v.scaled_down = false; },
        +[](Lifecycle& v) { v.recorded = false; }, +[](Lifecycle& v) { v.keys_usable = false; },
        +[](Lifecycle& v) { v.proven = false; }, +[](Lifecycle& v) { v.setup = SetupPod::terminating; }}) {
    Lifecycle v = upgrading(Step::setup);
    lack(v);
    EXPECT_FALSE(decide(v).makes_setup);
    expect_stays(v);
  }
}

TEST(Lifecycle, APodOfSomebodyElsesIsTold) {
  Lifecycle v = upgrading(Step::setup);
  v.setup = SetupPod::foreign;
  expect_stays(v);
  EXPECT_EQ(decide(v).stalled->reason, "NameConflict");
  EXPECT_FALSE(decide(v).removes_setup);
}

TEST(Lifecycle, TheNewestSpecWinsUntilTheSetupHasStarted) {
  for (const Step step : {Step::pull, Step::drain, Step::backup, Step::setup}) {
    Lifecycle back = upgrading(step);
    back.wanted.image = old_image;
    back.attempt = "a1";
    EXPECT_EQ(next_of(back), step == Step::pull ? Step::idle : Step::start);

    Lifecycle third = upgrading(step);
    third.wanted.image = "nocobase/nocobase:2.2.17";
    third.attempt = "a3";
    EXPECT_EQ(next_of(third), Step::pull);
    EXPECT_EQ(decide(third).next->down, step != Step::pull) << "what has stopped stays so";

    Lifecycle stopped = upgrading(step);
    stopped.stopped = true;
    EXPECT_EQ(next_of(stopped), step == Step::pull ? Step::idle : Step::start);
  }
}

TEST(Lifecycle, ASetupThatHasNotStartedIsTakenBackFirst) {
  Lifecycle v = upgrading(Step::setup);
  v.setup = SetupPod::waiting;
  v.setup_epoch = 5;
  v.wanted.image = old_image;
  v.attempt = "a1";
  EXPECT_TRUE(decide(v).removes_setup);
  expect_stays(v);
}

TEST(Lifecycle, ASetupThatHasStartedIsNeverBrokenOff) {
  for (const auto& change : {+[](Lifecycle& v) { v.wanted.image = old_image; }, +[](Lifecycle& v) { v.stopped = true; },
                             +[](Lifecycle& v) { v.attempt = "a9"; }, +[](Lifecycle& v) { v.is_approved = false; }}) {
    for (const Step step : {Step::setup, Step::migrate}) {
      Lifecycle v = upgrading(step);
      v.setup = SetupPod::started;
      v.setup_uid = v.operation.setup_uid = "s1";
      v.setup_epoch = 5;
      v.setup_image = new_image;
      change(v);
      const Decision d = decide(v);
      EXPECT_FALSE(d.removes_setup);
      EXPECT_EQ(d.next ? d.next->step : Step::migrate, Step::migrate);
    }
  }
}

TEST(Lifecycle, AStrayRunningSetupIsTakenOver) {
  Lifecycle v = settled();
  v.setup = SetupPod::started;
  v.setup_uid = "s7";
  v.setup_image = new_image;
  const Decision d = decide(v);
  ASSERT_TRUE(d.next);
  EXPECT_EQ(d.next->step, Step::migrate);
  EXPECT_EQ(d.next->target.image, new_image);
}

TEST(Lifecycle, NothingIsStoppedOrSetUpWhileSomethingIsMissingThatPodsReferTo) {
  Lifecycle v = upgrading(Step::pull);
  v.missing = "role web: Secret ns/pg does not exist";
  v.pull.state = JobState::succeeded;
  Decision d = decide(v);
  EXPECT_FALSE(d.next);
  EXPECT_EQ(d.awaits->reason, "ReferenceMissing");
  EXPECT_EQ(d.awaits->message, "role web: Secret ns/pg does not exist; its pods need it to start");
  v.missing.clear();
  v.keys_usable = false;
  d = decide(v);
  EXPECT_FALSE(d.next);
  EXPECT_EQ(d.awaits->reason, "KeysMissing");
  v.keys_usable = true;
  EXPECT_EQ(next_of(v), Step::drain);

  v = upgrading(Step::setup);
  v.pods = 0;
  v.scaled_down = v.recorded = v.keys_usable = v.proven = true;
  EXPECT_TRUE(decide(v).makes_setup);
  v.missing = "role web: Secret ns/pg does not exist";
  d = decide(v);
  EXPECT_FALSE(d.makes_setup || d.next);
  EXPECT_EQ(d.awaits->reason, "ReferenceMissing");
}

TEST(Lifecycle, RolesStartWhenNoPodOfAnotherVersionIsLeft) {
  Lifecycle v = upgrading(Step::start);
  v.operation.record = record(new_image);
  v.raises = true;
  v.others = 1;
  EXPECT_FALSE(decide(v).may_raise);
  v.others = 0;
  v.proven = false;
  EXPECT_FALSE(decide(v).may_raise);
  EXPECT_TRUE(decide(v).reads_pods);
  v.proven = true;
  v.setup = SetupPod::terminating;
  EXPECT_FALSE(decide(v).may_raise);
}

// What outlives the cluster has to say that a migration may have begun: a cluster of that name must not bring the older
// version back then.
TEST(Operation, TheRecordSaysOfWhichImageASetupHasBegun) {
  for (const Step step : {Step::pull, Step::drain, Step::backup}) {
    EXPECT_EQ(record_to_keep(upgrading(step).operation), record(old_image)) << name_of(step);
  }
  SetupRecord begun = record(old_image);
  begun.started = new_image;
  for (const Step step : {Step::setup, Step::migrate, Step::verify, Step::failed}) {
    EXPECT_EQ(record_to_keep(upgrading(step).operation), begun) << name_of(step);
  }
}

TEST(Operation, IsReadAsItIsWritten) {
  Operation operation = upgrading(Step::verify).operation;
  operation.seconds = {{"Drain", 12}};
  operation.install = true;
  operation.failed = Failure{.attempt = "a", .image = "i", .reason = "R", .message = "m"};
  EXPECT_EQ(operation_of({{"operation", to_json(operation)}}), operation);
  EXPECT_EQ(operation_of(kube::Json::object()), Operation{});
  Operation first;
  first.record = SetupRecord{};
  EXPECT_EQ(operation_of({{"operation", to_json(first)}}), first);
}

TEST(Operation, EveryStepHasAName) {
  for (int i = 0; i <= static_cast<int>(Step::failed); ++i) {
    Operation operation;
    operation.step = static_cast<Step>(i);
    EXPECT_EQ(operation_of({{"operation", to_json(operation)}}).step, operation.step);
  }
}

}  // namespace
}  // namespace nocobase_operator::app
