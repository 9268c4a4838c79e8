// How a cluster stands, as a tree for people: the cluster, what of it is not as it should be, its roles with their pods
// and autoscalers, and what is under way. From objects as the API server gives them; pure.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "kube/json.h"

namespace nocobase_operator::app {

using kube::Json;

struct StatusScene {
  Json cluster;  // the NocoBaseCluster
  // NocoBaseRoles, Deployments, Pods, Jobs and autoscalers, with apiVersion and kind; those that are not of this
  // cluster are passed over.
  std::vector<Json> objects;
  std::vector<std::string> unread;  // what could not be read, and why
  std::chrono::sys_seconds now{};
};

// How it is to look.
struct Look {
  bool colour = false;  // by the codes of ANSI
  int columns = 0;      // of the terminal: longer lines go on in the next, within the tree; 0: no line is broken
};

// The tree, one line per thing, ended by a line feed.
[[nodiscard]] std::string status_tree(const StatusScene& scene, Look look);

// Whether the operator has seen the newest spec and says that the cluster is Ready.
[[nodiscard]] bool is_ready(const Json& cluster);

}  // namespace nocobase_operator::app
