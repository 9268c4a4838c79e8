// Names that other programs see: labels, annotations, field managers, reserved suffixes. Never change one: selectors
// and ownership of running clusters rest on them.
#pragma once
#include <array>
#include <string_view>

namespace nocobase_operator::app {

inline constexpr std::string_view manager = "nocobase-operator";  // field manager of everything
inline constexpr std::string_view intent_manager =
    "nocobase-operator-intent";  // of a seeded NocoBaseRole spec.replicas

inline constexpr std::string_view label_name = "app.kubernetes.io/name";            // "nocobase"
inline constexpr std::string_view label_instance = "app.kubernetes.io/instance";    // the cluster's name
inline constexpr std::string_view label_component = "app.kubernetes.io/component";  // the role's name
inline constexpr std::string_view label_part_of = "app.kubernetes.io/part-of";      // "nocobase"
inline constexpr std::string_view label_managed_by = "app.kubernetes.io/managed-by";
inline constexpr std::string_view label_requests = "nocobase.com/requests";  // "true" on pods that serve requests

inline constexpr std::string_view annotation_applied = "nocobase.com/applied-hash";  // content_hash of what was applied
inline constexpr std::string_view annotation_epoch = "nocobase.com/epoch";           // of the plan that made it

inline constexpr std::string_view container_name = "nocobase";

// Role names that would collide with other children of a cluster.
inline constexpr std::array<std::string_view, 7> reserved_role_names = {"setup", "keys",   "storage", "record",
                                                                        "pull",  "backup", "verify"};

}  // namespace nocobase_operator::app
