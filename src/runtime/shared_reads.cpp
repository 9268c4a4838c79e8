#include "runtime/shared_reads.h"

#include <algorithm>

#include "kube/kind.h"

namespace nocobase_operator::runtime {

void SharedReads::put(const app::SeenChild& seen) {
  const kube::Meta& meta = seen.meta;
  const bool of_a_cluster = !seen.cluster.empty() || meta.owner_kind == kube::info(kube::Kind::nocobase_cluster).kind;
  if ((meta.ref.kind != kube::Kind::secret && meta.ref.kind != kube::Kind::config_map) || of_a_cluster) {
    return;
  }
  if (seen_.size() >= limit_ && !seen_.contains(meta.ref)) {
    seen_.erase(std::min_element(seen_.begin(), seen_.end(),
                                 [](const auto& a, const auto& b) { return a.second.read_at < b.second.read_at; }));
  }
  seen_.insert_or_assign(meta.ref, seen);
}

const app::SeenChild* SharedReads::find(const kube::Ref& ref, Instant since) const {
  const auto it = seen_.find(ref);
  return it != seen_.end() && it->second.read_at >= since ? &it->second : nullptr;
}

}  // namespace nocobase_operator::runtime
