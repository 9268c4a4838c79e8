// The whole engine with the real decision against a server in memory, in virtual time, with faults: lost requests and
// replies, slow watches, resets, compaction, crashes, freezes, two processes, and people who edit everything. One seed
// is one world. When the faults stop, every cluster becomes ready and then nothing is written.
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/engine.h"
#include "simulation/server.h"
#include "unit/runtime/instant_controllers.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using kube::Kind;
using kube::Ref;

const Ref pg{Kind::secret, "ns", "pg"};
const std::string image = "nocobase/nocobase:2.2.15-full";
constexpr std::int64_t faults_end = 300'000;
constexpr std::int64_t quiet_from = 600'000;  // nothing is written from here on
constexpr std::int64_t world_end = 780'000;

struct Process {
  Process(Engine::Options options, std::uint64_t seed) : engine(std::move(options), Rng(seed)) {}
  Engine engine;
  bool alive = true;
  std::int64_t frozen_until = 0;
  std::map<StreamId, simulation::Server::Watch> watches;
  std::map<StreamId, bool> reading;  // a delivery is under way
  std::optional<std::int64_t> wake;
};
using ProcessPtr = std::shared_ptr<Process>;

class World {
 public:
  // Every third world's API server knows no streaming lists.
  explicit World(std::uint64_t seed) : rng_(seed) { server_.streaming_lists = seed % 3 != 0; }

  // What is wrong in the end, "" if nothing is.
  std::string run() {
    for (const char* const name : {"crm", "erp"}) {
      put_cluster(name);
    }
    server_.put_data(pg, {{"password", "MQ=="}});
    launch();
    while (!heap_.empty() && now_ < world_end && violation_.empty()) {
      const Scheduled next = heap_.top();
      heap_.pop();
      if (next.at / 1'000 != now_ / 1'000) {
        now_ = next.at;
        second();
      }
      now_ = next.at;
      next.run();
      for (std::size_t i = 0; i < processes_.size(); ++i) {
        pump(processes_[i]);
      }
    }
    for (const ProcessPtr& process : processes_) {
      process->alive = false;
    }
    return violation_.empty() ? verdict() : violation_;
  }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  [[nodiscard]] std::uint64_t writes() const { return server_.writes(); }

