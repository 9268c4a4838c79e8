#include <algorithm>
#include <array>
#include <set>

#include "app/defaults.h"
#include "app/import_objects.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

bool selects(const Json& selector, const std::vector<Json>& pod_labels) {
  return !selector.empty() && std::any_of(pod_labels.begin(), pod_labels.end(),
                                          [&selector](const Json& labels) { return has_all(labels, selector); });
}

// Annotations without what kubectl and controllers wrote into them.
Json own_annotations(const Json* annotations) {
  Json out = Json::object();
  if (annotations == nullptr || !annotations->is_object()) {
    return out;
  }
  for (const auto& [key, value] : annotations->items()) {
    static constexpr std::array<std::string_view, 3> others = {"kubectl.kubernetes.io/", "meta.helm.sh/",
                                                               "deployment.kubernetes.io/"};
    const std::string_view name = key;
    const bool foreign =
        std::any_of(others.begin(), others.end(), [name](std::string_view start) { return name.starts_with(start); });
    if (!foreign && value.is_string()) {
      out[key] = value;
    }
  }
  return out;
}

Json service_section(const kube::SourceDocument& service, Remarks& remarks) {
  const std::string subject = "Service " + kube::string_at(service.value, {"metadata", "name"});
  Json out = Json::object();
  const std::string type = kube::string_at(service.value, {"spec", "type"});
  if (type == "NodePort" || type == "LoadBalancer") {
    out["type"] = type;
  }
  const Json* const ports = kube::find_path(service.value, {"spec", "ports"});
  if (ports != nullptr && ports->is_array() && !ports->empty()) {
    const std::int64_t port = kube::integer_at(ports->front(), {"port"}, 0);
    if (port > 0 && port <= 65535 && port != 80) {
      out["port"] = port;
    }
    if (ports->size() > 1) {
      remarks.dropped(place_of(service, "spec.ports"), subject, "the Service has one port, the first of these");
    }
    if (kube::find(ports->front(), "nodePort") != nullptr) {
      remarks.dropped(place_of(service, "spec.ports[0].nodePort"), subject, "Kubernetes gives out the node port anew");
    }
  }
  if (Json annotations = own_annotations(kube::find_path(service.value, {"metadata", "annotations"}));
      !annotations.empty()) {
    out["annotations"] = std::move(annotations);
  }
  return out;
}

std::string backend_of(const Json& path) {
  const std::string name = kube::string_at(path, {"backend", "service", "name"});
  return name.empty() ? kube::string_at(path, {"backend", "serviceName"}) : name;
}

// Whether a rule of the Ingress leads to one of the Services.
bool leads_to(const Json& ingress, const std::set<std::string>& services) {
  const Json* const rules = kube::find_path(ingress, {"spec", "rules"});
  if (rules == nullptr || !rules->is_array()) {
    return false;
  }
  return std::any_of(rules->begin(), rules->end(), [&services](const Json& rule) {
    const Json* const paths = kube::find_path(rule, {"http", "paths"});
    return paths != nullptr && paths->is_array() &&
           std::any_of(paths->begin(), paths->end(),
                       [&services](const Json& path) { return services.contains(backend_of(path)); });
  });
}

// One metric of a HorizontalPodAutoscaler as a field of ours; false when it has none.
bool put_utilisation(const Json& metric, Json& out) {
  const std::string name = kube::string_at(metric, {"resource", "name"});
  const std::int64_t target = kube::integer_at(metric, {"resource", "target", "averageUtilization"}, 0);
  if (kube::string_at(metric, {"type"}) != "Resource" || (name != "cpu" && name != "memory") || target < 1 ||
      target > 10'000) {
    return false;
  }
  out[name] = target;
  return true;
}

}  // namespace

Exposure exposure_of(const ObjectIndex& objects, const std::vector<Json>& pod_labels, Remarks& remarks) {
  Exposure out;
  std::set<std::string> services;
  bool first = true;
  for (const kube::SourceDocument* const service : objects.all("Service")) {
    const Json* const selector = kube::find_path(service->value, {"spec", "selector"});
    if (selector == nullptr || !selects(*selector, pod_labels)) {
      continue;
    }
    const std::string name = kube::string_at(service->value, {"metadata", "name"});
    services.insert(name);
    const bool headless = kube::string_at(service->value, {"spec", "clusterIP"}) == "None";
    if (first && !headless) {
      out.service = service_section(*service, remarks);
      first = false;
    } else {
      remarks.dropped(place_of(*service, ""), "Service " + name,
                      headless ? "the operator's Service has an address of its own" : "the operator makes one Service");
    }
  }
  for (const kube::SourceDocument* const ingress : objects.all("Ingress")) {
    if (!leads_to(ingress->value, services)) {
      continue;
    }
    if (!out.ingress.empty()) {
      remarks.dropped(place_of(*ingress, ""), "Ingress " + kube::string_at(ingress->value, {"metadata", "name"}),
                      "the operator makes one Ingress", "keep this one, and let it lead to the operator's Service");
      continue;
    }
    out.ingress = ingress_section({ingress, kube::find(ingress->value, "spec"), "spec"},
                                  kube::find_path(ingress->value, {"metadata", "annotations"}), remarks);
  }
  return out;
}

