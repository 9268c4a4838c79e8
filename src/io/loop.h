// The one thread that owns all state. post() and stop() are the only thread-safe members.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "base/time.h"

namespace nocobase_operator::io {

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  // Runs `work` on the loop's thread, in the order of the posts. Thread-safe. Work posted after stop() is dropped.
  virtual void post(std::function<void()> work) = 0;
  // Runs until stop(): all posted work, then turn(now), then sleeps until more work or next_wake().
  virtual void run(const std::function<void(Now)>& turn, const std::function<std::optional<Instant>()>& next_wake) = 0;
  // Ends run() after the current turn; work that is still queued is dropped. Thread-safe and safe to call more than
  // once.
  virtual void stop() = 0;
  // The time now: steady clock and system clock, read once.
  [[nodiscard]] virtual Now now() const = 0;
};

[[nodiscard]] std::unique_ptr<Loop> make_loop();

}  // namespace nocobase_operator::io
