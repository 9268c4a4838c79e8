#include "app/permissions.h"

#include <array>

#include "base/check.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

// A streaming list needs only `watch`; `list` is for API servers that have none. `get` is for what a failed write
// leaves in doubt, and for objects that may be there without our label.
constexpr std::array table{
    Permission{Reach::watched, Kind::nocobase_cluster, "", "get list watch",
               "Clusters are read; only people write them."},
    Permission{Reach::watched, Kind::nocobase_cluster, "status", "patch", "What is true of a cluster."},
    Permission{Reach::watched, Kind::nocobase_cluster, "finalizers", "update",
               "Children name their cluster as an owner with blockOwnerDeletion, which OpenShift and others check."},
    Permission{Reach::watched, Kind::nocobase_role, "", "get list watch create patch delete",
               "One per role; deleted when the role is taken out of the cluster."},
    Permission{Reach::watched, Kind::nocobase_role, "status", "patch", "What autoscalers read."},
    Permission{Reach::watched, Kind::deployment, "", "get list watch create patch delete",
               "One per role; deleted when the role is taken out of the cluster."},
    Permission{Reach::watched, Kind::service, "", "get list watch create patch",
               "One per cluster, in front of the pods that serve requests; garbage collection deletes it."},
    Permission{Reach::watched, Kind::service_account, "", "get list watch create patch",
               "One per cluster, without any rights; garbage collection deletes it."},
    Permission{Reach::watched, Kind::persistent_volume_claim, "", "get list watch create patch",
               "The application's storage. Never deleted: data outlives its cluster."},
    Permission{Reach::watched, Kind::secret, "", "get create",
               "Key Secrets are made once and never changed; others are read by name. No Secrets can be listed."},
    Permission{Reach::watched, Kind::config_map, "", "get create patch",
               "What was last set up is kept in one; those that pods take variables from are read by name."},
    Permission{Reach::watched, Kind::pod, "", "get list watch create delete",
               "Why pods are not ready, and how many there are; the setup Pod is made and deleted."},
    Permission{Reach::watched, Kind::job, "", "get list watch create delete",
               "Whether an image can be pulled, backup and verification; deleted when they are through."},
    Permission{Reach::watched, Kind::pod_disruption_budget, "", "get list watch create patch delete",
               "One per role that has several pods; deleted when it is not asked for."},
    Permission{Reach::watched, Kind::horizontal_pod_autoscaler, "", "get list watch create patch delete",
               "One per role with autoscaling; those of others are looked at, for they may scale what is ours."},
    Permission{Reach::watched, Kind::scaled_object, "", "get list watch create patch delete",
               "One per role that KEDA scales; those of others are looked at likewise."},
    Permission{Reach::watched, Kind::trigger_authentication, "", "get list watch create patch delete",
               "How KEDA logs in to the database of a role that scales on its backlog."},
    Permission{Reach::watched, Kind::network_policy, "", "get list watch create patch delete",
               "Where spec.networkPolicy asks for it; deleted when it no longer does."},
    Permission{Reach::watched, Kind::ingress, "", "get list watch create patch delete",
               "Where spec.ingress asks for it; deleted when it no longer does."},
    Permission{Reach::watched, Kind::http_route, "", "get list watch create patch delete",
               "Where spec.gateway asks for it; deleted when it no longer does."},
    Permission{Reach::watched, Kind::pod_monitor, "", "get list watch create patch delete",
               "Where spec.monitoring asks for it; deleted when it no longer does."},
    Permission{Reach::watched, Kind::event, "", "create patch",
               "What `kubectl describe` tells of a cluster; what happens again is counted in the same Event."},
    Permission{Reach::own, Kind::lease, "", "get create update", "Leader election."},
};

}  // namespace

std::span<const Permission> permissions() {
  return table;
}

std::string_view rbac_verbs(kube::Verb verb) {
  switch (verb) {
    case kube::Verb::get:
      return "get";
    case kube::Verb::list:
      return "list";
    case kube::Verb::apply:
      return "create patch";
    case kube::Verb::apply_status:
      return "patch";
    case kube::Verb::create:
      return "create";
    case kube::Verb::update:
      return "update";
    case kube::Verb::remove:
      return "delete";
  }
  CHECK(false);
}

}  // namespace nocobase_operator::app
