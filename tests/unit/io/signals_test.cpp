#include "io/signals.h"

#include <cerrno>
#include <csignal>
#include <optional>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sys/types.h>

#include "io/loop.h"

namespace nocobase_operator::io {
namespace {

// Runs before any thread of this program starts, as in main.
const bool masked = [] {
  mask_signals();
  return true;
}();

std::optional<Instant> never() {
  return std::nullopt;
}

TEST(Signals, are_told_on_the_thread_of_the_loop_each_time) {
  ASSERT_TRUE(masked);
  const auto loop = make_loop();
  std::vector<int> numbers;
  const pid_t here = gettid();
  const SignalWatch watch(*loop, [&](int number) {
    EXPECT_EQ(gettid(), here);
    numbers.push_back(number);
    if (numbers.size() == 3) {
      loop->stop();
    } else {
      kill(getpid(), numbers.size() == 1 ? SIGINT : SIGTERM);
    }
  });
  kill(getpid(), SIGTERM);
  loop->run([](Now) {}, never);
  EXPECT_EQ(numbers, (std::vector<int>{SIGTERM, SIGINT, SIGTERM}));
}

TEST(Signals, are_told_to_nobody_after_the_watch_is_gone) {
  const auto loop = make_loop();
  bool told = false;
  {
    const SignalWatch watch(*loop, [&](int) { told = true; });
    kill(getpid(), SIGTERM);
  }
  loop->post([&] { loop->stop(); });
  loop->run([](Now) {}, never);
  EXPECT_FALSE(told);
  // One that the watch did not get to read stays pending, and is the next watch's.
  sigset_t term{};
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  const timespec none{};
  sigtimedwait(&term, nullptr, &none);
}

TEST(Signals, a_closed_pipe_is_an_error_and_no_death) {
  int ends[2] = {};
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  close(ends[1]);
}

}  // namespace
}  // namespace nocobase_operator::io
