// The roles of a status tree.
#include <algorithm>
#include <optional>

#include "app/defaults.h"
#include "app/legible.h"
#include "app/names.h"
#include "app/pod_words.h"
#include "app/status.h"
#include "app/status_tree_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::integer_at;
using kube::string_at;

constexpr std::size_t max_mode = 48;  // characters

// What status.roles[] says of a role, or null.
Json told_of(const StatusView& view, const std::string& role) {
  const Json* const roles = find(view.status, "roles");
  for (const Json& item : roles != nullptr && roles->is_array() ? *roles : Json::array()) {
    if (string_at(item, {"name"}) == role) {
      return item;
    }
  }
  return nullptr;
}

// Who says how many pods there are to be, or what keeps them from being there.
std::string reason_text(const std::string& why) {
  static const std::map<std::string, std::string> words = {
      {std::string(name_of(Why::spec)), "as the spec says"},
      {std::string(name_of(Why::autoscaler)), "as its autoscaler says"},
      {std::string(name_of(Why::keda_missing)), "as before: it is scaled by KEDA, which is not installed"},
      {std::string(name_of(Why::outside)), "as was set from outside"},
      {std::string(name_of(Why::maintenance)), "held: maintenance"},
      {std::string(name_of(Why::stopped)), "held: stopped"},
      {std::string(name_of(Why::upgrade)), "held: it waits until the image is set up"},
      {std::string(name_of(Why::worker_id_limit)), "limited: no worker ids are free"},
  };
  const auto found = words.find(why);
  return found != words.end() ? found->second : why;
}

std::string padded(std::string text, int width) {
  text.append(static_cast<std::size_t>(std::max(0, width - width_of(text))), ' ');
  return text;
}

// A role's numbers: from its own objects, and where they are not there from the cluster's status.
struct Counts {
  std::optional<std::int64_t> desired, effective;
  std::int64_t ready = 0;
  std::int64_t updated = 0;
  std::int64_t there = 0;
  std::string failure;  // why no more can be made
};

Counts counts_of(const StatusView& view, const std::string& object, const Json& told) {
  Counts counts;
  if (!told.is_null()) {
    counts.desired = integer_at(told, {"desired"});
    counts.effective = integer_at(told, {"effective"});
  }
  if (const auto role = view.roles.find(object); role != view.roles.end()) {
    const auto* const seen = std::get_if<SeenRole>(&role->second.detail);
    if (seen != nullptr && seen->intent) {
      counts.desired = *seen->intent;
    }
  }
  if (const auto deployment = view.deployments.find(object); deployment != view.deployments.end()) {
    if (const auto* const seen = std::get_if<SeenDeployment>(&deployment->second.detail)) {
      counts.effective = seen->spec_replicas;
      counts.ready = seen->ready;
      counts.updated = seen->updated;
      counts.there = seen->replicas;
      counts.failure = seen->failure;
    }
  }
  return counts;
}

std::string text_of(const std::optional<std::int64_t>& count) {
  return count ? std::to_string(*count) : "?";
}

// The image that a Deployment gives its pods, "" when it is not there.
std::string image_of(const StatusView& view, const std::string& object) {
  const auto deployment = view.deployment_objects.find(object);
  const Json* const containers = deployment != view.deployment_objects.end()
                                     ? kube::find_path(deployment->second, {"spec", "template", "spec", "containers"})
                                     : nullptr;
  for (const Json& container : containers != nullptr && containers->is_array() ? *containers : Json::array()) {
    if (string_at(container, {"name"}) == container_name) {
      return string_at(container, {"image"});
    }
  }
  return "";
}

// "cpu 71 % of 70 %" for what a HorizontalPodAutoscaler measures itself.
std::string measured(const Json& scaler) {
  std::string text;
  const Json* const wanted = kube::find_path(scaler, {"spec", "metrics"});
  const Json* const current = kube::find_path(scaler, {"status", "currentMetrics"});
  for (const Json& metric : wanted != nullptr && wanted->is_array() ? *wanted : Json::array()) {
    const std::string name = string_at(metric, {"resource", "name"});
    const std::int64_t target = integer_at(metric, {"resource", "target", "averageUtilization"}, -1);
    if (name.empty() || target < 0) {
      continue;
    }
    std::string now = "unknown";
    for (const Json& item : current != nullptr && current->is_array() ? *current : Json::array()) {
      const std::int64_t value = integer_at(item, {"resource", "current", "averageUtilization"}, -1);
      if (string_at(item, {"resource", "name"}) == name && value >= 0) {
        now = std::to_string(value) + " %";
      }
    }
    text += "; " + name + " " + now + " of " + std::to_string(target) + " %";
  }
  return text;
}

