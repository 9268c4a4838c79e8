#include "runtime/queue.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::runtime {
namespace {

using app::ClusterKey;

ClusterKey key(const std::string& name) {
  return {"ns", name};
}
Instant at(std::int64_t millis) {
  return Instant(Millis(millis));
}

TEST(Queue, GivesNothingBeforeTheKeyIsDue) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(10));
  EXPECT_EQ(queue.take(at(9)), std::nullopt);
  EXPECT_EQ(queue.next_due(), at(10));
  EXPECT_EQ(queue.take(at(10)), key("a"));
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(Queue, QueuesAKeyOnceAndTheEarliestTimeWins) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(30));
  queue.add(key("a"), at(10));
  queue.add(key("a"), at(20));
  EXPECT_EQ(queue.waiting(), 1U);
  EXPECT_EQ(queue.counters().adds, 1U);
  EXPECT_EQ(queue.take(at(10)), key("a"));
  queue.finished(key("a"));
  EXPECT_EQ(queue.take(at(100)), std::nullopt);
}

TEST(Queue, NeverGivesAKeyThatIsBeingWorkedOn) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(0));
  EXPECT_EQ(queue.take(at(0)), key("a"));
  queue.add(key("a"), at(1));
  EXPECT_EQ(queue.take(at(5)), std::nullopt);
  EXPECT_EQ(queue.next_due(), std::nullopt);
  EXPECT_EQ(queue.processing(), 1U);
  queue.finished(key("a"));
  EXPECT_EQ(queue.processing(), 0U);
  EXPECT_EQ(queue.take(at(5)), key("a"));
}

TEST(Queue, GivesKeysInTheOrderOfTheirTimesAndThenOfTheirAdding) {
  Queue queue(Rng(1));
  queue.add(key("late"), at(2));
  queue.add(key("z"), at(1));
  queue.add(key("a"), at(1));
  EXPECT_EQ(queue.take(at(5)), key("z"));
  EXPECT_EQ(queue.take(at(5)), key("a"));
  EXPECT_EQ(queue.take(at(5)), key("late"));
}

TEST(Queue, WhatWasBegunComesBeforeWhatWasDueLater) {
  Queue queue(Rng(1));
  for (const char* const name : {"a", "b", "c"}) {
    queue.add(key(name), at(1));
  }
  EXPECT_EQ(queue.take(at(2)), key("a"));
  queue.again(key("a"));
  EXPECT_EQ(queue.processing(), 0U);
  EXPECT_EQ(queue.waiting(), 3U);
  EXPECT_EQ(queue.next_due(), at(1));
  EXPECT_EQ(queue.counters().adds, 4U);
  EXPECT_EQ(queue.take(at(2)), key("a")) << "before b and c, which were due at the same time and added later";
  queue.add(key("a"), at(9));
  queue.again(key("a"));
  EXPECT_EQ(queue.counters().adds, 5U) << "asked for once, by the one who came first";
  EXPECT_EQ(queue.take(at(2)), key("a"));
  queue.finished(key("a"));
  EXPECT_EQ(queue.take(at(2)), key("b"));
  EXPECT_EQ(queue.take(at(2)), key("c"));
  EXPECT_EQ(queue.take(at(100)), std::nullopt);
}

