#include <utility>

#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/labels.h"

namespace nocobase_operator::app {
namespace {

Json utilisation(const char* resource, std::int32_t percent) {
  return {{"type", "Resource"},
          {"resource", {{"name", resource}, {"target", {{"type", "Utilization"}, {"averageUtilization", percent}}}}}};
}

Json metrics_of(const Autoscaling& autoscaling) {
  Json metrics = Json::array();
  if (autoscaling.cpu) {
    metrics.push_back(utilisation("cpu", *autoscaling.cpu));
  }
  if (autoscaling.memory) {
    metrics.push_back(utilisation("memory", *autoscaling.memory));
  }
  if (autoscaling.metrics) {
    metrics.insert(metrics.end(), autoscaling.metrics->begin(), autoscaling.metrics->end());
  }
  return metrics;
}

// A worker that goes has to hand its jobs on, and work comes in bursts: up at once, down by one pod a minute after five
// quiet minutes. Roles that serve requests keep Kubernetes' own behaviour.
Json worker_behavior() {
  const auto pods = [](int value, int seconds) {
    return Json{{"type", "Pods"}, {"value", value}, {"periodSeconds", seconds}};
  };
  const Json doubled = {{"type", "Percent"}, {"value", 100}, {"periodSeconds", 15}};
  return {{"scaleUp", {{"stabilizationWindowSeconds", 0}, {"policies", Json::array({pods(4, 15), doubled})}}},
          {"scaleDown", {{"stabilizationWindowSeconds", 300}, {"policies", Json::array({pods(1, 60)})}}}};
}

}  // namespace

Json scale_target(const Cluster& cluster, const Role& role) {
  constexpr kube::Kind kind = kube::Kind::nocobase_role;
  return {{"apiVersion", kube::api_version(kind)},
          {"kind", kube::info(kind).kind},
          {"name", child_name(cluster, role.name)}};
}

std::optional<Json> scaling_behavior(const Role& role) {
  if (role.autoscaling && role.autoscaling->behavior) {
    return role.autoscaling->behavior;
  }
  return role.requests ? std::nullopt : std::optional(worker_behavior());
}

std::optional<Child> pod_autoscaler(const Cluster& cluster, const Role& role) {
  if (!role.autoscaling || is_for_keda(role)) {
    return std::nullopt;
  }
  constexpr kube::Kind kind = kube::Kind::horizontal_pod_autoscaler;
  Json body = new_object(kind, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  Json& spec = body["spec"];
  spec["scaleTargetRef"] = scale_target(cluster, role);
  spec["minReplicas"] = role.autoscaling->min_replicas.value_or(1);
  spec["maxReplicas"] = role.autoscaling->max_replicas;
  spec["metrics"] = metrics_of(*role.autoscaling);
  if (std::optional<Json> behavior = scaling_behavior(role)) {
    spec["behavior"] = std::move(*behavior);
  }
  return finished(kind, cluster, std::move(body));
}

}  // namespace nocobase_operator::app
