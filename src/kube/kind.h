// The resource kinds this program addresses, with what a URL and a body need to know of each.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator::kube {

enum class Kind : std::uint8_t {
  nocobase_cluster,
  nocobase_role,
  deployment,
  pod,
  service,
  service_account,
  secret,
  config_map,
  persistent_volume_claim,
  job,
  lease,
  event,
  pod_disruption_budget,
  horizontal_pod_autoscaler,
  ingress,
  network_policy,
  http_route,
  pod_monitor,
  scaled_object,
  trigger_authentication,
};

struct KindInfo {
  std::string_view group;  // "" is the core group
  std::string_view version;
  std::string_view kind;    // as in a body
  std::string_view plural;  // as in a URL
};

[[nodiscard]] const KindInfo& info(Kind kind);
// "apps/v1", or "v1" for the core group.
[[nodiscard]] std::string api_version(Kind kind);
// The Kind of a body's apiVersion and kind, if it is one of ours.
[[nodiscard]] std::optional<Kind> kind_of(std::string_view api_version, std::string_view kind);

// Whether the API server knows the kind by itself, with Go types that normalise what they store; a custom resource is
// kept as it was written.
[[nodiscard]] bool is_built_in(Kind kind);
// Whether the kind is of other software, so that a Kubernetes cluster may have it, get it, lose it or never have it.
[[nodiscard]] bool is_optional(Kind kind);

// One namespaced object by name.
struct Ref {
  Kind kind = Kind::nocobase_cluster;
  std::string ns;
  std::string name;

  friend auto operator<=>(const Ref&, const Ref&) = default;
  friend bool operator==(const Ref&, const Ref&) = default;
};

// "Deployment crm/crm-web" (kind namespace/name), for messages and logs.
[[nodiscard]] std::string to_string(const Ref& ref);

}  // namespace nocobase_operator::kube
