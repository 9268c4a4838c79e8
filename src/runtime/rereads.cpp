#include "runtime/rereads.h"

#include <algorithm>

namespace nocobase_operator::runtime {
namespace {

// No name has a line break.
std::string packed(const app::ClusterKey& key, const std::vector<kube::Ref>& refs) {
  std::string out;
  for (const kube::Ref& ref : refs) {
    if (ref.ns == key.ns) {
      out += static_cast<char>(ref.kind);
      out += ref.name + "\n";
    }
  }
  return out;
}

std::vector<kube::Ref> unpacked(const app::ClusterKey& key, std::string_view text) {
  std::vector<kube::Ref> refs;
  while (!text.empty()) {
    const std::size_t end = text.find('\n', 1);
    refs.push_back({static_cast<kube::Kind>(text.front()), key.ns, std::string(text.substr(1, end - 1))});
    text.remove_prefix(end + 1);
  }
  return refs;
}

}  // namespace

void Rereads::wait(Items::value_type& node, Instant due) {
  node.second.due = due;
  node.second.order = next_order_++;
  order_.insert({due, node.second.order, &node.first});
}

void Rereads::leave(const Items::value_type& node) {
  order_.erase({node.second.due, node.second.order, &node.first});
}

void Rereads::set(const app::ClusterKey& key, const app::Reread& what, Instant now) {
  std::string text = packed(key, what.refs);
  if (text.empty()) {
    forget(key);
    return;
  }
  const auto [it, added] = items_.try_emplace(key);
  Item& item = it->second;
  item.what = std::move(text);
  item.period = what.period;
  const Instant due = now + what.in;
  if (!added && due == item.due) {
    return;  // and keeps its place
  }
  if (!added) {
    leave(*it);
  }
  wait(*it, due);
}

void Rereads::forget(const app::ClusterKey& key) {
  const auto it = items_.find(key);
  if (it != items_.end()) {
    leave(*it);
    items_.erase(it);
  }
}

std::optional<Rereads::Turn> Rereads::take(Instant now) {
  if (order_.empty() || std::max(order_.begin()->at, free_at_) > now) {
    return std::nullopt;
  }
  const auto it = items_.find(*order_.begin()->key);
  leave(*it);
  wait(*it, now + std::max(it->second.period, Millis(1)));
  return Turn{it->first, unpacked(it->first, it->second.what), it->second.period};
}

void Rereads::spent(std::size_t reads, Instant now) {
  free_at_ = std::max(free_at_, now) + spacing_ * static_cast<std::int64_t>(reads);
}

void Rereads::retry(const app::ClusterKey& key, Instant due) {
  const auto it = items_.find(key);
  if (it != items_.end() && due < it->second.due) {
    leave(*it);
    wait(*it, due);
  }
}

std::optional<Instant> Rereads::next_due() const {
  return order_.empty() ? std::nullopt : std::optional<Instant>(std::max(order_.begin()->at, free_at_));
}

}  // namespace nocobase_operator::runtime
