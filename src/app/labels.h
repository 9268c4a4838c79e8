// The labels of what a cluster becomes, and the selectors that rest on them. Never built from a user's labels.
#pragma once
#include <array>
#include <string_view>

#include "app/names.h"
#include "app/spec.h"

namespace nocobase_operator::app {

// What a user's podTemplate may not change.
inline constexpr std::array<std::string_view, 6> fixed_labels = {label_name,    label_instance,   label_component,
                                                                 label_part_of, label_managed_by, label_requests};

// name and instance, part-of and managed-by: on every child.
[[nodiscard]] Json cluster_labels(const Cluster& cluster);
// The same and component: on the children of a role.
[[nodiscard]] Json role_labels(const Cluster& cluster, const Role& role);
// name, instance and component: the selector of a role's Deployment, which can never be changed.
[[nodiscard]] Json selector_labels(const Cluster& cluster, const Role& role);
// The labels of a role's pods: role_labels, and label_requests where the role serves requests.
[[nodiscard]] Json pod_labels(const Cluster& cluster, const Role& role);
// name and instance: all pods of the application.
[[nodiscard]] Json application_selector(const Cluster& cluster);
// What the Service selects: the pods of all roles that serve requests.
[[nodiscard]] Json service_selector(const Cluster& cluster);

}  // namespace nocobase_operator::app
