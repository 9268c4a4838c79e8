#include "kube/kind.h"

#include <array>

#include "base/check.h"

namespace nocobase_operator::kube {
namespace {

// In the order of the enum; info() and the test of this table rely on it.
constexpr std::array<KindInfo, 20> table{{
    {"nocobase.com", "v1alpha1", "NocoBaseCluster", "nocobaseclusters"},
    {"nocobase.com", "v1alpha1", "NocoBaseRole", "nocobaseroles"},
    {"apps", "v1", "Deployment", "deployments"},
    {"", "v1", "Pod", "pods"},
    {"", "v1", "Service", "services"},
    {"", "v1", "ServiceAccount", "serviceaccounts"},
    {"", "v1", "Secret", "secrets"},
    {"", "v1", "ConfigMap", "configmaps"},
    {"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"},
    {"batch", "v1", "Job", "jobs"},
    {"coordination.k8s.io", "v1", "Lease", "leases"},
    {"events.k8s.io", "v1", "Event", "events"},
    {"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"},
    {"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"},
    {"networking.k8s.io", "v1", "Ingress", "ingresses"},
    {"networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"},
    {"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"},
    {"monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"},
    {"keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"},
    {"keda.sh", "v1alpha1", "TriggerAuthentication", "triggerauthentications"},
}};
static_assert(table.size() == static_cast<std::size_t>(Kind::trigger_authentication) + 1);

}  // namespace

const KindInfo& info(Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  CHECK(index < table.size());
  return table[index];
}

std::string api_version(Kind kind) {
  const KindInfo& of = info(kind);
  return of.group.empty() ? std::string(of.version) : std::string(of.group) + "/" + std::string(of.version);
}

std::optional<Kind> kind_of(std::string_view api_version, std::string_view kind) {
  const std::size_t slash = api_version.find('/');
  const std::string_view group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  const std::string_view version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
  if (slash == 0) {
    return std::nullopt;  // "/v1" is not how the core group is written
  }
  for (std::size_t index = 0; index < table.size(); ++index) {
    if (table[index].kind == kind && table[index].group == group && table[index].version == version) {
      return static_cast<Kind>(index);
    }
  }
  return std::nullopt;
}

bool is_built_in(Kind kind) {
  switch (kind) {
    case Kind::deployment:
    case Kind::pod:
    case Kind::service:
    case Kind::service_account:
    case Kind::secret:
    case Kind::config_map:
    case Kind::persistent_volume_claim:
    case Kind::job:
    case Kind::lease:
    case Kind::event:
    case Kind::pod_disruption_budget:
    case Kind::horizontal_pod_autoscaler:
    case Kind::ingress:
    case Kind::network_policy:
      return true;
    case Kind::nocobase_cluster:
    case Kind::nocobase_role:
    case Kind::http_route:
    case Kind::pod_monitor:
    case Kind::scaled_object:
    case Kind::trigger_authentication:
      return false;
  }
  CHECK(false);
}

bool is_optional(Kind kind) {
  return !is_built_in(kind) && info(kind).group != info(Kind::nocobase_cluster).group;
}

std::string to_string(const Ref& ref) {
  std::string out(info(ref.kind).kind);
  out += ' ';
  if (!ref.ns.empty()) {
    out += ref.ns;
    out += '/';
  }
  out += ref.name;
  return out;
}

}  // namespace nocobase_operator::kube
