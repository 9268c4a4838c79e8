#include "io/loop.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace nocobase_operator::io {
namespace {

class QueueLoop final : public Loop {
 public:
  void post(std::function<void()> work) override {
    {
      const std::scoped_lock lock(mutex_);
      if (!stopped_) {
        queue_.push_back(std::move(work));
        work = nullptr;
      }
    }
    // Dropped work is destroyed here, outside the lock: what it owns may post again.
    wake_.notify_one();
  }

  void run(const std::function<void(Now)>& turn, const std::function<std::optional<Instant>()>& next_wake) override {
    while (run_posted()) {
      turn(now());
      wait(next_wake());
    }
    const std::vector<std::function<void()>> dropped = take();
  }

  void stop() override {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_one();
  }

  [[nodiscard]] Now now() const override {
    return {.mono = Instant(std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch())),
            .wall = std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now())};
  }

 private:
  std::vector<std::function<void()>> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(queue_, {});
  }

  // Runs what is queued now; work posted by that work waits for the next round, so that turn() is never starved.
  // False once the loop is stopped.
  bool run_posted() {
    std::vector<std::function<void()>> batch = take();
    for (std::function<void()>& work : batch) {
      if (stopped()) {
        return false;
      }
      work();
      work = nullptr;
    }
    return !stopped();
  }

  [[nodiscard]] bool stopped() {
    const std::scoped_lock lock(mutex_);
    return stopped_;
  }

  void wait(std::optional<Instant> until) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return stopped_ || !queue_.empty(); };
    if (!until) {
      wake_.wait(lock, ready);
      return;
    }
    wake_.wait_until(lock, std::chrono::steady_clock::time_point(until->time_since_epoch()), ready);
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> queue_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Loop> make_loop() {
  return std::make_unique<QueueLoop>();
}

}  // namespace nocobase_operator::io
