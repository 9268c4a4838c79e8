// How a child is put together, and the renderers of the children that are made only where the spec asks for them. Part
// of children; nobody else includes it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "app/children.h"
#include "app/spec.h"
#include "kube/kind.h"

namespace nocobase_operator::app {

inline constexpr std::string_view service_port_name = "http";

// An object with metadata (name, namespace, labels, owner) and without its spec. Offline there is no uid, and so no
// owner.
[[nodiscard]] Json new_object(kube::Kind kind, const Cluster& cluster, const std::string& name, Json labels);
// The object with its hash, which is also written into its annotation.
[[nodiscard]] Child finished(kube::Kind kind, const Cluster& cluster, Json body);

// How many pods of a role a node drain may take. A role with a floor of two or more loses one at a time unless the spec
// says otherwise; one that may have a single pod gets no budget that would hold up a drain for ever.
[[nodiscard]] std::optional<Child> disruption_budget(const Cluster& cluster, const Role& role);
// What every autoscaler of a role writes to: its NocoBaseRole, never its Deployment.
[[nodiscard]] Json scale_target(const Cluster& cluster, const Role& role);
// How fast an autoscaler of the role goes up and down; nothing: as Kubernetes does it.
[[nodiscard]] std::optional<Json> scaling_behavior(const Role& role);
// What scales the role's NocoBaseRole, where the spec asks for it and KEDA does not do it.
[[nodiscard]] std::optional<Child> pod_autoscaler(const Cluster& cluster, const Role& role);
// The same of a role for KEDA. `paused` keeps it from doing anything.
[[nodiscard]] std::optional<Child> scaled_object(const Cluster& cluster, const Role& role, bool paused);
// How KEDA logs in to the database of a role that scales on its backlog: by the Secret that the pods use.
[[nodiscard]] std::optional<Child> trigger_authentication(const Cluster& cluster, const Role& role);
// Keeps pods of others off those that serve no requests: they answer HTTP all the same.
[[nodiscard]] std::optional<Child> network_policy(const Cluster& cluster);
[[nodiscard]] std::optional<Child> ingress(const Cluster& cluster);
[[nodiscard]] std::optional<Child> http_route(const Cluster& cluster);
[[nodiscard]] std::optional<Child> pod_monitor(const Cluster& cluster);

}  // namespace nocobase_operator::app
