#include "runtime/lease.h"

#include <algorithm>
#include <utility>

#include "runtime/micro_time.h"

namespace nocobase_operator::runtime {
namespace {

constexpr std::uint32_t max_release_failures = 3;

}  // namespace

Lease::Lease(Options options, Rng rng) : options_(std::move(options)), rng_(rng) {}

Lease::Record Lease::read(const kube::Json& object) {
  return {.holder = kube::string_at(object, {"spec", "holderIdentity"}),
          .duration_seconds = kube::integer_at(object, {"spec", "leaseDurationSeconds"}),
          .acquired = kube::string_at(object, {"spec", "acquireTime"}),
          .renewed = kube::string_at(object, {"spec", "renewTime"}),
          .transitions = kube::integer_at(object, {"spec", "leaseTransitions"})};
}

bool Lease::held_by_other(Instant now) const {
  if (seen_.holder.empty() || ours()) {
    return false;
  }
  // A year is more than anybody means and keeps the sum in range.
  const std::int64_t seconds = std::clamp<std::int64_t>(seen_.duration_seconds, 0, 31'536'000);
  return now < seen_at_ + Seconds(seconds);
}

kube::Json Lease::wanted_spec(Now now) const {
  const std::int64_t transitions = seen_.transitions;
  if (releasing_) {
    return {{"holderIdentity", ""},
            {"leaseDurationSeconds", 1},
            {"acquireTime", micro_time(now.wall)},
            {"renewTime", micro_time(now.wall)},
            {"leaseTransitions", transitions}};
  }
  // A renewal that writes the time that is there already would look like none to the others: a wall clock may stand
  // still or be set back.
  std::string renewed = micro_time(now.wall);
  if (renewed == seen_.renewed) {
    renewed = micro_time(now.wall + Seconds(1));
  }
  return {{"holderIdentity", options_.identity},
          {"leaseDurationSeconds", std::chrono::duration_cast<Seconds>(options_.duration).count()},
          {"acquireTime", ours() && !seen_.acquired.empty() ? seen_.acquired : renewed},
          {"renewTime", renewed},
          {"leaseTransitions", ours() || absent_ ? transitions : transitions + 1}};
}

kube::Call Lease::write(kube::Verb verb, Now now) const {
  kube::Json body = object_.is_object() ? object_ : kube::Json::object();
  kube::Json& spec = body["spec"];
  if (!spec.is_object()) {
    spec = kube::Json::object();
  }
  spec.update(wanted_spec(now));  // what others keep in it stays
  if (const auto metadata = body.find("metadata"); metadata != body.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  return {.verb = verb,
          .ref = options_.ref,
          .body = std::move(body),
          .manager = options_.manager,
          .precondition = {},
          .propagation = kube::Propagation::background};
}

std::optional<kube::Call> Lease::poll(Now now) {
  leading_ = leading(now.mono);
  if (step_ != Step::rest) {
    if (now.mono < sent_ + options_.call_deadline) {
      return std::nullopt;
    }
    failed(step_, {Code::unknown_outcome, "no reply in time"}, now.mono);
    due_ = now.mono;  // it has waited long enough
  }
  if (now.mono < due_ || (releasing_ && !release_due_)) {
    return std::nullopt;
  }
  sent_ = now.mono;
  ++attempt_;
  if (current_) {
    step_ = Step::updating;
    return write(kube::Verb::update, now);
  }
  if (absent_) {
    step_ = Step::creating;
    return write(kube::Verb::create, now);
  }
  step_ = Step::getting;
  return kube::Call{.verb = kube::Verb::get,
                    .ref = options_.ref,
                    .body = {},
                    .manager = {},
                    .precondition = {},
                    .propagation = kube::Propagation::background};
}

void Lease::replied(std::uint64_t attempt, const Result<kube::Json>& result, Now now) {
  if (attempt != attempt_ || step_ == Step::rest) {
    return;
  }
  const Step step = std::exchange(step_, Step::rest);
  if (!result.ok()) {
    failed(step, result.error(), now.mono);
  } else if (step == Step::getting) {
    read_ok(result.value(), now.mono);
  } else {
    write_ok(result.value(), now.mono);
  }
}

void Lease::observe(const kube::Json& object, Instant now) {
  Record record = read(object);
  if (!object_.is_object() || !(record == seen_)) {
    seen_ = std::move(record);
    seen_at_ = now;
  }
  object_ = object;
  absent_ = false;
  last_error_.clear();
}

void Lease::read_ok(const kube::Json& object, Instant now) {
  observe(object, now);
  current_ = fresh_ = releasing_ ? ours() : !held_by_other(now);
  release_due_ = releasing_ && ours();
  due_ = current_ ? now : now + retry_delay();
}

void Lease::write_ok(const kube::Json& object, Instant now) {
  observe(object, now);
  current_ = true;
  fresh_ = false;
  if (releasing_) {
    release_due_ = ours();  // it is, if the reply is that of a renewal from before the release
    due_ = now;
    return;
  }
  leading_ = ours();
  // Counted from the sending: whoever sees the record change sees it no earlier.
  leading_until_ = sent_ + options_.renew_deadline;
  due_ = now + retry_delay();
}

void Lease::failed(Step step, const Error& error, Instant now) {
  const Code code = error.code;
  step_ = Step::rest;
  absent_ = code == Code::not_found && step == Step::getting;
  last_error_ = absent_ || code == Code::conflict ? std::string() : error.what;
  // A renewal that lost against another write is repeated at once from what is there now, but not again and again.
  const bool at_once = (code == Code::conflict && !fresh_) || absent_;
  current_ = false;
  fresh_ = false;
  if (absent_) {
    object_ = nullptr;
    seen_ = {};
  }
  if (releasing_) {
    ++release_failures_;
    release_due_ = !absent_ && release_failures_ < max_release_failures;
  }
  due_ = at_once ? now : now + retry_delay();
}

// While leading the next try must come well before the deadline; candidates spread out.
Millis Lease::retry_delay() {
  const std::int64_t period = (leading_ ? options_.retry_period : options_.candidate_period).count();
  const std::int64_t spread = leading_ ? period / 10 : period / 2;
  return Millis(period + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(spread) + 1)));
}

void Lease::release(Now now) {
  leading_ = false;
  if (!releasing_) {
    releasing_ = true;
    // A write under way may yet make it ours.
    release_due_ = ours() || step_ == Step::creating || step_ == Step::updating;
    due_ = now.mono;
  }
}

std::optional<Instant> Lease::next_wake() const {
  std::optional<Instant> wake;
  if (step_ != Step::rest) {
    wake = sent_ + options_.call_deadline;
  } else if (!releasing_ || release_due_) {
    wake = due_;
  }
  if (leading_ && (!wake || leading_until_ < *wake)) {
    wake = leading_until_;
  }
  return wake;
}

}  // namespace nocobase_operator::runtime
