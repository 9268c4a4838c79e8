// How the roles are scaled: whether the autoscalers that the spec asks for are at work, who else sets a number, and who
// contests one that the spec fixes.
#include <algorithm>

#include "app/defaults.h"
#include "app/plan_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::string_at;
using std::chrono::sys_seconds;

// What keeps a role from being scaled as its spec says.
struct Flaw {
  std::string_view reason;
  std::string message;
};

// An autoscaler that is not ours. To scale a NocoBaseRole whose number nobody else sets is what it is there for.
std::optional<Flaw> flaw_of(const Situation& s, const SeenChild& scaler) {
  const auto* const seen = std::get_if<SeenScaler>(&scaler.detail);
  const auto& roles = s.cluster->spec.roles;
  const auto role = std::find_if(roles.begin(), roles.end(), [&](const Role& item) {
    return seen != nullptr && child_name(*s.cluster, item.name) == seen->target;
  });
  if (role == roles.end()) {
    return std::nullopt;
  }
  const std::string scales = kube::to_string(scaler.meta.ref) + " scales " + seen->target_kind + " " + seen->target;
  const std::string out_of = " out of role " + role->name;
  const std::string free = role->replicas      ? "take replicas" + out_of
                           : role->autoscaling ? "take autoscaling" + out_of
                                               : "";
  if (seen->target_kind == kube::info(Kind::deployment).kind) {
    return Flaw{"ForeignAutoscaler", scales + ", whose number is the operator's: let it scale NocoBaseRole " +
                                         seen->target + (free.empty() ? "" : " and " + free) + ", or delete it"};
  }
  if (seen->target_kind != kube::info(Kind::nocobase_role).kind || free.empty()) {
    return std::nullopt;
  }
  return Flaw{"ForeignAutoscaler", scales + ", whose number " +
                                       (role->replicas ? "the spec fixes: " : "its own autoscaler sets: ") + free +
                                       ", or delete it"};
}

// One of ours.
std::optional<Flaw> flaw_of(const Situation& s, const ChildState& scaler) {
  const std::string name = kube::to_string(scaler.child->ref);
  if (const SeenChild* const other = other_scaler(s, scaler.child->ref)) {
    return Flaw{"NotWritten", name + " is made when " + kube::to_string(other->meta.ref) + " is gone"};
  }
  switch (scaler.standing) {
    case Standing::no_kind:
      return Flaw{"KindMissing", name + " cannot be made, so nothing scales its role: this Kubernetes has no " +
                                     std::string(kube::info(scaler.child->ref.kind).kind) + " (" +
                                     kube::api_version(scaler.child->ref.kind) +
                                     "); install KEDA, or scale on cpu, memory or metrics"};
    case Standing::unknown:
    case Standing::absent:
    case Standing::foreign:
    case Standing::older:
      return Flaw{"NotWritten", name + " is not there yet"};
    case Standing::terminating:
      return Flaw{"NotWritten", name + " is being deleted"};
    case Standing::ours:
      break;
  }
  const auto* const seen = std::get_if<SeenScaler>(&scaler.seen->detail);
  if (s.hold != Hold::none || seen == nullptr || seen->problem.empty()) {
    return std::nullopt;  // in a hold it is meant to do nothing
  }
  return Flaw{"NotActive", name + " does not work: " + seen->problem + "; `kubectl describe` tells more of it"};
}

std::vector<Flaw> flaws(const Situation& s) {
  std::vector<Flaw> all;
  const auto add = [&](std::optional<Flaw> flaw) {
    if (flaw) {
      all.push_back(std::move(*flaw));
    }
  };
  for (const SeenChild& scaler : s.seen->scalers) {
    if (scaler.meta.owner_kind != kube::info(Kind::scaled_object).kind) {  // KEDA makes one for each of these
      add(flaw_of(s, scaler));
    }
  }
  for (const ChildState& state : s.on_request) {
    if (is_scaler(state.child->ref.kind)) {
      add(flaw_of(s, state));
    }
  }
  return all;
}

