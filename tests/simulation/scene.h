// What every part of a world shares: virtual time, chance, the API server, the table of faults and what is told of it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "simulation/faults.h"
#include "simulation/server.h"

namespace nocobase_operator::simulation {

// Events in the order of their time, and of their making where the time is the same.
class Timeline {
 public:
  [[nodiscard]] std::int64_t now() const { return now_; }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::int64_t next_at() const { return heap_.top().at; }
  void after(std::int64_t delay, std::function<void()> run) { heap_.push({now_ + delay, order_++, std::move(run)}); }
  void run_next() {
    const std::function<void()> run = std::move(const_cast<Scheduled&>(heap_.top()).run);  // it is popped next
    now_ = heap_.top().at;
    heap_.pop();
    ++count_;
    run();
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  struct Scheduled {
    std::int64_t at;
    std::uint64_t order;
    std::function<void()> run;
    bool operator<(const Scheduled& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  std::priority_queue<Scheduled> heap_;
  std::int64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t count_ = 0;
};

// What happened, one line per event. Kept only when it is asked for: a world is run again to be told.
class History {
 public:
  bool on = false;
  void say(std::int64_t now, std::string_view who, const std::string& what);
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

struct Scene {
  Scene(std::uint64_t seed, Faults table) : rng(seed), faults(table) {}
  Server server;
  Timeline timeline;
  Rng rng;
  Faults faults;
  History history;
  std::map<std::string, std::uint64_t> situations;  // named ones that have happened, with their counts
  bool quiet = false;                               // the faults are over

  [[nodiscard]] std::int64_t now() const { return timeline.now(); }
  [[nodiscard]] std::chrono::sys_seconds wall() const {
    return std::chrono::sys_seconds(Seconds(1'700'000'000 + now() / 1'000));
  }
  std::int64_t pick(Range range) {
    return range.least + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(range.most - range.least) + 1));
  }
  void after(std::int64_t delay, std::function<void()> run) { timeline.after(delay, std::move(run)); }
  void happened(const std::string& name) { ++situations[name]; }
  void say(std::string_view who, const std::string& what) {
    if (history.on) {
      history.say(now(), who, what);
    }
  }
};

// The object's controlling owner: kind and uid; "" without one.
[[nodiscard]] std::pair<std::string, std::string> owner_of(const Json& object);
// A name for a pod of `of`, as a ReplicaSet or Job gives one.
[[nodiscard]] std::string pod_name(Scene& scene, const std::string& of);
// The part of a pod template that the world acts on: containers with image and env, grace and restart policy.
[[nodiscard]] Json pod_of(const Json& pod_template);

}  // namespace nocobase_operator::simulation
