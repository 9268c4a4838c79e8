#include "simulation/invariants.h"

#include <algorithm>
#include <array>

#include "app/defaults.h"
#include "app/names.h"
#include "kube/json.h"
#include "kube/meta.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

bool is_made(const Change& change) {
  return change.before == nullptr && change.after != nullptr;
}

const PodView* pod_of(const State& state, const Change& change) {
  const auto pod = change.ref.kind == Kind::pod ? state.pods.find(change.ref) : state.pods.end();
  return pod == state.pods.end() ? nullptr : &pod->second;
}

std::string two_images(const State& state, const Change& change) {
  const PodView* const pod = pod_of(state, change);
  if (pod == nullptr || !pod->application || !is_made(change)) {
    return "";  // the image of a pod never changes
  }
  for (const auto& [ref, other] : state.pods) {
    if (other.application && other.cluster == pod->cluster && other.image != pod->image) {
      return change.ref.name + " of " + pod->written_image + " is made beside " + ref.name + " of " +
             other.written_image + (other.terminating ? ", which terminates" : "");
    }
  }
  return "";
}

std::string second_setup(const State& state, const Change& change) {
  const PodView* const pod = pod_of(state, change);
  if (pod == nullptr || pod->component != "setup" || !pod->application || !is_made(change)) {
    return "";
  }
  for (const auto& [ref, other] : state.pods) {
    if (ref != change.ref && other.application && other.cluster == pod->cluster) {
      return change.ref.name + " is made beside " + ref.name + (other.terminating ? ", which terminates" : "");
    }
  }
  return "";
}

// Pods of roles while a setup pod is there.
std::string role_beside_setup(const State& state, const Change& change) {
  const PodView* const pod = pod_of(state, change);
  if (pod == nullptr || pod->component == "setup" || !pod->application || !is_made(change)) {
    return "";
  }
  for (const auto& [ref, other] : state.pods) {
    if (other.application && other.cluster == pod->cluster && other.component == "setup") {
      return change.ref.name + " is made beside " + ref.name;
    }
  }
  return "";
}

// What a call of ours raises must fit: all effects and the pods that go because of us. (What Kubernetes replaces, or
// evicts between our decision and our call, is not of our raising.)
std::string too_many(const State& state, const Change& change) {
  if (change.ref.kind != Kind::deployment || !change.by_call || change.after == nullptr) {
    return "";
  }
  const std::int64_t before = change.before == nullptr ? 0 : kube::integer_at(*change.before, {"spec", "replicas"});
  const DeploymentView& raised = state.deployments.at(change.ref);
  if (raised.replicas <= before) {
    return "";
  }
  std::int64_t sum = 0;
  for (const auto& [ref, deployment] : state.deployments) {
    sum += deployment.cluster == raised.cluster ? deployment.replicas : 0;
  }
  for (const auto& [ref, pod] : state.pods) {
    sum += pod.application && pod.cluster == raised.cluster && pod.terminating && !pod.evicted ? 1 : 0;
  }
  return sum <= app::max_worker_ids ? ""
                                    : change.ref.name + " is raised from " + std::to_string(before) + " to " +
                                          std::to_string(raised.replicas) + ", which makes " + std::to_string(sum);
}

std::string secret_written(const State& /*state*/, const Change& change) {
  if (change.ref.kind != Kind::secret || !change.by_call || is_made(change)) {
    return "";
  }
  return change.ref.name + (change.after == nullptr ? " is deleted" : " is changed");
}

std::string claim_harmed(const State& /*state*/, const Change& change) {
  if (change.ref.kind != Kind::persistent_volume_claim || !change.by_call || change.before == nullptr) {
    return "";
  }
  if (change.after == nullptr) {
    return change.ref.name + " is deleted";
  }
  Json before = change.before->value("spec", Json::object());
  Json after = change.after->value("spec", Json::object());
  const auto gi = [](const Json& spec) {
    return std::atoll(string_at(spec, {"resources", "requests", "storage"}).c_str());
  };
  if (gi(after) < gi(before)) {
    return change.ref.name + " shrinks";
  }
  before.erase("resources");
  after.erase("resources");
  return before == after ? "" : change.ref.name + " becomes another one";
}

bool has_condition(const ClusterView& cluster, const char* type, std::string_view status) {
  const auto found = cluster.conditions.find(type);
  return found != cluster.conditions.end() && found->second.starts_with(status);
}

// Whether one of our managers owns spec.replicas.
bool is_our_intent(const Json& role) {
  const Json* const managed = kube::find_path(role, {"metadata", "managedFields"});
  for (const Json& entry : managed != nullptr ? *managed : Json::array()) {
    const std::string manager = entry.value("manager", "");
    if ((manager == app::manager || manager == app::intent_manager) &&
        kube::find_path(entry, {"fieldsV1", "f:spec", "f:replicas"}) != nullptr) {
      return true;
    }
  }
  return false;
}

std::string name_in(const std::string& cluster) {
  return cluster.substr(cluster.find('/') + 1);
}

