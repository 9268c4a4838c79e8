// What the transport's tests share: a loop that a test can turn as often as it likes, and calls that wait for their
// answer.
#pragma once
#include <condition_variable>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "io/cpprest_transport.h"
#include "kube/http.h"
#include "unit/io/test_server.h"

namespace nocobase_operator::io::test {

// How long a test waits for what has to happen: with sanitizers on a busy machine that can take a minute.
constexpr Millis patience = std::chrono::minutes(2);

// What no HTTP server answers. The library reads the size of a chunk into an int, whatever it says.
inline constexpr std::string_view garbage_answers[] = {
    "",
    "\r\n\r\n",
    "SSH-2.0-x\r\n\r\n",
    "HTTP/1.1 abc\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc\r\n0\r\n\r\n",
};

class TestLoop final : public Loop {
 public:
  void post(std::function<void()> work) override {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
    wake_.notify_one();
  }
  void run(const std::function<void(Now)>& /*turn*/, const std::function<std::optional<Instant>()>& /*wake*/) override {
  }
  void stop() override {}
  [[nodiscard]] Now now() const override { return {}; }

  // Runs posted work until `done` holds. False when it takes too long.
  bool until(const std::function<bool()>& done, std::chrono::milliseconds limit = patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      std::vector<std::function<void()>> batch;
      {
        std::unique_lock lock(mutex_);
        if (!wake_.wait_until(lock, end, [this] { return !queue_.empty(); })) {
          return false;
        }
        batch.swap(queue_);
      }
      for (const auto& work : batch) {
        work();
      }
    }
    return true;
  }
  // Runs what is posted within `time`.
  void settle(std::chrono::milliseconds time) {
    static_cast<void>(until([] { return false; }, time));
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::function<void()>> queue_;
};

class TransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::signal(SIGPIPE, SIG_IGN);
    start_io_threads();
  }

  [[nodiscard]] std::unique_ptr<Transport> connect(const ApiServer& server) {
    Result<std::unique_ptr<Transport>> made = make_cpprest_transport(server, loop_);
    if (!made.ok()) {
      ADD_FAILURE() << made.error().what;
      return nullptr;
    }
    return std::move(made).value();
  }

  [[nodiscard]] std::unique_ptr<Transport> connect(const std::string& url) { return connect(ApiServer{.url = url}); }

  Result<kube::HttpResponse> call(Transport& transport, kube::HttpRequest request, Millis deadline = patience) {
    std::optional<Result<kube::HttpResponse>> answer;
    transport.call(std::move(request), deadline,
                   [&](Result<kube::HttpResponse> result) { answer = std::move(result); });
    if (!loop_.until([&] { return answer.has_value(); })) {
      ADD_FAILURE() << "no answer";
      return Error{Code::invalid, "no answer"};
    }
    return std::move(*answer);
  }

  TestLoop loop_;
};

inline kube::HttpRequest get(std::string path) {
  return {"GET", std::move(path), "", ""};
}

// "200 body" or "unavailable: what".
inline std::string text_of(const Result<kube::HttpResponse>& result) {
  return result.ok() ? std::to_string(result.value().status) + " " + result.value().body
                     : std::string(name_of(result.error().code)) + ": " + result.error().what;
}

}  // namespace nocobase_operator::io::test
