#include "simulation/operators.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "kube/json.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using runtime::StreamId;

std::string text_of(const kube::Call& call) {
  std::string text = std::string(kube::name_of(call.verb)) + " " + kube::to_string(call.ref);
  if (const Json* const replicas = kube::find_path(call.body, {"spec", "replicas"})) {
    text += " replicas=" + replicas->dump();
  }
  if (const Json* const containers = kube::find_path(call.body, {"spec", "template", "spec", "containers"})) {
    text += " image=" + (containers->empty() ? "" : containers->front().value("image", ""));
  }
  if (const Json* const phase = kube::find_path(call.body, {"status", "phase"})) {
    text += " phase=" + phase->dump();
    for (const Json& condition : call.body.at("status").value("conditions", Json::array())) {
      const std::string type = condition.value("type", "");
      if (type == "Ready" || type == "Stalled") {
        text += " " + type + "=" + condition.value("status", "") + "/" + condition.value("reason", "");
      }
    }
    if (const Json* const operation = kube::find_path(call.body, {"status", "operation"})) {
      text += " operation=" + operation->dump();
    }
  }
  if (const Json* const selector = kube::find_path(call.body, {"status", "selector"})) {
    text += selector->get<std::string>().empty() ? " no selector" : "";
  }
  return text;
}

}  // namespace

Operators::Operators(Scene& scene, bool with_leases)
    : scene_(scene), with_leases_(with_leases), is_hasty_(scene.rng.chance(scene.faults.is_hasty)) {
  if (scene.faults.bookmarks_every > 0) {
    scene_.after(scene_.faults.bookmarks_every, [this] { bookmarks(); });
  }
}

Operators::~Operators() = default;

Now Operators::clock() const {
  return {Instant(Millis(scene_.now())), scene_.wall()};
}

std::int64_t Operators::latency() {
  const bool slow = !scene_.quiet && scene_.rng.chance(scene_.faults.slow);
  return scene_.pick(slow ? scene_.faults.slow_latency : scene_.faults.latency);
}

std::size_t Operators::alive() const {
  return processes_.size();
}

