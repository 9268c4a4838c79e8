#include <utility>

#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/effect.h"
#include "app/labels.h"

namespace nocobase_operator::app {
namespace {

// What the role's budget says; nothing where it would have none, or one that keeps its only pod.
std::optional<DisruptionBudget> budget_of(const Spec& spec, const Role& role) {
  const bool several = fewest_pods(role) >= 2;
  if (!role.disruption_budget || role.disruption_budget == DisruptionBudget{}) {
    return several ? std::optional(DisruptionBudget{{}, Json(1)}) : std::nullopt;
  }
  if (keeps_single_pod(*role.disruption_budget) && (!several || hold_of(spec) != Hold::none)) {
    return std::nullopt;
  }
  return role.disruption_budget;
}

}  // namespace

std::optional<Child> disruption_budget(const Cluster& cluster, const Role& role) {
  const std::optional<DisruptionBudget> budget = budget_of(cluster.spec, role);
  if (!budget) {
    return std::nullopt;
  }
  constexpr kube::Kind kind = kube::Kind::pod_disruption_budget;
  Json body = new_object(kind, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  Json& spec = body["spec"];
  if (budget->max_unavailable) {
    spec["maxUnavailable"] = *budget->max_unavailable;
  } else {
    spec["minAvailable"] = *budget->min_available;
  }
  spec["selector"]["matchLabels"] = selector_labels(cluster, role);
  spec["unhealthyPodEvictionPolicy"] = "AlwaysAllow";  // a pod that serves nobody keeps no node from being drained
  return finished(kind, cluster, std::move(body));
}

}  // namespace nocobase_operator::app
