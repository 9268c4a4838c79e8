#include "app/maintenance.h"

#include "app/status.h"
#include "app/status_tree.h"
#include "kube/meta.h"

namespace nocobase_operator::app {

using kube::find;
using kube::find_path;
using kube::string_at;

bool asks_for_maintenance(const Json& cluster) {
  const Json* const flag = find_path(cluster, {"spec", "maintenance"});
  return flag != nullptr && *flag == true;
}

Json maintenance_patch(bool on) {
  Json patch;
  patch["spec"]["maintenance"] = on ? Json(true) : Json(nullptr);
  return patch;
}

MaintenanceState maintenance_state(const Json& cluster) {
  const Json* const found = find(cluster, "status");
  const Json status = found != nullptr && found->is_object() ? *found : Json::object();
  const std::string phase = string_at(status, {"phase"});
  const auto message_of = [&](std::string_view type) {
    const Json* const condition = find_condition(status, type);
    return condition != nullptr ? string_at(*condition, {"message"}) : std::string();
  };
  const auto holds = [&](std::string_view type) {
    const Json* const condition = find_condition(status, type);
    return condition != nullptr && string_at(*condition, {"status"}) == "True";
  };
  const Json* const paused = find_path(cluster, {"spec", "paused"});
  if (paused != nullptr && *paused == true) {
    return {Reach::never, "spec.paused keeps the operator from acting on it"};
  }
  const std::int64_t generation = kube::integer_at(cluster, {"metadata", "generation"});
  if (kube::integer_at(status, {"observedGeneration"}, -1) < generation) {
    return {Reach::under_way, "the operator has not looked at the change yet"};
  }
  if (holds(condition_stalled)) {
    return {Reach::never, message_of(condition_stalled)};
  }
  if (!is_ready(cluster)) {
    return {Reach::under_way, message_of(condition_ready)};
  }
  if (asks_for_maintenance(cluster) && phase != name_of(Phase::maintenance)) {
    return phase == name_of(Phase::stopped) ? MaintenanceState{Reach::never, "spec.stopped goes before it: no pod runs"}
                                            : MaintenanceState{Reach::under_way, "the cluster is " + phase};
  }
  return {Reach::reached, message_of(condition_ready)};
}

std::string gitops_of(const Json& cluster) {
  const auto named = [&](std::string_view what, const char* group) {
    const std::string prefix = std::string(group) + ".toolkit.fluxcd.io/";
    const std::string name = kube::label_of(cluster, prefix + "name");
    return name.empty()
               ? std::string()
               : "Flux (" + std::string(what) + " " + kube::label_of(cluster, prefix + "namespace") + "/" + name + ")";
  };
  if (std::string flux = named("Kustomization", "kustomize"); !flux.empty()) {
    return flux;
  }
  if (std::string flux = named("HelmRelease", "helm"); !flux.empty()) {
    return flux;
  }
  // "application:group/kind:namespace/name"
  const std::string tracking = kube::annotation_of(cluster, "argocd.argoproj.io/tracking-id");
  if (!tracking.empty()) {
    return "Argo CD (application " + tracking.substr(0, tracking.find(':')) + ")";
  }
  const Json* const managers = find_path(cluster, {"metadata", "managedFields"});
  for (const Json& entry : managers != nullptr && managers->is_array() ? *managers : Json::array()) {
    const std::string manager = string_at(entry, {"manager"});
    if (manager == "argocd-controller" || manager == "argocd-application-controller") {
      return "Argo CD";
    }
    if (manager == "kustomize-controller" || manager == "helm-controller") {
      return "Flux";
    }
  }
  return "";
}

}  // namespace nocobase_operator::app