// A condition of an autoscaler in its words.
std::string condition_text(const Json& scaler, std::string_view type) {
  const Json* const status = find(scaler, "status");
  const Json* const condition = status != nullptr ? find_condition(*status, type) : nullptr;
  return condition == nullptr ? "" : string_at(*condition, {"reason"}) + ": " + string_at(*condition, {"message"});
}

bool is_condition(const Json& scaler, std::string_view type, std::string_view wanted) {
  const Json* const status = find(scaler, "status");
  const Json* const condition = status != nullptr ? find_condition(*status, type) : nullptr;
  return condition != nullptr && string_at(*condition, {"status"}) == wanted;
}

Node pod_autoscaler_node(const Json& scaler) {
  Node node{Mark::good, "HorizontalPodAutoscaler " + string_at(scaler, {"metadata", "name"})};
  node.text += ": " + std::to_string(integer_at(scaler, {"spec", "minReplicas"}, 1)) + " to " +
               std::to_string(integer_at(scaler, {"spec", "maxReplicas"})) + " pods, asks for " +
               std::to_string(integer_at(scaler, {"status", "desiredReplicas"})) + measured(scaler);
  for (const std::string_view type : {"AbleToScale", "ScalingActive"}) {
    if (is_condition(scaler, type, "False")) {
      // In a hold it is meant to stand still.
      const bool held = condition_text(scaler, type).starts_with("InvalidSelector");
      node.mark = held ? Mark::waits : Mark::bad;
      node.text += held ? "; stands still while the role is held" : "; does not work: " + condition_text(scaler, type);
    }
  }
  if (is_condition(scaler, "ScalingLimited", "True") && node.mark == Mark::good) {
    node.mark = Mark::waits;
    node.text += "; limited: " + condition_text(scaler, "ScalingLimited");
  }
  const std::string owner = string_at(scaler, {"metadata", "labels", label_managed_by});
  const bool of_keda = kube::find_path(scaler, {"metadata", "labels", "scaledobject.keda.sh/name"}) != nullptr;
  node.text += owner == manager ? "" : of_keda ? "; made by KEDA" : "; not made by the operator";
  return node;
}

Node scaled_object_node(const Json& scaler) {
  Node node{Mark::good, "ScaledObject " + string_at(scaler, {"metadata", "name"})};
  node.text += ": " + std::to_string(integer_at(scaler, {"spec", "minReplicaCount"})) + " to " +
               std::to_string(integer_at(scaler, {"spec", "maxReplicaCount"}, 100)) + " pods";
  if (is_condition(scaler, "Paused", "True")) {
    node.mark = Mark::waits;
    node.text += "; paused";
  } else if (is_condition(scaler, "Ready", "False")) {
    node.mark = Mark::bad;
    node.text += "; does not work: " + condition_text(scaler, "Ready");
  }
  node.text +=
      string_at(scaler, {"metadata", "labels", label_managed_by}) == manager ? "" : "; not made by the operator";
  return node;
}

// Whether a role whose pods are all there waits for more.
bool is_waiting(const std::string& why) {
  return why == name_of(Why::upgrade) || why == name_of(Why::worker_id_limit) || why == name_of(Why::keda_missing);
}

Mark mark_of(const Counts& counts, const std::string& why, const std::vector<Node>& branches) {
  const bool bad =
      std::any_of(branches.begin(), branches.end(), [](const Node& node) { return node.mark == Mark::bad; });
  if (bad || !counts.failure.empty()) {
    return Mark::bad;
  }
  const bool reached = counts.effective && counts.ready == *counts.effective && counts.updated == *counts.effective &&
                       counts.there == *counts.effective;
  return reached && !is_waiting(why) ? Mark::good : Mark::waits;
}

// What the role's own status says comes first: it is written before the cluster's.
std::string why_of(const StatusView& view, const std::string& object, const Json& told) {
  const auto own = view.role_objects.find(object);
  const std::string why = own != view.role_objects.end() ? string_at(own->second, {"status", "why"}) : "";
  return why.empty() ? string_at(told, {"why"}) : why;
}

struct Widths {
  int name = 0, mode = 0;
};

struct Shown {
  std::string name;
  std::string mode;  // "WORKER_MODE=!"
};

