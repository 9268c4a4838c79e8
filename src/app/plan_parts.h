// The parts of a plan: what is to be called for, and what there is to say of it. Nobody but plan includes it.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/lifecycle.h"
#include "app/plan.h"
#include "app/situation.h"
#include "app/status.h"
#include "base/time.h"
#include "kube/call.h"

namespace nocobase_operator::app {

// Something that no retry can mend: a person has to. Becomes Stalled.
struct Trouble {
  std::string reason;
  std::string message;
};

// Something that is not yet as it is to be.
struct Unmet {
  std::string message;
  bool failing = false;                 // pods fail; they do not only take their time
  bool draining = false;                // pods are to go
  std::string_view reason{};            // of Ready, where it is another than the phase or failing pods
  std::optional<Seconds> limit{};       // after that long without progress a person has to look; nothing: no limit
  std::chrono::sys_seconds progress{};  // when it last got on, as far as that can be seen
};

enum class KeysState : std::uint8_t { unread, usable, unusable };

// The cluster's keys, as far as they are known now.
struct KeysReport {
  KeysState state = KeysState::unread;
  std::optional<Trouble> trouble;
  std::string fingerprint;
};

// What one pass is to do, while it is put together.
struct Draft {
  std::vector<kube::Call> reads;
  std::vector<kube::Call> writes;
  bool alone = false;                // the writes so far are to be made before anything else is decided
  bool refused = false;              // what comes before everything else is refused
  std::optional<Trouble> trouble;    // the first one found
  std::vector<Unmet> waits;          // for something outside a role
  std::vector<std::string> pending;  // children outside a role that are being written
  KeysReport keys;
  Reread reread;
  Decision lifecycle;
  std::optional<Json> next_status;  // to be written before anything else: the next step
  std::optional<Millis> recheck;

  void stall(Trouble found) {
    if (!trouble) {
      trouble = std::move(found);
    }
  }
  // What has to come first is refused: nothing else is known to be true or false.
  void refuse(std::string message) {
    trouble = Trouble{"Refused", std::move(message)};
    refused = true;
  }
  void recheck_in(Millis delay) { recheck = recheck ? std::min(*recheck, delay) : delay; }
};

// Judges the Secret and, when it must be made, makes it alone. A Secret that is not known is read only if something
// rests on it: a claim or a Deployment that is to be made, pods that are to be replaced, or a status without its keys.
void draft_keys(const Situation& s, Draft& draft);

// Reads what pods refer to at once where pods are about to start, and says when it is to be read again.
void draft_content(const Situation& s, Draft& draft);
// Whether pods are to start, and it is not known with what, or something is missing that they do not start without.
[[nodiscard]] bool lacks_content(const RoleState& role);

// Decides the next step by what is seen: sets `lifecycle` and, for another step, `next_status`.
void draft_lifecycle(const Situation& s, Draft& draft);
// Puts into a status what noted_setup() tells, if anything.
void note_setup(const Observed& seen, const Now& now, Json& status);
// The setup Pod, Jobs and C-record, as the lifecycle has decided.
void draft_setup(const Situation& s, Draft& draft);
// The phase that goes with a step.
[[nodiscard]] Phase phase_of_step(const Operation& operation, const Spec& spec);

// All pods of the cluster, from the API server itself.
[[nodiscard]] kube::Call list_pods(const Situation& s);
// Reads of what must be known first. Nothing else is decided while there are any.
void draft_reads(const Situation& s, Draft& draft);
// Reads and writes of the wanted children, then removals of those that are wanted no longer.
void draft_children(const Situation& s, Draft& draft);
void draft_removals(const Situation& s, Draft& draft);

// The cluster's status by what is seen and drafted. Sets a recheck for the time when a limit will be over.
[[nodiscard]] Json draft_status(const Situation& s, Draft& draft);

// An autoscaler of ours of the other sort that is still there for the same role, or nullptr. KEDA makes none where
// another is, and two would fight.
[[nodiscard]] const SeenChild* other_scaler(const Situation& s, const kube::Ref& scaler);
// How long a number that somebody else has set, and the spec fixes, is left as it is: the longer the longer it has been
// contested. Nothing: it is set back now.
[[nodiscard]] std::optional<Seconds> contest_pause(const Situation& s, std::size_t role);
inline constexpr Seconds longest_contest_pause{60};
// So long after it began a contest is told of, if it does not begin anew.
inline constexpr Seconds contest_lasts{600};
// Whether every role is scaled as its spec says, and by nobody else.
[[nodiscard]] Condition autoscalers_ready(const Situation& s);
// Who sets a number that the spec fixes; nothing when nobody does. Sets a recheck for when it will be over.
[[nodiscard]] std::optional<Condition> intent_contested(const Situation& s, Draft& draft);

// The conditions that tell what the spec comes to, whatever runs.
[[nodiscard]] std::vector<Condition> standing_conditions(const Situation& s, const Draft& draft);
// Which roles serve users' requests and each service key, in the order of the keys.
[[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> served(const Situation& s);
// What of cache, locks and queue the pods do not share.
[[nodiscard]] std::vector<std::string> unshared(const Spec& spec);

// What a role lacks, if anything: pods, or pods too many in a hold.
[[nodiscard]] std::optional<Unmet> unmet_of(const Situation& s, std::size_t role);

// Every write goes through here, so that what the server said to the last one of an object is told.
void push(const Situation& s, kube::Call call, Draft& draft);
// Calls with what every one of their kind has in common.
[[nodiscard]] kube::Call apply_call(const kube::Ref& ref, Json body, std::string_view manager,
                                    kube::Precondition precondition);

}  // namespace nocobase_operator::app
