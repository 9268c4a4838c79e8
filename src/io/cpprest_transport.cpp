#include "io/cpprest_transport.h"

#include <map>
#include <thread>
#include <utility>

#include "io/cpprest_call.h"
#include "io/cpprest_client.h"
#include "io/cpprest_stream.h"
#include "io/loop_gate.h"

namespace nocobase_operator::io {
namespace {

// What lives on the loop's thread: the callbacks. They are made, run and destroyed there, whatever the library does.
struct Front {
  struct Watcher {
    Transport::Bytes bytes;
    Transport::Done closed;
  };

  std::uint64_t last_id = 0;
  std::map<std::uint64_t, std::pair<Transport::Done, std::shared_ptr<CpprestCall>>> calls;
  std::map<std::uint64_t, std::pair<std::shared_ptr<Watcher>, std::shared_ptr<CpprestStream>>> streams;

  void finish(std::uint64_t id, Result<kube::HttpResponse> result) {
    auto node = calls.extract(id);
    if (!node.empty()) {
      node.mapped().first(std::move(result));
    }
  }

  // Hands over what a stream has gathered. The callbacks may drop the handle, so each step looks again.
  void drain(std::uint64_t id) {
    const auto found = streams.find(id);
    if (found == streams.end()) {
      return;
    }
    const auto [watcher, stream] = found->second;
    CpprestStream::Batch batch = stream->take();
    if (!batch.bytes.empty()) {
      watcher->bytes(batch.bytes);
    }
    stream->consumed();
    if (batch.end && streams.erase(id) != 0) {
      watcher->closed(std::move(*batch.end));
    }
  }
};

class CpprestTransport final : public Transport {
 public:
  CpprestTransport(std::shared_ptr<Client> client, Loop& loop)
      : client_(std::move(client)), gate_(std::make_shared<LoopGate>(loop)), front_(std::make_shared<Front>()) {}
  CpprestTransport(const CpprestTransport&) = delete;
  CpprestTransport& operator=(const CpprestTransport&) = delete;
  CpprestTransport(CpprestTransport&&) = delete;
  CpprestTransport& operator=(CpprestTransport&&) = delete;
  ~CpprestTransport() override {
    gate_->close();
    for (const auto& [id, call] : front_->calls) {
      call.second->cancel();
    }
    for (const auto& [id, stream] : front_->streams) {
      stream.second->cancel();
    }
    front_->calls.clear();
    front_->streams.clear();
    io_thread().post([client = client_] { client->stop(); });
    wait_for_the_library();
  }

  void call(kube::HttpRequest request, Millis deadline, Done done) override {
    const std::uint64_t id = ++front_->last_id;
    auto call = std::make_shared<CpprestCall>(
        client_, std::move(request), deadline,
        [gate = gate_, weak = std::weak_ptr(front_), id](Result<kube::HttpResponse> result) {
          gate->post([weak, id, result = std::move(result)]() mutable {
            if (const auto front = weak.lock()) {
              front->finish(id, std::move(result));
            }
          });
        });
    front_->calls.emplace(id, std::pair(std::move(done), call));
    call->start();
  }

  std::shared_ptr<void> stream(kube::HttpRequest request, Millis idle, Bytes bytes, Done closed) override {
    const std::uint64_t id = ++front_->last_id;
    auto stream = std::make_shared<CpprestStream>(client_, std::move(request), idle,
                                                  [gate = gate_, weak = std::weak_ptr(front_), id] {
                                                    gate->post([weak, id] {
                                                      if (const auto front = weak.lock()) {
                                                        front->drain(id);
                                                      }
                                                    });
                                                  });
    auto watcher = std::make_shared<Front::Watcher>(Front::Watcher{std::move(bytes), std::move(closed)});
    front_->streams.emplace(id, std::pair(std::move(watcher), stream));
    stream->start();
    const auto drop = [weak = std::weak_ptr(front_), id, stream](void* /*unused*/) {
      stream->cancel();
      if (const auto front = weak.lock()) {
        front->streams.erase(id);
      }
    };
    return {nullptr, drop};
  }

 private:
  // The library ends a request only once it is connected. Until then it holds what the request holds, so nobody else
  // holding the client means that all have ended. At most a second is given to that.
  void wait_for_the_library() const {
    constexpr int most_rounds = 200;
    constexpr Millis between(5);
    settle_io_thread();
    for (int round = 0; round < most_rounds && client_.use_count() > 1; ++round) {
      std::this_thread::sleep_for(between);
      settle_io_thread();
    }
  }

  const std::shared_ptr<Client> client_;
  const std::shared_ptr<LoopGate> gate_;
  const std::shared_ptr<Front> front_;
};

}  // namespace

Result<std::unique_ptr<Transport>> make_cpprest_transport(const ApiServer& server, Loop& loop) {
  start_io_threads();
  std::shared_ptr<Client> client = TRY(Client::create(server));
  return std::unique_ptr<Transport>(std::make_unique<CpprestTransport>(std::move(client), loop));
}

}  // namespace nocobase_operator::io
