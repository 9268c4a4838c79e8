#include "app/situation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/setup.h"
#include "base/hash.h"
#include "kube/owned.h"
#include "kube/quantity.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::Ref;

bool is_fresh(Instant read_at, const Now& now) {
  return now.mono - read_at < read_lasts;
}

// Whether an object is this cluster's. A claim may have no owner, because it outlives the cluster: there the labels
// tell. A Secret is used whoever made it.
Standing whose(const SeenChild& child, const kube::Meta& cluster) {
  const kube::Meta& meta = child.meta;
  const bool of_a_cluster = meta.owner_kind == kube::info(Kind::nocobase_cluster).kind;
  if (of_a_cluster && meta.owner_name == cluster.ref.name && meta.owner_uid != cluster.uid) {
    return Standing::older;
  }
  const bool labelled = child.watched && child.cluster == cluster.ref.name;
  const bool ours = meta.owner_uid == cluster.uid ||
                    (meta.ref.kind == Kind::persistent_volume_claim && meta.owner_uid.empty() && labelled) ||
                    meta.ref.kind == Kind::secret;
  return meta.terminating ? Standing::terminating : ours ? Standing::ours : Standing::foreign;
}

// A claim never shrinks, and the server would refuse it.
std::shared_ptr<const Child> fit_claim(std::shared_ptr<const Child> child, const SeenChild& seen) {
  const auto* const claim = std::get_if<SeenClaim>(&seen.detail);
  const std::string wanted = kube::string_at(child->body, {"spec", "resources", "requests", "storage"});
  if (claim == nullptr || kube::compare_quantities(wanted, claim->requested) != -1) {
    return child;
  }
  Child fitted = *child;
  fitted.body["spec"]["resources"]["requests"]["storage"] = claim->requested;
  return std::make_shared<const Child>(sealed(std::move(fitted)));
}

bool matches(const ChildState& state, const Observed& seen) {
  const SeenChild& child = *state.seen;
  const auto accepted = seen.accepted.find(child.meta.ref);
  return child.watched && child.applied == state.child->hash && child.owned != 0 &&
         (child.owned == state.child->hash || (accepted != seen.accepted.end() && accepted->second == child.owned));
}

// Whether something of a role may be there: a status of ours speaks of it, or another object of it is seen. For a child
// that is no role's: whether a status speaks of any.
bool is_known(const Situation& s, const Ref& ref, const std::string* role) {
  const Json* const roles = kube::find(s.live, "roles");
  const bool is_reported =
      roles != nullptr && roles->is_array() && std::any_of(roles->begin(), roles->end(), [&](const Json& item) {
        return role == nullptr || kube::string_at(item, {"name"}) == *role;
      });
  const Kind other = ref.kind == Kind::deployment ? Kind::nocobase_role : Kind::deployment;
  return is_reported || (role != nullptr && s.seen->children.contains({other, ref.ns, ref.name}));
}

// Whether a child that no watch shows may be made without being looked for. Such a write fails where there is one after
// all, without our label, and it is read then. What other decisions rest on is looked for: data, what has been there
// before, and Deployments while pods are kept down.
bool may_be_made_unread(const Situation& s, const Ref& ref, const std::string* role) {
  const bool is_data = ref.kind == Kind::persistent_volume_claim || ref.kind == Kind::secret;
  const bool is_held = ref.kind == Kind::deployment && s.operation.step != Step::idle;
  return !is_data && !is_held && !is_known(s, ref, role);
}

// How a child stands: a role's, where one is named.
ChildState stand(std::shared_ptr<const Child> child, const Situation& s, const std::string* role = nullptr) {
  const Observed& seen = *s.seen;
  const Now& now = s.now;
  ChildState state;
  state.child = std::move(child);
  const Ref& ref = state.child->ref;
  if (seen.missing_kinds.contains(ref.kind)) {
    state.standing = Standing::no_kind;
    return state;
  }
  const auto found = seen.children.find(ref);
  if (found == seen.children.end() || (!found->second.watched && !is_fresh(found->second.read_at, now))) {
    const auto absent = seen.absent.find(ref);
    const bool read = absent != seen.absent.end() && is_fresh(absent->second, now);
    state.unread = !read && found == seen.children.end() && may_be_made_unread(s, ref, role);
    const bool gone = read || state.unread;
    state.standing = gone ? Standing::absent : Standing::unknown;
    state.starts =
        gone && ref.kind == Kind::deployment && kube::integer_at(state.child->body, {"spec", "replicas"}) > 0;
    return state;
  }
  state.seen = &found->second;
  state.standing = whose(*state.seen, seen.meta);
  if (ref.kind == Kind::persistent_volume_claim && state.standing == Standing::ours) {
    state.child = fit_claim(std::move(state.child), *state.seen);
  }
  state.in_sync = state.standing == Standing::ours && matches(state, seen);
  const SeenDeployment* const deployment = deployment_of(state);
  if (deployment != nullptr && state.standing == Standing::ours && !state.in_sync) {
    const std::int64_t wanted = kube::integer_at(state.child->body, {"spec", "replicas"});
    state.rolls =
        wanted > 0 && deployment->spec_replicas > 0 && deployment->template_hash != template_hash(state.child->body);
    state.starts = state.rolls || (wanted > 0 && deployment->spec_replicas == 0);
  }
  return state;
}

