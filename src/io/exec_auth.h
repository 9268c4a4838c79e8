// The credential that a plugin gives, kept until shortly before it expires. Internal to the transport.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "io/exec_plugin.h"

namespace nocobase_operator::io {

// All members but the destructor run on one thread, that of `post`; the plugin runs on a thread of its own meanwhile.
class ExecAuth : public std::enable_shared_from_this<ExecAuth> {
 public:
  // Runs something on the owner's thread, in time; to be callable from any thread.
  using Post = std::function<void(std::function<void()>)>;
  struct Signed {
    ExecCredential credential;
    std::uint64_t version = 0;  // grows whenever the credential is another one
  };
  using Got = std::function<void(const Result<Signed>&)>;

  ExecAuth(ExecPlugin plugin, Post post) : plugin_(std::move(plugin)), post_(std::move(post)) {}
  ExecAuth(const ExecAuth&) = delete;
  ExecAuth& operator=(const ExecAuth&) = delete;
  ExecAuth(ExecAuth&&) = delete;
  ExecAuth& operator=(ExecAuth&&) = delete;
  ~ExecAuth();

  // Calls `got` at once with what is known, or once the plugin has been run. However many ask, one plugin runs.
  void get(Got got);
  // The server refused the credential of that version: the next get() runs the plugin, though not again and again when
  // what it gives is refused each time.
  void refused(std::uint64_t version);
  // Ends a plugin that runs; who waits is not called any more.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;

  void run();
  void finished(Result<ExecCredential> result);
  [[nodiscard]] bool is_known() const;
  [[nodiscard]] bool is_valid() const;

  const ExecPlugin plugin_;
  const Post post_;
  const std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
  std::thread thread_;
  bool running_ = false;
  std::vector<Got> waiting_;
  std::optional<Result<Signed>> known_;
  std::chrono::system_clock::time_point renew_at_ = std::chrono::system_clock::time_point::max();
  Steady::time_point retry_at_{};  // after a failure: not before
  Steady::time_point heed_refusal_from_{};
  std::optional<Signed> last_;  // that worked, or may have
};

}  // namespace nocobase_operator::io
