// Sends Events (events.k8s.io/v1) as a person can use them: what happens again becomes a series of the first, a cluster
// has a burst and then a steady rate, and nothing waits for them. It makes calls as values and sends nothing.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "app/events.h"
#include "base/result.h"
#include "base/time.h"
#include "kube/call.h"
#include "kube/meta.h"
#include "runtime/write_budget.h"

namespace nocobase_operator::runtime {

class Recorder {
 public:
  struct Options {
    std::string instance = "nocobase-operator";  // which process reports
    // New Events of one cluster: a burst, then one in a while.
    WriteBudget::Options budget{.burst = 10, .per_pass = Millis(60'000)};
    Millis series_lasts{360'000};   // what happens again within this time belongs to the same series
    Millis series_period{300'000};  // a series is told of at its second time, then at most that often
    std::size_t max_series = 500;   // that are remembered
    std::size_t max_attempts = 3;   // to send one
    Millis retry_delay{5'000};
  };
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;  // over a cluster's rate, too many to remember, or failed too often
    friend bool operator==(const Counters&, const Counters&) = default;
  };

  explicit Recorder(Options options) : options_(std::move(options)), budget_(options_.budget) {}

  // This has happened to the cluster.
  void record(const kube::Meta& cluster, const app::Event& event, Now now);
  // The call to make now, if one is due and none is under way.
  [[nodiscard]] std::optional<kube::Call> poll(Now now);
  // The outcome of the call.
  void replied(const Result<kube::Json>& result, Now now);
  // When poll() will next have something by the passing of time alone.
  [[nodiscard]] std::optional<Instant> next_wake() const;
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  // One Event with what has to be told of it.
  struct Series {
    kube::Meta cluster;
    app::Event event;
    std::string name;
    std::chrono::sys_seconds first{};
    std::chrono::sys_seconds last{};
    Instant last_at{};
    Instant told_at{};
    std::int64_t count = 1;
    std::int64_t told = 0;     // of the count
    std::size_t attempts = 0;  // to tell it that failed, in a row
  };
  // The cluster's UID, reason and note: what makes two Events the same.
  using Key = std::pair<std::string, std::string>;

  [[nodiscard]] kube::Json body_of(const Series& series) const;
  void again(const Key& key, Series& series, Now now);
  // Whether one more can be remembered.
  [[nodiscard]] bool has_room(Instant now);

  Options options_;
  WriteBudget budget_;
  std::map<Key, Series> series_;
  std::set<std::pair<Instant, Key>> waiting_;  // to be told, not before that time
  std::optional<Key> under_way_;
  std::int64_t told_under_way_ = 0;
  Counters counters_;
};

}  // namespace nocobase_operator::runtime
