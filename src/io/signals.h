// Signals as work of the loop: no code of ours runs in a signal handler.
#pragma once
#include <functional>
#include <memory>
#include <thread>

#include "io/loop.h"

namespace nocobase_operator::io {

// Blocks SIGTERM, SIGINT and SIGUSR1 in this thread and in all that it starts later, and ignores SIGPIPE. Call first in
// main.
void mask_signals();

// Delivers SIGTERM, SIGINT and SIGUSR1 to `on_signal` (with the signal's number) on the loop's thread, each time one
// arrives. `loop` must outlive it; after its destruction no callback runs.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, std::function<void(int)> on_signal);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  SignalWatch(SignalWatch&&) = delete;
  SignalWatch& operator=(SignalWatch&&) = delete;
  ~SignalWatch();

 private:
  std::shared_ptr<std::function<void(int)>> on_signal_;
  int signals_ = -1;  // signalfd
  int stop_ = -1;     // eventfd
  std::thread thread_;
};

}  // namespace nocobase_operator::io
