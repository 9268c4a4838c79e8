#include "runtime/lease.h"

#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using objects::at;

const kube::Ref ref{kube::Kind::lease, "ns", "operator"};

Lease candidate(const std::string& identity, std::uint64_t seed = 1) {
  return Lease({.ref = ref, .identity = identity}, Rng(seed));
}

// The one object of an API server that candidates share.
struct LeaseServer {
  kube::Json object;  // null: absent
  std::uint64_t version = 0;
  int writes = 0;

  Result<kube::Json> execute(const kube::Call& call) {
    if (call.verb == kube::Verb::get) {
      return object.is_null() ? Result<kube::Json>(Error{Code::not_found, "no lease"}) : object;
    }
    const bool create = call.verb == kube::Verb::create;
    if (create != object.is_null()) {
      return Error{create ? Code::conflict : Code::not_found, "exists or not"};
    }
    if (!create && kube::string_at(call.body, {"metadata", "resourceVersion"}) != std::to_string(version)) {
      return Error{Code::conflict, "version"};
    }
    ++writes;
    object = call.body;
    object["metadata"]["name"] = ref.name;
    object["metadata"]["resourceVersion"] = std::to_string(++version);
    return object;
  }
  [[nodiscard]] std::string holder() const { return kube::string_at(object, {"spec", "holderIdentity"}); }
  [[nodiscard]] std::int64_t transitions() const { return kube::integer_at(object, {"spec", "leaseTransitions"}); }
};

// Lets a candidate do all that it wants to do now. Every reply comes at once.
void turn(Lease& lease, LeaseServer& server, Now now) {
  while (const auto call = lease.poll(now)) {
    lease.replied(lease.attempt(), server.execute(*call), now);
  }
}

void run(Lease& lease, LeaseServer& server, std::int64_t from, std::int64_t to) {
  for (std::int64_t time = from; time <= to; time += 100) {
    turn(lease, server, at(time));
  }
}

TEST(Lease, CreatesTheRecordAndLeads) {
  LeaseServer server;
  Lease a = candidate("a");
  EXPECT_FALSE(a.leading(at(0).mono));
  turn(a, server, at(0));
  EXPECT_TRUE(a.leading(at(0).mono));
  EXPECT_EQ(server.object["spec"], (kube::Json{{"holderIdentity", "a"},
                                               {"leaseDurationSeconds", 15},
                                               {"acquireTime", "2023-11-14T22:13:20.000000Z"},
                                               {"renewTime", "2023-11-14T22:13:20.000000Z"},
                                               {"leaseTransitions", 0}}));
}

