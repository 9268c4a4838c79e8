#include <algorithm>
#include <utility>

#include "app/defaults.h"
#include "app/image.h"
#include "app/plan_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::string_at;
using std::chrono::sys_seconds;

constexpr std::string_view reason_time_limit = "ProgressDeadlineExceeded";

// Since when the cluster has been on its way to what is asked for.
struct Underway {
  std::optional<sys_seconds> since;  // nothing: a time limit was over at `stalled`, and it is still the same spec
  sys_seconds stalled{};
};

Underway underway(const Situation& s) {
  const Json* const reconciling = find_condition(s.live, condition_reconciling);
  const Json* const stalled = find_condition(s.live, condition_stalled);
  const auto time = [](const Json& condition) { return from_rfc3339(string_at(condition, {"lastTransitionTime"})); };
  if (reconciling != nullptr && string_at(*reconciling, {"status"}) == "True") {
    return {time(*reconciling).value_or(s.now.wall), {}};
  }
  if (stalled != nullptr && string_at(*stalled, {"status"}) == "True" &&
      string_at(*stalled, {"reason"}) == reason_time_limit &&
      kube::integer_at(*stalled, {"observedGeneration"}) == s.cluster->generation && time(*stalled)) {
    return {std::nullopt, *time(*stalled)};
  }
  return {s.now.wall, {}};
}

// When the limit of something unmet is over.
std::optional<sys_seconds> deadline_of(const Unmet& unmet, const Underway& underway, sys_seconds step_began) {
  if (!unmet.limit) {
    return std::nullopt;
  }
  const sys_seconds since = underway.since ? *underway.since : underway.stalled - *unmet.limit;
  return std::max({since, unmet.progress, step_began}) + *unmet.limit;
}

Phase phase_of(const Situation& s, const std::vector<Unmet>& roles) {
  const bool reached = roles.empty();
  if (s.hold == Hold::upgrade || s.operation.step == Step::start) {
    return phase_of_step(s.operation, s.cluster->spec);
  }
  const bool draining = std::any_of(roles.begin(), roles.end(), [](const Unmet& unmet) { return unmet.draining; });
  switch (s.hold) {
    case Hold::upgrade:
      break;
    case Hold::stopped:
      return reached ? Phase::stopped : Phase::draining;
    case Hold::maintenance:
      return reached ? Phase::maintenance : draining ? Phase::draining : Phase::starting;
    case Hold::none:
      break;
  }
  if (reached) {
    return Phase::running;
  }
  if (string_at(s.live, {"image"}).empty()) {  // no status has spoken of pods
    return s.operation.record && !s.operation.record->runs.empty() ? Phase::starting : Phase::installing;
  }
  const std::string before = string_at(s.live, {"phase"});
  for (const Phase phase : {Phase::draining, Phase::stopped, Phase::maintenance, Phase::starting}) {
    if (before == name_of(phase)) {
      return Phase::starting;
    }
  }
  return Phase::running;
}

// The phase as the reason of a condition; what happens while running has names of its own.
std::string_view reason_of(const Situation& s, Phase phase) {
  if (phase != Phase::running) {
    return name_of(phase);
  }
  const bool rolling = std::any_of(s.roles.begin(), s.roles.end(), [](const RoleState& role) {
    return role.deployment.rolls || (role.deployment.standing == Standing::ours && is_rolling(*role.deployment.seen));
  });
  return rolling ? "Rolling" : "PodsNotReady";
}

std::string with_note(std::string message, const Situation& s) {
  std::int32_t pods = 0;
  for (const RoleState& role : s.roles) {
    pods += role.effect.count.effect;
  }
  if (pods > 1 && !unshared(s.cluster->spec).empty()) {
    message += "; work does not cross pods, because spec.coordination does not share it";
  }
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    if (const std::vector<std::string>& missing = s.roles[i].content.missing; !missing.empty()) {
      return message + "; " + missing.front() + ", and role " + s.cluster->spec.roles[i].name +
             " starts no pod without it";
    }
  }
  return message;
}

