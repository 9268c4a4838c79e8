// The pieces of a status tree. Nobody but status_tree includes it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "app/observe.h"
#include "app/status_tree.h"

namespace nocobase_operator::app {

enum class Mark : std::uint8_t { none, good, waits, bad };

struct Node {
  Mark mark = Mark::none;
  std::string text;
  std::vector<Node> branches{};
};

// A scene sorted out.
struct StatusView {
  const StatusScene* scene = nullptr;
  Cluster cluster;  // its spec as far as it can be read
  Json status = Json::object();
  std::map<std::string, SeenChild> deployments, roles;  // by their names
  std::map<std::string, Json> role_objects, deployment_objects;
  std::vector<Json> scalers;  // that scale one of these
  std::vector<SeenPod> pods;  // by name
  std::vector<SeenChild> jobs;
};

[[nodiscard]] StatusView view_of(const StatusScene& scene);

// What of the cluster is not as it should be, and whether it has been looked at.
[[nodiscard]] std::vector<Node> condition_nodes(const StatusView& view);
// The roles with their pods and autoscalers.
[[nodiscard]] Node roles_node(const StatusView& view);
// An installation, upgrade or its parts that are there; without text when there is none.
[[nodiscard]] Node operation_node(const StatusView& view);
// Whether a pod is of one, and not of a role.
[[nodiscard]] bool is_of_operation(const SeenPod& pod);
[[nodiscard]] Node last_upgrade_node(const StatusView& view);
// A pod with what keeps it from being ready. `image` is the one that it should run, "" for any.
[[nodiscard]] Node pod_node(const StatusView& view, const SeenPod& pod, const std::string& image);

// An image with the beginning of its digest, which is enough to tell it by.
[[nodiscard]] std::string short_image(std::string image);
// "12 s", "5 min", "3 h", "4 d".
[[nodiscard]] std::string span_text(std::chrono::seconds span);
// The same since a time in RFC 3339; "" when it is none.
[[nodiscard]] std::string since_text(const StatusView& view, const std::string& time);

}  // namespace nocobase_operator::app
