// The whole operator but its ends: watchers, controller and leader election, put together. What the outside tells goes
// in, what it is to do comes out; the shell moves these over a transport and a loop and adds nothing.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/call.h"
#include "kube/http.h"
#include "runtime/controller.h"
#include "runtime/definitions.h"
#include "runtime/lease.h"
#include "runtime/recorder.h"
#include "runtime/watcher.h"

namespace nocobase_operator::runtime {

using StreamId = std::uint64_t;

// Send this call with kube::encode(); tell its outcome with Engine::replied(), once, however it ends. No reply within
// `deadline` is an outcome.
struct SendCall {
  CallId id = 0;
  kube::Call call;
  Millis deadline{0};
};
// Send this request, which changes nothing; tell its outcome as that of a call.
struct Fetch {
  CallId id = 0;
  kube::HttpRequest request;
  Millis deadline{0};
};
// Open this stream; pass its bytes to Engine::watch_bytes() and its end to Engine::watch_closed(), once.
struct OpenWatch {
  StreamId id = 0;
  kube::HttpRequest request;
};
// Close this stream. Whatever it still says is ignored.
struct CloseWatch {
  StreamId id = 0;
};
using Effect = std::variant<SendCall, Fetch, OpenWatch, CloseWatch>;

class Engine {
 public:
  struct Options {
    std::string ns;                       // "" watches all namespaces
    std::optional<Lease::Options> lease;  // none: this process is the only one and always leads
    Controller::Options controller;
    Recorder::Options recorder;
    Definitions::Options definitions;
    Millis call_deadline{30'000};
  };
  struct WatchState {
    kube::Kind kind = kube::Kind::nocobase_cluster;
    bool open = false;
    bool listed = false;
    std::optional<Error> last_error;  // nothing after a stream that worked
    Watcher::Counters counters;
  };

  // What the server last refused of all calls of a verb for a kind, for want of a right or by its rules.
  struct Refusal {
    kube::Verb verb = kube::Verb::get;
    kube::Kind kind = kube::Kind::nocobase_cluster;
    std::string what;
    friend bool operator==(const Refusal&, const Refusal&) = default;
  };

  Engine(Options options, Rng rng);

  // What is to be done now. To be called after every input and at next_wake().
  [[nodiscard]] std::vector<Effect> poll(Now now);
  // The outcome of a call.
  void replied(CallId id, const Result<kube::HttpResponse>& outcome, Now now);
  // Bytes of a stream's body, in any split.
  void watch_bytes(StreamId id, std::string_view bytes, Now now);
  // The end of a stream.
  void watch_closed(StreamId id, const Result<kube::HttpResponse>& how, Now now);
  // Starts to end: no new call of the controller from now on, and the lead is given up once its last call has been
  // answered, so that no other process starts while a write of ours is under way.
  void stop(Now now);

  // Whether stop() has been called and nothing is left to wait for.
  [[nodiscard]] bool stopped() const;
  // Whether every kind has been listed and our own have every field that is needed: what /readyz is to say.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool leading(Instant now) const;
  // When poll() will next have something to do by the passing of time alone.
  [[nodiscard]] std::optional<Instant> next_wake() const;

  [[nodiscard]] const Controller& controller() const { return controller_; }
  [[nodiscard]] const Recorder& recorder() const { return recorder_; }
  [[nodiscard]] const Definitions& definitions() const { return definitions_; }
  // The holder of the lease as last seen; "" without one.
  [[nodiscard]] std::string holder() const { return lease_ ? lease_->holder() : std::string(); }
  // Why the last call for the lease failed; "" when it did not.
  [[nodiscard]] std::string lease_error() const { return lease_ ? lease_->last_error() : std::string(); }
  [[nodiscard]] std::vector<WatchState> watches() const;
  // What is refused and has not succeeded for another object since: one entry per verb and kind.
  [[nodiscard]] std::vector<Refusal> refusals() const;

 private:
  struct Stream {
    Watcher watcher;
    std::optional<StreamId> id;  // of the stream that is open on the outside
  };

  // What is needed of a controller's call when its reply comes.
  struct Sent {
    CallId id = 0;  // the controller's own number
    kube::Verb verb = kube::Verb::get;
    kube::Kind kind = kube::Kind::nocobase_cluster;
  };

  [[nodiscard]] Stream* stream_of(StreamId id);
  void note(kube::Kind kind, kube::Verb verb, const Error* error);
  void drain(Stream& stream, Now now);
  void poll_watches(Now now, std::vector<Effect>& out);
  void poll_definitions(Now now, std::vector<Effect>& out);
  void defined(const Result<kube::HttpResponse>& outcome, Now now);
  void poll_lease(Now now, std::vector<Effect>& out);
  void poll_events(Now now, std::vector<Effect>& out);

  Options options_;
  Controller controller_;
  Recorder recorder_;
  Definitions definitions_;
  std::optional<Lease> lease_;
  std::vector<Stream> streams_;
  // Calls are numbered here, as each of the machines makes some.
  std::unordered_map<CallId, Sent> controller_calls_;
  std::unordered_map<CallId, std::uint64_t> lease_calls_;
  std::optional<CallId> event_call_;
  std::optional<CallId> definitions_call_;
  CallId next_call_ = 1;
  StreamId next_stream_ = 1;
  std::map<std::pair<kube::Kind, kube::Verb>, std::string> refusals_;
  bool led_ = false;  // at the last poll
  bool stopping_ = false;
};

}  // namespace nocobase_operator::runtime
