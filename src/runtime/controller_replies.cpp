// What came of the calls of a pass.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"
#include "runtime/controller.h"

namespace nocobase_operator::runtime {
namespace {

template <class Array, class Index>
auto& at(Array& array, Index index) {
  return array.at(static_cast<std::size_t>(index));
}

void count_upgrade(const app::Event& event, Counters& counters) {
  if (!event.upgrade) {
    return;
  }
  ++counters.upgrades[event.upgrade->result];
  counters.upgrade_down += static_cast<std::uint64_t>(event.upgrade->down);
  for (const auto& [step, seconds] : event.upgrade->steps) {
    counters.upgrade_seconds[step] += static_cast<std::uint64_t>(seconds);
  }
}

}  // namespace

void Controller::replied(CallId id, const Result<kube::Live>& result, std::optional<Millis> retry_after, Now now) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) {
    return;
  }
  const Sent sent = std::move(it->second);
  calls_.erase(it);
  if (sent.content) {
    ++(result.ok() ? at(counters_.calls_ok, sent.verb)
                   : at(at(counters_.calls_failed, sent.verb), result.error().code));
    content_replied(sent, result, retry_after, now);
    return;
  }
  const auto found = passes_.find(sent.key);
  CHECK(found != passes_.end());
  Pass& pass = found->second;
  --pass.in_flight;
  pass.writing = false;
  if (result.ok()) {
    ++at(counters_.calls_ok, sent.verb);
    if (sent.event) {
      count_upgrade(*sent.event, counters_);
      pass.happened.push_back(*sent.event);
    }
    succeeded(sent, result.value(), pass, now);
  } else {
    ++at(at(counters_.calls_failed, sent.verb), result.error().code);
    refused(sent, result.error(), retry_after, pass, now);
  }
  pass.stopped = pass.stopped || (pass.failed && pass.stop_on_error);
  ready_.push_back(sent.key);
}

void Controller::succeeded(const Sent& sent, const kube::Live& body, Pass& pass, Now now) {
  store_.refused(sent.key, sent.ref, {});
  if (!sent.reread) {
    refused_.succeeded(sent.key, sent.fingerprint);
  }
  if (sent.verb == kube::Verb::remove) {
    store_.deleting(sent.key, sent.ref, sent.uid);
    return;
  }
  if (sent.verb == kube::Verb::list) {
    listed_pods(sent, body.object, pass, now);
    return;
  }
  if (sent.ref.kind == kube::Kind::event || sent.ref.kind == kube::Kind::lease) {
    return;  // nothing is decided from these
  }
  Result<app::Seen> seen = options_.decisions.prune(body, sent.ref.kind, now.mono);
  if (!seen.ok()) {
    ++counters_.unreadable;
    pass.failed = true;
    store_.refused(sent.key, sent.ref, seen.error().what);
    return;
  }
  if (sent.ref.kind == kube::Kind::nocobase_cluster) {
    look_at_spec(app::meta_of(seen.value()), false);
  }
  const auto* const child = std::get_if<app::SeenChild>(&seen.value());
  if (child != nullptr && sent.verb == kube::Verb::get) {
    shared_.put(*child);
  }
  const std::uint64_t owned = child != nullptr ? child->owned : 0;
  const std::uint64_t version = app::meta_of(seen.value()).version;
  store_.replied(sent.key, std::move(seen).value());
  if (sent.accepts && child != nullptr) {
    store_.accepted(sent.key, sent.ref, owned);
  }
  if (sent.verb == kube::Verb::apply_status) {
    store_.status_written(sent.key, sent.ref, {.hash = sent.status_hash, .version = version});
  }
}

void Controller::listed_pods(const Sent& sent, const kube::Json& list, Pass& pass, Now now) {
  const kube::Json* const items = kube::find(list, "items");
  std::vector<app::SeenPod> pods;
  if (items != nullptr && items->is_array()) {
    for (const kube::Json& item : *items) {
      Result<app::Seen> seen = options_.decisions.prune(item, sent.ref.kind, now.mono);
      const auto* const pod = seen.ok() ? std::get_if<app::SeenPod>(&seen.value()) : nullptr;
      if (pod == nullptr) {
        ++counters_.unreadable;
        pass.failed = true;
        return;
      }
      pods.push_back(*pod);
    }
  }
  if (items == nullptr || !kube::string_at(list, {"metadata", "continue"}).empty()) {
    pass.failed = true;  // no list, or a part of one
    return;
  }
  store_.pods_read(sent.key, std::move(pods), now.mono);
}

// The server wants less of us: how long nothing new begins.
Millis Controller::throttled(std::optional<Millis> retry_after, Now now) {
  constexpr Millis unless_told{1'000};
  const Millis delay = retry_after.value_or(unless_told);
  not_before_ = std::max(not_before_, now.mono + delay);
  return delay;
}

void Controller::refused(const Sent& sent, const Error& error, std::optional<Millis> retry_after, Pass& pass, Now now) {
  switch (error.code) {
    case Code::not_found:
      not_found(sent, error, pass, now);
      return;
    case Code::conflict:         // what we know is not the newest
    case Code::unknown_outcome:  // it may have happened
      if (kube::is_write(sent.verb) && !is_mutant("lost-reply-forgotten")) {
        pass.rereads.push_back(sent.ref);
      }
      break;
    case Code::invalid:
    case Code::denied:
      store_.refused(sent.key, sent.ref, error.what);
      if (!sent.reread) {
        refused_.refused(sent.key, sent.fingerprint, now.mono);
      }
      break;
    case Code::throttled:
      pass.stopped = true;
      pass.at_least = throttled(retry_after, now);
      break;
    case Code::gone:
    case Code::unavailable:
      break;
  }
  pass.failed = true;
  if (!sent.reread) {
    pass.failing.push_back(sent.fingerprint.call);
  }
}

void Controller::not_found(const Sent& sent, const Error& error, Pass& pass, Now now) {
  switch (sent.verb) {
    case kube::Verb::get:
      store_.refused(sent.key, sent.ref, {});
      store_.absent(sent.key, sent.ref, now.mono);
      return;
    case kube::Verb::list:
      pass.failed = true;
      return;
    case kube::Verb::remove:
      store_.deleting(sent.key, sent.ref, sent.uid);  // what we wanted
      return;
    case kube::Verb::apply:
    case kube::Verb::apply_status:
    case kube::Verb::create:
    case kube::Verb::update:
      pass.failed = true;
      if (sent.uid.empty()) {
        store_.refused(sent.key, sent.ref, error.what);  // the namespace or the kind itself is missing
      } else {
        store_.deleting(sent.key, sent.ref, sent.uid);  // gone, and the watch has yet to say so
      }
      return;
  }
}

}  // namespace nocobase_operator::runtime