// How many pods were wanted of an elastic role when the status was last written.
std::optional<std::int32_t> last_known_intent(const Json& live, const std::string& role) {
  const Json* const roles = kube::find(live, "roles");
  if (roles == nullptr || !roles->is_array()) {
    return std::nullopt;
  }
  for (const Json& item : *roles) {
    const std::int64_t desired = kube::integer_at(item, {"desired"}, -1);
    if (kube::string_at(item, {"name"}) == role && desired >= 0 && desired <= max_worker_ids) {
      return static_cast<std::int32_t>(desired);
    }
  }
  return std::nullopt;
}

RoleNow role_now(const Situation& s, const Role& role) {
  RoleNow now;
  const Observed& seen = *s.seen;
  const std::string name = child_name(*s.cluster, role.name);
  const auto object = seen.children.find({Kind::nocobase_role, s.cluster->ns, name});
  if (object != seen.children.end() && object->second.meta.owner_uid == seen.meta.uid) {
    const auto* const detail = std::get_if<SeenRole>(&object->second.detail);
    now.intent = detail != nullptr ? detail->intent : std::nullopt;
  }
  if (!now.intent) {
    now.intent = last_known_intent(s.live, role.name);
  }
  const auto deployment = seen.children.find({Kind::deployment, s.cluster->ns, name});
  if (deployment != seen.children.end() && deployment->second.meta.owner_uid == seen.meta.uid) {
    const auto* const detail = std::get_if<SeenDeployment>(&deployment->second.detail);
    now.effect = detail != nullptr ? detail->spec_replicas : 0;
    now.rolling = is_rolling(deployment->second);
  }
  return now;
}

// The Deployment with what only observation tells. Until the content is known, what the pods were made of stays: not
// knowing it is no reason to replace them.
std::shared_ptr<const Child> finished(Memo::Deployment& deployment, const Content& content, const Observed& seen) {
  const Child& rendered = deployment.child();
  const auto found = seen.children.find(rendered.ref);
  const bool is_there = found != seen.children.end();
  const auto* const live = !is_there || found->second.meta.owner_uid != seen.meta.uid
                               ? nullptr
                               : std::get_if<SeenDeployment>(&found->second.detail);
  const std::uint64_t before = live == nullptr ? 0 : live->content;
  const std::uint64_t now = content.hash != 0 ? content.hash : before;
  if (!is_there && now == 0 && kube::integer_at(rendered.body, {"spec", "replicas"}) > 0) {
    return deployment.shared();  // its pods lack something: it is not written before that is known
  }
  return deployment.sealed({now, is_there ? found->second.epoch : 0, is_there ? found->second.applied : 0});
}

bool is_over(const SeenPod& pod) {
  return pod.phase == "Succeeded" || pod.phase == "Failed";
}

// Counts pods by role; those that have ended hold no worker id. A list is younger than all that the watch has shown.
void count_pods(const Situation& s, std::vector<RoleNow>& roles, std::int32_t& others) {
  for (const SeenPod& pod : has_listed_pods(s) ? s.seen->pods_read->pods : s.seen->pods) {
    const bool of_job = pod.role == component_pull || pod.role == component_backup || pod.role == component_verify;
    if (is_over(pod) || of_job) {
      continue;
    }
    const auto role = std::find_if(s.cluster->spec.roles.begin(), s.cluster->spec.roles.end(),
                                   [&](const Role& item) { return item.name == pod.role; });
    if (role == s.cluster->spec.roles.end()) {
      ++others;
      continue;
    }
    RoleNow& now = roles[static_cast<std::size_t>(role - s.cluster->spec.roles.begin())];
    ++now.pods;
    now.leaving += pod.meta.terminating ? 1 : 0;
  }
}

std::vector<RoleNow> roles_now(const Situation& s, std::int32_t& others) {
  std::vector<RoleNow> roles;
  for (const Role& role : s.cluster->spec.roles) {
    roles.push_back(role_now(s, role));
  }
  count_pods(s, roles, others);
  return roles;
}

// Without KEDA nothing sets the number of a role that it is to scale.
std::vector<RoleEffect> wanted_effects(const Situation& s, const std::vector<RoleNow>& roles) {
  std::vector<RoleEffect> wanted = effects(*s.cluster, roles, s.other_pods, s.hold);
  if (!s.seen->missing_kinds.contains(Kind::scaled_object)) {
    return wanted;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].why == Why::autoscaler && is_for_keda(s.cluster->spec.roles[i])) {
      wanted[i].why = Why::keda_missing;
    }
  }
  return wanted;
}

