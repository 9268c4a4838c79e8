#include "runtime/queue.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/check.h"

namespace nocobase_operator::runtime {

void Queue::wait(Items::value_type& node, std::uint64_t order) {
  node.second.order = order;
  order_.insert({node.second.due, node.second.order, &node.first});
}

void Queue::drop_if_idle(Items::iterator it) {
  const Item& item = it->second;
  if (!item.processing && item.failures == 0 && item.due == Instant::max()) {
    items_.erase(it);
  }
}

void Queue::add(const app::ClusterKey& key, Instant due) {
  auto& node = *items_.try_emplace(key).first;
  Item& item = node.second;
  if (item.due == Instant::max()) {
    ++counters_.adds;
  } else if (due >= item.due) {
    return;
  }
  if (!item.processing && item.due != Instant::max()) {
    order_.erase({item.due, item.order, &node.first});
  }
  item.due = due;
  if (!item.processing) {
    wait(node, next_order_++);
  }
}

std::optional<app::ClusterKey> Queue::take(Instant now) {
  if (order_.empty() || order_.begin()->at > now) {
    return std::nullopt;
  }
  const auto it = items_.find(*order_.begin()->key);
  CHECK(it != items_.end());
  order_.erase(order_.begin());
  it->second.taken = std::exchange(it->second.due, Instant::max());
  it->second.processing = true;
  ++processing_;
  return it->first;
}

void Queue::finished(const app::ClusterKey& key) {
  const auto it = items_.find(key);
  CHECK(it != items_.end() && it->second.processing);
  it->second.processing = false;
  --processing_;
  if (it->second.due != Instant::max()) {
    wait(*it, next_order_++);
  }
  drop_if_idle(it);
}

void Queue::again(const app::ClusterKey& key) {
  const auto it = items_.find(key);
  CHECK(it != items_.end() && it->second.processing);
  Item& item = it->second;
  counters_.adds += item.due == Instant::max() ? 1 : 0;
  item.due = std::min(item.due, item.taken);
  item.processing = false;
  --processing_;
  wait(*it, item.order);
}

void Queue::failed(const app::ClusterKey& key, Instant now, Millis at_least) {
  const auto it = items_.find(key);
  CHECK(it != items_.end() && it->second.processing);
  it->second.failures = std::min(it->second.failures, std::numeric_limits<std::uint32_t>::max() - 1) + 1;
  ++counters_.retries;
  add(key, now + std::max(at_least, backoff_.after(it->second.failures, rng_)));
  finished(key);
}

void Queue::forget(const app::ClusterKey& key) {
  const auto it = items_.find(key);
  if (it != items_.end()) {
    it->second.failures = 0;
    drop_if_idle(it);
  }
}

std::optional<Instant> Queue::next_due() const {
  return order_.empty() ? std::nullopt : std::optional<Instant>(order_.begin()->at);
}

std::size_t Queue::overdue(Instant now) const {
  const auto end = order_.upper_bound({now, std::numeric_limits<std::uint64_t>::max(), nullptr});
  return static_cast<std::size_t>(std::distance(order_.begin(), end));
}

}  // namespace nocobase_operator::runtime
