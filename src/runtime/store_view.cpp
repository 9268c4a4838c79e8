// What the store gives back of a cluster.
#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/mutant.h"
#include "runtime/store.h"

namespace nocobase_operator::runtime {

std::optional<app::Observed> Store::observe(const app::ClusterKey& key) const {
  const auto it = buckets_.find(key);
  if (it == buckets_.end()) {
    return std::nullopt;
  }
  app::Observed observed;
  bool exists = false;
  each_record(it->second.records, [&](const RecordView& record) {
    app::Seen seen = codec_.unpack(record, shared(*it));
    const kube::Ref ref = app::meta_of(seen).ref;
    if (record.head.accepted) {
      observed.accepted.emplace(ref, *record.head.accepted);
    }
    if (record.head.status) {
      observed.statuses.emplace(ref, *record.head.status);
    }
    if (auto* const cluster = std::get_if<app::SeenCluster>(&seen)) {
      Result<kube::Json> parsed = kube::parse_json(cluster->text);
      exists = parsed.ok();
      observed.cluster = exists ? std::move(parsed).value() : kube::Json();
      observed.meta = std::move(cluster->meta);
    } else if (auto* const pod = std::get_if<app::SeenPod>(&seen)) {
      observed.pods.push_back(std::move(*pod));
    } else if (auto* const child = std::get_if<app::SeenChild>(&seen)) {
      observed.children.insert_or_assign(ref, std::move(*child));
    }
    return true;
  });
  if (!exists) {
    return std::nullopt;
  }
  add_foreign_scalers(key, observed);
  std::sort(observed.pods.begin(), observed.pods.end(),
            [](const app::SeenPod& a, const app::SeenPod& b) { return a.meta.ref < b.meta.ref; });
  if (it->second.notes != nullptr) {
    observed.absent = it->second.notes->absent;
    observed.refusals = it->second.notes->refusals;
    observed.pods_read = it->second.notes->pods;
  }
  return observed;
}

bool Store::holds(kube::Kind kind, const kube::WatchHead& head) const {
  std::uint64_t version = 0;
  const char* const end = head.version.data() + head.version.size();
  const auto read = std::from_chars(head.version.data(), end, version);
  const kube::Ref ref{kind, std::string(head.ns), std::string(head.name)};
  const Node* const node = index_.find(index_.hash_of(ref));
  const auto record = node != nullptr ? find_record(*node, ref) : std::nullopt;
  return read.ec == std::errc() && read.ptr == end && record && record->head.watched &&
         record->head.version >= version && !is_mutant("older-version-accepted");
}

// Autoscalers that are of no cluster are kept together, by namespace.
void Store::add_foreign_scalers(const app::ClusterKey& key, app::Observed& observed) const {
  const auto it = buckets_.find({key.ns, ""});
  if (it == buckets_.end()) {
    return;
  }
  each_record(it->second.records, [&](const RecordView& record) {
    app::Seen seen = codec_.unpack(record, shared(*it));
    const std::optional<kube::Ref> target = app::scaled_by(seen);
    if (target && observed.children.contains(*target)) {
      observed.scalers.push_back(std::get<app::SeenChild>(std::move(seen)));
    }
    return true;
  });
  std::sort(observed.scalers.begin(), observed.scalers.end(),
            [](const app::SeenChild& a, const app::SeenChild& b) { return a.meta.ref < b.meta.ref; });
}

std::optional<app::Seen> Store::find(const app::ClusterKey& key, const kube::Ref& ref) const {
  const auto it = buckets_.find(key);
  const auto record = it != buckets_.end() ? find_record(*it, ref) : std::nullopt;
  return record ? std::optional(codec_.unpack(*record, shared(*it))) : std::nullopt;
}

}  // namespace nocobase_operator::runtime
