// The way from another thread to the loop that can be shut: what comes after close() is dropped, so a late reply
// touches neither a loop nor an owner that is gone.
#pragma once
#include <functional>
#include <mutex>

#include "io/loop.h"

namespace nocobase_operator::io {

class LoopGate {
 public:
  explicit LoopGate(Loop& loop) : loop_(&loop) {}

  void post(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    if (loop_ != nullptr) {
      loop_->post(std::move(work));
    }
  }

  void close() {
    const std::scoped_lock lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Loop* loop_;
};

}  // namespace nocobase_operator::io