void Operators::launch() {
  runtime::Engine::Options options;
  const std::string name = "op" + std::to_string(launched_++);
  if (with_leases_) {
    // Slower than the defaults, so that a world of hours is not mostly renewals.
    options.lease = runtime::Lease::Options{.ref = {Kind::lease, "ns", "operator"}, .identity = name};
    options.lease->duration = Millis(60'000);
    options.lease->renew_deadline = Millis(40'000);
    options.lease->retry_period = Millis(10'000);
    options.lease->call_deadline = Millis(20'000);
  }
  options.controller.child_delay = Millis(scene_.pick(is_hasty_ ? scene_.faults.hasty : scene_.faults.patient));
  options.controller.reread_period = Millis(scene_.faults.rereads_every);
  options.controller.decisions.plan = [this, memo = std::make_shared<app::Memo>()](const app::Observed& seen,
                                                                                   const Now& now) {
    constexpr std::uint64_t compare_every = 16;
    app::Plan next = app::plan(seen, now, *memo);
    CHECK(++decisions_ % compare_every != 0 || next == app::plan(seen, now));
    return next;
  };
  // The same keys whenever they are made: a history that is struck is compared with the whole one.
  options.controller.random_bytes = [](std::size_t size) {
    Rng keys(7);
    std::string out;
    while (out.size() < size) {
      out += static_cast<char>(keys.below(256));
    }
    return out;
  };
  processes_.push_back(std::make_shared<Process>(std::move(options), scene_.rng.next()));
  processes_.back()->name = name;
  scene_.say(name, "starts");
}

void Operators::stop(const ProcessPtr& process, const char* how) {
  if (process->alive) {
    scene_.say(process->name, how);
    process->alive = false;
    process->streams.clear();
    std::erase(processes_, process);
  }
}

void Operators::crash_and_restart(std::int64_t pause) {
  const std::vector<ProcessPtr> all = processes_;
  for (const ProcessPtr& process : all) {
    stop(process, "crashes");
  }
  scene_.happened("a crash");
  scene_.after(pause, [this] {
    if (processes_.empty()) {
      launch();
    }
  });
}

void Operators::launch_second(std::int64_t overlap) {
  if (processes_.size() != 1) {
    return;
  }
  const ProcessPtr first = processes_.front();
  scene_.happened(with_leases_ ? "two operators that elect" : "two operators at once");
  launch();
  scene_.after(overlap, [this, first] { stop(first, "is killed"); });
}

void Operators::freeze(std::int64_t time) {
  if (processes_.empty()) {
    return;
  }
  const ProcessPtr process = processes_.back();
  scene_.happened("a stopped process");
  scene_.say(process->name, "is stopped for " + std::to_string(time) + " ms");
  process->frozen_until = scene_.now() + time;
  process->dirty = true;
  scene_.after(time, [process] { process->dirty = true; });
}

void Operators::end_orderly() {
  if (processes_.empty()) {
    return;
  }
  const ProcessPtr process = processes_.back();
  scene_.happened("an orderly end");
  scene_.say(process->name, "is told to end");
  process->engine.stop(clock());
  process->dirty = true;
  scene_.after(8'000, [this, process] { stop(process, "has ended"); });
  launch();
}

void Operators::pump() {
  if (scene_.server.version() != pumped_version_) {
    pumped_version_ = scene_.server.version();
    for (const ProcessPtr& process : processes_) {
      for (auto& [id, stream] : process->streams) {
        if (!stream.reading && scene_.server.has_news(stream.watch)) {
          deliver(process, id);
        }
      }
    }
  }
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    pump(processes_[i]);
  }
}

void Operators::pump(const ProcessPtr& process) {
  if (!process->alive || scene_.now() < process->frozen_until) {
    return;
  }
  if (!process->dirty && (!process->wake || scene_.now() < *process->wake)) {
    return;
  }
  process->dirty = false;
  const Now now = clock();
  for (int turns = 0; turns < 100; ++turns) {
    std::vector<runtime::Effect> effects = process->engine.poll(now);
    for (runtime::Effect& effect : effects) {
      perform(process, effect);
    }
    const auto wake = process->engine.next_wake();
    if (!wake) {
      process->wake.reset();
      return;
    }
    if (*wake > now.mono) {
      const std::int64_t at = wake->time_since_epoch().count();
      const bool is_set = process->wake && *process->wake > scene_.now() && *process->wake <= at;
      if (!is_set) {
        process->wake = at;
        scene_.after(at - scene_.now(), [] {});
      }
      return;
    }
  }
  violation_ = "a turn does not end";
}

void Operators::perform(const ProcessPtr& process, runtime::Effect& effect) {
  if (auto* const call = std::get_if<runtime::SendCall>(&effect)) {
    send(process, *call);
  } else if (const auto* const watch = std::get_if<runtime::OpenWatch>(&effect)) {
    open(process, *watch);
  } else if (const auto* const close = std::get_if<runtime::CloseWatch>(&effect)) {
    process->streams.erase(close->id);
  }
}

void Operators::send(const ProcessPtr& process, const runtime::SendCall& effect) {
  if (effect.call.ref.kind != Kind::lease && !process->engine.leading(clock().mono)) {
    violation_ = "a call without the lead: " + text_of(effect.call);
  }
  const Faults& table = scene_.faults;
  std::uint64_t fate = scene_.quiet ? 100 : scene_.rng.below(100);
  const auto reply = [this, process, id = effect.id](const Result<kube::HttpResponse>& outcome, std::int64_t delay) {
    scene_.after(delay, [this, process, id, outcome] {
      arrive(process, [this, process, id, outcome] { process->engine.replied(id, outcome, clock()); });
    });
  };
  if (fate < table.request_lost) {
    reply(Error{Code::unavailable, "no connection"}, table.call_times_out);
    return;
  }
  fate -= std::min(fate, table.request_lost);
  if (fate < table.throttled) {
    reply(kube::HttpResponse{429, "2", ""}, latency());
    return;
  }
  fate -= std::min(fate, table.throttled);
  const bool loses_reply = fate < table.reply_lost;
  scene_.after(latency(),
               [this, process, reply, loses_reply, call = effect.call] { arrives(process, call, loses_reply, reply); });
}

const Strike* Operators::strike_at(std::uint64_t call, std::uint64_t write) const {
  const auto found = std::find_if(strikes.begin(), strikes.end(), [&](const Strike& strike) {
    return (call != 0 && strike.call == call) || (write != 0 && strike.write == write);
  });
  return found == strikes.end() ? nullptr : &*found;
}

// What befalls a call before it is carried out.
void Operators::arrives(const ProcessPtr& process, const kube::Call& call, bool loses_reply, const Reply& reply) {
  const bool is_counted = call.ref.kind != Kind::lease && call.ref.kind != Kind::event;
  const Strike* const strike = is_counted ? strike_at(++calls_, 0) : nullptr;
  if (strike == nullptr) {
    carry_out(process, call, loses_reply, reply);
    return;
  }
  scene_.say("world", "strikes " + text_of(call));
  switch (strike->how) {
    case Strike::How::request_lost:
      reply(Error{Code::unavailable, "no connection"}, scene_.faults.call_times_out);
      return;
    case Strike::How::throttled:
      reply(kube::HttpResponse{429, "2", ""}, latency());
      return;
    case Strike::How::late:
      scene_.after(20 * seconds, [this, process, call, reply] { carry_out(process, call, false, reply); });
      return;
    case Strike::How::crash:
      carry_out(process, call, true, reply);
      crash_and_restart(scene_.pick(scene_.faults.starts_again));
      return;
    case Strike::How::reply_lost:
      carry_out(process, call, true, reply);
      return;
    case Strike::How::second_operator:
      launch_second(scene_.pick(scene_.faults.overlap));
      break;
    case Strike::How::watches_break:
      break_watches(200);
      break;
    case Strike::How::node_lost:
    case Strike::How::pod_ends:
      on_strike(strike->how);
      break;
  }
  carry_out(process, call, loses_reply, reply);
}

void Operators::carry_out(const ProcessPtr& process, const kube::Call& call, bool loses_reply, const Reply& reply) {
  const std::uint64_t before = scene_.server.writes();
  const kube::HttpResponse response = scene_.server.execute(call, process->name);
  const bool wrote = scene_.server.writes() != before;
  if (scene_.history.on && call.ref.kind != Kind::lease && kube::is_write(call.verb)) {
    scene_.say(process->name, text_of(call) + " -> " + std::to_string(response.status) + (wrote ? "" : ", no change") +
                                  (process->alive ? "" : " (it is dead)"));
  }
  if (const Strike* const strike = wrote ? strike_at(0, ++counted_writes_) : nullptr) {
    if (strike->how == Strike::How::crash) {
      crash_and_restart(scene_.pick(scene_.faults.starts_again));
      return;
    }
    loses_reply = true;
  }
  if (loses_reply) {
    scene_.happened(wrote ? "a lost reply to a write" : "a lost reply");
    reply(Error{Code::unknown_outcome, "reply lost"}, scene_.faults.call_times_out);
  } else {
    reply(response, latency());
  }
}

// Runs when the process is awake; not at all when it is dead by then.
void Operators::arrive(const ProcessPtr& process, const std::function<void()>& what) {
  if (!process->alive) {
    return;
  }
  if (scene_.now() < process->frozen_until) {
    scene_.after(process->frozen_until - scene_.now(), [this, process, what] { arrive(process, what); });
    return;
  }
  process->dirty = true;
  what();
}

void Operators::open(const ProcessPtr& process, const runtime::OpenWatch& effect) {
  const StreamId id = effect.id;
  scene_.after(latency(), [this, process, id, request = effect.request] {
    const auto watch = scene_.server.open(request);
    if (!watch || scene_.server.refuses(request)) {
      if (!watch) {
        scene_.happened("a watch from a compacted version");
      }
      arrive(process, [this, process, id, status = watch ? 422 : 410] {
        process->engine.watch_closed(id, kube::HttpResponse{status, "", ""}, clock());
      });
      return;
    }
    if (process->alive) {
      process->streams[id] = {*watch, false};
      deliver(process, id);
    }
  });
}

// Whether the watch is one that shows nothing for now.
bool Operators::holds_back(const Server::Watch& watch) {
  if (watch.page || watch.initial) {
    return false;
  }
  if (only_lists_) {
    return true;
  }
  const bool is_frozen = frozen.version != 0 && freeze_ != Freeze::over && watch.kind == frozen.kind &&
                         watch.version >= frozen.version && scene_.server.has_news(watch);
  if (is_frozen && freeze_ == Freeze::to_come) {
    freeze_ = Freeze::on;
    scene_.say("world", "the watch of " + std::string(kube::info(frozen.kind).kind) + " is frozen");
    scene_.after(frozen.time, [this] {
      scene_.say("world", "it goes on");
      freeze_ = Freeze::over;
      pumped_version_ = 0;
    });
  }
  return is_frozen;
}

void Operators::break_watches(int status) {
  for (const ProcessPtr& process : processes_) {
    std::vector<StreamId> ids;
    for (const auto& [id, stream] : process->streams) {
      if (!stream.watch.page && !stream.watch.initial) {
        ids.push_back(id);
      }
    }
    for (const StreamId id : ids) {
      process->streams.erase(id);
      arrive(process, [this, process, id, status] {
        process->engine.watch_closed(id, kube::HttpResponse{status, "", ""}, clock());
      });
    }
  }
}

void Operators::deliver(const ProcessPtr& process, StreamId id) {
  const auto it = process->streams.find(id);
  if (!process->alive || it == process->streams.end() || it->second.reading || holds_back(it->second.watch)) {
    return;
  }
  const bool by_line = frozen.version != 0 && it->second.watch.kind == frozen.kind;
  const std::uint64_t lines = 1 + scene_.rng.below(8);
  const std::string bytes = scene_.server.read(it->second.watch, by_line ? 1 : lines);
  if (bytes.empty()) {
    return;  // until the server has something new
  }
  it->second.reading = true;
  const bool slow = !scene_.quiet && scene_.rng.chance(scene_.faults.watch_slow);
  scene_.after(
      slow ? scene_.pick(scene_.faults.slow_watch) : scene_.pick(scene_.faults.latency),
      [this, process, id, bytes] { arrive(process, [this, process, id, bytes] { told(process, id, bytes); }); });
}

void Operators::told(const ProcessPtr& process, StreamId id, const std::string& bytes) {
  const auto it = process->streams.find(id);
  if (it == process->streams.end()) {
    return;
  }
  it->second.reading = false;
  if (!scene_.quiet && scene_.rng.chance(scene_.faults.watch_reset)) {
    scene_.happened("a watch that breaks");
    const std::string_view part = std::string_view(bytes).substr(0, scene_.rng.below(bytes.size()));
    process->streams.erase(it);
    process->engine.watch_bytes(id, part, clock());
    process->engine.watch_closed(id,
                                 scene_.rng.chance(50) ? Result<kube::HttpResponse>(Error{Code::unavailable, "reset"})
                                                       : kube::HttpResponse{200, "", ""},
                                 clock());
    return;
  }
  process->engine.watch_bytes(id, bytes, clock());
  deliver(process, id);
}

void Operators::bookmarks() {
  for (const ProcessPtr& process : processes_) {
    std::vector<StreamId> ids;
    for (auto& [id, stream] : process->streams) {
      if (!stream.reading && !stream.watch.page && !stream.watch.initial && !scene_.server.has_news(stream.watch)) {
        ids.push_back(id);
      }
    }
    for (const StreamId id : ids) {
      const std::string bytes = scene_.server.bookmark(process->streams[id].watch);
      arrive(process, [this, process, id, bytes] { process->engine.watch_bytes(id, bytes, clock()); });
    }
  }
  scene_.after(scene_.faults.bookmarks_every, [this] { bookmarks(); });
}

void Operators::list_again() {
  break_watches(410);
  scene_.after(30 * seconds, [this] { list_again(); });
}

}  // namespace nocobase_operator::simulation
