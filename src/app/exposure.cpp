// Who may reach the pods and by what way: Ingress, HTTPRoute, NetworkPolicy, PodMonitor.
#include <array>
#include <string_view>
#include <utility>

#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/labels.h"
#include "app/pod.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

struct Annotation {
  std::string_view key;
  std::string_view value;
};

// ingress-nginx cuts uploads off at 1 MB and quiet connections after 60 s, which ends the WebSocket that NocoBase
// notifies its users by. These are the limits of the nginx in NocoBase's own image; other controllers do not look at
// them.
constexpr std::array<Annotation, 3> nginx_limits = {{{"nginx.ingress.kubernetes.io/proxy-body-size", "0"},
                                                     {"nginx.ingress.kubernetes.io/proxy-read-timeout", "600"},
                                                     {"nginx.ingress.kubernetes.io/proxy-send-timeout", "600"}}};

bool is_monitored(const Spec& spec) {
  return spec.monitoring && spec.monitoring->enabled;
}

}  // namespace

std::optional<Child> ingress(const Cluster& cluster) {
  if (!cluster.spec.ingress) {
    return std::nullopt;
  }
  const IngressSpec& wanted = *cluster.spec.ingress;
  Json body = new_object(Kind::ingress, cluster, cluster.name, cluster_labels(cluster));
  Json& annotations = body["metadata"]["annotations"];
  for (const Annotation& limit : nginx_limits) {
    annotations[std::string(limit.key)] = limit.value;
  }
  for (const auto& [key, value] : wanted.annotations) {
    annotations[key] = value;
  }
  Json& spec = body["spec"];
  if (wanted.class_name) {
    spec["ingressClassName"] = *wanted.class_name;
  }
  const Json backend = {{"service", {{"name", cluster.name}, {"port", {{"name", service_port_name}}}}}};
  const Json path = {{"path", wanted.path.value_or("/")}, {"pathType", "Prefix"}, {"backend", backend}};
  spec["rules"] = Json::array({{{"host", wanted.host}, {"http", {{"paths", Json::array({path})}}}}});
  if (wanted.tls) {
    spec["tls"] = Json::array({{{"hosts", Json::array({wanted.host})}, {"secretName", wanted.tls->secret_name}}});
  }
  return finished(Kind::ingress, cluster, std::move(body));
}

std::optional<Child> http_route(const Cluster& cluster) {
  if (!cluster.spec.gateway) {
    return std::nullopt;
  }
  const GatewaySpec& wanted = *cluster.spec.gateway;
  Json body = new_object(Kind::http_route, cluster, cluster.name, cluster_labels(cluster));
  Json& spec = body["spec"];
  spec["parentRefs"] = wanted.parent_refs;
  if (!wanted.hostnames.empty()) {
    spec["hostnames"] = wanted.hostnames;
  }
  const Json match = {{"path", {{"type", "PathPrefix"}, {"value", wanted.path.value_or("/")}}}};
  const Json backend = {{"name", cluster.name}, {"port", service_port(cluster.spec)}};
  spec["rules"] = Json::array({{{"matches", Json::array({match})}, {"backendRefs", Json::array({backend})}}});
  return finished(Kind::http_route, cluster, std::move(body));
}

std::optional<Child> network_policy(const Cluster& cluster) {
  if (!cluster.spec.network_policy || !cluster.spec.network_policy->enabled) {
    return std::nullopt;
  }
  Json body = new_object(Kind::network_policy, cluster, cluster.name, cluster_labels(cluster));
  Json& spec = body["spec"];
  spec["podSelector"]["matchLabels"] = application_selector(cluster);
  spec["podSelector"]["matchExpressions"] = Json::array({{{"key", label_requests}, {"operator", "DoesNotExist"}}});
  spec["policyTypes"] = Json::array({"Ingress"});
  const Json own = {{"podSelector", {{"matchLabels", application_selector(cluster)}}}};
  spec["ingress"] = Json::array({{{"from", Json::array({own})}}});
  if (is_monitored(cluster.spec)) {
    spec["ingress"].push_back({{"ports", Json::array({{{"port", metrics_port}, {"protocol", "TCP"}}})}});
  }
  return finished(Kind::network_policy, cluster, std::move(body));
}

std::optional<Child> pod_monitor(const Cluster& cluster) {
  if (!is_monitored(cluster.spec) || !cluster.spec.monitoring->pod_monitor) {
    return std::nullopt;
  }
  Json body = new_object(Kind::pod_monitor, cluster, cluster.name, cluster_labels(cluster));
  Json endpoint = {{"port", metrics_port_name}, {"path", "/metrics"}};
  if (cluster.spec.monitoring->interval) {
    endpoint["interval"] = *cluster.spec.monitoring->interval;
  }
  Json& spec = body["spec"];
  spec["selector"]["matchLabels"] = application_selector(cluster);
  spec["podMetricsEndpoints"] = Json::array({std::move(endpoint)});
  spec["podTargetLabels"] = Json::array({label_component});  // which role a figure is of
  return finished(Kind::pod_monitor, cluster, std::move(body));
}

}  // namespace nocobase_operator::app
