#include "app/labels.h"

#include <string>

namespace nocobase_operator::app {

namespace {

constexpr std::string_view application = "nocobase";

}  // namespace

Json cluster_labels(const Cluster& cluster) {
  return Json::object({{std::string(label_name), application},
                       {std::string(label_instance), cluster.name},
                       {std::string(label_part_of), application},
                       {std::string(label_managed_by), manager}});
}

Json role_labels(const Cluster& cluster, const Role& role) {
  Json labels = cluster_labels(cluster);
  labels[std::string(label_component)] = role.name;
  return labels;
}

Json selector_labels(const Cluster& cluster, const Role& role) {
  Json labels = application_selector(cluster);
  labels[std::string(label_component)] = role.name;
  return labels;
}

Json pod_labels(const Cluster& cluster, const Role& role) {
  Json labels = role_labels(cluster, role);
  if (role.requests) {
    labels[std::string(label_requests)] = "true";
  }
  return labels;
}

Json application_selector(const Cluster& cluster) {
  return Json::object({{std::string(label_name), application}, {std::string(label_instance), cluster.name}});
}

Json service_selector(const Cluster& cluster) {
  Json labels = application_selector(cluster);
  labels[std::string(label_requests)] = "true";
  return labels;
}

}  // namespace nocobase_operator::app