std::string intent_lowered(const State& state, const Change& change) {
  if (change.ref.kind != Kind::nocobase_role || !change.by_call || change.before == nullptr ||
      change.after == nullptr) {
    return "";
  }
  const std::int64_t before = kube::integer_at(*change.before, {"spec", "replicas"}, -1);
  const std::int64_t after = kube::integer_at(*change.after, {"spec", "replicas"}, -1);
  if (after >= before || is_our_intent(*change.before)) {
    return "";
  }
  const RoleView& view = state.roles.at(change.ref);
  const ClusterView* const cluster = state.cluster(view.cluster);
  const std::string role = string_at(*change.after, {"spec", "role"});
  if (cluster == nullptr || cluster->fixed.contains(role)) {
    return "";  // it is the spec's
  }
  const auto read = state.reads.find({change.actor, {Kind::nocobase_cluster, change.ref.ns, name_in(view.cluster)}});
  if (read != state.reads.end() && state.now - read->second.at <= hears_within && read->second.fixed.contains(role)) {
    return "";  // it was when the operator read it; taken out since, with the write under way
  }
  return change.ref.name + " is lowered from " + std::to_string(before) + " to " + std::to_string(after);
}

// A hold must be told to an autoscaler before it sees pods go.
std::string intent_lost_in_hold(const State& state, const Change& change) {
  if (change.ref.kind != Kind::nocobase_role || change.actor != "hpa" || change.before == nullptr ||
      change.after == nullptr) {
    return "";
  }
  const std::int64_t before = kube::integer_at(*change.before, {"spec", "replicas"}, 0);
  const std::int64_t after = kube::integer_at(*change.after, {"spec", "replicas"}, 0);
  const auto deployment = state.deployments.find({Kind::deployment, change.ref.ns, change.ref.name});
  if (after >= before || deployment == state.deployments.end() || deployment->second.replicas != 0) {
    return "";
  }
  const ClusterView* const cluster = state.cluster(deployment->second.cluster);
  const RoleView& role = state.roles.at(change.ref);
  // No Lease keeps that one back, and whoever leads may hear late of what it has done.
  const bool by_another = cluster != nullptr && role.selected_at > cluster->held_at &&
                          role.selected_by != cluster->held_by && state.now - role.selected_at <= hears_within;
  return cluster != nullptr && cluster->held && !by_another
             ? change.ref.name + " is lowered by an autoscaler from " + std::to_string(before) + " to " +
                   std::to_string(after) + " in a hold"
             : "";
}

bool matches(const std::map<std::string, std::string>& selector, const PodView& pod) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& item) {
    const auto label = pod.labels.find(item.first);
    return label != pod.labels.end() && label->second == item.second;
  });
}

bool serves(const PodView& pod) {
  return pod.by_deployment && pod.component != "setup" &&
         nocobase::worker_mode::Mode::parse(pod.worker_mode).serves_requests();
}

std::string exposed(const State& state, const Change& change) {
  if (change.ref.kind == Kind::service && change.after != nullptr && change.by_call) {
    const ServiceView& service = state.services.at(change.ref);
    const auto requests = service.selector.find(std::string(app::label_requests));
    if (requests == service.selector.end() || requests->second != "true") {
      return change.ref.name + " selects pods that serve no requests";
    }
  }
  const PodView* const pod = pod_of(state, change);
  if (pod == nullptr || !is_made(change) || pod->labels.find(std::string(app::label_managed_by)) == pod->labels.end()) {
    return "";
  }
  const auto requests = pod->labels.find(std::string(app::label_requests));
  if (requests != pod->labels.end() && requests->second == "true" && !serves(*pod)) {
    return change.ref.name + " is labelled as one that serves requests";
  }
  for (const auto& [ref, service] : state.services) {
    if (service.cluster == pod->cluster && matches(service.selector, *pod) && !serves(*pod)) {
      return ref.name + " selects " + change.ref.name + ", which serves no requests";
    }
  }
  return "";
}

// Whatever is wrong with the spec, what runs goes on. What was decided before it was known is let through.
std::string invalid_acted_on(const State& state, const Change& change) {
  const Kind kind = change.ref.kind;
  if (!change.by_call || (kind != Kind::deployment && kind != Kind::pod && kind != Kind::nocobase_role &&
                          kind != Kind::service && kind != Kind::job)) {
    return "";
  }
  const Json& object = change.after != nullptr ? *change.after : *change.before;
  if (change.before != nullptr && change.after != nullptr &&
      change.before->value("spec", Json()) == object.value("spec", Json())) {
    return "";
  }
  const ClusterView* const cluster = state.cluster(change.ref.ns + "/" + kube::label_of(object, app::label_instance));
  if (cluster == nullptr) {
    return "";
  }
  if (cluster->invalid && state.now - cluster->invalid_since > hears_within) {
    return kube::to_string(change.ref) + " is changed while the spec is invalid";
  }
  if (cluster->paused && state.now - cluster->paused_since > hears_within) {
    return kube::to_string(change.ref) + " is changed while the cluster is paused";
  }
  return "";
}