Node role_node(const StatusView& view, const Shown& role, const Widths& widths) {
  const std::string object = child_name(view.cluster, role.name);
  const Json told = told_of(view, role.name);
  const Counts counts = counts_of(view, object, told);
  Node node;
  for (const Json& scaler : view.scalers) {
    if (string_at(scaler, {"spec", "scaleTargetRef", "name"}) == object) {
      const bool of_keda = string_at(scaler, {"kind"}) == kube::info(kube::Kind::scaled_object).kind;
      node.branches.push_back(of_keda ? scaled_object_node(scaler) : pod_autoscaler_node(scaler));
    }
  }
  const std::string image = image_of(view, object);
  for (const SeenPod& pod : view.pods) {
    if (pod.role == role.name) {
      node.branches.push_back(pod_node(view, pod, image));
    }
  }
  const std::string why = why_of(view, object, told);
  node.mark = mark_of(counts, why, node.branches);
  node.text = padded(role.name, widths.name) + "  " + padded(role.mode, widths.mode) + "  ";
  if (!counts.desired && !counts.effective) {
    node.text += "not made yet";
    return node;
  }
  node.text += text_of(counts.desired) + " wanted, " + text_of(counts.effective) + " told, " +
               std::to_string(counts.ready) + " ready";
  if (counts.effective && counts.there > 0 && counts.updated < *counts.effective) {
    node.text += ", " + std::to_string(counts.updated) + " replaced";
  }
  node.text += why.empty() ? "" : "; " + reason_text(why);
  node.text += counts.failure.empty() ? "" : "; no more can be made: " + counts.failure;
  return node;
}

bool is_role(const StatusView& view, const std::string& name) {
  const auto& roles = view.cluster.spec.roles;
  return std::any_of(roles.begin(), roles.end(), [&](const Role& role) { return role.name == name; });
}

// Deployments and pods of roles that the spec has no longer.
std::vector<Node> leaving_nodes(const StatusView& view) {
  std::vector<Node> nodes;
  for (const auto& [name, deployment] : view.deployments) {
    if (!is_role(view, kube::label_of(view.deployment_objects.at(name), label_component))) {
      nodes.push_back({Mark::waits, "Deployment " + name + " is of no role of the spec, and is taken away"});
    }
  }
  for (const SeenPod& pod : view.pods) {
    if (!is_role(view, pod.role) && !is_of_operation(pod)) {
      nodes.push_back(pod_node(view, pod, ""));
    }
  }
  return nodes;
}

}  // namespace

Node pod_node(const StatusView& view, const SeenPod& pod, const std::string& image) {
  Node node;
  const std::string where = pod.node.empty() ? "" : " on node " + pod.node;
  const std::string name = "pod " + pod.meta.ref.name;
  if (pod.meta.terminating) {
    node = {Mark::waits, name + " is terminating" + where};
  } else if (pod.ready) {
    node = {Mark::good, name + " ready for " + span_text(view.scene->now - pod.since) + where};
  } else if (pod.phase == "Succeeded") {
    node = {Mark::none, name + " has ended"};
  } else {
    const bool bad = is_failing(pod) || pod.phase == "Failed";
    node = {bad ? Mark::bad : Mark::waits, describe(pod) + " ("};
    node.text +=
        (pod.node.empty() ? "" : "on node " + pod.node + ", ") + "for " + span_text(view.scene->now - pod.since) + ")";
  }
  if (pod.restarts > 0) {
    node.text += ", " + std::to_string(pod.restarts) + (pod.restarts == 1 ? " restart" : " restarts");
  }
  if (!image.empty() && pod.image != image && !pod.meta.terminating) {
    node.text += ", still on " + short_image(pod.image);
  }
  return node;
}

Node roles_node(const StatusView& view) {
  Node node{Mark::none, "roles"};
  std::vector<Shown> roles;
  Widths widths;
  for (const Role& role : view.cluster.spec.roles) {
    const Result<std::string> mode = worker_mode_of(role);
    Shown shown{role.name, mode.ok() ? legible("WORKER_MODE=" + mode.value(), max_mode) : "no WORKER_MODE"};
    widths.name = std::max(widths.name, width_of(shown.name));
    widths.mode = std::max(widths.mode, width_of(shown.mode));
    roles.push_back(std::move(shown));
  }
  for (const Shown& role : roles) {
    node.branches.push_back(role_node(view, role, widths));
  }
  for (Node& leaving : leaving_nodes(view)) {
    node.branches.push_back(std::move(leaving));
  }
  return node;
}

}  // namespace nocobase_operator::app