TEST(Lease, RenewsAboutEveryRetryPeriodAndKeepsItsTimeOfAcquiring) {
  LeaseServer server;
  Lease a = candidate("a");
  run(a, server, 0, 60'000);
  EXPECT_TRUE(a.leading(at(60'000).mono));
  EXPECT_GE(server.writes, 26);
  EXPECT_LE(server.writes, 31);
  EXPECT_EQ(server.object["spec"]["acquireTime"], "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(server.transitions(), 0);
}

TEST(Lease, StopsLeadingAtItsOwnDeadlineWhenRenewingFails) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  for (std::int64_t time = 100; time < 20'000; time += 100) {
    while (const auto call = a.poll(at(time))) {
      a.replied(a.attempt(), Error{Code::unavailable, "down"}, at(time));
    }
    EXPECT_EQ(a.leading(at(time).mono), time < 10'000) << time;
  }
  EXPECT_EQ(a.last_error(), "down");
  run(a, server, 20'000, 25'000);
  EXPECT_TRUE(a.leading(at(25'000).mono));
}

TEST(Lease, TakesALeadThatIsGivenUpWithinTwoSeconds) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    LeaseServer server;
    Lease a({.ref = ref, .identity = "a"}, Rng(seed));
    Lease b({.ref = ref, .identity = "b"}, Rng(seed + 1'000));
    std::int64_t time = 0;
    for (; time < 20'000 + static_cast<std::int64_t>(seed) * 10; time += 10) {
      turn(a, server, at(time));
      turn(b, server, at(time));
    }
    a.release(at(time));
    turn(a, server, at(time));
    const std::int64_t given_up = time;
    for (; !b.leading(at(time).mono) && time < given_up + 10'000; time += 10) {
      turn(b, server, at(time));
    }
    EXPECT_LE(time - given_up, 1'600) << seed;
  }
}

TEST(Lease, CountsItsDeadlineFromTheSendingOfTheRenewal) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  const auto renewal = a.poll(at(3'000));
  ASSERT_TRUE(renewal);
  a.replied(a.attempt(), server.execute(*renewal), at(7'000));
  EXPECT_TRUE(a.leading(at(12'999).mono));
  EXPECT_FALSE(a.leading(at(13'000).mono));
}

TEST(Lease, DoesNotLeadAfterHavingBeenFrozenPastTheDeadline) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  EXPECT_FALSE(a.leading(at(60'000).mono));
}

TEST(Lease, TakesOverOnlyWhenTheRecordHasNotChangedForItsWholeDuration) {
  LeaseServer server;
  Lease a = candidate("a", 1);
  Lease b = candidate("b", 2);
  turn(a, server, at(0));
  run(b, server, 5'000, 19'900);  // b first saw the record at 5 s
  EXPECT_EQ(server.holder(), "a");
  run(b, server, 20'000, 25'000);
  EXPECT_EQ(server.holder(), "b");
  EXPECT_TRUE(b.leading(at(25'000).mono));
  EXPECT_EQ(server.transitions(), 1);
}

TEST(Lease, BelievesNoTimeThatSomebodyWrote) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  server.object["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z";
  Lease b = candidate("b");
  turn(b, server, at(0));
  EXPECT_FALSE(b.leading(at(0).mono));
}

TEST(Lease, ARenewalIsAChangeEvenIfTheWallClockStandsStill) {
  LeaseServer server;
  Lease a = candidate("a", 1);
  Lease b = candidate("b", 2);
  for (std::int64_t time = 0; time <= 60'000; time += 100) {
    const Now now{at(time).mono, at(0).wall};
    turn(a, server, now);
    turn(b, server, now);
    ASSERT_FALSE(b.leading(now.mono)) << time;
  }
}

TEST(Lease, ReadsAgainAtOnceWhenItsRenewalLosesAgainstAnotherWrite) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  server.object["metadata"]["labels"] = {{"by", "hand"}};
  server.object["metadata"]["resourceVersion"] = std::to_string(++server.version);
  turn(a, server, at(2'500));
  EXPECT_TRUE(a.leading(at(12'000).mono));
  EXPECT_EQ(server.object["metadata"]["labels"]["by"], "hand");
}

TEST(Lease, GivesACallUpThatIsNotAnsweredAndIgnoresItsLateReply) {
  LeaseServer server;
  Lease a = candidate("a");
  const auto lost = a.poll(at(0));
  ASSERT_TRUE(lost);
  const std::uint64_t attempt = a.attempt();
  EXPECT_EQ(a.next_wake(), at(5'000).mono);
  EXPECT_EQ(a.poll(at(4'999)), std::nullopt);
  EXPECT_TRUE(a.poll(at(5'000)));
  a.replied(attempt, Error{Code::not_found, ""}, at(5'001));
  EXPECT_EQ(a.poll(at(5'002)), std::nullopt);  // still waiting for the second one
}

TEST(Lease, LeadsByARenewalWhoseReplyWasLost) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  const auto renewal = a.poll(at(3'000));
  ASSERT_TRUE(renewal);
  static_cast<void>(server.execute(*renewal));
  a.replied(a.attempt(), Error{Code::unknown_outcome, "lost"}, at(8'000));
  run(a, server, 8'000, 12'000);
  EXPECT_TRUE(a.leading(at(12'000).mono));
}

TEST(Lease, ReleasesSoThatAnotherNeedNotWait) {
  LeaseServer server;
  Lease a = candidate("a", 1);
  Lease b = candidate("b", 2);
  turn(a, server, at(0));
  turn(b, server, at(0));
  a.release(at(1'000));
  EXPECT_FALSE(a.leading(at(1'000).mono));
  EXPECT_FALSE(a.released());
  turn(a, server, at(1'000));
  EXPECT_TRUE(a.released());
  EXPECT_EQ(a.next_wake(), std::nullopt);
  EXPECT_EQ(server.holder(), "");
  EXPECT_EQ(server.object["spec"]["leaseDurationSeconds"], 1);
  run(b, server, 1'000, 6'000);
  EXPECT_TRUE(b.leading(at(6'000).mono));
  turn(a, server, at(20'000));
  EXPECT_EQ(server.holder(), "b");
}

TEST(Lease, ReleasesARecordThatBecomesItsOwnWhileItEnds) {
  LeaseServer server;
  Lease a = candidate("a");
  const auto read = a.poll(at(0));
  ASSERT_TRUE(read);
  a.replied(a.attempt(), server.execute(*read), at(0));
  const auto create = a.poll(at(0));
  ASSERT_TRUE(create);
  a.release(at(1));
  EXPECT_FALSE(a.released());
  a.replied(a.attempt(), server.execute(*create), at(2));
  EXPECT_FALSE(a.leading(at(2).mono));
  turn(a, server, at(2));
  EXPECT_TRUE(a.released());
  EXPECT_EQ(server.holder(), "");
}

TEST(Lease, ReleasesNothingThatIsNotItsOwn) {
  LeaseServer server;
  Lease a = candidate("a");
  Lease b = candidate("b");
  turn(a, server, at(0));
  turn(b, server, at(0));
  b.release(at(1));
  EXPECT_TRUE(b.released());
  EXPECT_EQ(b.poll(at(5'000)), std::nullopt);
  EXPECT_EQ(server.holder(), "a");
}

TEST(Lease, GivesReleasingUpWhenTheServerIsNotThere) {
  LeaseServer server;
  Lease a = candidate("a");
  turn(a, server, at(0));
  a.release(at(0));
  for (std::int64_t time = 0; time <= 30'000; time += 100) {
    while (const auto call = a.poll(at(time))) {
      a.replied(a.attempt(), Error{Code::unavailable, "down"}, at(time));
    }
  }
  EXPECT_TRUE(a.released());
}

// A process that can be frozen and whose replies take time: what a candidate does while it believes that it leads.
struct Process {
  explicit Process(const std::string& identity, std::uint64_t seed) : lease(candidate(identity, seed)) {}
  struct Reply {
    std::int64_t time;
    std::uint64_t attempt;
    Result<kube::Json> result;
  };
  Lease lease;
  std::deque<Reply> replies;
  std::int64_t frozen_until = 0;
};

TEST(Lease, TwoNeverLeadAtOnceWhateverIsLostSlowOrFrozen) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    LeaseServer server;
    std::vector<Process> processes;
    processes.emplace_back("a", seed * 2);
    processes.emplace_back("b", seed * 2 + 1);
    int led = 0;
    for (std::int64_t time = 0; time <= 300'000; time += 100) {
      for (Process& process : processes) {
        if (time < process.frozen_until) {
          continue;
        }
        if (rng.below(2'000) == 0) {
          process.frozen_until = time + static_cast<std::int64_t>(rng.below(40'000));
          continue;
        }
        while (!process.replies.empty() && process.replies.front().time <= time) {
          process.lease.replied(process.replies.front().attempt, process.replies.front().result, at(time));
          process.replies.pop_front();
        }
        if (const auto call = process.lease.poll(at(time))) {
          const std::uint64_t fate = rng.below(20);
          Result<kube::Json> result = fate == 0 ? Error{Code::unavailable, "lost"} : server.execute(*call);
          if (fate == 1) {
            result = Error{Code::unknown_outcome, "reply lost"};
          }
          const auto delay = static_cast<std::int64_t>(rng.below(rng.chance(5) ? 8'000 : 300));
          process.replies.push_back({time + delay, process.lease.attempt(), std::move(result)});
        }
      }
      // A frozen process does nothing: it counts from when it next looks at the clock.
      const auto leads = [&](const Process& process) {
        return time >= process.frozen_until && process.lease.leading(at(time).mono);
      };
      ASSERT_FALSE(leads(processes[0]) && leads(processes[1])) << time;
      led += leads(processes[0]) || leads(processes[1]) ? 1 : 0;
    }
    EXPECT_GT(led, 1'500);  // of 3,001 turns somebody leads in half of them at least
  }
}

}  // namespace
}  // namespace nocobase_operator::runtime
