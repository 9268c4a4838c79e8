// How often a cluster may be written to: a burst, then a steady rate. Whatever goes wrong, in the plan or in somebody
// else's controller that undoes what we do, it never becomes a storm of writes. Keeps nothing for a cluster that is
// left alone.
#pragma once
#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "app/observe.h"
#include "base/time.h"
#include "runtime/cluster_key_hash.h"

namespace nocobase_operator::runtime {

class WriteBudget {
 public:
  struct Options {
    std::uint32_t burst = 30;  // passes with writes
    Millis per_pass{3'000};    // in which one more is granted
  };

  explicit WriteBudget(Options options) : options_(options) {}

  // When the next pass with writes may start: `now` or later.
  [[nodiscard]] Instant next(const app::ClusterKey& key, Instant now) const {
    const auto it = full_at_.find(key);
    return it == full_at_.end() ? now : std::max(now, it->second - options_.per_pass * (options_.burst - 1));
  }
  // One starts now.
  void spend(const app::ClusterKey& key, Instant now) {
    if (full_at_.size() >= sweep_at_) {
      std::erase_if(full_at_, [now](const auto& entry) { return entry.second <= now; });
      sweep_at_ = std::max<std::size_t>(min_sweep, full_at_.size() * 2);
    }
    Instant& full_at = full_at_.try_emplace(key, now).first->second;
    full_at = std::max(full_at, now) + options_.per_pass;
  }
  void forget(const app::ClusterKey& key) { full_at_.erase(key); }
  [[nodiscard]] std::size_t size() const { return full_at_.size(); }

 private:
  static constexpr std::size_t min_sweep = 256;

  Options options_;
  // When all of the burst is there again: later by per_pass for each pass spent. A cluster without an entry has all of
  // it.
  std::unordered_map<app::ClusterKey, Instant, ClusterKeyHash> full_at_;
  std::size_t sweep_at_ = min_sweep;
};

}  // namespace nocobase_operator::runtime
