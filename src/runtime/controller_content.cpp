// What pods refer to and no watch shows: read again in turn, and shared between clusters.
#include <algorithm>
#include <utility>

#include "runtime/controller.h"

namespace nocobase_operator::runtime {
namespace {

// When what pods refer to could not be read.
constexpr Millis reread_again{5'000};

}  // namespace

// Reads what clusters refer to whose turn it is. Nothing is decided while that is as it was.
void Controller::read_in_turn(Now now, std::vector<NumberedCall>& out) {
  while (std::optional<Rereads::Turn> turn = rereads_.take(now.mono)) {
    const Instant since = now.mono - std::min(options_.reads_shared, turn->period / 4);
    std::size_t reads = 0;
    for (const kube::Ref& ref : turn->refs) {
      if (is_answered(turn->key, ref, since, now)) {
        continue;
      }
      const CallId id = next_id_++;
      Sent sent;
      sent.key = turn->key;
      sent.ref = ref;
      sent.content = true;
      sent.asked = now.mono;
      calls_.emplace(id, std::move(sent));
      out.push_back({id, kube::get_call(ref)});
      ++reads;
    }
    rereads_.spent(reads, now.mono);
  }
}

// Whether what was read for another cluster will do, which is newer than what this one has.
bool Controller::is_answered(const app::ClusterKey& key, const kube::Ref& ref, Instant since, Now now) {
  const app::SeenChild* const seen = shared_.find(ref, since);
  if (seen == nullptr) {
    return false;
  }
  const std::optional<app::Seen> own = store_.find(key, ref);
  const auto* const child = own ? std::get_if<app::SeenChild>(&*own) : nullptr;
  if (child != nullptr && child->read_at >= seen->read_at) {
    return false;
  }
  if (store_.content_read(key, *seen)) {
    queue_.add(key, now.mono);
  }
  return true;
}

void Controller::content_replied(const Sent& sent, const Result<kube::Live>& result, std::optional<Millis> retry_after,
                                 Now now) {
  if (store_.was_read_since(sent.key, sent.ref, sent.asked)) {
    return;  // by a pass that was answered sooner, and what is told now may be older
  }
  bool news = false;
  if (result.ok()) {
    const Result<app::Seen> seen = options_.decisions.prune(result.value(), sent.ref.kind, now.mono);
    const auto* const child = seen.ok() ? std::get_if<app::SeenChild>(&seen.value()) : nullptr;
    if (child == nullptr) {
      ++counters_.unreadable;
      return;
    }
    shared_.put(*child);
    news = store_.content_read(sent.key, *child);
  } else {
    shared_.forget(sent.ref);
    switch (result.error().code) {
      case Code::not_found:
        news = store_.content_absent(sent.key, sent.ref, now.mono);
        break;
      case Code::invalid:
      case Code::denied:
        news = store_.content_refused(sent.key, sent.ref, result.error().what);
        break;
      case Code::throttled:
        throttled(retry_after, now);
        [[fallthrough]];
      case Code::conflict:
      case Code::unknown_outcome:
      case Code::gone:
      case Code::unavailable:
        rereads_.retry(sent.key, now.mono + reread_again);
        break;
    }
  }
  if (news) {
    queue_.add(sent.key, now.mono);
  }
}

}  // namespace nocobase_operator::runtime
