// What the store keeps of Secrets and ConfigMaps that are read again and again: whether a read says anything new.
#include <utility>

#include "runtime/store.h"

namespace nocobase_operator::runtime {
namespace {

// As it counts for a decision that rests on nothing but what the object holds.
app::SeenChild ageless(const app::SeenChild& seen) {
  app::SeenChild out = seen;
  out.read_at = {};
  out.meta.version = 0;
  return out;
}

}  // namespace

bool Store::content_read(const app::ClusterKey& key, const app::SeenChild& seen) {
  const kube::Ref ref = seen.meta.ref;
  const std::optional<app::Seen> before = find(key, ref);
  const auto* const child = before ? std::get_if<app::SeenChild>(&*before) : nullptr;
  const bool news = child == nullptr || !(ageless(*child) == ageless(seen)) || !refusal_of(key, ref).empty();
  refused(key, ref, {});
  replied(key, seen);
  return news;
}

bool Store::content_absent(const app::ClusterKey& key, const kube::Ref& ref, Instant now) {
  const auto it = buckets_.find(key);
  const bool known = it != buckets_.end() && it->second.notes != nullptr && it->second.notes->absent.contains(ref);
  const bool news = !known || !refusal_of(key, ref).empty();
  refused(key, ref, {});
  absent(key, ref, now);
  return news;
}

bool Store::content_refused(const app::ClusterKey& key, const kube::Ref& ref, std::string_view message) {
  const std::string before = refusal_of(key, ref);
  refused(key, ref, message);
  return refusal_of(key, ref) != before;
}

bool Store::was_read_since(const app::ClusterKey& key, const kube::Ref& ref, Instant when) const {
  const std::optional<app::Seen> seen = find(key, ref);
  const auto* const child = seen ? std::get_if<app::SeenChild>(&*seen) : nullptr;
  if (child != nullptr) {
    return child->read_at >= when;
  }
  const auto it = buckets_.find(key);
  if (it == buckets_.end() || it->second.notes == nullptr) {
    return false;
  }
  const auto absent = it->second.notes->absent.find(ref);
  return absent != it->second.notes->absent.end() && absent->second >= when;
}

std::string Store::refusal_of(const app::ClusterKey& key, const kube::Ref& ref) const {
  const auto it = buckets_.find(key);
  if (it == buckets_.end() || it->second.notes == nullptr) {
    return {};
  }
  const auto& refusals = it->second.notes->refusals;
  const auto found = refusals.find(ref);
  return found == refusals.end() ? std::string() : found->second;
}

}  // namespace nocobase_operator::runtime
