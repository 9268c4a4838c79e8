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

// What happens at the write or call of that number (from 1), as the API server counts them; writes are calls that have
// changed something. 0: none.
struct Strike {
  enum class How : std::uint8_t {
    crash,            // after it, before the reply
    reply_lost,       //
    request_lost,     // only of a call
    throttled,        // only of a call: 429
    late,             // only of a call: it is carried out after 20 s
    second_operator,  // another one starts
    watches_break,    //
    node_lost,        // cut off for a while
    pod_ends,         // the application of a role's pod ends
  };
  std::uint64_t write = 0;
  std::uint64_t call = 0;
  How how = How::crash;
};

// The watch of one kind shows nothing after that version for a while, and the others go on. 0: never.
struct Frozen {
  kube::Kind kind = kube::Kind::pod;
  std::uint64_t version = 0;
  std::int64_t time = 40 * seconds;
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

  std::vector<Strike> strikes;
  Frozen frozen;
  std::function<void(Strike::How)> on_strike;  // what happens to others than operators
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  // From now on watches show what is there when they are opened and nothing of what changes; they end every 30 s.
  void only_list() {
    only_lists_ = true;
    list_again();
  }
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
  using Reply = std::function<void(const Result<kube::HttpResponse>&, std::int64_t)>;
  void arrives(const ProcessPtr& process, const kube::Call& call, bool loses_reply, const Reply& reply);
  void carry_out(const ProcessPtr& process, const kube::Call& call, bool loses_reply, const Reply& reply);
  [[nodiscard]] const Strike* strike_at(std::uint64_t call, std::uint64_t write) const;
  void break_watches(int status);
  [[nodiscard]] bool holds_back(const Server::Watch& watch);
  void arrive(const ProcessPtr& process, const std::function<void()>& what);
  void open(const ProcessPtr& process, const runtime::OpenWatch& effect);
  void deliver(const ProcessPtr& process, runtime::StreamId id);
  void told(const ProcessPtr& process, runtime::StreamId id, const std::string& bytes);
  void bookmarks();
  void list_again();
  void stop(const ProcessPtr& process, const char* how);

  Scene& scene_;
  bool with_leases_;
  bool is_hasty_;
  std::vector<ProcessPtr> processes_;
  int launched_ = 0;
  std::uint64_t pumped_version_ = 0;
  std::uint64_t counted_writes_ = 0;
  bool only_lists_ = false;
  std::uint64_t calls_ = 0;  // leases and Events left out
  enum class Freeze : std::uint8_t { to_come, on, over } freeze_ = Freeze::to_come;
  std::uint64_t decisions_ = 0;
  std::string violation_;
};

}  // namespace nocobase_operator::simulation
