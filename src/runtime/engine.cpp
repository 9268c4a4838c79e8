#include "runtime/engine.h"

#include <algorithm>
#include <utility>

#include "app/names.h"

namespace nocobase_operator::runtime {
namespace {

// What carries our label, and of some kinds what does not.
kube::WatchScope scope_of(kube::Kind kind, const std::string& ns) {
  kube::WatchScope scope{.kind = kind, .ns = ns, .label_selector = {}};
  if (!app::is_looked_at_unlabelled(kind)) {
    scope.label_selector.append(app::label_managed_by).append("=").append(app::manager);
  }
  return scope;
}

bool is_ours(kube::Kind kind) {
  return kind == kube::Kind::nocobase_cluster || kind == kube::Kind::nocobase_role;
}

void earliest(std::optional<Instant>& wake, std::optional<Instant> other) {
  if (other && (!wake || *other < *wake)) {
    wake = other;
  }
}

}  // namespace

Engine::Engine(Options options, Rng rng)
    : options_(std::move(options)),
      controller_(options_.controller, Rng(rng.next())),
      recorder_(options_.recorder),
      definitions_(options_.definitions, Rng(rng.next())) {
  if (options_.lease) {
    lease_.emplace(*options_.lease, Rng(rng.next()));
  }
  for (const kube::Kind kind : watched_kinds) {
    streams_.push_back(
        {Watcher({.scope = scope_of(kind, options_.ns), .excerpt = app::excerpt_of(kind)}, Rng(rng.next())),
         std::nullopt});
  }
}

bool Engine::leading(Instant now) const {
  return !stopping_ && (!lease_ || lease_->leading(now));
}

bool Engine::ready() const {
  return controller_.listed() && definitions_.sufficient() &&
         std::all_of(streams_.begin(), streams_.end(), [](const Stream& stream) { return stream.watcher.listed(); });
}

bool Engine::stopped() const {
  return stopping_ && controller_.calls_in_flight() == 0 && (!lease_ || lease_->released());
}

void Engine::stop(Now now) {
  stopping_ = true;
  if (lease_ && controller_.calls_in_flight() == 0) {
    lease_->release(now);
  }
}

std::vector<Effect> Engine::poll(Now now) {
  std::vector<Effect> out;
  poll_lease(now, out);
  poll_watches(now, out);
  poll_definitions(now, out);
  for (NumberedCall& call : controller_.poll(now, leading(now.mono) && ready())) {
    const CallId id = next_call_++;
    controller_calls_.emplace(id, Sent{call.id, call.call.verb, call.call.ref.kind});
    out.emplace_back(SendCall{id, std::move(call.call), options_.call_deadline});
  }
  for (const Happened& happened : controller_.take_happened()) {
    recorder_.record(happened.cluster, happened.event, now);
  }
  poll_events(now, out);
  return out;
}

// After all else: an Event tells of what has been done.
void Engine::poll_events(Now now, std::vector<Effect>& out) {
  led_ = leading(now.mono);
  if (!led_) {
    return;
  }
  if (std::optional<kube::Call> call = recorder_.poll(now)) {
    event_call_ = next_call_++;
    out.emplace_back(SendCall{*event_call_, std::move(*call), options_.call_deadline});
  }
}

void Engine::poll_lease(Now now, std::vector<Effect>& out) {
  if (!lease_) {
    return;
  }
  if (stopping_ && controller_.calls_in_flight() == 0) {
    lease_->release(now);
  }
  if (std::optional<kube::Call> call = lease_->poll(now)) {
    const CallId id = next_call_++;
    lease_calls_.emplace(id, lease_->attempt());
    out.emplace_back(SendCall{id, std::move(*call), options_.lease->call_deadline});
  }
}

void Engine::poll_watches(Now now, std::vector<Effect>& out) {
  for (Stream& stream : streams_) {
    if (stream.id && !stream.watcher.open()) {
      out.emplace_back(CloseWatch{*stream.id});
      stream.id.reset();
    }
    if (stopping_) {
      continue;
    }
    if (std::optional<kube::HttpRequest> request = stream.watcher.poll(now)) {
      stream.id = next_stream_++;
      out.emplace_back(OpenWatch{*stream.id, std::move(*request)});
      if (is_ours(stream.watcher.kind())) {  // a server ends the watches of a kind whose definition changes
        definitions_.suspect(now);
      }
    }
  }
}

void Engine::poll_definitions(Now now, std::vector<Effect>& out) {
  if (stopping_) {
    return;
  }
  if (std::optional<kube::HttpRequest> request = definitions_.poll(now)) {
    definitions_call_ = next_call_++;
    out.emplace_back(Fetch{*definitions_call_, std::move(*request), options_.call_deadline});
  }
}

void Engine::defined(const Result<kube::HttpResponse>& outcome, Now now) {
  const bool before = definitions_.missing().empty();
  definitions_.replied(outcome, now);
  if (!before && definitions_.missing().empty()) {
    for (Stream& stream : streams_) {
      if (is_ours(stream.watcher.kind())) {
        stream.watcher.relist(now);  // what has been seen may lack defaults
      }
    }
  }
}

void Engine::replied(CallId id, const Result<kube::HttpResponse>& outcome, Now now) {
  if (const auto it = controller_calls_.find(id); it != controller_calls_.end()) {
    const Sent sent = it->second;
    controller_calls_.erase(it);
    const kube::Excerpt excerpt = sent.verb == kube::Verb::list ? kube::Excerpt() : app::excerpt_of(sent.kind);
    const Result<kube::Live> result =
        outcome.ok() ? kube::decode_live(outcome.value(), excerpt) : Result<kube::Live>(outcome.error());
    note(sent.kind, sent.verb, result.ok() ? nullptr : &result.error());
    controller_.replied(sent.id, result, outcome.ok() ? kube::retry_delay(outcome.value(), now.wall) : std::nullopt,
                        now);
    return;
  }
  const Result<kube::Json> result = outcome.ok() ? kube::decode(outcome.value()) : Result<kube::Json>(outcome.error());
  if (const auto it = lease_calls_.find(id); it != lease_calls_.end()) {
    const std::uint64_t attempt = it->second;
    lease_calls_.erase(it);
    lease_->replied(attempt, result, now);
    return;
  }
  if (definitions_call_ == id) {
    definitions_call_.reset();
    defined(outcome, now);
    return;
  }
  if (event_call_ == id) {
    event_call_.reset();
    note(kube::Kind::event, kube::Verb::apply, result.ok() ? nullptr : &result.error());
    recorder_.replied(result, now);
  }
}

// What came of a call; nullptr when it succeeded.
void Engine::note(kube::Kind kind, kube::Verb verb, const Error* error) {
  const std::pair which(kind, verb);
  if (error == nullptr) {
    refusals_.erase(which);
  } else if (error->code == Code::denied || error->code == Code::invalid) {
    refusals_[which] = error->what;
  }
}

Engine::Stream* Engine::stream_of(StreamId id) {
  const auto it =
      std::find_if(streams_.begin(), streams_.end(), [id](const Stream& stream) { return stream.id == id; });
  return it == streams_.end() ? nullptr : &*it;
}

void Engine::watch_bytes(StreamId id, std::string_view bytes, Now now) {
  if (Stream* const stream = stream_of(id)) {
    stream->watcher.feed(bytes);
    drain(*stream, now);
  }
}

void Engine::drain(Stream& stream, Now now) {
  const kube::Kind kind = stream.watcher.kind();
  const auto known = [&](const kube::WatchHead& head) { return controller_.store().holds(kind, head); };
  while (std::optional<WatchChange> change = stream.watcher.next(now, known)) {
    if (!controller_.watched(kind, std::move(*change), now)) {
      stream.watcher.relist(now);
    }
  }
}

void Engine::watch_closed(StreamId id, const Result<kube::HttpResponse>& how, Now now) {
  if (Stream* const stream = stream_of(id)) {
    stream->id.reset();
    stream->watcher.closed(how, now);
    drain(*stream, now);
  }
}

std::optional<Instant> Engine::next_wake() const {
  std::optional<Instant> wake = controller_.next_wake();
  if (lease_) {
    earliest(wake, lease_->next_wake());
  }
  if (led_ && !stopping_) {
    earliest(wake, recorder_.next_wake());
  }
  if (!stopping_) {
    earliest(wake, definitions_.next_wake());
  }
  for (const Stream& stream : streams_) {
    if (stream.id && !stream.watcher.open()) {
      earliest(wake, Instant{});  // to be closed
    } else if (!stopping_) {
      earliest(wake, stream.watcher.next_wake());
    }
  }
  return wake;
}

std::vector<Engine::WatchState> Engine::watches() const {
  std::vector<WatchState> states;
  for (const Stream& stream : streams_) {
    states.push_back({.kind = stream.watcher.kind(),
                      .open = stream.watcher.open(),
                      .listed = stream.watcher.listed(),
                      .last_error = stream.watcher.last_error(),
                      .counters = stream.watcher.counters()});
  }
  return states;
}

std::vector<Engine::Refusal> Engine::refusals() const {
  std::vector<Refusal> out;
  for (const auto& [which, what] : refusals_) {
    out.push_back({which.second, which.first, what});
  }
  return out;
}

}  // namespace nocobase_operator::runtime
