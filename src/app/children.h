// What a cluster becomes: its children as JSON, rendered from values alone. Renders; never compares, orders writes or
// decides.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/spec.h"
#include "base/result.h"
#include "kube/kind.h"

namespace nocobase_operator::app {

// A child as it is applied, annotated with its hash.
struct Child {
  kube::Ref ref;
  Json body;               // the whole object: apiVersion, kind, metadata, spec
  std::uint64_t hash = 0;  // kube::content_hash without the annotation; also stored in annotation_applied

  friend bool operator==(const Child&, const Child&) = default;
};

// How many pods a role is to have now, and how many somebody wants.
struct RoleCount {
  std::int32_t intent = 1;
  std::int32_t effect = 1;
  friend bool operator==(const RoleCount&, const RoleCount&) = default;
};

struct RenderInput {
  const Cluster* cluster = nullptr;
  std::vector<RoleCount> counts;  // one per role, in the order of spec.roles
  std::int64_t epoch = 0;         // of the plan these children are made by; stamped on Deployments
  bool seals_deployments = true;  // false: more is put into them, and they have no hash yet
  bool hold = false;              // pods are taken away, whatever the intents are: KEDA is to leave those alone
};

// The children that are applied, in the order they are written: ServiceAccount, claim, Service, then per role its
// NocoBaseRole and Deployment, then what is made only where it is asked for: PodDisruptionBudgets and autoscalers,
// NetworkPolicy, Ingress, HTTPRoute, PodMonitor. The key Secret is not among them: it is created once, see
// keys_secret().
// Error (invalid): a podTemplate that sets a reserved variable, a role whose WORKER_MODE cannot be written.
[[nodiscard]] Result<std::vector<Child>> render(const RenderInput& input);

// Puts `content` into the annotation_content of the Deployment's pods, which `render` cannot know; nothing for 0. The
// child is to be sealed again.
void put_content(Child& deployment, std::uint64_t content);

// The child with the hash of its body, which is also written into an annotation of it.
[[nodiscard]] Child sealed(Child child);

// The counts of a cluster nobody has scaled: spec.replicas, or 1 for an elastic role (minReplicas if that is larger).
[[nodiscard]] std::vector<RoleCount> initial_counts(const Cluster& cluster);

// Whether the role is scaled by KEDA: on its backlog or on triggers. KEDA makes a HorizontalPodAutoscaler for it.
[[nodiscard]] bool is_for_keda(const Role& role);

// Secret C-keys with APP_KEY, APP_AES_SECRET_KEY and the first administrator, from 96 bytes of `entropy`. Created once
// by POST; nothing ever changes or deletes it.
[[nodiscard]] Json keys_secret(const Cluster& cluster, std::string_view entropy);
inline constexpr std::size_t keys_entropy_bytes = 96;

}  // namespace nocobase_operator::app
