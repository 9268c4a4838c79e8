#include "app/permissions.h"

#include <array>

#include "base/check.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

// `watch` alone: a streaming list needs no `list`. `get` is for what a failed write leaves in doubt, and for objects
// that may be there without our label.
constexpr std::array table{
    Permission{Reach::watched, Kind::nocobase_cluster, "", "get watch", "Clusters are read; only people write them."},
    Permission{Reach::watched, Kind::nocobase_cluster, "status", "patch", "What is true of a cluster."},
    Permission{Reach::watched, Kind::nocobase_cluster, "finalizers", "update",
               "Children name their cluster as an owner with blockOwnerDeletion, which OpenShift and others check."},
    Permission{Reach::watched, Kind::nocobase_role, "", "get watch create patch delete",
               "One per role; deleted when the role is taken out of the cluster."},
    Permission{Reach::watched, Kind::nocobase_role, "status", "patch", "What autoscalers read."},
    Permission{Reach::watched, Kind::deployment, "", "get watch create patch delete",
               "One per role; deleted when the role is taken out of the cluster."},
    Permission{Reach::watched, Kind::service, "", "get watch create patch",
               "One per cluster, in front of the pods that serve requests; garbage collection deletes it."},
    Permission{Reach::watched, Kind::service_account, "", "get watch create patch",
               "One per cluster, without any rights; garbage collection deletes it."},
    Permission{Reach::watched, Kind::persistent_volume_claim, "", "get watch create patch",
               "The application's storage. Never deleted: data outlives its cluster."},
    Permission{Reach::watched, Kind::secret, "", "get create",
               "Key Secrets are made once and never changed; others are read by name. No Secrets can be listed."},
    Permission{Reach::watched, Kind::pod, "", "watch", "Why pods are not ready, and how many there are."},
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
