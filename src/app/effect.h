// How many pods each role is given: what people and autoscalers want (the intents), cut down by holds and by the limit
// on worker ids. The one place that decides it; it sees counts, never objects.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "app/children.h"
#include "app/spec.h"
#include "app/status.h"

namespace nocobase_operator::app {

// What takes pods away, whatever the intents are. Of two the later one here wins.
enum class Hold : std::uint8_t {
  none,
  maintenance,  // one pod that serves requests, nothing else
  stopped,      // no pod
  upgrade,      // no pod: an installation or upgrade is under way, or nothing has been set up yet
};
[[nodiscard]] Hold hold_of(const Spec& spec);

// A role as it is now.
struct RoleNow {
  std::optional<std::int32_t> intent;  // of its NocoBaseRole, or last known; nothing: nobody has said yet
  std::int32_t effect = 0;             // what its Deployment is told
  std::int32_t pods = 0;               // that exist: each may hold a worker id
  std::int32_t leaving = 0;            // those of them that terminate, which no Deployment counts any more
  bool rolling = false;                // pods of an older template are being replaced
};

struct RoleEffect {
  RoleCount count;
  Why why = Why::spec;
  friend bool operator==(const RoleEffect&, const RoleEffect&) = default;
};

// One per role, in the order of spec.roles; `others` are the application's pods that are of no role of the spec.
// An effect rises only into free worker ids, request roles first; a role that rolls takes twice its effect. It never
// falls because of the limit.
[[nodiscard]] std::vector<RoleEffect> effects(const Cluster& cluster, const std::vector<RoleNow>& now,
                                              std::int32_t others, Hold hold);

// The most pods that the spec and the intents can come to. Roles roll one at a time, and the one that rolls counts
// twice.
[[nodiscard]] std::int32_t worst_case(const Spec& spec, const std::vector<RoleEffect>& effects);

}  // namespace nocobase_operator::app