Json ingress_section(const Located& spec, const Json* annotations, Remarks& remarks) {
  Json out = Json::object();
  // Rules of an Ingress, or hosts of the chart's values.
  const Located rules = spec.member("rules").is_array() ? spec.member("rules") : spec.member("hosts");
  if (!rules.is_array() || rules.value->empty() || kube::string_at(rules.value->front(), {"host"}).empty()) {
    remarks.needs(spec.place(), "ingress", "it names no host, and the operator's Ingress wants one",
                  "say ingress.host");
    return out;
  }
  const Json& rule = rules.value->front();
  out["host"] = kube::string_at(rule, {"host"});
  for (std::size_t i = 1; i < rules.value->size(); ++i) {
    remarks.dropped(rules.item(i).place(), "ingress " + kube::string_at((*rules.value)[i], {"host"}),
                    "the operator's Ingress has one host",
                    "keep an Ingress of your own for it, and let it lead to the operator's Service");
  }
  const Json* paths = kube::find_path(rule, {"http", "paths"});
  paths = paths == nullptr ? kube::find(rule, "paths") : paths;
  if (paths != nullptr && paths->is_array() && !paths->empty()) {
    const std::string path = kube::string_at(paths->front(), {"path"});
    if (!path.empty() && path != "/") {
      out["path"] = path;
    }
    if (paths->size() > 1) {
      remarks.dropped(rules.item(0).place(), "ingress", "the operator's Ingress has one path, the first of these");
    }
  }
  std::string class_name = kube::string_at(*spec.value, {"ingressClassName"});
  class_name = class_name.empty() ? kube::string_at(*spec.value, {"className"}) : class_name;
  Json kept = own_annotations(annotations);
  constexpr auto old_class = "kubernetes.io/ingress.class";
  if (class_name.empty()) {
    class_name = kube::string_at(kept, {old_class});
  }
  kept.erase(old_class);
  if (!class_name.empty()) {
    out["className"] = class_name;
  }
  if (!kept.empty()) {
    out["annotations"] = std::move(kept);
  }
  const Json* const tls = kube::find(*spec.value, "tls");
  if (tls != nullptr && tls->is_array() && !tls->empty()) {
    if (const std::string secret = kube::string_at(tls->front(), {"secretName"}); !secret.empty()) {
      out["tls"]["secretName"] = secret;
    }
  }
  return out;
}

Json autoscaling_of(const Located& spec, Remarks& remarks) {
  Json out = Json::object();
  const std::int64_t most = kube::integer_at(*spec.value, {"maxReplicas"}, 1);
  out["maxReplicas"] = std::clamp<std::int64_t>(most, 1, max_worker_ids);
  if (most > max_worker_ids) {
    remarks.changed(spec.place("maxReplicas"), "maxReplicas",
                    "there are " + std::to_string(max_worker_ids) + " worker ids, so no role has more pods than that");
  }
  if (const std::int64_t least = kube::integer_at(*spec.value, {"minReplicas"}, 1); least != 1) {
    out["minReplicas"] = std::clamp<std::int64_t>(least, 0, max_worker_ids);
  }
  if (const std::int64_t cpu = kube::integer_at(*spec.value, {"targetCPUUtilizationPercentage"}, 0); cpu > 0) {
    out["cpu"] = std::min<std::int64_t>(cpu, 10'000);
  }
  if (const Json* const metrics = kube::find(*spec.value, "metrics"); metrics != nullptr && metrics->is_array()) {
    for (const Json& metric : *metrics) {
      if (!put_utilisation(metric, out) && metric.is_object() && out["metrics"].size() < 16) {
        out["metrics"].push_back(metric);
      }
    }
    if (out["metrics"].is_null()) {
      out.erase("metrics");
    }
  }
  if (const Json* const behavior = kube::find(*spec.value, "behavior");
      behavior != nullptr && behavior->is_object() && !behavior->empty()) {
    out["behavior"] = *behavior;
  }
  if (!out.contains("cpu") && !out.contains("memory") && !out.contains("metrics")) {
    out["cpu"] = 80;
    remarks.changed(spec.place(), "autoscaling",
                    "what it is scaled on has no counterpart: it is scaled on 80 % of the "
                    "CPU that the role requests",
                    "change autoscaling of the role if something else tells better how busy it is");
  }
  return out;
}

}  // namespace nocobase_operator::app::importing
