#include "simulation/state.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "app/operation.h"
#include "app/spec.h"
#include "app/validate.h"
#include "kube/json.h"
#include "kube/meta.h"
#include "simulation/application.h"
#include "simulation/scene.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

std::map<std::string, std::string> strings(const Json* object) {
  std::map<std::string, std::string> out;
  const Json none = Json::object();
  for (const auto& [key, value] : (object != nullptr ? *object : none).items()) {
    out[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

bool flag(const Json& object, std::string_view key) {
  const Json* const value = kube::find_path(object, {"spec", key});
  return value != nullptr && *value == true;
}

std::string cluster_of(const Ref& ref, const Json& object) {
  return ref.ns + "/" + kube::label_of(object, app::label_instance);
}

const Json* application_container(const Json& containers) {
  for (const Json& container : containers) {
    if (container.value("name", "") == app::container_name) {
      return &container;
    }
  }
  return containers.empty() ? nullptr : &containers.front();
}

bool is_job_part(const std::string& component) {
  return component == "pull" || component == "backup" || component == "verify";
}

}  // namespace

PodView view_of_pod(const Ref& ref, const Json& object) {
  PodView view;
  view.cluster = cluster_of(ref, object);
  view.labels = strings(kube::find_path(object, {"metadata", "labels"}));
  view.component = kube::label_of(object, app::label_component);
  view.by_deployment = owner_of(object).first == "ReplicaSet";
  const std::string phase = string_at(object, {"status", "phase"});
  const bool is_ours = kube::label_of(object, app::label_managed_by) == app::manager;
  view.application = is_ours && !is_job_part(view.component) && phase != "Succeeded" && phase != "Failed";
  if (const Json* const all = kube::find_path(object, {"spec", "containers"})) {
    if (const Json* const container = application_container(*all)) {
      view.written_image = container->value("image", "");
      view.image = digest_of(view.written_image);
      for (const Json& entry : container->value("env", Json::array())) {
        if (entry.value("name", "") == "WORKER_MODE") {
          view.worker_mode = string_at(entry, {"value"});
        }
      }
    }
  }
  view.terminating = kube::find_path(object, {"metadata", "deletionTimestamp"}) != nullptr;
  const Json* const conditions = kube::find_path(object, {"status", "conditions"});
  for (const Json& condition : conditions != nullptr ? *conditions : Json::array()) {
    view.ready = view.ready || (condition.value("type", "") == "Ready" && condition.value("status", "") == "True");
  }
  const Json* const containers = kube::find_path(object, {"status", "containerStatuses"});
  for (const Json& status : containers != nullptr ? *containers : Json::array()) {
    view.started = view.started || kube::find_path(status, {"state", "running"}) != nullptr ||
                   kube::find_path(status, {"lastState", "terminated"}) != nullptr;
  }
  return view;
}

ClusterView view_of_cluster(const Json& object) {
  ClusterView view;
  view.uid = string_at(object, {"metadata", "uid"});
  const app::Decoded decoded = app::decode(object);
  view.invalid = kube::has_errors(decoded.findings) || kube::has_errors(app::validate(decoded.cluster));
  view.stopped = flag(object, "stopped");
  view.maintenance = flag(object, "maintenance");
  view.paused = flag(object, "paused");
  view.image = string_at(object, {"spec", "image"});
  const Json* const roles = kube::find_path(object, {"spec", "roles"});
  for (const Json& role : roles != nullptr && roles->is_array() ? *roles : Json::array()) {
    if (kube::find(role, "replicas") != nullptr) {
      view.fixed.insert(string_at(role, {"name"}));
    }
  }
  const Json* const downgrade = kube::find_path(object, {"spec", "upgrade", "allowDowngrade"});
  view.allows_downgrade = downgrade != nullptr && *downgrade == true;
  return view;
}

namespace {

void take_cluster(State& state, const Change& change) {
  const Json& object = *change.after;
  ClusterView& view = state.clusters[change.ref];
  const bool same_spec =
      change.before != nullptr && change.before->value("spec", Json()) == object.value("spec", Json());
  if (!same_spec) {
    const ClusterView before = view;
    view = view_of_cluster(object);
    if (view.invalid) {
      view.fixed = before.fixed;  // nobody goes by what is refused
    }
    view.invalid_since = !before.invalid ? state.now : before.invalid_since;
    view.paused_since = !before.paused ? state.now : before.paused_since;
    view.held = before.held;
    view.held_by = before.held_by;
    view.held_at = before.held_at;
  }
  view.conditions.clear();
  const Json* const conditions = kube::find_path(object, {"status", "conditions"});
  for (const Json& condition : conditions != nullptr ? *conditions : Json::array()) {
    view.conditions[condition.value("type", "")] = condition.value("status", "") + "/" + condition.value("reason", "");
  }
  const std::string& phase = view.phase = string_at(object, {"status", "phase"});
  const Json* const status = kube::find(object, "status");
  const bool down =
      status != nullptr && phase != "Installing" && phase != "Paused" && app::holds(app::operation_of(*status));
  const bool was_held = std::exchange(view.held, down || phase == "Maintenance" || phase == "Stopped");
  if (view.held && !was_held) {
    view.held_by = change.actor;
    view.held_at = state.now;
  }
  view.current = kube::integer_at(object, {"status", "observedGeneration"}, -1) ==
                 kube::integer_at(object, {"metadata", "generation"});
}

}  // namespace

void State::take(const Change& change) {
  const Ref& ref = change.ref;
  const Kind kind = ref.kind;
  if (change.after == nullptr) {
    pods.erase(ref);
    deployments.erase(ref);
    roles.erase(ref);
    clusters.erase(ref);
    services.erase(ref);
    return;
  }
  const Json& object = *change.after;
  if (kind == Kind::pod) {
    PodView view = view_of_pod(ref, object);
    const auto before = pods.find(ref);
    const bool was = before != pods.end() && before->second.terminating;
    view.evicted = was ? before->second.evicted
                       : view.terminating && change.actor != "deployments" && !change.by_call && change.actor != "gc";
    view.was_ready = view.ready || (before != pods.end() && before->second.was_ready);
    pods.insert_or_assign(ref, std::move(view));
  } else if (kind == Kind::deployment) {
    DeploymentView& view = deployments[ref];
    view.cluster = cluster_of(ref, object);
    view.role = kube::label_of(object, app::label_component);
    view.replicas = kube::integer_at(object, {"spec", "replicas"}, 1);
    const Json* const containers = kube::find_path(object, {"spec", "template", "spec", "containers"});
    const Json* const container = containers != nullptr ? application_container(*containers) : nullptr;
    view.image = container != nullptr ? container->value("image", "") : "";
  } else if (kind == Kind::nocobase_role) {
    RoleView& view = roles[ref];
    view.cluster = cluster_of(ref, object);
    const std::int64_t intent = kube::integer_at(object, {"spec", "replicas"}, -1);
    view.intent = intent < 0 ? std::nullopt : std::optional(intent);
    const bool was = std::exchange(view.selectable, !string_at(object, {"status", "selector"}).empty());
    if (view.selectable && !was) {
      view.selected_by = change.actor;
      view.selected_at = now;
    }
  } else if (kind == Kind::service) {
    services[ref] = {cluster_of(ref, object), strings(kube::find_path(object, {"spec", "selector"}))};
  } else if (kind == Kind::nocobase_cluster) {
    take_cluster(*this, change);
  }
}

void State::read(const Ref& ref, const Json& cluster, const std::string& actor) {
  reads[{actor, ref}] = {now, view_of_cluster(cluster).fixed};
}

const ClusterView* State::cluster(const std::string& key) const {
  const std::size_t slash = key.find('/');
  const auto found = clusters.find({Kind::nocobase_cluster, key.substr(0, slash), key.substr(slash + 1)});
  return found == clusters.end() ? nullptr : &found->second;
}

}  // namespace nocobase_operator::simulation
