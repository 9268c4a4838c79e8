// Leader election on a Lease, by the rules of client-go's leaderelection.go: only the change of the record counts,
// never a time that somebody wrote into it, and a leader stops by its own monotonic clock before another one can start.
// Candidates look more often than client-go's, so that a lead that is given up is taken within two seconds. It makes
// calls as values and sends nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/call.h"

namespace nocobase_operator::runtime {

class Lease {
 public:
  struct Options {
    kube::Ref ref;         // of the Lease object
    std::string identity;  // unique per process
    std::string manager = "nocobase-operator";
    Millis duration{15'000};         // others wait this long after the last change they saw
    Millis renew_deadline{10'000};   // the leader stops this long after it sent the last renewal that succeeded
    Millis retry_period{2'000};      // of the leader
    Millis candidate_period{1'000};  // and half of it more: how soon it is noticed that the lead was given up
    Millis call_deadline{5'000};     // a call without a reply for this long is given up
  };

  Lease(Options options, Rng rng);

  // Whether this process may act now. False from its own deadline on, whatever has or has not been heard.
  [[nodiscard]] bool leading(Instant now) const { return leading_ && now < leading_until_; }
  // The call to make now, if it is time for one and none is under way. Its number is attempt().
  [[nodiscard]] std::optional<kube::Call> poll(Now now);
  // The reply to the call of that number. A reply to a call that has been given up meanwhile is ignored.
  void replied(std::uint64_t attempt, const Result<kube::Json>& result, Now now);
  // Gives the lead up: leading() is false from now on, and poll() gives the calls that empty the record, so that
  // another candidate need not wait. After that nothing more is asked for.
  void release(Now now);

  // Whether nothing is left to do after release(): the record is empty, was never ours, or could not be emptied.
  [[nodiscard]] bool released() const { return releasing_ && step_ == Step::rest && !release_due_; }
  // How many calls poll() has given: the number of the last one.
  [[nodiscard]] std::uint64_t attempt() const { return attempt_; }
  // When poll() or leading() will next change their answer by the passing of time alone.
  [[nodiscard]] std::optional<Instant> next_wake() const;
  // The identity that the record last named, "" when nobody holds it or nothing is known.
  [[nodiscard]] const std::string& holder() const { return seen_.holder; }
  // Why the last call failed, "" after one that did not. That another candidate was faster is no failure.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

 private:
  enum class Step : std::uint8_t { rest, getting, creating, updating };
  // What the record says; equal records mean that nobody renewed.
  struct Record {
    std::string holder;
    std::int64_t duration_seconds = 0;
    std::string acquired, renewed;
    std::int64_t transitions = 0;
    friend bool operator==(const Record&, const Record&) = default;
  };

  [[nodiscard]] static Record read(const kube::Json& object);
  [[nodiscard]] bool ours() const { return seen_.holder == options_.identity; }
  [[nodiscard]] bool held_by_other(Instant now) const;
  [[nodiscard]] kube::Json wanted_spec(Now now) const;
  [[nodiscard]] kube::Call write(kube::Verb verb, Now now) const;
  void read_ok(const kube::Json& object, Instant now);
  void write_ok(const kube::Json& object, Instant now);
  void failed(Step step, const Error& error, Instant now);
  void observe(const kube::Json& object, Instant now);
  [[nodiscard]] Millis retry_delay();

  Options options_;
  Rng rng_;
  Step step_ = Step::rest;
  Instant due_{};         // of the next call, while resting
  Instant sent_{};        // when the call under way was made
  kube::Json object_;     // the Lease as last seen; null when there was none
  bool absent_ = false;   // the last read found none
  bool current_ = false;  // object_ is what we last read or wrote, and may be updated
  bool fresh_ = false;    // object_ was read for the update that is next or under way
  Record seen_;
  Instant seen_at_{};  // when seen_ last changed, by our clock
  bool leading_ = false;
  Instant leading_until_{};
  bool releasing_ = false;
  bool release_due_ = false;  // the record may be ours and is to be emptied
  std::uint32_t release_failures_ = 0;
  std::uint64_t attempt_ = 0;
  std::string last_error_;
};

}  // namespace nocobase_operator::runtime
