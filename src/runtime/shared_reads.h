// What was read of Secrets and ConfigMaps that several clusters refer to: one read serves all of them for a while. What
// belongs to a cluster is not kept, as decisions rest on how fresh it is.
#pragma once
#include <cstddef>
#include <map>

#include "app/observe.h"
#include "base/time.h"

namespace nocobase_operator::runtime {

class SharedReads {
 public:
  // Keeps that many objects.
  explicit SharedReads(std::size_t limit = 256) : limit_(limit) {}

  // What a read gave, when its `read_at` says. Ignored if it is of another kind, or belongs to a cluster.
  void put(const app::SeenChild& seen);
  // Nobody may rely on what is kept of the object any longer: it was written, or could not be read.
  void forget(const kube::Ref& ref) { seen_.erase(ref); }
  // What was read of it at that time or later, or nullptr. Valid until the next call.
  [[nodiscard]] const app::SeenChild* find(const kube::Ref& ref, Instant since) const;

 private:
  std::size_t limit_;
  std::map<kube::Ref, app::SeenChild> seen_;
};

}  // namespace nocobase_operator::runtime
