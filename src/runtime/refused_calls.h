// Writes that the server has refused, for want of a right or by its rules. The same write is not made again at once
// because something else about the cluster has changed: each has its own back-off, until what it asks for changes.
#pragma once
#include <cstdint>
#include <map>
#include <unordered_map>

#include "app/observe.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/call.h"
#include "runtime/backoff.h"
#include "runtime/cluster_key_hash.h"

namespace nocobase_operator::runtime {

// Tells calls from one another within this process by what they ask for: not by their precondition, which changes with
// every write of anybody.
[[nodiscard]] std::uint64_t fingerprint(const kube::Call& call);

class RefusedCalls {
 public:
  RefusedCalls(Rng rng, Backoff backoff) : rng_(rng), backoff_(backoff) {}

  // The server has refused a call with this fingerprint.
  void refused(const app::ClusterKey& key, const kube::Ref& ref, std::uint64_t call, Instant now);
  // A call for the object has succeeded.
  void succeeded(const app::ClusterKey& key, const kube::Ref& ref);
  // The cluster is gone.
  void forget(const app::ClusterKey& key) { clusters_.erase(key); }

  // When a call with this fingerprint may be made for the object: `now`, or later.
  [[nodiscard]] Instant next(const app::ClusterKey& key, const kube::Ref& ref, std::uint64_t call, Instant now) const;
  // Of how many clusters a call is refused.
  [[nodiscard]] std::size_t size() const { return clusters_.size(); }

 private:
  struct Refusal {
    std::uint64_t call = 0;
    std::uint32_t count = 0;
    Instant until{};
  };

  Rng rng_;
  Backoff backoff_;
  std::unordered_map<app::ClusterKey, std::map<kube::Ref, Refusal>, ClusterKeyHash> clusters_;
};

}  // namespace nocobase_operator::runtime
