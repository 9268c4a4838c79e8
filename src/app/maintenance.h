// Maintenance asked for from the command line: how far it has come, and who else has a say in it. Pure.
#pragma once
#include <cstdint>
#include <string>

#include "kube/json.h"

namespace nocobase_operator::app {

using kube::Json;

// Who is told to have written spec.maintenance. It must not begin with "kubectl": Flux takes fields of such managers
// out of what it applies, whether Git has them or not.
inline constexpr std::string_view maintenance_manager = "nocobase-maintenance";

// Whether the cluster's spec asks for maintenance.
[[nodiscard]] bool asks_for_maintenance(const Json& cluster);
// The RFC 7396 merge patch that asks for it, or takes it out.
[[nodiscard]] Json maintenance_patch(bool on);

enum class Reach : std::uint8_t {
  under_way,
  reached,
  never,  // not unless somebody does something
};

struct MaintenanceState {
  Reach reach = Reach::under_way;
  std::string message;  // what it waits for, or why it is what it is
};

// How far the operator has come since the spec of `cluster` (as it is now) asks for maintenance, or does not.
[[nodiscard]] MaintenanceState maintenance_state(const Json& cluster);

// The program that keeps the cluster as Git has it, "Flux (Kustomization apps/crm)", as far as the object tells; "" for
// none.
[[nodiscard]] std::string gitops_of(const Json& cluster);

}  // namespace nocobase_operator::app