 private:
  struct Scheduled {
    std::int64_t at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Scheduled& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  [[nodiscard]] bool faults() const { return now_ < faults_end; }
  void after(std::int64_t delay, std::function<void()> run) { heap_.push({now_ + delay, order_++, std::move(run)}); }
  std::int64_t latency() { return static_cast<std::int64_t>(1 + rng_.below(faults() && rng_.chance(3) ? 15'000 : 20)); }
  void note(std::uint64_t what) { trace_ = (trace_ ^ what) * 0x100000001B3U + static_cast<std::uint64_t>(now_); }

  // As a cluster says that has been installed: setting up is the business of tests/simulation.
  void put_cluster(const std::string& name) {
    server_.put_cluster(name, spec());
    const Ref ref{Kind::nocobase_cluster, "ns", name};
    if (kube::find_path(*server_.find(ref), {"status", "operation"}) != nullptr) {
      return;
    }
    const app::Spec spec = app::decode(*server_.find(ref)).cluster.spec;
    app::Operation operation;
    operation.epoch = 1;
    operation.record = app::SetupRecord{.image = image,
                                        .runs = image,
                                        .revision = "",
                                        .database = app::database_identity(spec.database),
                                        .keys = "",
                                        .started = ""};
    server_.edit_status(
        ref, [&](Json& status) { status["status"]["operation"] = app::to_json(operation); }, "set-up");
  }

  Json spec() {
    const auto replicas = static_cast<int>(rng_.below(4));
    return {{"image", image},
            {"roles",
             {{{"name", "web"}, {"requests", true}, {"replicas", 1 + replicas}},
              {{"name", "jobs"}, {"services", {"workflow:process", "async-task:process"}}}}},
            {"database",
             {{"dialect", "postgres"},
              {"host", "pg"},
              {"name", "nocobase"},
              {"user", "nocobase"},
              {"passwordSecretRef", {{"name", "pg"}, {"key", "password"}}}}},
            {"coordination", {{"redis", {{"host", "redis"}}}}}};
  }

  void launch() {
    Engine::Options options;
    options.lease =
        Lease::Options{.ref = {Kind::lease, "ns", "operator"}, .identity = "p" + std::to_string(launched_++)};
    options.controller.random_bytes = [this](std::size_t size) {
      std::string out;
      while (out.size() < size) {
        out += static_cast<char>(rng_.below(256));
      }
      return out;
    };
    processes_.push_back(std::make_shared<Process>(std::move(options), rng_.next()));
    pump(processes_.back());
  }

  void pump(const ProcessPtr& process) {
    if (!process->alive || now_ < process->frozen_until) {
      return;
    }
    const Now now = objects::at(now_);
    for (int turns = 0; turns < 100; ++turns) {
      std::vector<Effect> effects = process->engine.poll(now);
      for (Effect& effect : effects) {
        perform(process, effect);
      }
      const auto wake = process->engine.next_wake();
      if (!wake) {
        return;
      }
      if (*wake > now.mono) {
        const std::int64_t at = wake->time_since_epoch().count();
        if (!process->wake || *process->wake <= now_ || at < *process->wake) {
          process->wake = at;
          after(at - now_, [] {});
        }
        return;
      }
    }
    violation_ = "a turn does not end";
  }

  void perform(const ProcessPtr& process, Effect& effect) {
    if (auto* const call = std::get_if<SendCall>(&effect)) {
      send(process, *call);
    } else if (const auto* const watch = std::get_if<OpenWatch>(&effect)) {
      open(process, *watch);
    } else if (const auto* const close = std::get_if<CloseWatch>(&effect)) {
      process->watches.erase(close->id);
    }
  }

  void send(const ProcessPtr& process, const SendCall& effect) {
    if (effect.call.ref.kind != Kind::lease) {
      if (!process->engine.leading(objects::at(now_).mono)) {
        violation_ = "a call without the lead";
      }
    }
    note(static_cast<std::uint64_t>(effect.call.verb) * 131 + effect.call.ref.name.size());
    const std::uint64_t fate = faults() ? rng_.below(100) : 99;
    const auto reply = [this, process, id = effect.id](const Result<kube::HttpResponse>& outcome) {
      arrive(process, [this, process, id, outcome] { process->engine.replied(id, outcome, objects::at(now_)); });
    };
    if (fate < 4) {
      after(10'000, [reply] { reply(Error{Code::unavailable, "no connection"}); });
      return;
    }
    if (fate < 6) {
      after(latency(), [reply] { reply(kube::HttpResponse{429, "2", ""}); });
      return;
    }
    after(latency(), [this, reply, fate, call = effect.call] {
      const std::uint64_t before = server_.writes();
      const kube::HttpResponse response = server_.execute(call);
      if (server_.writes() != before && now_ >= quiet_from) {
        violation_ = "a write when all is settled: " + std::string(kube::name_of(call.verb)) + " " +
                     kube::to_string(call.ref) + " " + call.body.dump().substr(0, 2'000);
      }
      if (fate < 10) {
        after(10'000, [reply] { reply(Error{Code::unknown_outcome, "reply lost"}); });
      } else {
        after(latency(), [reply, response] { reply(response); });
      }
    });
  }

  // Runs when the process is awake; not at all when it is dead by then.
  void arrive(const ProcessPtr& process, const std::function<void()>& what) {
    if (!process->alive) {
      return;
    }
    if (now_ < process->frozen_until) {
      after(process->frozen_until - now_, [this, process, what] { arrive(process, what); });
      return;
    }
    what();
  }

  void open(const ProcessPtr& process, const OpenWatch& effect) {
    const StreamId id = effect.id;
    after(latency(), [this, process, id, request = effect.request] {
      const auto watch = server_.open(request);
      if (!watch || server_.refuses(request)) {
        arrive(process, [this, process, id, status = watch ? 422 : 410] {
          process->engine.watch_closed(id, kube::HttpResponse{status, "", ""}, objects::at(now_));
        });
        return;
      }
      process->watches[id] = *watch;
      deliver(process, id);
    });
  }

  void deliver(const ProcessPtr& process, StreamId id) {
    const auto it = process->watches.find(id);
    if (!process->alive || it == process->watches.end() || process->reading[id]) {
      return;
    }
    const std::string bytes = server_.read(it->second, 1 + rng_.below(5));
    if (bytes.empty()) {
      return;  // until the server has something new
    }
    process->reading[id] = true;
    after(latency(), [this, process, id, bytes] {
      arrive(process, [this, process, id, bytes] {
        process->reading[id] = false;
        if (!process->watches.contains(id)) {
          return;
        }
        if (faults() && rng_.chance(2)) {
          const std::string_view part = std::string_view(bytes).substr(0, rng_.below(bytes.size()));
          process->engine.watch_bytes(id, part, objects::at(now_));
          close(process, id,
                rng_.chance(50) ? Result<kube::HttpResponse>(Error{Code::unavailable, "reset"})
                                : kube::HttpResponse{200, "", ""});
          return;
        }
        const std::size_t split = rng_.below(bytes.size() + 1);
        process->engine.watch_bytes(id, std::string_view(bytes).substr(0, split), objects::at(now_));
        process->engine.watch_bytes(id, std::string_view(bytes).substr(split), objects::at(now_));
        deliver(process, id);
      });
    });
  }

  void close(const ProcessPtr& process, StreamId id, const Result<kube::HttpResponse>& how) {
    process->watches.erase(id);
    process->engine.watch_closed(id, how, objects::at(now_));
  }

  // What happens once a second beside what was scheduled.
  void second() {
    // Once the controllers have nothing left to do, they are left alone until something changes.
    if (rng_.chance(60) && server_.version() != settled_version_ && !step_controllers(server_)) {
      settled_version_ = server_.version();
    }
    if (faults()) {
      fault();
      if (rng_.below(25) == 0) {
        user();
      }
    }
    for (const ProcessPtr& process : processes_) {
      std::vector<StreamId> ids;
      for (auto& [id, watch] : process->watches) {
        ids.push_back(id);
      }
      for (const StreamId id : ids) {
        deliver(process, id);
        const auto it = process->watches.find(id);
        if (it == process->watches.end() || it->second.initial || process->reading[id] || now_ % 60'000 >= 1'000) {
          continue;
        }
        simulation::Server::Watch ahead = it->second;
        if (server_.read(ahead, 1).empty()) {
          const std::string bytes = server_.bookmark(it->second);
          arrive(process, [this, process, id, bytes] { process->engine.watch_bytes(id, bytes, objects::at(now_)); });
        }
      }
    }
    std::erase_if(processes_, [](const ProcessPtr& process) { return !process->alive; });
  }

  void fault() {
    const ProcessPtr process = processes_.back();
    switch (rng_.below(120)) {
      case 0:  // a crash
        process->alive = false;
        launch();
        break;
      case 1:  // a second one, and the first goes on for a while
        launch();
        after(static_cast<std::int64_t>(rng_.below(60'000)), [process] { process->alive = false; });
        break;
      case 2:  // SIGSTOP
        process->frozen_until = now_ + static_cast<std::int64_t>(rng_.below(40'000));
        after(process->frozen_until - now_, [] {});
        break;
      case 3:
        server_.compact();
        break;
      case 4:  // an orderly end
        process->engine.stop(objects::at(now_));
        after(8'000, [process] { process->alive = false; });
        launch();
        break;
      default:
        break;
    }
  }

  void user() {
    const std::string name = rng_.chance(50) ? "crm" : "erp";
    const Ref web{Kind::deployment, "ns", name + "-web"};
    switch (rng_.below(10)) {
      case 0:
      case 1:
        put_cluster(name);
        break;
      case 2:
        server_.remove(web);
        break;
      case 3:
        server_.remove({Kind::service, "ns", name});
        break;
      case 4:
        server_.remove({Kind::nocobase_role, "ns", name + "-jobs"});
        break;
      case 5:
        server_.edit(web, [](Json& of) { of["spec"]["replicas"] = 7; });
        break;
      case 6: {
        const auto replicas = static_cast<int>(rng_.below(5));
        server_.edit({Kind::nocobase_role, "ns", name + "-jobs"}, [&](Json& of) { of["spec"]["replicas"] = replicas; });
        break;
      }
      case 7:
        server_.edit(web, [](Json& of) { of["metadata"]["labels"][std::string(app::label_instance)] = "other"; });
        break;
      case 8:
        if (rng_.chance(30)) {
          server_.remove(pg);
          after(static_cast<std::int64_t>(rng_.below(90'000)), [this] {
            server_.put_data(pg, {{"password", "MQ=="}});
          });
        } else {
          server_.put_data(pg, {{"password", rng_.chance(50) ? "MQ==" : "Mg=="}});
        }
        break;
      default:
        server_.remove({Kind::nocobase_cluster, "ns", name});
        after(static_cast<std::int64_t>(rng_.below(5'000)), [this, name] { put_cluster(name); });
        break;
    }
  }

  [[nodiscard]] std::string verdict() const {
    for (const Ref& ref : server_.refs(Kind::nocobase_cluster)) {
      const Json& of = *server_.find(ref);
      const Json status = of.value("status", Json::object());
      std::string ready;
      for (const Json& condition : status.value("conditions", Json::array())) {
        ready = condition.value("type", "") == "Ready" ? condition.value("status", "") : ready;
      }
      if (ready != "True" || status.value("observedGeneration", Json()) != of["metadata"]["generation"]) {
        return ref.name + " has not become ready: " + status.dump();
      }
      for (const char* const role : {"-web", "-jobs"}) {
        const Json* const intent = server_.find({Kind::nocobase_role, "ns", ref.name + role});
        const Json* const effect = server_.find({Kind::deployment, "ns", ref.name + role});
        if (intent == nullptr || effect == nullptr ||
            kube::integer_at(*intent, {"spec", "replicas"}, -1) !=
                kube::integer_at(*effect, {"spec", "replicas"}, -2)) {
          return ref.name + role + " is not as wanted";
        }
      }
    }
    return server_.refs(Kind::nocobase_cluster).size() == 2 ? "" : "a cluster is missing";
  }

  Rng rng_;
  simulation::Server server_;
  std::int64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t trace_ = 0;
  int launched_ = 0;
  std::priority_queue<Scheduled> heap_;
  std::vector<ProcessPtr> processes_;
  std::uint64_t settled_version_ = 0;
  std::string violation_;
};

TEST(Faults, EveryWorldSettlesAndThenIsSilent) {
  const char* const worlds = std::getenv("NBO_WORLDS");
  const std::uint64_t count = worlds != nullptr ? std::strtoull(worlds, nullptr, 10) : 25;
  const char* const first = std::getenv("NBO_FIRST_WORLD");
  const std::uint64_t from = first != nullptr ? std::strtoull(first, nullptr, 10) : 1;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    World world(seed);
    ASSERT_EQ(world.run(), "") << "seed " << seed;
    EXPECT_GT(world.writes(), 20U) << "seed " << seed;
  }
}

TEST(Faults, TheSameSeedIsTheSameWorld) {
  World one(11);
  World other(11);
  EXPECT_EQ(one.run(), other.run());
  EXPECT_EQ(one.trace(), other.trace());
}

}  // namespace
}  // namespace nocobase_operator::runtime