std::string unpullable(const State& state, const Change& change) {
  if (!change.by_call || change.after == nullptr || change.ref.kind != Kind::deployment) {
    return "";
  }
  const DeploymentView& deployment = state.deployments.at(change.ref);
  return deployment.replicas > 0 && cannot_be_pulled(deployment.image)
             ? change.ref.name + " is given " + deployment.image
             : "";
}

std::string setup_interrupted(const State& state, const Change& change) {
  if (change.ref.kind != Kind::pod || !change.by_call || change.before == nullptr) {
    return "";
  }
  const PodView before = view_of_pod(change.ref, *change.before);
  const bool deletes = change.after == nullptr || (!before.terminating && pod_of(state, change)->terminating);
  if (!deletes || before.component != "setup" || !before.application || !before.started || before.ready) {
    return "";
  }
  if (change.after != nullptr && pod_of(state, change)->was_ready) {
    return "";
  }
  const ClusterView* const cluster = state.cluster(before.cluster);
  if (cluster == nullptr || has_condition(*cluster, "Stalled", "True")) {
    return "";  // it has failed: its time is over
  }
  return change.ref.name + " is deleted after its container has started and before it is ready";
}

constexpr std::array<Invariant, 12> all{{
    {"I1 one image", "no two application pods of different images at once", two_images},
    {"I2 setup alone", "a setup pod is made when no other application pod exists", second_setup},
    {"I2 no role beside setup", "no pod of a role is made while a setup pod exists", role_beside_setup},
    {"I3 worker ids", "what we raise fits 32 worker ids", too_many},
    {"I4 secrets", "a Secret is never changed or deleted", secret_written},
    {"I4 claims", "a claim only grows or changes its owner", claim_harmed},
    {"I5 intent", "an intent that is not ours is never lowered by us", intent_lowered},
    {"I5 intent in a hold", "nor by an autoscaler in a hold", intent_lost_in_hold},
    {"I6 exposure", "what is exposed selects pods that serve requests", exposed},
    {"I8 invalid", "an invalid spec, or a pause, changes nothing that runs", invalid_acted_on},
    {"I8 unpullable", "no Deployment that is to have pods is given an image that cannot be pulled", unpullable},
    {"D migration", "a setup that has started is not stopped by us", setup_interrupted},
}};

}  // namespace

std::span<const Invariant> invariants() {
  return all;
}

Broken check(const State& state, const Change& change) {
  for (const Invariant& invariant : all) {
    std::string what = invariant.broken(state, change);
    if (!what.empty()) {
      return {invariant.name, std::move(what)};
    }
  }
  return {};
}

Broken check(const State& state, const Incident& incident) {
  const ClusterView* const cluster = state.cluster(incident.cluster);
  const std::string what = incident.cluster + ": " + incident.what;
  switch (incident.damage) {
    case Damage::migrated_twice:
      return {"D migrated twice", what};
    case Damage::downgraded:
      return cluster != nullptr && cluster->allows_downgrade ? Broken{} : Broken{"D downgraded", what};
    case Damage::wrong_version:
      return {"D wrong version", what};
    case Damage::interrupted:
      return {};  // "D migration" says whether it was us
  }
  return {};
}

Broken check_end(const State& state) {
  for (const auto& [ref, cluster] : state.clusters) {
    const std::string key = ref.ns + "/" + ref.name;
    const bool stalled = has_condition(cluster, "Stalled", "True/") && cluster.conditions.at("Stalled") != "True/";
    const bool ready = has_condition(cluster, "Ready", "True");
    const bool waits = has_condition(cluster, "Reconciling", "True/AwaitingApproval");
    if (!cluster.current) {
      return {"I7 settles", key + " has not heard of its last spec"};
    }
    if (!ready && !stalled && !cluster.paused && !waits) {
      return {"I7 settles", key + " is neither Ready nor Stalled"};
    }
    if (ready && !stalled && !cluster.invalid && !cluster.paused && !waits) {
      const bool held = cluster.stopped || cluster.maintenance;
      for (const auto& [role_ref, role] : state.roles) {
        const auto deployment = state.deployments.find({Kind::deployment, role_ref.ns, role_ref.name});
        if (role.cluster != key || held) {
          continue;
        }
        if (deployment == state.deployments.end() || !role.intent) {
          return {"I7 settles", role_ref.name + " has no Deployment or intent"};
        }
        if (deployment->second.replicas < *role.intent && *role.intent <= 8) {
          return {"I7 settles", role_ref.name + " is not given what is wanted"};
        }
      }
      for (const auto& [pod_ref, pod] : state.pods) {
        if (pod.cluster == key && pod.application && cluster.stopped) {
          return {"I7 settles", pod_ref.name + " runs in a stopped cluster"};
        }
        if (pod.cluster == key && pod.component == "setup") {
          return {"I7 settles", pod_ref.name + " is left"};
        }
      }
    }
  }
  return {};
}

}  // namespace nocobase_operator::simulation