// The one to speak of: what fails, else what is going on, else what only waits for its turn.
const Unmet* foremost(const std::vector<Unmet>& all) {
  const auto first = [&](auto&& is) -> const Unmet* {
    const auto found = std::find_if(all.begin(), all.end(), is);
    return found == all.end() ? nullptr : &*found;
  };
  if (const Unmet* const failing = first([](const Unmet& unmet) { return unmet.failing; })) {
    return failing;
  }
  const Unmet* const going_on = first([](const Unmet& unmet) { return unmet.limit.has_value(); });
  return going_on != nullptr || all.empty() ? going_on : &all.front();
}

Condition ready_condition(const Situation& s, const Draft& draft, const std::vector<Unmet>& roles, Phase phase) {
  Condition ready{std::string(condition_ready), "False", "", ""};
  if (const Unmet* const unmet = foremost(roles)) {
    ready.reason = !unmet->reason.empty() ? unmet->reason : unmet->failing ? "PodsFailing" : reason_of(s, phase);
    ready.message = unmet->message;
    return ready;
  }
  if (!draft.waits.empty() && !draft.trouble) {
    ready.reason = "Waiting";
    ready.message = draft.waits.front().message;
    return ready;
  }
  ready.status = "True";
  switch (s.hold) {
    case Hold::upgrade:
    case Hold::stopped:
      ready.reason = name_of(Phase::stopped);
      ready.message = "no pod runs, as asked";
      break;
    case Hold::maintenance:
      ready.reason = name_of(Phase::maintenance);
      ready.message = "one pod runs, as asked";
      break;
    case Hold::none:
      ready.reason = "AllRolesReady";
      ready.message = with_note("every role has the pods it is to have", s);
      break;
  }
  return ready;
}

// Reconciling and Stalled: at most one of them holds.
std::pair<Condition, Condition> progress_conditions(const Draft& draft, const Condition& ready, std::string_view reason,
                                                    const Unmet* unmet) {
  Condition reconciling{std::string(condition_reconciling), "False", "AsExpected", ""};
  Condition stalled{std::string(condition_stalled), "False", "AsExpected", ""};
  if (draft.trouble) {
    reconciling.reason = "Stalled";
    stalled.status = "True";
    stalled.reason = draft.trouble->reason;
    stalled.message = draft.trouble->message;
  } else if (unmet != nullptr) {
    reconciling.status = "True";
    reconciling.reason = ready.status != "True" && ready.reason != "Waiting" ? reason
                         : unmet->reason.empty()                             ? "Waiting"
                                                                             : unmet->reason;
    reconciling.message = unmet->message;
  }
  return {std::move(reconciling), std::move(stalled)};
}

// A limit that is over is trouble; the next one to come is a time to look again.
void watch_limits(const Situation& s, const std::vector<Unmet>& all, Draft& draft) {
  const Underway since = underway(s);
  for (const Unmet& unmet : all) {
    const std::optional<sys_seconds> deadline = deadline_of(unmet, since, s.operation.since);
    if (!deadline) {
      continue;
    }
    if (*deadline <= s.now.wall) {
      draft.stall({std::string(reason_time_limit),
                   "no progress for " + std::to_string(unmet.limit->count()) + " s: " + unmet.message});
    } else {
      draft.recheck_in(std::chrono::duration_cast<Millis>(*deadline - s.now.wall));
    }
  }
}

// What a spec change has left to write outside the roles. A drift that is put right at once is nobody's news.
std::vector<Unmet> unmet_outside(const Situation& s, const Draft& draft) {
  std::vector<Unmet> all = draft.waits;
  const Json* const reconciling = find_condition(s.live, condition_reconciling);
  const bool changing = kube::integer_at(s.live, {"observedGeneration"}) != s.cluster->generation ||
                        (reconciling != nullptr && string_at(*reconciling, {"status"}) == "True");
  if (changing && !draft.pending.empty()) {
    all.push_back({.message = "writing " + draft.pending.front()});
  }
  for (Unmet& unmet : all) {
    unmet.limit = Seconds(progress_deadline_seconds(s.cluster->spec));
  }
  return all;
}