TEST(Queue, BacksOffTwiceAsLongWithEachFailureAndForgets) {
  Queue queue(Rng(7), {Millis(100), Millis(1'000)});
  const std::vector<std::int64_t> least = {100, 200, 400, 800, 1'000, 1'000};
  Instant now = at(0);
  queue.add(key("a"), now);
  for (const std::int64_t delay : least) {
    SCOPED_TRACE(delay);
    ASSERT_EQ(queue.take(now), key("a"));
    queue.failed(key("a"), now);
    const Instant due = queue.next_due().value_or(Instant::max());
    EXPECT_GE(due - now, Millis(delay));
    EXPECT_LE(due - now, Millis(delay + delay / 4));
    now = due;
  }
  ASSERT_EQ(queue.take(now), key("a"));
  queue.forget(key("a"));
  queue.failed(key("a"), now);
  EXPECT_LE(queue.next_due().value_or(Instant::max()) - now, Millis(125));
  EXPECT_EQ(queue.counters().retries, 7U);
}

TEST(Queue, WaitsAtLeastAsLongAsToldAfterAFailure) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(0));
  ASSERT_EQ(queue.take(at(0)), key("a"));
  queue.failed(key("a"), at(0), Millis(5'000));
  EXPECT_EQ(queue.next_due(), at(5'000));
}

TEST(Queue, LooksAtOnceAtAFailingKeyOfWhichSomethingIsNew) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(0));
  ASSERT_EQ(queue.take(at(0)), key("a"));
  queue.add(key("a"), at(3));
  queue.failed(key("a"), at(5));
  EXPECT_EQ(queue.next_due(), at(3));
}

TEST(Queue, AFailingKeyDoesNotHoldOthersUp) {
  Queue queue(Rng(3));
  queue.add(key("bad"), at(0));
  std::map<std::string, int> taken;
  Instant now = at(0);
  for (int round = 0; round < 200; ++round) {
    queue.add(key("good"), now);
    while (const auto next = queue.take(now)) {
      ++taken[next->name];
      if (next->name == "bad") {
        queue.failed(*next, now);
      } else {
        queue.finished(*next);
      }
    }
    now += Millis(10);
  }
  EXPECT_EQ(taken["good"], 200);
  EXPECT_LE(taken["bad"], 5);
}

TEST(Queue, CountsWhatIsOverdue) {
  Queue queue(Rng(1));
  queue.add(key("a"), at(1));
  queue.add(key("b"), at(2));
  queue.add(key("c"), at(3));
  EXPECT_EQ(queue.overdue(at(0)), 0U);
  EXPECT_EQ(queue.overdue(at(2)), 2U);
  EXPECT_EQ(queue.overdue(at(9)), 3U);
}

// The same rules without any cleverness.
struct NaiveQueue {
  struct Item {
    Instant due;
    int order;
  };
  std::map<ClusterKey, Item> waiting;
  std::map<ClusterKey, Instant> while_processing;
  std::set<ClusterKey> processing;
  int next_order = 0;

  void add(const ClusterKey& of, Instant due) {
    if (processing.contains(of)) {
      const auto [it, fresh] = while_processing.try_emplace(of, due);
      it->second = std::min(it->second, due);
      return;
    }
    const auto it = waiting.find(of);
    if (it == waiting.end() || due < it->second.due) {
      waiting[of] = {due, next_order++};
    }
  }
  std::optional<ClusterKey> take(Instant now) {
    const ClusterKey* best = nullptr;
    for (const auto& [of, item] : waiting) {
      const bool better = best == nullptr || item.due < waiting[*best].due ||
                          (item.due == waiting[*best].due && item.order < waiting[*best].order);
      if (item.due <= now && better) {
        best = &of;
      }
    }
    if (best == nullptr) {
      return std::nullopt;
    }
    ClusterKey taken = *best;
    waiting.erase(taken);
    processing.insert(taken);
    return taken;
  }
  void finished(const ClusterKey& of) {
    processing.erase(of);
    if (const auto it = while_processing.find(of); it != while_processing.end()) {
      const Instant due = it->second;
      while_processing.erase(it);
      add(of, due);
    }
  }
};

TEST(Queue, DoesWhatANaiveQueueDoesInAnyOrderOfCalls) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    Queue queue(Rng(seed + 1));
    NaiveQueue naive;
    std::int64_t now = 0;
    for (int step = 0; step < 400; ++step) {
      const ClusterKey some = key(std::string(1, static_cast<char>('a' + rng.below(6))));
      switch (rng.below(4)) {
        case 0:
          now += static_cast<std::int64_t>(rng.below(20));
          break;
        case 1: {
          const Instant due = at(now + static_cast<std::int64_t>(rng.below(60)) - 10);
          queue.add(some, due);
          naive.add(some, due);
          break;
        }
        case 2:
          ASSERT_EQ(queue.take(at(now)), naive.take(at(now)));
          break;
        default:
          if (naive.processing.contains(some)) {
            queue.finished(some);
            naive.finished(some);
          }
          break;
      }
      ASSERT_EQ(queue.waiting(), naive.waiting.size());
      ASSERT_EQ(queue.processing(), naive.processing.size());
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::runtime
