#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/plan_parts.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

using kube::Call;
using kube::Kind;
using kube::Precondition;
using kube::Ref;
using kube::Verb;

Precondition same_object(const SeenChild& seen) {
  return {seen.meta.uid, ""};
}

Precondition same_version(const SeenChild& seen) {
  return {seen.meta.uid, std::to_string(seen.meta.version)};
}

// A body that names an object and says nothing of it.
Json bare(const Ref& ref) {
  return {{"apiVersion", kube::api_version(ref.kind)},
          {"kind", kube::info(ref.kind).kind},
          {"metadata", {{"name", ref.name}, {"namespace", ref.ns}}}};
}

// What to do about a kind that is missing: the field that asks for it, and the ways out.
struct Remedy {
  Kind kind;
  std::string_view field;
  std::string_view advice;
};
constexpr std::array<Remedy, 2> remedies = {
    {{Kind::http_route, "spec.gateway", "install the Gateway API CRDs, or use spec.ingress"},
     {Kind::pod_monitor, "spec.monitoring.podMonitor", "install the Prometheus operator, or take podMonitor out"}}};

Trouble missing_kind(Kind kind) {
  const auto* const remedy =
      std::find_if(remedies.begin(), remedies.end(), [&](const Remedy& item) { return item.kind == kind; });
  CHECK(remedy != remedies.end());
  return {"KindMissing", std::string(remedy->field) + ": this Kubernetes has no " + std::string(kube::info(kind).kind) +
                             " (" + kube::api_version(kind) + "); " + std::string(remedy->advice)};
}

// Speaks of what is in the way. Whether the child may be written. Without KEDA a role keeps the pods it has: that is
// for a condition of its own, and no trouble of the cluster's.
bool is_writable(const ChildState& state, Draft& draft) {
  const std::string name = kube::to_string(state.child->ref);
  const bool of_keda = is_of_keda(state.child->ref.kind);
  switch (state.standing) {
    case Standing::no_kind:
      if (!of_keda) {
        draft.stall(missing_kind(state.child->ref.kind));
      }
      draft.recheck_in(read_lasts);
      return false;
    case Standing::unknown:
      return false;
    case Standing::foreign:
      draft.stall(
          {"NameConflict", name + " exists and is not this cluster's; remove it, or give one of them another name"});
      draft.recheck_in(read_lasts);
      return false;
    case Standing::older:
      draft.waits.push_back({.message = "waiting until " + name + " of an older cluster of this name is gone"});
      draft.recheck_in(read_lasts);
      return false;
    case Standing::terminating:
      if (!of_keda) {
        draft.waits.push_back({.message = "waiting until " + name + ", which is being deleted, is gone"});
      }
      draft.recheck_in(read_lasts);
      return false;
    case Standing::absent:
    case Standing::ours:
      return true;
  }
  return false;
}

void write(const Situation& s, const ChildState& state, const Precondition& if_there, Draft& draft) {
  CHECK(state.child->hash != 0);
  push(s,
       apply_call(state.child->ref, state.child->body, manager,
                  state.standing == Standing::absent ? kube::must_not_exist : if_there),
       draft);
}

void draft_child(const Situation& s, const ChildState& state, Draft& draft) {
  if (!is_writable(state, draft) || state.in_sync) {
    return;
  }
  const bool is_new_claim =
      state.child->ref.kind == Kind::persistent_volume_claim && state.standing == Standing::absent;
  draft.pending.push_back(kube::to_string(state.child->ref));
  if (is_new_claim && draft.keys.state != KeysState::usable) {
    return;
  }
  write(s, state, state.seen != nullptr ? same_object(*state.seen) : Precondition{}, draft);
}

// Who says how many pods an elastic role is to have must never be left without an owner: a sole owner that leaves the
// field out removes it, and its scale subresource then fails. Whether the main manager may apply now.
bool draft_intent(const Situation& s, const Role& role, const RoleState& state, Draft& draft) {
  const SeenRole* const seen = role_of(state.object);
  if (seen == nullptr || state.object.standing != Standing::ours) {
    return true;
  }
  const Ref& ref = state.object.child->ref;
  if (role.replicas) {
    if (seen->main_owns_intent && seen->intent_manager_owns) {
      push(s, apply_call(ref, bare(ref), intent_manager, same_object(*state.object.seen)), draft);
    }
    return true;
  }
  const bool ours_alone = seen->main_owns_intent && !seen->intent_manager_owns;
  const bool overwrites = is_mutant("intent-overwritten") && seen->intent != state.effect.count.effect;
  if (seen->intent && !ours_alone && !overwrites) {
    return true;
  }
  Json body = bare(ref);
  body["spec"]["replicas"] = overwrites ? state.effect.count.effect : seen->intent.value_or(state.effect.count.intent);
  push(s, apply_call(ref, std::move(body), intent_manager, same_version(*state.object.seen)), draft);
  return !ours_alone;
}

