// The status of a NocoBaseCluster and of a NocoBaseRole: what is so, what is being done, and what a person should know.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/children.h"
#include "app/observe.h"
#include "base/time.h"

namespace nocobase_operator::app {

// Shown in status.phase; the conditions carry the truth.
enum class Phase : std::uint8_t {
  installing,
  running,
  awaiting_approval,
  draining,
  backing_up,
  setting_up,
  verifying,
  starting,
  maintenance,
  stopped,
  paused,
  blocked,
};
[[nodiscard]] std::string_view name_of(Phase phase);  // "Installing", …

struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;  // CamelCase
  std::string message;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// Why a role's effect differs from its intent, or who set the intent.
enum class Why : std::uint8_t {
  spec,
  autoscaler,
  keda_missing,
  outside,
  maintenance,
  stopped,
  upgrade,
  worker_id_limit
};
[[nodiscard]] std::string_view name_of(Why why);  // "spec", "autoscaler", …

struct RoleStatus {
  std::string name;
  std::string worker_mode;
  std::int32_t desired = 0;    // the intent
  std::int32_t effective = 0;  // what the Deployment is told
  std::int32_t ready = 0;
  std::int32_t updated = 0;
  Why why = Why::spec;
  friend bool operator==(const RoleStatus&, const RoleStatus&) = default;
};

struct Status {
  Phase phase = Phase::installing;
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;  // Ready, Reconciling, Stalled first
  std::vector<RoleStatus> roles;
  std::vector<std::pair<std::string, std::vector<std::string>>> services;  // key -> roles that serve it
  std::string image;
  std::string version;  // of the image's tag, "" when it tells none
  std::int32_t worker_ids_worst = 0;
  std::string key_fingerprint;  // of the keys in use, "" while they are not known
  friend bool operator==(const Status&, const Status&) = default;
};

// The conditions' names. The first three are what kstatus reads.
inline constexpr std::string_view condition_ready = "Ready";
inline constexpr std::string_view condition_reconciling = "Reconciling";
inline constexpr std::string_view condition_stalled = "Stalled";
inline constexpr std::string_view condition_keys_intact = "KeysIntact";
inline constexpr std::string_view condition_autoscalers_ready = "AutoscalersReady";
// There only while somebody sets a number that the spec fixes, and for a while after that.
inline constexpr std::string_view condition_intent_contested = "IntentContested";

// How an upgrade in status.lastUpgrade has ended.
inline constexpr std::string_view upgrade_completed = "Completed";
inline constexpr std::string_view upgrade_taken_back = "TakenBack";  // the version before it came back

// The longest message of a condition, in bytes.
inline constexpr std::size_t max_condition_message = 1024;

// The status as JSON, with what `live` says of the operation under way. A condition's lastTransitionTime is taken from
// `live` (the status there now) while its status stays the same, and is `now` where it flips.
[[nodiscard]] Json to_json(const Status& status, const Json& live, const Now& now);

// `live` with another phase, generation and conditions, all else as it is: what can be said of a cluster whose spec
// says nothing (it is invalid, or not to be acted on). Conditions that are not given stay.
[[nodiscard]] Json amended(const Json& live, Phase phase, std::int64_t generation,
                           const std::vector<Condition>& conditions, const Now& now);

// The condition `type` in a status, or nullptr.
[[nodiscard]] const Json* find_condition(const Json& status, std::string_view type);

// What is counted of a role by what is seen, for its own status.
struct RoleReport {
  std::string worker_mode;
  std::int32_t replicas = 0;  // pods of the Deployment; an autoscaler divides by it
  std::int32_t ready = 0;
  std::string selector;  // of the role's pods; "" in a hold, so that an autoscaler leaves the intent alone
  Why why = Why::spec;
  std::int64_t observed_generation = 0;  // of the NocoBaseRole
};
[[nodiscard]] Json to_json(const RoleReport& report);

}  // namespace nocobase_operator::app
