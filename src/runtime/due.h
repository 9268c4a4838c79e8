// A cluster's place among those that wait for a time: the earliest first, of equal times the one that came first.
#pragma once
#include <cstdint>

#include "app/observe.h"
#include "base/time.h"

namespace nocobase_operator::runtime {

struct Due {
  Instant at;
  std::uint64_t order;         // of coming, unique among those that wait together
  const app::ClusterKey* key;  // not owned: of a node that outlives this and does not move
  friend bool operator<(const Due& a, const Due& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; }
};

}  // namespace nocobase_operator::runtime
