// What the invariants look at: the objects of the API server as the few values that matter, taken from its changes.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "simulation/server.h"

namespace nocobase_operator::simulation {

struct PodView {
  std::string cluster;       // namespace/name, by its label
  std::string component;     // a role's name, setup, pull, backup, verify
  bool application = false;  // of a role or the setup pod, made by our objects, and not ended
  bool by_deployment = false;
  std::string image;  // its digest
  std::string written_image;
  std::string worker_mode;
  bool terminating = false;
  bool evicted = false;  // it goes, but not because of us
  bool started = false;  // its container runs or has run
  bool ready = false;
  bool was_ready = false;  // it is, or was before its node was lost
  std::map<std::string, std::string> labels;
};

struct DeploymentView {
  std::string cluster;
  std::string role;
  std::int64_t replicas = 0;
  std::string image;
};

struct RoleView {
  std::string cluster;
  std::optional<std::int64_t> intent;
  bool selectable = false;
  std::string selected_by;  // who has made it selectable, and when
  std::int64_t selected_at = 0;
};

struct ClusterView {
  std::string uid;
  bool invalid = false;
  std::int64_t invalid_since = 0;
  bool stopped = false, maintenance = false, paused = false;
  std::int64_t paused_since = 0;
  std::string image;
  std::set<std::string> fixed;  // roles whose replicas the spec gives
  bool allows_downgrade = false;
  bool current = false;                           // observedGeneration
  std::map<std::string, std::string> conditions;  // type -> status/reason
  std::string phase;
  bool held = false;    // its status says that no role, or not every one, may have pods
  std::string held_by;  // who has said so first, and when
  std::int64_t held_at = 0;
};

struct ServiceView {
  std::string cluster;
  std::map<std::string, std::string> selector;
};

// What an operator has last read of a cluster.
struct ClusterRead {
  std::int64_t at = 0;
  std::set<std::string> fixed;
};

struct State {
  std::int64_t now = 0;
  std::map<kube::Ref, PodView> pods;
  std::map<kube::Ref, DeploymentView> deployments;
  std::map<kube::Ref, RoleView> roles;
  std::map<kube::Ref, ClusterView> clusters;
  std::map<kube::Ref, ServiceView> services;
  std::map<std::pair<std::string, kube::Ref>, ClusterRead> reads;  // by whom

  // Keeps up with the server.
  void take(const Change& change);
  void read(const kube::Ref& ref, const Json& cluster, const std::string& actor);
  [[nodiscard]] const ClusterView* cluster(const std::string& key) const;
};

[[nodiscard]] PodView view_of_pod(const kube::Ref& ref, const Json& object);
[[nodiscard]] ClusterView view_of_cluster(const Json& object);

}  // namespace nocobase_operator::simulation
