// The controller as a machine: what the watches show and what calls gave back goes in, calls come out. It keeps the
// store, knows which cluster is to be looked at, asks app::plan() what to do and carries that out. No I/O, clock or
// thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "app/events.h"
#include "app/observe.h"
#include "app/plan.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/call.h"
#include "runtime/cluster_key_hash.h"
#include "runtime/counters.h"
#include "runtime/queue.h"
#include "runtime/refused_calls.h"
#include "runtime/rereads.h"
#include "runtime/shared_reads.h"
#include "runtime/store.h"
#include "runtime/watcher.h"
#include "runtime/write_budget.h"

namespace nocobase_operator::runtime {

using CallId = std::uint64_t;

// A call to be sent. Its reply is expected under the same id, once.
struct NumberedCall {
  CallId id = 0;
  kube::Call call;
};

// What has happened to a cluster and a person should hear.
struct Happened {
  kube::Meta cluster;
  app::Event event;
};

// What the controller asks of `app`. Replaceable, so that its own tests need no NocoBase.
struct Decisions {
  std::function<app::Plan(const app::Observed&, const Now&)> plan = [memo = std::make_shared<app::Memo>()](
                                                                        const app::Observed& observed, const Now& now) {
    return app::plan(observed, now, *memo);
  };
  std::function<Result<app::Seen>(const kube::Live&, std::optional<kube::Kind>, Instant)> prune =
      [](const kube::Live& live, std::optional<kube::Kind> kind, Instant read_at) {
        return app::prune(live, kind, read_at);
      };
  std::function<std::uint64_t(const kube::Json&)> status_hash = app::status_hash;
  std::function<std::vector<app::EventOfCall>(const app::Observed&, const app::Plan&)> events = app::events_of;
};

class Controller {
 public:
  struct Options {
    Decisions decisions{};
    // Cryptographically random bytes, that many: for app::Observed::entropy.
    std::function<std::string(std::size_t)> random_bytes{};
    std::size_t max_passes = 16;         // clusters worked on at a time
    std::size_t max_parallel_reads = 2;  // of one pass; writes go one by one
    std::size_t max_plans_per_poll = 4;  // so that a turn is short whatever is due
    Millis child_delay{50};              // changes of children come in bursts: one decision for all of them
    std::uint32_t max_repeats = 10;      // of one plan in a row before it backs off
    std::uint32_t max_put_off = 3;       // plans in a row that leave the status to the next one
    Millis max_pass_age{10'000};         // what is left of it then is decided anew, and proved anew
    Backoff backoff{Millis(100), Millis(60'000)};
    WriteBudget::Options budget{};
    // What pods refer to is read again when it is that old, or later: the reads of all clusters are so far apart. What
    // was read for one cluster serves others for so long.
    Millis reread_period{60'000};
    Millis reread_spacing{200};
    Millis reads_shared{10'000};
  };

  Controller(Options options, Rng rng);

  // What the watch of a kind shows. False: what it shows is older than what it showed before, so it must be listed
  // anew.
  [[nodiscard]] bool watched(kube::Kind kind, WatchChange change, Now now);
  // The outcome of a call that poll() gave. `retry_after` is what the server asks for when it throttles.
  void replied(CallId id, const Result<kube::Live>& result, std::optional<Millis> retry_after, Now now);
  // The calls to send now. New work starts, and work begun goes on, only while `leading` and while every kind is
  // listed.
  [[nodiscard]] std::vector<NumberedCall> poll(Now now, bool leading);

  // What has happened since this was called last.
  [[nodiscard]] std::vector<Happened> take_happened() { return std::exchange(happened_, {}); }

  // Whether the last listing of every kind is complete.
  [[nodiscard]] bool listed() const { return listed_.size() == watched_kinds.size(); }
  // When poll() may next give something by the passing of time alone, as far as the last poll() could tell.
  [[nodiscard]] std::optional<Instant> next_wake() const;
  // How many calls are without a reply.
  [[nodiscard]] std::size_t calls_in_flight() const { return calls_.size(); }
  // How many clusters are being worked on.
  [[nodiscard]] std::size_t passes_in_flight() const { return passes_.size(); }
  [[nodiscard]] const Store& store() const { return store_; }
  [[nodiscard]] const Queue& queue() const { return queue_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // What the last decision about a cluster was for (app::Plan::why), while it is being worked on; "" otherwise.
  [[nodiscard]] std::string why(const app::ClusterKey& key) const;

 private:
  // The calls of one plan while they are made.
  struct Pass {
    kube::Meta cluster;
    std::vector<kube::Call> calls;
    std::vector<Fingerprint> fingerprints;  // of calls
    std::vector<app::EventOfCall> events;
    std::vector<app::Event> happened;  // of those, by calls that have succeeded
    std::size_t next = 0;              // of calls
    std::vector<kube::Ref> rereads;    // to be read before anything else, as we do not know what became of them
    std::size_t in_flight = 0;
    bool writing = false;  // what is in flight is a write, so alone
    bool failed = false;
    std::vector<std::uint64_t> failing;  // Fingerprint::call of those that have failed
    bool stopped = false;                // no more calls
    bool outdated = false;               // the spec is another by now
    bool stop_on_error = false;
    bool status_waits = false;
    Millis at_least{0};  // the back-off, if it failed
    Instant started{};
    std::string why;
  };
  // What is needed of a call when its reply comes.
  struct Sent {
    app::ClusterKey key;
    kube::Verb verb = kube::Verb::get;
    kube::Ref ref;
    std::string uid;  // precondition
    Fingerprint fingerprint{};
    bool accepts = false;               // an apply as the manager whose part app::SeenChild::owned is about
    std::uint64_t status_hash = 0;      // of an apply_status
    bool reread = false;                // after a write whose outcome is not known, or that lost against another
    bool content = false;               // of what pods refer to, in the cluster's turn: part of no pass
    Instant asked{};                    // when, of such a read
    std::optional<app::Event> event{};  // that has happened if it succeeds
  };
  // How often a cluster's plan was the same in a row.
  struct Repeats {
    std::uint64_t plan = 0;
    std::uint32_t count = 0;
    std::uint32_t put_off = 0;  // in how many plans in a row the status was left to the next one
    // Calls, by Fingerprint::call, that failed in passes which became too old for the rest: they come last from then
    // on, so that one that fails slowly keeps no other from being made, nor the status from being told.
    std::vector<std::uint64_t> late{};
  };

  void dirty(const Store::Keys& keys, Instant due);
  void look_at_spec(const kube::Meta& cluster, bool is_gone);
  [[nodiscard]] bool is_outdated(const Pass& pass, Now now) const;
  void put_late_calls_last(const app::ClusterKey& key, app::Plan& plan) const;
  void begin(const app::ClusterKey& key, Now now);
  [[nodiscard]] Instant next_call(const app::ClusterKey& key, const app::Plan& plan,
                                  const std::vector<Fingerprint>& fingerprints, Instant now) const;
  void settled(const app::ClusterKey& key, const app::Plan& plan, Now now);
  void read_in_turn(Now now, std::vector<NumberedCall>& out);
  void content_replied(const Sent& sent, const Result<kube::Live>& result, std::optional<Millis> retry_after, Now now);
  [[nodiscard]] bool is_answered(const app::ClusterKey& key, const kube::Ref& ref, Instant since, Now now);
  Millis throttled(std::optional<Millis> retry_after, Now now);
  void advance(const app::ClusterKey& key, bool may_call, Now now, std::vector<NumberedCall>& out);
  [[nodiscard]] bool puts_off_status(const app::ClusterKey& key, const Pass& pass);
  void finish(const app::ClusterKey& key, Pass pass, bool cut, Now now);
  [[nodiscard]] NumberedCall send(const app::ClusterKey& key, Pass& pass, kube::Call call, Fingerprint fingerprint);
  [[nodiscard]] NumberedCall send_next(const app::ClusterKey& key, Pass& pass);
  void succeeded(const Sent& sent, const kube::Live& body, Pass& pass, Now now);
  void listed_pods(const Sent& sent, const kube::Json& list, Pass& pass, Now now);
  void refused(const Sent& sent, const Error& error, std::optional<Millis> retry_after, Pass& pass, Now now);
  void not_found(const Sent& sent, const Error& error, Pass& pass, Now now);

  Options options_;
  Store store_;
  Queue queue_;
  WriteBudget budget_;
  RefusedCalls refused_;
  std::set<kube::Kind> listed_;
  std::set<kube::Kind> missing_;  // among those that are listed
  std::unordered_map<app::ClusterKey, Pass, ClusterKeyHash> passes_;
  std::unordered_map<app::ClusterKey, Repeats, ClusterKeyHash> repeats_;  // of clusters whose last plan was not empty
  std::unordered_map<CallId, Sent> calls_;
  std::vector<app::ClusterKey> ready_;  // passes that may go on
  CallId next_id_ = 1;
  std::vector<Happened> happened_;
  Rereads rereads_;
  SharedReads shared_;
  Instant not_before_{};  // the server has throttled us: no new work until then
  bool active_ = false;   // at the last poll
  Counters counters_;
};

}  // namespace nocobase_operator::runtime