// Whether the main manager has let go of the intent of the role whose objects have this name. An autoscaler is made
// after that, so that nobody writes a number that somebody else is about to take away.
bool is_handed_over(const Situation& s, const std::string& name) {
  const auto role = std::find_if(s.roles.begin(), s.roles.end(),
                                 [&](const RoleState& state) { return state.object.child->ref.name == name; });
  const SeenRole* const seen = role == s.roles.end() ? nullptr : role_of(role->object);
  return seen != nullptr && role->object.standing == Standing::ours && seen->intent && !seen->main_owns_intent;
}

std::string selector_text(const Json& deployment) {
  std::string text;
  const Json* const labels = kube::find_path(deployment, {"spec", "selector", "matchLabels"});
  if (labels == nullptr || !labels->is_object()) {
    return text;
  }
  for (const auto& [key, value] : labels->items()) {
    text += (text.empty() ? "" : ",") + key + "=" + kube::string_at(*labels, {key});
  }
  return text;
}

void draft_role_status(const Situation& s, const RoleState& state, Draft& draft) {
  const SeenRole* const seen = role_of(state.object);
  if (seen == nullptr || state.object.standing != Standing::ours) {
    return;
  }
  const kube::Meta& meta = state.object.seen->meta;
  const SeenDeployment* const deployment =
      state.deployment.standing == Standing::ours ? deployment_of(state.deployment) : nullptr;
  RoleReport report{.worker_mode = state.worker_mode,
                    .replicas = deployment != nullptr ? deployment->replicas : 0,
                    .ready = deployment != nullptr ? deployment->ready : 0,
                    .selector = "",
                    .why = state.effect.why,
                    .observed_generation = meta.generation};
  // Nor while the pods of a hold that is over are not back yet: an autoscaler would count them, and lower the intent.
  const bool coming_back = deployment != nullptr && deployment->spec_replicas == 0 && state.effect.count.effect > 0;
  if ((s.hold == Hold::none && !coming_back) || is_mutant("selector-kept")) {
    report.selector = selector_text(state.deployment.child->body);
  }
  Json status = to_json(report);
  const std::uint64_t hash = status_hash(status);
  const auto written = s.seen->statuses.find(meta.ref);
  const bool is_out =
      written != s.seen->statuses.end() && written->second.hash == hash && meta.version <= written->second.version;
  if (seen->status_hash == hash || is_out) {
    return;
  }
  Json body = bare(meta.ref);
  body["status"] = std::move(status);
  Call call = apply_call(meta.ref, std::move(body), manager, same_object(*state.object.seen));
  call.verb = Verb::apply_status;
  push(s, std::move(call), draft);
}

// The one role whose pods may be replaced now: roles roll one at a time, those that serve requests last, and the next
// one begins when the one before is through. A role that rolls and is to roll again keeps nobody waiting: what is new
// may be what mends it; nor does one that cannot roll, because something is missing that its pods refer to.
std::optional<std::size_t> turn_of(const Situation& s) {
  std::optional<std::size_t> turn;
  for (const bool requests : {false, true}) {
    for (std::size_t i = 0; i < s.roles.size(); ++i) {
      const ChildState& state = s.roles[i].deployment;
      if (state.standing == Standing::ours && !state.rolls && is_rolling(*state.seen)) {
        return std::nullopt;
      }
      if (state.rolls && s.cluster->spec.roles[i].requests == requests && !turn && !lacks_content(s.roles[i])) {
        turn = i;
      }
    }
  }
  return turn;
}

// Whether an autoscaler still sees the pods that a hold is about to take away; it would lower the intent.
bool is_exposed(const Situation& s, std::size_t role) {
  const RoleState& state = s.roles[role];
  const SeenRole* const seen = role_of(state.object);
  return s.hold != Hold::none && !s.cluster->spec.roles[role].replicas && seen != nullptr &&
         state.object.standing == Standing::ours && seen->selectable && state.effect.count.effect < state.now.effect;
}

void draft_deployment(const Situation& s, std::size_t role, bool its_turn, Draft& draft) {
  const ChildState& state = s.roles[role].deployment;
  if (!is_writable(state, draft) || state.in_sync) {
    return;
  }
  // Before anything has been set up it is not known which image a role will run.
  const SetupRecord record = s.operation.record.value_or(SetupRecord{});
  const SeenDeployment* const seen = deployment_of(state);
  if (record.runs.empty() && (seen == nullptr || seen->spec_replicas == 0)) {
    return;
  }
  const bool starts_pods = state.standing == Standing::absent || state.rolls;
  const bool without_keys = starts_pods && draft.keys.state != KeysState::usable;
  const bool waits = !draft.lifecycle.may_raise && state.starts && !is_mutant("raised-too-early");
  if (waits || is_exposed(s, role) || without_keys || lacks_content(s.roles[role]) || (state.rolls && !its_turn)) {
    return;
  }
  write(s, state, state.seen != nullptr ? same_version(*state.seen) : Precondition{}, draft);
}

// Whether a role is to get more pods, where those that are wanted and as many that are still to go would not all find a
// worker id: a watch that is behind must not be what tells how many there are.
bool is_raised_near_the_limit(const Situation& s) {
  std::int32_t wanted = 0;
  bool raised = false;
  for (const RoleState& role : s.roles) {
    wanted += role.effect.count.effect;
    raised = raised || role.effect.count.effect > role.now.effect;
  }
  return raised && 2 * wanted > max_worker_ids;
}