// Since when a contest is told of.
std::optional<sys_seconds> contested_since(const Situation& s) {
  const Json* const before = find_condition(s.live, condition_intent_contested);
  return before != nullptr && string_at(*before, {"status"}) == "True"
             ? from_rfc3339(string_at(*before, {"lastTransitionTime"}))
             : std::nullopt;
}

// Whether an autoscaler of ours, which is to go, may still write.
bool has_own_scaler(const Situation& s, const kube::Ref& role) {
  return other_scaler(s, {Kind::scaled_object, role.ns, role.name}) != nullptr ||
         other_scaler(s, {Kind::horizontal_pod_autoscaler, role.ns, role.name}) != nullptr;
}

// Whether somebody has set another number than the one that the spec fixes, and did so knowing it: that a role which
// was elastic until now has another one is nobody's fault.
bool is_contested(const Situation& s, std::size_t role) {
  const ChildState& object = s.roles[role].object;
  const SeenRole* const seen = role_of(object);
  const std::optional<std::int32_t>& fixed = s.cluster->spec.roles[role].replicas;
  return fixed && seen != nullptr && object.standing == Standing::ours && seen->intent != fixed &&
         !seen->intent_by.empty() && !has_own_scaler(s, object.child->ref) &&
         kube::integer_at(s.live, {"observedGeneration"}) == s.cluster->generation;
}

}  // namespace

const SeenChild* other_scaler(const Situation& s, const kube::Ref& scaler) {
  const Kind other = scaler.kind == Kind::scaled_object ? Kind::horizontal_pod_autoscaler : Kind::scaled_object;
  const auto found = s.seen->children.find({other, scaler.ns, scaler.name});
  return found != s.seen->children.end() && found->second.meta.owner_uid == s.seen->meta.uid ? &found->second : nullptr;
}

std::optional<Seconds> contest_pause(const Situation& s, std::size_t role) {
  const std::optional<sys_seconds> since = contested_since(s);
  if (!since || !is_contested(s, role)) {
    return std::nullopt;
  }
  const sys_seconds written = role_of(s.roles[role].object)->intent_at;
  const Seconds pause = std::clamp(written - *since, Seconds(1), longest_contest_pause);
  const Seconds left = written + pause - s.now.wall;
  return left > Seconds(0) && left <= longest_contest_pause ? std::optional(left) : std::nullopt;
}

Condition autoscalers_ready(const Situation& s) {
  Condition condition{std::string(condition_autoscalers_ready), "True", "AllAtWork", ""};
  const std::vector<Flaw> found = flaws(s);
  if (!found.empty()) {
    condition.status = "False";
    condition.reason = found.front().reason;
    for (const Flaw& flaw : found) {
      condition.message += (condition.message.empty() ? "" : "; ") + flaw.message;
    }
    return condition;
  }
  const auto& roles = s.cluster->spec.roles;
  if (std::none_of(roles.begin(), roles.end(), [](const Role& role) { return role.autoscaling.has_value(); })) {
    condition.reason = "NoneAsked";
  }
  return condition;
}

std::optional<Condition> intent_contested(const Situation& s, Draft& draft) {
  Condition condition{std::string(condition_intent_contested), "True", "NumberIsFixed", ""};
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    if (is_contested(s, i)) {
      const Role& role = s.cluster->spec.roles[i];
      condition.message = role_of(s.roles[i].object)->intent_by + " sets the number of pods of role " + role.name +
                          ", and the spec fixes it at " + std::to_string(*role.replicas) +
                          ": it is set back; take replicas out of the role to have it scaled from outside";
      return condition;
    }
  }
  // Whoever writes again and again is told of all the while, and not each time anew.
  const std::optional<sys_seconds> since = contested_since(s);
  if (!since || s.now.wall >= *since + contest_lasts) {
    return std::nullopt;
  }
  draft.recheck_in(std::chrono::duration_cast<Millis>(*since + contest_lasts - s.now.wall));
  condition.message = string_at(*find_condition(s.live, condition_intent_contested), {"message"});
  return condition;
}

}  // namespace nocobase_operator::app
