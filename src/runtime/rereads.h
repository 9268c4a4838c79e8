// When what pods refer to is read again: Secrets and ConfigMaps, which no watch shows. Each cluster has its turn, and
// all turns together have a rate. It knows nothing of what comes of the reads.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/observe.h"
#include "app/plan.h"
#include "base/time.h"
#include "runtime/ref_index.h"

namespace nocobase_operator::runtime {

class Rereads {
 public:
  // What is to be read now.
  struct Turn {
    app::ClusterKey key;
    std::vector<kube::Ref> refs;
    Millis period{};  // how old it may become
  };

  // `spacing` is what one read is to take of the time.
  explicit Rereads(Millis spacing) : spacing_(spacing) {}

  // What the last decision about a cluster asked for, in place of what the one before did. Objects of other namespaces
  // than the cluster's are not read.
  void set(const app::ClusterKey& key, const app::Reread& what, Instant now);
  void forget(const app::ClusterKey& key);
  // The cluster that has been due for longest, if any is and the time for what was spent has passed. It is due again
  // after its period.
  [[nodiscard]] std::optional<Turn> take(Instant now);
  // So many reads were made of the turn that was taken.
  void spent(std::size_t reads, Instant now);
  // A read of a cluster has failed: it is due at that time, if it is not before.
  void retry(const app::ClusterKey& key, Instant due);
  // When take() will next give something; nothing when no cluster waits.
  [[nodiscard]] std::optional<Instant> next_due() const;

 private:
  struct Item {
    Instant due;
    std::uint64_t order;  // breaks ties
    Millis period;
    std::string what;  // the cluster, then kinds and names: it has few, and clusters are many

    friend bool operator<(const Item& a, const Item& b) { return a.due != b.due ? a.due < b.due : a.order < b.order; }
  };
  using Items = std::set<Item>;

  [[nodiscard]] Items::const_iterator find(const app::ClusterKey& key) const;
  // Puts it behind all that are due at the same time.
  void wait(Items::node_type node, Instant due);

  Millis spacing_;
  Items items_;
  RefIndex<const Item> index_;  // of the clusters
  std::uint64_t next_order_ = 1;
  Instant free_at_{};  // when all reads that were spent have had their time
};

}  // namespace nocobase_operator::runtime
