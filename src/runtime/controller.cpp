#include "runtime/controller.h"

#include <algorithm>
#include <utility>

#include "app/children.h"
#include "app/names.h"
#include "base/check.h"
#include "base/mutant.h"

namespace nocobase_operator::runtime {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

template <class Array, class Index>
auto& at(Array& array, Index index) {
  return array.at(static_cast<std::size_t>(index));
}

// Tells one plan from another within this process.
std::uint64_t fingerprint(const std::vector<Fingerprint>& calls) {
  std::uint64_t hash = 0;
  for (const Fingerprint& of : calls) {
    for (const std::uint64_t value : {of.call, of.content}) {
      hash = (hash ^ value) * 0x100000001B3U + (hash >> 29U);
    }
  }
  return hash;
}

bool has_writes(const app::Plan& plan) {
  return std::any_of(plan.calls.begin(), plan.calls.end(),
                     [](const kube::Call& call) { return kube::is_write(call.verb); });
}

// Whether somebody waits for what a cluster's spec asks: no status speaks of it yet. After a start it is found in a
// list of many that are as they should be.
bool is_awaited(const kube::Json& cluster, const kube::Meta& meta) {
  return kube::integer_at(cluster, {"status", "observedGeneration"}, -1) < meta.generation;
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

Controller::Controller(Options options, Rng rng)
    : options_(std::move(options)),
      queue_(rng, options_.backoff),
      budget_(options_.budget),
      refused_(rng, options_.backoff),
      rereads_(options_.reread_spacing) {
  CHECK(options_.random_bytes != nullptr && options_.max_passes > 0 && options_.max_parallel_reads > 0);
}

void Controller::dirty(const Store::Keys& keys, Instant due) {
  for (const app::ClusterKey& key : keys) {
    queue_.add(key, due);
  }
}

bool Controller::watched(kube::Kind kind, WatchChange change, Now now) {
  const Instant due = kind == kube::Kind::nocobase_cluster ? now.mono : now.mono + options_.child_delay;
  bool consistent = true;
  std::visit(Overloaded{[&](const ListBegan&) {
                          listed_.erase(kind);
                          store_.list_began(kind);
                        },
                        [&](Changed& event) {
                          const kube::Live live(std::move(event.object), std::move(event.owned));
                          Result<app::Seen> seen = options_.decisions.prune(live, kind, now.mono);
                          if (seen.ok()) {
                            const bool is_first = kind == kube::Kind::nocobase_cluster &&
                                                  is_awaited(live.object, app::meta_of(seen.value()));
                            dirty(store_.changed(std::move(seen).value()), is_first ? Queue::first : due);
                          } else {
                            ++counters_.unreadable;
                          }
                        },
                        [&](const Removed& event) {
                          const Result<kube::Meta> meta = kube::read_meta(event.object, kind);
                          if (meta.ok()) {
                            dirty(store_.removed(meta.value()), due);
                          } else {
                            ++counters_.unreadable;
                          }
                        },
                        [&](const ListEnded& event) {
                          const std::optional<Store::Keys> gone = store_.list_ended(kind, event.version);
                          consistent = gone.has_value();
                          if (gone) {
                            listed_.insert(kind);
                            missing_.erase(kind);
                            dirty(*gone, due);
                          }
                        },
                        [&](const KindMissing&) {
                          listed_.insert(kind);
                          missing_.insert(kind);
                          dirty(store_.kind_missing(kind), due);
                        },
                        [&](const Progressed& event) { store_.progressed(kind, event.version); }},
             change);
  return consistent;
}

std::vector<NumberedCall> Controller::poll(Now now, bool leading) {
  active_ = leading && listed();
  std::vector<NumberedCall> out;
  for (const app::ClusterKey& key : std::exchange(ready_, {})) {
    advance(key, active_, now, out);
  }
  if (!active_ || now.mono < not_before_) {
    return out;
  }
  for (std::size_t plans = 0; plans < options_.max_plans_per_poll && passes_.size() < options_.max_passes; ++plans) {
    const std::optional<app::ClusterKey> key = queue_.take(now.mono);
    if (!key) {
      break;
    }
    begin(*key, now);
    if (passes_.contains(*key)) {
      advance(*key, true, now, out);
    }
  }
  read_in_turn(now, out);
  return out;
}

std::optional<Instant> Controller::next_wake() const {
  if (!ready_.empty()) {
    return Instant{};  // at once
  }
  if (!active_) {
    return std::nullopt;
  }
  std::optional<Instant> due = rereads_.next_due();
  if (const std::optional<Instant> next = queue_.next_due(); next && passes_.size() < options_.max_passes) {
    due = due ? std::min(*due, *next) : *next;
  }
  return due ? std::optional(std::max(*due, not_before_)) : std::nullopt;
}

std::string Controller::why(const app::ClusterKey& key) const {
  const auto it = passes_.find(key);
  return it == passes_.end() ? std::string() : it->second.why;
}

// Decides about a cluster that was taken from the queue. Either its work has ended afterwards, or it has a pass.
void Controller::begin(const app::ClusterKey& key, Now now) {
  std::optional<app::Observed> observed = store_.observe(key);
  if (!observed) {
    queue_.finished(key);
    queue_.forget(key);
    repeats_.erase(key);
    budget_.forget(key);
    refused_.forget(key);
    rereads_.forget(key);
    return;
  }
  observed->missing_kinds = missing_;
  observed->entropy = options_.random_bytes(app::keys_entropy_bytes);
  observed->reread_period = options_.reread_period;
  app::Plan plan = options_.decisions.plan(*observed, now);
  ++counters_.plans;
  if (plan.reread) {
    rereads_.set(key, *plan.reread, now.mono);
  }
  if (plan.calls.empty()) {
    settled(key, plan, now);
    return;
  }
  std::vector<Fingerprint> fingerprints;
  fingerprints.reserve(plan.calls.size());
  for (const kube::Call& call : plan.calls) {
    fingerprints.push_back(fingerprint(call));
  }
  if (const Instant next = next_call(key, plan, fingerprints, now.mono); next > now.mono) {
    queue_.finished(key);
    queue_.add(key, plan.recheck ? std::min(next, now.mono + *plan.recheck) : next);
    return;
  }
  if (has_writes(plan)) {
    if (const Instant next = budget_.next(key, now.mono); next > now.mono) {
      ++counters_.held_back;
      queue_.finished(key);
      queue_.add(key, next);
      return;
    }
    budget_.spend(key, now.mono);
  }
  Repeats& repeats = repeats_[key];
  const std::uint64_t plan_is = fingerprint(fingerprints);
  repeats = {.plan = plan_is, .count = repeats.plan == plan_is ? repeats.count + 1 : 1};
  Pass& pass = passes_[key];
  pass.cluster = observed->meta;
  pass.events = options_.decisions.events(*observed, plan);
  pass.calls = std::move(plan.calls);
  pass.fingerprints = std::move(fingerprints);
  pass.stop_on_error = plan.stop_on_error;
  pass.started = now.mono;
  pass.why = std::move(plan.why);
}

// When something of the plan may be done: later only if the server has refused everything that comes next.
Instant Controller::next_call(const app::ClusterKey& key, const app::Plan& plan,
                              const std::vector<Fingerprint>& fingerprints, Instant now) const {
  Instant next = Instant::max();
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    next = std::min(next, refused_.next(key, fingerprints[i], now));
    if (next <= now || plan.stop_on_error) {
      break;
    }
  }
  return next;
}

void Controller::settled(const app::ClusterKey& key, const app::Plan& plan, Now now) {
  ++counters_.settled;
  repeats_.erase(key);
  refused_.forget(key);
  queue_.finished(key);
  queue_.forget(key);
  if (plan.recheck) {
    queue_.add(key, now.mono + *plan.recheck);
  }
}

NumberedCall Controller::send(const app::ClusterKey& key, Pass& pass, kube::Call call, Fingerprint fingerprint) {
  const CallId id = next_id_++;
  const kube::Json* const status = call.verb == kube::Verb::apply_status ? kube::find(call.body, "status") : nullptr;
  calls_.emplace(id, Sent{.key = key,
                          .verb = call.verb,
                          .ref = call.ref,
                          .uid = call.precondition.uid,
                          .fingerprint = fingerprint,
                          .accepts = call.verb == kube::Verb::apply && call.manager == app::manager,
                          .status_hash = status != nullptr ? options_.decisions.status_hash(*status) : 0,
                          .reread = false});
  ++pass.in_flight;
  pass.writing = kube::is_write(call.verb);
  if (pass.writing) {
    shared_.forget(call.ref);
  }
  return {id, std::move(call)};
}

NumberedCall Controller::send_next(const app::ClusterKey& key, Pass& pass) {
  const std::size_t place = pass.next++;
  NumberedCall sent = send(key, pass, std::move(pass.calls[place]), pass.fingerprints[place]);
  for (app::EventOfCall& event : pass.events) {
    if (event.call == place) {
      calls_.at(sent.id).event = std::move(event.event);
    }
  }
  return sent;
}

// Sends what of a pass can be sent now: one write, or some reads in a row; ends the pass when nothing is left.
void Controller::advance(const app::ClusterKey& key, bool may_call, Now now, std::vector<NumberedCall>& out) {
  const auto it = passes_.find(key);
  if (it == passes_.end()) {
    return;  // several replies came in one turn, and the first has ended it
  }
  Pass& pass = it->second;
  while (may_call && !pass.writing && pass.in_flight < options_.max_parallel_reads) {
    if (!pass.rereads.empty()) {
      NumberedCall read = send(key, pass, kube::get_call(pass.rereads.back()), {});
      pass.rereads.pop_back();
      calls_.at(read.id).reread = true;
      out.push_back(std::move(read));
      continue;
    }
    if (pass.stopped || pass.next == pass.calls.size()) {
      break;
    }
    const kube::Call& call = pass.calls[pass.next];
    if (pass.in_flight > 0 && kube::is_write(call.verb)) {
      break;
    }
    if (refused_.next(key, pass.fingerprints[pass.next], now.mono) > now.mono) {
      ++pass.next;
      pass.failed = true;
      pass.stopped = pass.stop_on_error;
      continue;
    }
    if (call.verb == kube::Verb::get && is_answered(key, call.ref, now.mono - options_.reads_shared, now)) {
      ++pass.next;
      continue;
    }
    out.push_back(send_next(key, pass));
  }
  const bool over = pass.rereads.empty() && (pass.stopped || pass.next == pass.calls.size());
  if (pass.in_flight == 0 && (over || !may_call)) {
    Pass ended = std::move(pass);
    passes_.erase(it);
    for (app::Event& event : app::told_together(std::move(ended.happened))) {
      happened_.push_back({ended.cluster, std::move(event)});
    }
    finish(key, ended, !over, now);
  }
}

void Controller::finish(const app::ClusterKey& key, const Pass& pass, bool cut, Now now) {
  counters_.passes.add(now.mono - pass.started);
  ++(pass.failed ? counters_.passes_failed : cut ? counters_.passes_cut : counters_.passes_ok);
  if (pass.failed) {
    queue_.failed(key, now.mono, pass.at_least);
    return;
  }
  if (repeats_[key].count > options_.max_repeats) {
    ++counters_.loops;  // every call succeeds and changes nothing that the plan looks at
    queue_.failed(key, now.mono);
    return;
  }
  queue_.again(key);  // only an empty plan says that all is done
}

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