std::vector<RoleCount> counts_of(const std::vector<RoleEffect>& effects) {
  std::vector<RoleCount> counts;
  counts.reserve(effects.size());
  for (const RoleEffect& effect : effects) {
    counts.push_back(effect.count);
  }
  return counts;
}

}  // namespace

bool has_listed_pods(const Situation& s) {
  return s.seen->pods_read && s.now.mono - s.seen->pods_read->at < proof_lasts;
}

std::vector<const ChildState*> all_children(const Situation& s) {
  std::vector<const ChildState*> all;
  for (const ChildState& state : s.children) {
    all.push_back(&state);
  }
  for (const RoleState& role : s.roles) {
    all.insert(all.end(), {&role.object, &role.deployment});
  }
  for (const ChildState& state : s.on_request) {
    all.push_back(&state);
  }
  return all;
}

bool is_on_request(Kind kind) {
  constexpr std::array kinds = {Kind::pod_disruption_budget,
                                Kind::horizontal_pod_autoscaler,
                                Kind::trigger_authentication,
                                Kind::scaled_object,
                                Kind::network_policy,
                                Kind::ingress,
                                Kind::http_route,
                                Kind::pod_monitor};
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool is_scaler(Kind kind) {
  return kind == Kind::horizontal_pod_autoscaler || kind == Kind::scaled_object;
}

bool is_of_keda(Kind kind) {
  return kind == Kind::scaled_object || kind == Kind::trigger_authentication;
}

const SeenDeployment* deployment_of(const ChildState& state) {
  return state.seen == nullptr ? nullptr : std::get_if<SeenDeployment>(&state.seen->detail);
}

const SeenRole* role_of(const ChildState& state) {
  return state.seen == nullptr ? nullptr : std::get_if<SeenRole>(&state.seen->detail);
}

bool is_rolling(const SeenChild& deployment) {
  const auto* const seen = std::get_if<SeenDeployment>(&deployment.detail);
  if (seen == nullptr) {
    return false;
  }
  // "NewReplicaSetAvailable" stays once a roll-out has been complete, whatever becomes of its pods later: a role that
  // fails for reasons of its own holds up nobody (pkg/controller/deployment/progress.go).
  const bool complete = seen->ready >= seen->spec_replicas || seen->progress == "NewReplicaSetAvailable";
  return seen->observed_generation < deployment.meta.generation || seen->updated < seen->replicas || !complete;
}

std::int64_t epoch_of(const Json& status) {
  return kube::integer_at(status, {"operation", "epoch"});
}

Result<Situation> assess(const Observed& seen, Memo::Work& work, const Now& now) {
  Situation s;
  s.seen = &seen;
  s.now = now;
  s.cluster = work.cluster();
  const Json* const live = kube::find(seen.cluster, "status");
  s.live = live != nullptr && live->is_object() ? *live : Json::object();
  s.operation = operation_of(s.live);
  s.hold = holds(s.operation) ? Hold::upgrade : hold_of(s.cluster->spec);
  const std::vector<RoleNow> roles = roles_now(s, s.other_pods);
  const std::vector<RoleEffect> wanted = wanted_effects(s, roles);
  // Roles run what was last set up, whatever image is asked for.
  const bool is_set_up = s.operation.record && !s.operation.record->runs.empty();
  const std::string& image = is_set_up ? s.operation.record->runs : s.cluster->spec.image;
  const Memo::Rendered& rendered =
      *TRY(work.rendered(image, {nullptr, counts_of(wanted), s.operation.epoch, false, s.hold != Hold::none}));
  std::vector<std::shared_ptr<const Child>> children = rendered.children;
  const Step step = s.operation.step;
  if (step == Step::setup || step == Step::migrate || step == Step::verify) {
    children.push_back(std::make_shared<const Child>(setup_budget(*s.cluster)));
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    s.roles.push_back({roles[i], wanted[i], rendered.worker_modes[i], rendered.references[i], {}, {}, {}});
  }
  const Ref keys = {Kind::secret, s.cluster->ns, keys_secret_name(*s.cluster)};
  std::size_t objects = 0;
  for (std::shared_ptr<const Child>& child : children) {
    const Kind kind = child->ref.kind;
    if (kind == Kind::nocobase_role) {
      s.roles[objects].object = stand(std::move(child), s, &s.cluster->spec.roles[objects].name);
      ++objects;
    } else {
      (is_on_request(kind) ? s.on_request : s.children).push_back(stand(std::move(child), s));
    }
  }
  CHECK(objects == s.roles.size());
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    RoleState& role = s.roles[i];
    role.content = content_of(role.references, seen, keys);
    role.deployment = stand(finished(work.deployment(i), role.content, seen), s, &s.cluster->spec.roles[i].name);
  }
  s.keys = stand(std::make_shared<const Child>(Child{keys, {}, 0}), s);
  return s;
}

}  // namespace nocobase_operator::app
