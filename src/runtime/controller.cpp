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

// Adds them to those of passes before, of which only so many are remembered.
void remember_late(const std::vector<std::uint64_t>& failing, std::vector<std::uint64_t>& late) {
  constexpr std::size_t max_late = 64;
  for (const std::uint64_t call : failing) {
    if (std::find(late.begin(), late.end(), call) == late.end()) {
      late.push_back(call);
    }
  }
  if (late.size() > max_late) {
    late.erase(late.begin(), late.end() - max_late);
  }
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

// What is left of a decision about an older spec is not done any more, nor that about a cluster that is gone.
void Controller::look_at_spec(const kube::Meta& cluster, bool is_gone) {
  const auto it = passes_.find({cluster.ref.ns, cluster.ref.name});
  if (it != passes_.end()) {
    Pass& pass = it->second;
    const bool is_newer = cluster.uid != pass.cluster.uid || cluster.generation > pass.cluster.generation;
    pass.outdated = pass.outdated || is_gone || is_newer;
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
                            bool is_first = false;
                            if (kind == kube::Kind::nocobase_cluster) {
                              is_first = is_awaited(live.object, app::meta_of(seen.value()));
                              look_at_spec(app::meta_of(seen.value()), false);
                            }
                            dirty(store_.changed(std::move(seen).value()), is_first ? Queue::first : due);
                          } else {
                            ++counters_.unreadable;
                          }
                        },
                        [&](const Removed& event) {
                          const Result<kube::Meta> meta = kube::read_meta(event.object, kind);
                          if (meta.ok()) {
                            if (kind == kube::Kind::nocobase_cluster) {
                              look_at_spec(meta.value(), true);
                            }
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
  put_late_calls_last(key, plan);
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
  repeats = {.plan = plan_is,
             .count = repeats.plan == plan_is ? repeats.count + 1 : 1,
             .put_off = repeats.put_off,
             .late = std::move(repeats.late)};
  Pass& pass = passes_[key];
  pass.cluster = observed->meta;
  pass.events = options_.decisions.events(*observed, plan);
  pass.calls = std::move(plan.calls);
  pass.fingerprints = std::move(fingerprints);
  pass.stop_on_error = plan.stop_on_error;
  pass.status_waits = plan.status_waits;
  pass.started = now.mono;
  pass.why = std::move(plan.why);
}

void Controller::put_late_calls_last(const app::ClusterKey& key, app::Plan& plan) const {
  const auto it = repeats_.find(key);
  if (it == repeats_.end() || it->second.late.empty() || plan.stop_on_error || is_mutant("late-calls-first")) {
    return;
  }
  const std::vector<std::uint64_t>& late = it->second.late;
  std::stable_partition(plan.calls.begin(), plan.calls.end(), [&](const kube::Call& call) {
    return std::find(late.begin(), late.end(), fingerprint(call).call) == late.end();
  });
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

// Whether what is left of a pass is only to say in the cluster's status what has been done, and the next decision may
// say it: one write in place of several. Not for ever, nor where something has failed: passes that come to no end must
// not keep the status from saying so.
bool Controller::puts_off_status(const app::ClusterKey& key, const Pass& pass) {
  const kube::Call& call = pass.calls[pass.next];
  if (!pass.status_waits || call.verb != kube::Verb::apply_status || call.ref.kind != kube::Kind::nocobase_cluster) {
    return false;
  }
  std::uint32_t& put_off = repeats_[key].put_off;
  const bool wrote = pass.next > 0 && kube::is_write(pass.calls[pass.next - 1].verb);
  const bool waits = wrote && !pass.failed && put_off < options_.max_put_off;
  put_off = waits ? put_off + 1 : 0;
  return waits;
}

// Whether the rest of a pass is decided anew. Not before one call of it was sent: however slow the server is, each pass
// does something.
bool Controller::is_outdated(const Pass& pass, Now now) const {
  const bool is_old = pass.outdated || now.mono - pass.started >= options_.max_pass_age;
  return is_old && pass.next > 0 && !is_mutant("old-decision-goes-on");
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
    if (pass.stopped || pass.next == pass.calls.size() || is_outdated(pass, now)) {
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
    if (puts_off_status(key, pass)) {
      ++pass.next;
      continue;
    }
    out.push_back(send_next(key, pass));
  }
  const bool over = pass.rereads.empty() && (pass.stopped || pass.next == pass.calls.size());
  if (pass.in_flight == 0 && (over || !may_call || is_outdated(pass, now))) {
    Pass ended = std::move(pass);
    passes_.erase(it);
    finish(key, std::move(ended), !over, now);
  }
}

void Controller::finish(const app::ClusterKey& key, Pass pass, bool cut, Now now) {
  if (cut) {
    remember_late(pass.failing, repeats_[key].late);
  }
  for (app::Event& event : app::told_together(std::move(pass.happened))) {
    happened_.push_back({pass.cluster, std::move(event)});
  }
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

}  // namespace nocobase_operator::runtime