// Whether a role is to get fewer pods than somebody else has asked for, because the spec has a number: of an older copy
// of the spec that number may have been taken out since.
bool lowers_intent_of_others(const Situation& s) {
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const std::optional<std::int32_t>& fixed = s.cluster->spec.roles[i].replicas;
    const SeenRole* const seen = role_of(s.roles[i].object);
    if (fixed && seen != nullptr && s.roles[i].object.standing == Standing::ours && !seen->main_owns_intent &&
        !seen->intent_manager_owns && seen->intent.value_or(0) > *fixed && !contest_pause(s, i)) {
      return true;
    }
  }
  return false;
}

// What is deleted when the spec no longer asks for it. The rest has an owner that garbage collection follows, or holds
// data.
bool is_removable(Kind kind) {
  return kind == Kind::deployment || kind == Kind::nocobase_role || is_on_request(kind);
}

}  // namespace

void push(const Situation& s, Call call, Draft& draft) {
  const auto refusal = s.seen->refusals.find(call.ref);
  if (refusal != s.seen->refusals.end()) {
    draft.stall({"Refused", "the API server refuses " + kube::to_string(call.ref) + ": " + refusal->second});
  }
  draft.writes.push_back(std::move(call));
}

Call apply_call(const Ref& ref, Json body, std::string_view by, Precondition precondition) {
  Call call;
  call.verb = Verb::apply;
  call.ref = ref;
  call.body = std::move(body);
  call.manager = by;
  call.precondition = std::move(precondition);
  return call;
}

void draft_reads(const Situation& s, Draft& draft) {
  for (const ChildState* const state : all_children(s)) {
    if (state->standing == Standing::unknown) {
      draft.reads.push_back(kube::get_call(state->child->ref));
    }
  }
  draft_keys(s, draft);
  draft_content(s, draft);
  if (draft.reads.empty()) {
    draft_lifecycle(s, draft);
  }
  // A step rests on there being no Deployments but those that are seen.
  for (const RoleState& role : s.roles) {
    if (draft.next_status && role.deployment.unread) {
      draft.reads.push_back(kube::get_call(role.deployment.child->ref));
    }
  }
  if (draft.reads.empty() && !draft.next_status && !has_listed_pods(s)) {
    const bool lowers = lowers_intent_of_others(s);
    if (lowers) {
      draft.reads.push_back(kube::get_call(s.seen->meta.ref));
    }
    if (lowers || is_raised_near_the_limit(s)) {
      draft.reads.push_back(list_pods(s));  // which also says when the cluster was read
    }
  }
  for (const Call& read : draft.reads) {
    const auto refusal = s.seen->refusals.find(read.ref);
    if (refusal != s.seen->refusals.end()) {
      draft.refuse("the API server refuses to show " + kube::to_string(read.ref) + ": " + refusal->second);
    }
  }
}

Call list_pods(const Situation& s) {
  Call call;
  call.verb = Verb::list;
  call.ref = {Kind::pod, s.cluster->ns, ""};
  call.selector = std::string(label_instance) + "=" + s.cluster->name + "," + std::string(label_managed_by) + "=" +
                  std::string(manager);
  return call;
}

void draft_children(const Situation& s, Draft& draft) {
  for (const ChildState& state : s.children) {
    draft_child(s, state, draft);
  }
  draft_setup(s, draft);
  const std::optional<std::size_t> turn = turn_of(s);
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const RoleState& role = s.roles[i];
    const bool main_may_apply = draft_intent(s, s.cluster->spec.roles[i], role, draft);
    if (const std::optional<Seconds> pause = contest_pause(s, i)) {
      draft.recheck_in(*pause);
    } else if (main_may_apply) {
      draft_child(s, role.object, draft);
    }
    draft_role_status(s, role, draft);
    draft_deployment(s, i, turn == i, draft);
  }
  for (const ChildState& state : s.on_request) {
    const Ref& ref = state.child->ref;
    const bool waits = is_scaler(ref.kind) && state.standing != Standing::no_kind &&
                       (!is_handed_over(s, ref.name) || other_scaler(s, ref) != nullptr);
    if (waits) {
      draft.pending.push_back(kube::to_string(ref));
    } else {
      draft_child(s, state, draft);
    }
  }
}

void draft_removals(const Situation& s, Draft& draft) {
  std::set<Ref> wanted;
  for (const ChildState* const state : all_children(s)) {
    wanted.insert(state->child->ref);
  }
  for (const auto& [ref, child] : s.seen->children) {
    const bool ours = child.watched && child.cluster == s.cluster->name && child.meta.owner_uid == s.seen->meta.uid;
    if (!is_removable(ref.kind) || !ours || child.meta.terminating || wanted.contains(ref)) {
      continue;
    }
    Call call;
    call.verb = Verb::remove;
    call.ref = ref;
    call.precondition = same_version(child);
    call.propagation = kube::Propagation::background;
    push(s, std::move(call), draft);
  }
}

}  // namespace nocobase_operator::app
