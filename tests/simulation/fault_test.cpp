// One fault at every call of an upgrade of two roles of two pods, and two of them: the end is the one without faults,
// no invariant is broken on the way, and the database is migrated as often.
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "simulation/histories.h"

namespace nocobase_operator::simulation {
namespace {

using How = Strike::How;

constexpr std::array<std::pair<How, const char*>, 9> faults{{{How::crash, "a crash"},
                                                             {How::reply_lost, "a lost reply"},
                                                             {How::request_lost, "a lost request"},
                                                             {How::throttled, "429"},
                                                             {How::late, "20 s"},
                                                             {How::second_operator, "a second operator"},
                                                             {How::watches_break, "broken watches"},
                                                             {How::node_lost, "a lost node"},
                                                             {How::pod_ends, "a pod that ends"}}};

// Two roles of two pods each.
std::vector<Step> upgrade_of_two() {
  Step first = install();
  first.act = [act = first.act](World& world) {
    act(world);
    world.edit_spec("two of each", [](Json& spec) { spec["roles"][1]["replicas"] = 2; });
  };
  return {first, spec_edit("another image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; })};
}

// The calls of the upgrade: from the first to the last, as they are numbered.
struct Span {
  Outcome whole;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
Span upgrade_alone() {
  Span span{World(setting_of(upgrade_of_two())).run(), 0, 0};
  span.first = span.whole.steps.at(1).calls + 1;
  span.last = span.whole.calls;
  return span;
}

// Whether all ended as it does without faults.
bool ends_as_ever(const Span& span, const std::vector<Strike>& strikes, bool tells) {
  Setting setting = setting_of(upgrade_of_two());
  setting.strikes = strikes;
  setting.faults.overlap = {20'000, 20'000};
  const Outcome outcome = World(setting).run();
  const bool same = outcome.broken.name.empty() && outcome.digest == span.whole.digest &&
                    outcome.counts.migrations == span.whole.counts.migrations;
  EXPECT_EQ(outcome.broken.name, "") << outcome.broken.what;
  EXPECT_TRUE(outcome.digest == span.whole.digest) << first_difference(span.whole.digest, outcome.digest);
  EXPECT_EQ(outcome.counts.migrations, span.whole.counts.migrations);
  if (!same && tells) {
    std::puts(last_lines(setting).c_str());
  }
  return same;
}

// At each n-th call under NBO_FAULT_STEP=n, from another first one for each fault.
void one_fault_everywhere(How how) {
  const std::uint64_t step = number_from("NBO_FAULT_STEP", 1);
  const Span span = upgrade_alone();
  ASSERT_EQ(span.whole.broken.name, "") << span.whole.broken.what;
  ASSERT_EQ(span.whole.counts.migrations, 2U);
  int failures = 0;
  for (std::uint64_t call = span.first + static_cast<std::uint64_t>(how) % step; call <= span.last && failures < 3;
       call += step) {
    SCOPED_TRACE("at call " + std::to_string(call) + " of " + std::to_string(span.first) + " to " +
                 std::to_string(span.last));
    failures += ends_as_ever(span, {{.call = call, .how = how}}, failures == 0) ? 0 : 1;
  }
}

TEST(OneFault, Crash) {
  one_fault_everywhere(How::crash);
}
TEST(OneFault, ReplyLost) {
  one_fault_everywhere(How::reply_lost);
}
TEST(OneFault, RequestLost) {
  one_fault_everywhere(How::request_lost);
}
TEST(OneFault, Throttled) {
  one_fault_everywhere(How::throttled);
}
TEST(OneFault, Late) {
  one_fault_everywhere(How::late);
}
TEST(OneFault, SecondOperator) {
  one_fault_everywhere(How::second_operator);
}
TEST(OneFault, WatchesBreak) {
  one_fault_everywhere(How::watches_break);
}
TEST(OneFault, NodeLost) {
  one_fault_everywhere(How::node_lost);
}
TEST(OneFault, PodEnds) {
  one_fault_everywhere(How::pod_ends);
}

// NBO_TWO_FAULTS=n tries n of all pairs, evenly spread; 0 tries all.
TEST(TwoFaults, AnywhereInAnUpgrade) {
  const Span span = upgrade_alone();
  const std::uint64_t points = (span.last - span.first + 1) * faults.size();
  const std::uint64_t all = points * (points - 1) / 2;
  const std::uint64_t wanted = number_from("NBO_TWO_FAULTS", 60);
  const std::uint64_t count = wanted == 0 ? all : std::min(wanted, all);
  const auto strike = [&](std::uint64_t point) {
    return Strike{.call = span.first + point / faults.size(), .how = faults[point % faults.size()].first};
  };
  int failures = 0;
  std::uint64_t tried = 0;
  for (; tried < count && failures < 3; ++tried) {
    // The pair of that number among all pairs (a, b) with a < b.
    std::uint64_t left = all / count * tried;
    std::uint64_t a = 0;
    while (left >= points - 1 - a) {
      left -= points - 1 - a;
      ++a;
    }
    const std::uint64_t b = a + 1 + left;
    SCOPED_TRACE(std::string(faults[a % faults.size()].second) + " at call " + std::to_string(strike(a).call) + ", " +
                 faults[b % faults.size()].second + " at call " + std::to_string(strike(b).call));
    failures += ends_as_ever(span, {strike(a), strike(b)}, failures == 0) ? 0 : 1;
  }
  std::printf("two faults: %llu of %llu pairs (%llu points of %zu faults)\n", static_cast<unsigned long long>(tried),
              static_cast<unsigned long long>(all), static_cast<unsigned long long>(points), faults.size());
}

}  // namespace
}  // namespace nocobase_operator::simulation
