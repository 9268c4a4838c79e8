#include "io/signals.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "base/check.h"

namespace nocobase_operator::io {
namespace {

sigset_t watched_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  return set;
}

// Reads signals until `stop` becomes readable.
void watch(int signals, int stop, Loop& loop, const std::weak_ptr<std::function<void(int)>>& on_signal) {
  std::array<pollfd, 2> polled{{{signals, POLLIN, 0}, {stop, POLLIN, 0}}};
  for (;;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      continue;
    }
    if (polled[1].revents != 0) {
      return;
    }
    signalfd_siginfo info{};
    if (::read(signals, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
      continue;
    }
    loop.post([on_signal, number = static_cast<int>(info.ssi_signo)] {
      if (const auto callback = on_signal.lock()) {
        (*callback)(number);
      }
    });
  }
}

}  // namespace

void mask_signals() {
  const sigset_t set = watched_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

SignalWatch::SignalWatch(Loop& loop, std::function<void(int)> on_signal)
    : on_signal_(std::make_shared<std::function<void(int)>>(std::move(on_signal))) {
  const sigset_t set = watched_signals();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  CHECK(signals_ >= 0 && stop_ >= 0);
  thread_ = std::thread([signals = signals_, stop = stop_, &loop, weak = std::weak_ptr(on_signal_)] {
    watch(signals, stop, loop, weak);
  });
}

SignalWatch::~SignalWatch() {
  const std::uint64_t one = 1;
  CHECK(::write(stop_, &one, sizeof one) == static_cast<ssize_t>(sizeof one));
  thread_.join();
  ::close(signals_);
  ::close(stop_);
}

}  // namespace nocobase_operator::io
