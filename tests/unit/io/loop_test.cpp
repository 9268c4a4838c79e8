#include "io/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

std::optional<Instant> never() {
  return std::nullopt;
}

TEST(Loop, runs_what_was_posted_in_order_and_then_the_turn) {
  const auto loop = make_loop();
  std::vector<std::string> seen;
  loop->post([&] { seen.emplace_back("a"); });
  loop->post([&] { seen.emplace_back("b"); });
  loop->run(
      [&](Now) {
        seen.emplace_back("turn");
        loop->stop();
      },
      never);
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "turn"}));
}

TEST(Loop, work_posted_by_work_waits_for_the_next_turn) {
  const auto loop = make_loop();
  std::vector<std::string> seen;
  std::function<void()> again = [&] {
    seen.emplace_back("work");
    loop->post(again);
  };
  loop->post(again);
  loop->run(
      [&](Now) {
        seen.emplace_back("turn");
        if (seen.size() >= 4) {
          loop->stop();
        }
      },
      never);
  EXPECT_EQ(seen, (std::vector<std::string>{"work", "turn", "work", "turn"}));
}

TEST(Loop, wakes_at_the_time_it_is_told) {
  const auto loop = make_loop();
  std::optional<Instant> wake;
  std::vector<Instant> turns;
  loop->run(
      [&](Now now) {
        turns.push_back(now.mono);
        wake = now.mono + Millis(20);
        if (turns.size() == 3) {
          loop->stop();
        }
      },
      [&] { return wake; });
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_GE(turns[1], turns[0] + Millis(20)) << "never before it";
  EXPECT_GE(turns[2], turns[1] + Millis(20));
}

TEST(Loop, work_from_another_thread_wakes_it) {
  const auto loop = make_loop();
  constexpr int posts = 1'000;
  int done = 0;
  std::thread other([&] {
    for (int i = 0; i < posts; ++i) {
      loop->post([&] {
        if (++done == posts) {
          loop->stop();
        }
      });
    }
  });
  loop->run([](Now) {}, never);
  other.join();
  EXPECT_EQ(done, posts);
}

TEST(Loop, stopping_drops_what_is_queued_and_what_comes_later) {
  const auto loop = make_loop();
  std::vector<std::string> seen;
  const auto held = std::make_shared<int>(0);
  loop->post([&] {
    seen.emplace_back("a");
    loop->stop();
    loop->stop();
  });
  loop->post([&seen, held] { seen.emplace_back("b"); });
  loop->run([&](Now) { seen.emplace_back("turn"); }, never);
  loop->post([&seen, held] { seen.emplace_back("c"); });
  EXPECT_EQ(seen, std::vector<std::string>{"a"});
  EXPECT_EQ(held.use_count(), 1) << "what dropped work owns is freed";
}

TEST(Loop, a_loop_that_was_stopped_before_it_ran_does_nothing) {
  const auto loop = make_loop();
  loop->stop();
  loop->run([](Now) { FAIL(); }, never);
}

TEST(Loop, dropped_work_may_post_again) {
  const auto loop = make_loop();
  struct Poster {
    Loop& loop;
    explicit Poster(Loop& of) : loop(of) {}
    Poster(const Poster&) = delete;
    Poster& operator=(const Poster&) = delete;
    ~Poster() {
      loop.post([] {});
    }
  };
  loop->stop();
  auto poster = std::make_shared<Poster>(*loop);
  loop->post([poster = std::move(poster)] {});
  loop->run([](Now) { FAIL(); }, never);
}

TEST(Loop, its_clocks_go_forward) {
  const auto loop = make_loop();
  const Now first = loop->now();
  const Now second = loop->now();
  EXPECT_GE(second.mono, first.mono);
  EXPECT_GT(first.wall, std::chrono::sys_seconds(Seconds(1'577'836'800))) << "after 2020";
}

}  // namespace
}  // namespace nocobase_operator::io
