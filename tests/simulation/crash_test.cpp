// A crash after every write, and the loss of every reply: for each write of a history without other faults, the same
// history is run again with that one thing. The end is the same, and so are the numbers of objects that were made and
// deleted and of pods that were told to go.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "simulation/histories.h"

namespace nocobase_operator::simulation {
namespace {

// Strikes every write from that step of the history on (each n-th under NBO_POINT_STEP=n).
void strike_every_write(const std::vector<Step>& script, std::uint64_t migrations, Strike::How how,
                        std::size_t from = 1) {
  const std::uint64_t step = number_from("NBO_POINT_STEP", 1);
  const Outcome whole = World(setting_of(script)).run();
  ASSERT_EQ(whole.broken.name, "") << whole.broken.what << "\n" << last_lines(setting_of(script));
  ASSERT_EQ(whole.counts.migrations, migrations);
  int failures = 0;
  for (std::uint64_t write = whole.steps.at(from).writes + 1; write <= whole.counts.writes && failures < 3;
       write += step) {
    SCOPED_TRACE("at write " + std::to_string(write) + " of " + std::to_string(whole.counts.writes));
    Setting setting = setting_of(script);
    setting.strikes = {{.write = write, .how = how}};
    const Outcome outcome = World(setting).run();
    const bool same = outcome.broken.name.empty() && outcome.digest == whole.digest &&
                      counted(outcome.counts) == counted(whole.counts);
    failures += same ? 0 : 1;
    EXPECT_EQ(outcome.broken.name, "") << outcome.broken.what;
    EXPECT_EQ(counted(outcome.counts), counted(whole.counts));
    EXPECT_TRUE(outcome.digest == whole.digest) << first_difference(whole.digest, outcome.digest);
    if (!same && failures == 1) {
      std::puts(last_lines(setting).c_str());
    }
  }
}

TEST(CrashPoints, InstallAndUpgradeCrash) {
  strike_every_write(upgrade(), 2, Strike::How::crash, 0);
}
TEST(CrashPoints, InstallAndUpgradeReplyLost) {
  strike_every_write(upgrade(), 2, Strike::How::reply_lost, 0);
}
TEST(CrashPoints, HoldsCrash) {
  strike_every_write(holds(), 1, Strike::How::crash);
}
TEST(CrashPoints, HoldsReplyLost) {
  strike_every_write(holds(), 1, Strike::How::reply_lost);
}
TEST(CrashPoints, ChangesOfRolesCrash) {
  strike_every_write(changes(), 1, Strike::How::crash);
}
TEST(CrashPoints, ChangesOfRolesReplyLost) {
  strike_every_write(changes(), 1, Strike::How::reply_lost);
}
TEST(CrashPoints, ChangesOfHandsCrash) {
  strike_every_write(hands(), 1, Strike::How::crash, 2);
}
TEST(CrashPoints, ChangesOfHandsReplyLost) {
  strike_every_write(hands(), 1, Strike::How::reply_lost, 2);
}
// With the two above: nor does a crash at any write.
TEST(CrashPoints, ChangesOfHandsMoveNoPod) {
  const Outcome whole = World(setting_of(hands())).run();
  EXPECT_EQ(whole.broken.name, "") << whole.broken.what;
  std::vector<Step> fixed = hands();
  fixed.resize(2);
  const Outcome before = World(setting_of(fixed)).run();
  EXPECT_EQ(whole.counts.pod_stops, before.counts.pod_stops);
  EXPECT_EQ(whole.counts.pods_made, before.counts.pods_made);
}
TEST(CrashPoints, UpgradeWithJobsCrash) {
  strike_every_write(with_jobs(), 2, Strike::How::crash);
}
TEST(CrashPoints, UpgradeWithJobsReplyLost) {
  strike_every_write(with_jobs(), 2, Strike::How::reply_lost);
}

}  // namespace
}  // namespace nocobase_operator::simulation
