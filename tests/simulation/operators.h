// Operator processes and what lies between them and the API server: latency, lost messages, watches that lag and break,
// crashes, stops, two at a time. Each runs the shipped runtime::Engine.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/engine.h"
#include "simulation/scene.h"

namespace nocobase_operator::simulation {

// What happens to the write of that number (from 1), as the API server counts them.
struct Strike {
  std::uint64_t write = 0;  // 0: none
  enum class How : std::uint8_t { crash, reply_lost } how = How::crash;
};

class Operators {
 public:
  Operators(Scene& scene, bool with_leases);
  ~Operators();
  Operators(const Operators&) = delete;
  Operators& operator=(const Operators&) = delete;

  void launch();
  // To be called after every event: lets every process do what it has to do, and passes on what watches show.
  void pump();

  void crash_and_restart(std::int64_t pause);
  void launch_second(std::int64_t overlap);
  void freeze(std::int64_t time);
  void end_orderly();

  Strike strike;
  bool struck = false;
  // Called after every call that the API server has carried out.
  std::function<void(const kube::Call&, const kube::HttpResponse&, bool wrote)> on_call;
  [[nodiscard]] const std::string& violation() const { return violation_; }
  [[nodiscard]] std::size_t alive() const;
  [[nodiscard]] bool with_leases() const { return with_leases_; }
  [[nodiscard]] std::uint64_t decisions() const { return decisions_; }

 private:
  struct Stream {
    Server::Watch watch;
    bool reading = false;  // a delivery is under way
  };
  struct Process {
    Process(runtime::Engine::Options options, std::uint64_t seed) : engine(std::move(options), Rng(seed)) {}
    std::string name;
    runtime::Engine engine;
    bool alive = true;
    bool dirty = true;  // something was told to it since it was last asked
    std::int64_t frozen_until = 0;
    std::map<runtime::StreamId, Stream> streams;
    std::optional<std::int64_t> wake;
  };
  using ProcessPtr = std::shared_ptr<Process>;

  [[nodiscard]] Now clock() const;
  [[nodiscard]] std::int64_t latency();
  void pump(const ProcessPtr& process);
  void perform(const ProcessPtr& process, runtime::Effect& effect);
  void send(const ProcessPtr& process, const runtime::SendCall& effect);
  void carry_out(const ProcessPtr& process, const kube::Call& call, bool loses_reply,
                 const std::function<void(const Result<kube::HttpResponse>&, std::int64_t)>& reply);
  void arrive(const ProcessPtr& process, const std::function<void()>& what);
  void open(const ProcessPtr& process, const runtime::OpenWatch& effect);
  void deliver(const ProcessPtr& process, runtime::StreamId id);
  void told(const ProcessPtr& process, runtime::StreamId id, const std::string& bytes);
  void bookmarks();
  void stop(const ProcessPtr& process, const char* how);

  Scene& scene_;
  bool with_leases_;
  bool is_hasty_;
  std::vector<ProcessPtr> processes_;
  int launched_ = 0;
  std::uint64_t pumped_version_ = 0;
  std::uint64_t counted_writes_ = 0;
  std::uint64_t decisions_ = 0;
  std::string violation_;
};

}  // namespace nocobase_operator::simulation
