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

// Tells calls from one another within this process. Not by their precondition, which changes with every write of
// anybody.
struct Fingerprint {
  std::uint64_t call = 0;     // verb, object and field manager: several of them write to one object
  std::uint64_t content = 0;  // what it asks for
};
[[nodiscard]] Fingerprint fingerprint(const kube::Call& call);

class RefusedCalls {
 public:
  RefusedCalls(Rng rng, Backoff backoff) : rng_(rng), backoff_(backoff) {}

  // The server has refused a call.
  void refused(const app::ClusterKey& key, const Fingerprint& of, Instant now);
  // A call has succeeded.
  void succeeded(const app::ClusterKey& key, const Fingerprint& of);
  // The cluster is gone, or nothing is left to be done for it.
  void forget(const app::ClusterKey& key) { clusters_.erase(key); }

  // When the call may be made: `now`, or later.
  [[nodiscard]] Instant next(const app::ClusterKey& key, const Fingerprint& of, Instant now) const;

 private:
  struct Refusal {
    std::uint64_t content = 0;
    std::uint32_t count = 0;
    Instant until{};
  };

  Rng rng_;
  Backoff backoff_;
  std::unordered_map<app::ClusterKey, std::map<std::uint64_t, Refusal>, ClusterKeyHash> clusters_;
};

}  // namespace nocobase_operator::runtime
