#include "runtime/refused_calls.h"

#include <algorithm>
#include <string>

namespace nocobase_operator::runtime {

Fingerprint fingerprint(const kube::Call& call) {
  std::uint64_t hash = 0;
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100000001B3U + (hash >> 29U); };
  mix(static_cast<std::uint64_t>(call.verb));
  mix(static_cast<std::uint64_t>(call.ref.kind));
  mix(std::hash<std::string>{}(call.ref.name));
  mix(std::hash<std::string>{}(call.manager));
  mix(std::hash<std::string>{}(call.selector));
  return {.call = hash, .content = std::hash<kube::Json>{}(call.body)};
}

void RefusedCalls::refused(const app::ClusterKey& key, const Fingerprint& of, Instant now) {
  Refusal& entry = clusters_[key][of.call];
  entry.count = entry.content == of.content ? entry.count + 1 : 1;
  entry.content = of.content;
  entry.until = now + backoff_.after(entry.count, rng_);
}

void RefusedCalls::succeeded(const app::ClusterKey& key, const Fingerprint& of) {
  const auto of_cluster = clusters_.find(key);
  if (of_cluster == clusters_.end()) {
    return;
  }
  of_cluster->second.erase(of.call);
  if (of_cluster->second.empty()) {
    clusters_.erase(of_cluster);
  }
}

Instant RefusedCalls::next(const app::ClusterKey& key, const Fingerprint& of, Instant now) const {
  const auto of_cluster = clusters_.find(key);
  if (of_cluster == clusters_.end()) {
    return now;
  }
  const auto entry = of_cluster->second.find(of.call);
  const bool same = entry != of_cluster->second.end() && entry->second.content == of.content;
  return same ? std::max(now, entry->second.until) : now;
}

}  // namespace nocobase_operator::runtime
