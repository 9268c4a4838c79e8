#include "runtime/rereads.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace nocobase_operator::runtime {
namespace {

// No name has a line break.
std::string packed(const app::ClusterKey& key) {
  return key.ns + "\n" + key.name + "\n";
}

// "" when nothing is to be read.
std::string packed(const app::ClusterKey& key, const std::vector<kube::Ref>& refs) {
  std::string out;
  for (const kube::Ref& ref : refs) {
    if (ref.ns == key.ns) {
      out += static_cast<char>(ref.kind);
      out += ref.name + "\n";
    }
  }
  return out.empty() ? out : packed(key) + out;
}

Rereads::Turn unpacked(std::string_view text, Millis period) {
  const auto next = [&text] {
    const std::size_t end = text.find('\n');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end + 1);
    return std::string(word);
  };
  Rereads::Turn turn{{next(), next()}, {}, period};
  while (!text.empty()) {
    const auto kind = static_cast<kube::Kind>(text.front());
    text.remove_prefix(1);
    turn.refs.push_back({kind, turn.key.ns, next()});
  }
  return turn;
}

std::uint64_t hash_of(const app::ClusterKey& key) {
  return RefIndex<int>::hash_of({kube::Kind::nocobase_cluster, key.ns, key.name});
}

}  // namespace

Rereads::Items::const_iterator Rereads::find(const app::ClusterKey& key) const {
  const Item* const item = index_.find(hash_of(key));
  return item != nullptr && item->what.starts_with(packed(key)) ? items_.find(*item) : items_.end();
}

void Rereads::wait(Items::node_type node, Instant due) {
  node.value().due = due;
  node.value().order = next_order_++;
  items_.insert(std::move(node));
}

void Rereads::set(const app::ClusterKey& key, const app::Reread& what, Instant now) {
  const std::string text = packed(key, what.refs);
  if (text.empty()) {
    forget(key);
    return;
  }
  const Instant due = now + what.in;
  const auto it = find(key);
  if (it == items_.end()) {
    index_.set(hash_of(key), &*items_.insert({due, next_order_++, what.period, text}).first);
    return;
  }
  const bool keeps_its_place = due == it->due;
  Items::node_type node = items_.extract(it);
  node.value().what = text;
  node.value().period = what.period;
  if (keeps_its_place) {
    items_.insert(std::move(node));
  } else {
    wait(std::move(node), due);
  }
}

void Rereads::forget(const app::ClusterKey& key) {
  const auto it = find(key);
  if (it != items_.end()) {
    index_.erase(hash_of(key));
    items_.erase(it);
  }
}

std::optional<Rereads::Turn> Rereads::take(Instant now) {
  if (items_.empty() || std::max(items_.begin()->due, free_at_) > now) {
    return std::nullopt;
  }
  Items::node_type node = items_.extract(items_.begin());
  const Millis period = node.value().period;
  Turn turn = unpacked(node.value().what, period);
  wait(std::move(node), now + std::max(period, Millis(1)));
  return turn;
}

void Rereads::spent(std::size_t reads, Instant now) {
  free_at_ = std::max(free_at_, now) + spacing_ * static_cast<std::int64_t>(reads);
}

void Rereads::retry(const app::ClusterKey& key, Instant due) {
  const auto it = find(key);
  if (it != items_.end() && due < it->due) {
    wait(items_.extract(it), due);
  }
}

std::optional<Instant> Rereads::next_due() const {
  return items_.empty() ? std::nullopt : std::optional<Instant>(std::max(items_.begin()->due, free_at_));
}

}  // namespace nocobase_operator::runtime
