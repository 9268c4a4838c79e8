// What one plan is made from: the observed values, decoded and put side by side with the wanted children. Part of plan;
// nobody else includes it. It judges how things stand and decides nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/children.h"
#include "app/effect.h"
#include "app/memo.h"
#include "app/observe.h"
#include "app/operation.h"
#include "app/references.h"
#include "base/time.h"

namespace nocobase_operator::app {

// What was read is taken for true that long, where no watch keeps it current.
inline constexpr Millis read_lasts{30'000};
// How long a list of pods is a proof of what is there.
inline constexpr Millis proof_lasts{10'000};

// How a wanted child stands.
enum class Standing : std::uint8_t {
  no_kind,      // the API server does not have its kind
  unknown,      // no watch shows it and nobody has read it lately
  absent,       // read and not there, or `unread`: it is made only where it is not there
  foreign,      // there and somebody else's
  older,        // an older cluster of the same name owns it: it will be gone
  terminating,  // on its way out
  ours,
};

struct ChildState {
  std::shared_ptr<const Child> child;  // as wanted; a claim as it may be applied
  Standing standing = Standing::unknown;
  const SeenChild* seen = nullptr;  // unless unknown, absent or of no kind
  bool unread = false;              // absent as far as the watches show, and no status speaks of it yet
  bool in_sync = false;             // ours and nothing of it differs
  bool rolls = false;               // a Deployment whose pods an apply would replace
  bool starts = false;              // a Deployment of which an apply would start pods that it does not have
};

struct RoleState {
  RoleNow now;
  RoleEffect effect;
  std::string worker_mode;
  std::vector<Reference> references;  // of its pods
  Content content;                    // of these
  ChildState object;                  // the NocoBaseRole
  ChildState deployment;
};

struct Situation {
  const Observed* seen = nullptr;
  Now now;
  std::shared_ptr<const Cluster> cluster;
  Json live = Json::object();          // the status as it is
  Operation operation;                 // the one in it
  Hold hold = Hold::none;              // by the spec and the operation
  std::vector<ChildState> children;    // those that are written before the roles, in that order
  std::vector<RoleState> roles;        // in the order of spec.roles
  std::vector<ChildState> on_request;  // those that are written after the roles, in that order
  std::int32_t other_pods = 0;         // of no role of the spec
  ChildState keys;                     // the Secret; without a wanted body
};

// `work` is of seen.cluster, and its findings are no errors. Error (invalid): the spec cannot be rendered.
[[nodiscard]] Result<Situation> assess(const Observed& seen, Memo::Work& work, const Now& now);

// Whether the API server itself has listed the pods of the cluster a moment ago, and nothing was seen to change since.
[[nodiscard]] bool has_listed_pods(const Situation& s);
// Every wanted child with what is there of it, in the order of writing; the Secret is not among them.
[[nodiscard]] std::vector<const ChildState*> all_children(const Situation& s);
// Whether a child of this kind is made only where the spec asks for it, and removed where it no longer does.
[[nodiscard]] bool is_on_request(kube::Kind kind);

// Whether a child of this kind sets how many pods a role is to have.
[[nodiscard]] bool is_scaler(kube::Kind kind);
// Whether it is made for KEDA, which a Kubernetes cluster need not have.
[[nodiscard]] bool is_of_keda(kube::Kind kind);

[[nodiscard]] const SeenDeployment* deployment_of(const ChildState& state);
[[nodiscard]] const SeenRole* role_of(const ChildState& state);
// Whether a Deployment's pods are being replaced: its roll-out has begun and not yet been complete once.
[[nodiscard]] bool is_rolling(const SeenChild& deployment);
// The epoch in a status, 0 when there is none.
[[nodiscard]] std::int64_t epoch_of(const Json& status);

}  // namespace nocobase_operator::app