// While no role has pods, what holds them is all there is to say of them.
std::vector<Unmet> held_by(const Situation& s, const Draft& draft) {
  if (s.operation.step == Step::idle && s.cluster->spec.stopped) {
    return {};
  }
  Unmet unmet;
  unmet.message = draft.lifecycle.awaits ? draft.lifecycle.awaits->message : "nothing runs";
  const std::string_view reason = draft.lifecycle.awaits ? std::string_view(draft.lifecycle.awaits->reason) : "";
  if (reason == "ReferenceMissing" || reason == name_of(Phase::awaiting_approval)) {
    unmet.reason = reason;
  }
  unmet.draining = s.operation.step == Step::drain;
  return {unmet};
}

void describe(const Situation& s, const Draft& draft, Status& status) {
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const RoleState& role = s.roles[i];
    const SeenDeployment* const seen = deployment_of(role.deployment);
    const bool counted = seen != nullptr && role.deployment.standing == Standing::ours;
    status.roles.push_back({.name = s.cluster->spec.roles[i].name,
                            .worker_mode = role.worker_mode,
                            .desired = role.effect.count.intent,
                            .effective = role.effect.count.effect,
                            .ready = counted ? seen->ready : 0,
                            .updated = counted ? seen->updated : 0,
                            .why = role.effect.why});
  }
  std::vector<RoleEffect> effects;
  for (const RoleState& role : s.roles) {
    effects.push_back(role.effect);
  }
  status.worker_ids_worst = worst_case(s.cluster->spec, effects);
  status.services = served(s);
  const bool known = draft.keys.state == KeysState::usable;
  status.key_fingerprint = known ? draft.keys.fingerprint : string_at(s.live, {"keyFingerprint"});
}

}  // namespace

Json draft_status(const Situation& s, Draft& draft) {
  std::vector<Unmet> roles;
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    if (std::optional<Unmet> unmet = unmet_of(s, i)) {
      roles.push_back(std::move(*unmet));
    }
  }
  const std::optional<Told>& awaits = draft.lifecycle.awaits;
  if (s.hold == Hold::upgrade) {
    roles = held_by(s, draft);
  }
  std::vector<Unmet> all = unmet_outside(s, draft);
  if (s.hold != Hold::upgrade && awaits) {
    all.push_back({.message = awaits->message, .reason = awaits->reason});
  }
  all.insert(all.end(), roles.begin(), roles.end());
  watch_limits(s, all, draft);

  Status status;
  Phase phase = phase_of(s, roles);
  const bool first = phase == Phase::starting && string_at(s.live, {"image"}).empty();
  const bool at_rest = phase == Phase::running || phase == Phase::installing || first;
  if (at_rest && awaits && awaits->reason == name_of(Phase::awaiting_approval)) {
    phase = Phase::awaiting_approval;
  }
  status.phase = draft.trouble ? Phase::blocked : phase;
  status.observed_generation = s.cluster->generation;
  const Condition ready = ready_condition(s, draft, roles, phase);
  auto [reconciling, stalled] = progress_conditions(draft, ready, reason_of(s, phase), foremost(all));
  status.conditions = {ready, std::move(reconciling), std::move(stalled)};
  std::vector<Condition> standing = standing_conditions(s, draft);
  std::move(standing.begin(), standing.end(), std::back_inserter(status.conditions));
  if (std::optional<Condition> contested = intent_contested(s, draft)) {
    status.conditions.push_back(std::move(*contested));
  }
  describe(s, draft, status);
  const SetupRecord record = s.operation.record.value_or(SetupRecord{});
  status.image = record.runs;
  const std::optional<Image> image = parse_image(record.image);
  status.version = image && image->version ? to_string(*image->version) : "";
  return to_json(status, s.live, s.now);
}

}  // namespace nocobase_operator::app
