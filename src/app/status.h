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
enum class Why : std::uint8_t { spec, autoscaler, outside, maintenance, stopped, upgrade, worker_id_limit };
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
  friend bool operator==(const Status&, const Status&) = default;
};

// The status as JSON. A condition's lastTransitionTime is taken from `live` (the status there now) while its status
// stays the same, and is `now` where it flips.
[[nodiscard]] Json to_json(const Status& status, const Json& live, const Now& now);

}  // namespace nocobase_operator::app
