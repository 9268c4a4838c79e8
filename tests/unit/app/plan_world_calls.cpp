// The server of the world that plans are carried out on: what each call does to it.
#include <algorithm>
#include <utility>

#include "app/names.h"
#include "app/status.h"
#include "base/hash.h"
#include "kube/owned.h"
#include "plan_world.h"

namespace nocobase_operator::app {

using kube::Kind;
using kube::Ref;
using kube::string_at;

// What a write gives back, or the read that follows one that failed, is newer than what was read before.
std::string World::call(const kube::Call& call) {
  if (call.verb == kube::Verb::get && call.ref.kind == Kind::nocobase_cluster) {
    return "";  // what is shown is the newest
  }
  if (call.verb == kube::Verb::list) {
    pods_read_ = PodsRead{observe().pods, now_.mono};
    return "";
  }
  std::string problem = execute(call);
  if (problem.empty() && kube::is_write(call.verb)) {
    pods_read_.reset();
  }
  if (problem == "Conflict" && call.verb == kube::Verb::apply) {
    execute(kube::get_call(call.ref));
  } else if (const auto read = read_.find(call.ref); read != read_.end() && kube::is_write(call.verb)) {
    if (const SeenChild* const child = find(call.ref)) {
      read->second = *child;
      read->second.read_at = now_.mono;
    } else {
      read_.erase(read);
    }
  }
  return problem;
}

std::string World::execute(const kube::Call& call) {
  if (missing_kinds.contains(call.ref.kind)) {
    return "the server could not find the requested resource";
  }
  if (call.verb == kube::Verb::get) {
    if (hides.contains(call.ref)) {
      return refusals_[call.ref] = "forbidden";
    }
    read_.erase(call.ref);
    absent_.erase(call.ref);
    refusals_.erase(call.ref);
    if (const SeenChild* const child = find(call.ref)) {
      read_[call.ref] = *child;
      read_[call.ref].read_at = now_.mono;
    } else {
      absent_[call.ref] = now_.mono;
    }
    return "";
  }
  const auto refusal = refuses.find(call.ref);
  if (refusal != refuses.end()) {
    refusals_[call.ref] = refusal->second;
    return refusal->second;
  }
  std::string problem;
  switch (call.verb) {
    case kube::Verb::apply_status:
      return apply_status(call);
    case kube::Verb::apply:
      problem = apply(call);
      break;
    case kube::Verb::create:
      problem = create(call);
      break;
    case kube::Verb::remove:
      if (const std::string conflict = remove_called(call); !conflict.empty()) {
        return conflict;
      }
      break;
    case kube::Verb::get:
    case kube::Verb::list:
    case kube::Verb::update:
      return "not modelled";
  }
  absent_.erase(call.ref);  // whatever came of it, it has to be looked at again
  if (problem.empty()) {
    refusals_.erase(call.ref);
  }
  return problem;
}

std::string World::create(const kube::Call& call) {
  Seen seen = prune(call.body, call.ref.kind, now_.mono).value();
  if (auto* const pod = std::get_if<SeenPod>(&seen)) {
    if (setup_pod() != nullptr) {
      return "AlreadyExists";
    }
    pod->meta.uid = "uid-" + std::to_string(++uids_);
    pod->meta.version = ++version_;
    pod->phase = "Pending";
    pod->since = now_.wall;
    add_pod(std::move(*pod));
    return "";
  }
  if (children_.contains(call.ref)) {
    return "AlreadyExists";
  }
  SeenChild child = std::get<SeenChild>(std::move(seen));
  child.meta.uid = "uid-" + std::to_string(++uids_);
  touch(child);
  if (call.ref.kind == Kind::secret) {
    // stringData becomes data in a server; what the planner asks of a Secret is whether the keys are usable.
    child.detail = sample_keys();
    child.read_at = now_.mono;
    read_[call.ref] = child;
  }
  children_[call.ref] = std::move(child);
  return "";
}

std::string World::remove_called(const kube::Call& call) {
  const std::string& version = call.precondition.resource_version;
  if (call.ref.kind == Kind::pod) {
    SeenPod* const pod = setup_pod();
    if (pod == nullptr || pod->meta.uid != call.precondition.uid ||
        (!version.empty() && std::to_string(pod->meta.version) != version)) {
      return "Conflict";
    }
    pod->meta.terminating = true;
    return "";
  }
  const SeenChild* const child = find(call.ref);
  if (child == nullptr || child->meta.uid != call.precondition.uid ||
      (!version.empty() && std::to_string(child->meta.version) != version)) {
    return "Conflict";
  }
  remove(call.ref);
  return "";
}

std::string World::apply(const kube::Call& call) {
  const SeenChild* const child = find(call.ref);
  const kube::Precondition& must = call.precondition;
  if (child != nullptr && !must.resource_version.empty() &&
      std::to_string(child->meta.version) != must.resource_version) {
    return "Conflict";
  }
  if (!must.uid.empty() && (child == nullptr || child->meta.uid != must.uid)) {
    return "Conflict";
  }
  if (call.manager == intent_manager) {
    return apply_intent(call);
  }
  apply_main(call);
  return "";
}

std::string World::apply_intent(const kube::Call& call) {
  if (!children_.contains(call.ref)) {
    return "made by the intent manager";
  }
  SeenChild& child = at(call.ref);
  auto& seen = std::get<SeenRole>(child.detail);
  auto& owners = intent_owners_[call.ref];
  const Json* const replicas = kube::find_path(call.body, {"spec", "replicas"});
  if (replicas == nullptr) {
    owners.erase(std::string(intent_manager));
    if (owners.empty()) {
      seen.intent.reset();
    }
  } else {
    if (seen.intent != replicas->get<std::int32_t>()) {
      owners.clear();
      ++child.meta.generation;
    }
    seen.intent = replicas->get<std::int32_t>();
    owners.insert(std::string(intent_manager));
  }
  seen.intent_manager_owns = owners.contains(std::string(intent_manager));
  seen.main_owns_intent = owners.contains(std::string(manager));
  seen.intent_by = owners.contains("autoscaler") ? "autoscaler" : "";
  touch(child);
  return "";
}

void World::fill_detail(SeenChild& child, const Json& body) {
  const Ref& ref = child.meta.ref;
  if (ref.kind == Kind::deployment) {
    SeenDeployment detail = std::holds_alternative<SeenDeployment>(child.detail)
                                ? std::get<SeenDeployment>(child.detail)
                                : SeenDeployment{};
    detail.spec_replicas = static_cast<std::int32_t>(kube::integer_at(body, {"spec", "replicas"}));
    detail.template_hash = template_hash(body);
    images_[ref] = string_at(body["spec"]["template"]["spec"]["containers"][0], {"image"});
    detail.content = parse_hex64(string_at(body, {"spec", "template", "metadata", "annotations", annotation_content}));
    child.detail = detail;
  } else if (ref.kind == Kind::nocobase_role) {
    SeenRole detail = std::holds_alternative<SeenRole>(child.detail) ? std::get<SeenRole>(child.detail) : SeenRole{};
    auto& owners = intent_owners_[ref];
    const Json* const replicas = kube::find_path(body, {"spec", "replicas"});
    if (replicas != nullptr) {
      if (detail.intent != replicas->get<std::int32_t>()) {
        owners.clear();
      }
      detail.intent = replicas->get<std::int32_t>();
      owners.insert(std::string(manager));
    } else {
      owners.erase(std::string(manager));
      if (owners.empty()) {
        detail.intent.reset();
      }
    }
    detail.main_owns_intent = owners.contains(std::string(manager));
    detail.intent_manager_owns = owners.contains(std::string(intent_manager));
    detail.intent_by = owners.contains("autoscaler") ? "autoscaler" : "";
    child.detail = detail;
  } else if (ref.kind == Kind::config_map) {
    child.detail = std::get<SeenChild>(prune(body, ref.kind, now_.mono).value()).detail;
    child.read_at = now_.mono;
    read_[ref] = child;
  } else if (ref.kind == Kind::persistent_volume_claim) {
    child.detail = SeenClaim{"Bound", string_at(body, {"spec", "resources", "requests", "storage"})};
  }
}

void World::apply_main(const kube::Call& call) {
  const Ref& ref = call.ref;
  SeenChild child = std::get<SeenChild>(prune(call.body, ref.kind, now_.mono).value());
  const SeenChild* const before = find(ref);
  child.meta.ref = ref;
  child.meta.uid = before != nullptr ? before->meta.uid : "uid-" + std::to_string(++uids_);
  child.meta.generation = before != nullptr ? before->meta.generation + 1 : 1;
  child.owned = kube::content_hash(ref.kind, call.body, annotation_applied);
  if (before != nullptr) {
    child.detail = before->detail;
  }
  fill_detail(child, call.body);
  if (spells_its_own_way) {
    child.owned ^= 1U;
  }
  accepted_[ref] = child.owned;
  touch(child);
  children_[ref] = std::move(child);
}

std::string World::apply_status(const kube::Call& call) {
  Json status = call.body.at("status");
  const StatusWritten written{status_hash(status), version_ + 1};
  if (drops_status_fields) {
    status.erase("services");
    status.erase("selector");
  }
  if (call.ref.kind == Kind::nocobase_cluster) {
    if (call.precondition.uid != string_at(cluster_, {"metadata", "uid"}) ||
        call.precondition.resource_version != string_at(cluster_, {"metadata", "resourceVersion"})) {
      return "Conflict";
    }
    cluster_["status"] = std::move(status);
    cluster_["metadata"]["resourceVersion"] = std::to_string(++version_);
    statuses_[call.ref] = written;
    return "";
  }
  if (!children_.contains(call.ref) || at(call.ref).meta.uid != call.precondition.uid) {
    return "Conflict";
  }
  SeenChild& child = at(call.ref);
  auto& seen = std::get<SeenRole>(child.detail);
  seen.status_hash = status_hash(status);
  seen.selectable = !string_at(status, {"selector"}).empty();
  touch(child);
  statuses_[call.ref] = written;
  return "";
}

}  // namespace nocobase_operator::app
