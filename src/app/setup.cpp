#include "app/setup.h"

#include <algorithm>
#include <utility>

#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/labels.h"
#include "app/names.h"
#include "app/pod.h"
#include "base/check.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

Json component_labels(const Cluster& cluster, std::string_view component) {
  Json labels = cluster_labels(cluster);
  labels[std::string(label_component)] = component;
  return labels;
}

// The role that a setup Pod would be: what is said of all roles is true of it, and what it costs is what a pod that
// serves requests costs.
Role setup_role(const Cluster& cluster) {
  Role role;
  role.name = component_setup;
  role.requests = true;
  const auto serving = std::find_if(cluster.spec.roles.begin(), cluster.spec.roles.end(),
                                    [](const Role& item) { return item.requests; });
  if (serving != cluster.spec.roles.end()) {
    role.resources = serving->resources;
    role.termination_grace_period_seconds = serving->termination_grace_period_seconds;
  }
  if (cluster.spec.setup) {
    role.env = cluster.spec.setup->env;
  }
  return role;
}

void erase_variables(Json& container) {
  Json kept = Json::array();
  for (Json& item : container["env"]) {
    const std::string name = kube::string_at(item, {"name"});
    // An upgrade is what it is for, and plugins that are bought come with it.
    if (name != "SKIP_SAME_VERSION_UPGRADE" && name != "DISABLE_PKG_DOWNLOAD") {
      kept.push_back(std::move(item));
    }
  }
  container["env"] = std::move(kept);
}

// A Job around a pod template. Its pods are found by the same labels as all others.
Json job(const Cluster& cluster, std::string_view component, std::int64_t epoch, Json spec) {
  const kube::Ref ref = job_ref(cluster, component, epoch);
  const Json labels = component_labels(cluster, component);
  Json body = new_object(Kind::job, cluster, ref.name, labels);
  body["metadata"]["annotations"][std::string(annotation_epoch)] = std::to_string(epoch);
  Json& pods = spec["template"];
  for (const auto& [name, value] : labels.items()) {
    pods["metadata"]["labels"][name] = value;
  }
  if (!pods["spec"].contains("restartPolicy")) {
    pods["spec"]["restartPolicy"] = "Never";
  }
  body["spec"] = std::move(spec);
  return body;
}

// A user's JobTemplateSpec with its own labels and annotations kept.
Json hook_job(const Cluster& cluster, std::string_view component, std::int64_t epoch, const Json& job_template,
              const Json& variables) {
  Json spec = job_template.is_object() ? job_template.value("spec", Json::object()) : Json::object();
  Json& pod = spec["template"]["spec"];
  if (Json* const containers = pod.is_object() && pod.contains("containers") ? &pod["containers"] : nullptr;
      containers != nullptr && containers->is_array()) {
    for (Json& container : *containers) {
      for (const Json& variable : variables) {
        container["env"].push_back(variable);
      }
    }
  }
  Json body = job(cluster, component, epoch, std::move(spec));
  for (const char* const key : {"labels", "annotations"}) {
    const Json* const theirs = kube::find_path(job_template, {"metadata", key});
    if (theirs != nullptr && theirs->is_object()) {
      Json merged = *theirs;
      merged.update(body["metadata"][key]);
      body["metadata"][key] = std::move(merged);
    }
  }
  return body;
}

}  // namespace

kube::Ref setup_pod_ref(const Cluster& cluster) {
  return {Kind::pod, cluster.ns, child_name(cluster, component_setup)};
}

kube::Ref record_ref(const Cluster& cluster) {
  return {Kind::config_map, cluster.ns, child_name(cluster, component_record)};
}

kube::Ref job_ref(const Cluster& cluster, std::string_view component, std::int64_t epoch) {
  return {Kind::job, cluster.ns, child_name(cluster, std::string(component) + "-" + std::to_string(epoch))};
}

Result<Json> setup_pod(const Cluster& cluster, const std::string& image, std::int64_t epoch) {
  Cluster runs = cluster;
  runs.spec.image = image;
  if (cluster.spec.setup && cluster.spec.setup->env_from) {
    Json sources = runs.spec.env_from.value_or(Json::array());
    for (const Json& source : *cluster.spec.setup->env_from) {
      sources.push_back(source);
    }
    runs.spec.env_from = std::move(sources);
  }
  Json pod = TRY(pod_template(runs, setup_role(cluster), "!"));
  Json body = new_object(Kind::pod, cluster, setup_pod_ref(cluster).name, component_labels(cluster, component_setup));
  Json& metadata = body["metadata"];
  for (const char* const key : {"labels", "annotations"}) {
    Json merged = kube::find(pod["metadata"], key) != nullptr ? pod["metadata"][key] : Json::object();
    merged.update(metadata.value(key, Json::object()));
    metadata[key] = std::move(merged);
  }
  metadata["labels"].erase(std::string(label_requests));
  metadata["annotations"][std::string(annotation_epoch)] = std::to_string(epoch);
  metadata["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] = "false";
  Json& spec = pod["spec"];
  spec["restartPolicy"] = "Never";
  spec.erase("topologySpreadConstraints");
  for (Json& container : spec["containers"]) {
    if (kube::string_at(container, {"name"}) == container_name) {
      erase_variables(container);
      container.erase("startupProbe");
      container.erase("livenessProbe");
    }
  }
  body["spec"] = std::move(spec);
  return body;
}

Child setup_budget(const Cluster& cluster) {
  constexpr Kind kind = Kind::pod_disruption_budget;
  Json body =
      new_object(kind, cluster, child_name(cluster, component_setup), component_labels(cluster, component_setup));
  Json selector = application_selector(cluster);
  selector[std::string(label_component)] = component_setup;
  body["spec"]["minAvailable"] = 1;
  body["spec"]["selector"]["matchLabels"] = std::move(selector);
  return finished(kind, cluster, std::move(body));
}

Json pull_job(const Cluster& cluster, const std::string& image, std::int64_t epoch) {
  Json container = {{"name", component_pull}, {"image", image}, {"command", {"sh", "-c", ":"}}};
  if (cluster.spec.image_pull_policy) {
    container["imagePullPolicy"] = *cluster.spec.image_pull_policy;
  }
  Json pod = {{"automountServiceAccountToken", false}, {"enableServiceLinks", false}, {"restartPolicy", "Never"}};
  pod["containers"] = Json::array({std::move(container)});
  if (!cluster.spec.image_pull_secrets.empty()) {
    pod["imagePullSecrets"] = Json::array();
    for (const std::string& name : cluster.spec.image_pull_secrets) {
      pod["imagePullSecrets"].push_back({{"name", name}});
    }
  }
  // Where the application's pods would run, and under what.
  for (const char* const key : {"nodeSelector", "tolerations", "affinity", "securityContext", "runtimeClassName"}) {
    const Json* const value =
        cluster.spec.pod_template ? kube::find_path(*cluster.spec.pod_template, {"spec", key}) : nullptr;
    if (value != nullptr) {
      pod[key] = *value;
    }
  }
  Json spec = {{"backoffLimit", 0}, {"activeDeadlineSeconds", 300}};
  spec["template"]["spec"] = std::move(pod);
  return job(cluster, component_pull, epoch, std::move(spec));
}

Json backup_job(const Cluster& cluster, std::int64_t epoch) {
  CHECK(cluster.spec.upgrade && cluster.spec.upgrade->backup_job_template);
  return hook_job(cluster, component_backup, epoch, *cluster.spec.upgrade->backup_job_template, Json::array());
}

Json verify_job(const Cluster& cluster, const std::string& pod_ip, std::int64_t epoch) {
  CHECK(cluster.spec.upgrade && cluster.spec.upgrade->verify_job_template);
  const bool v6 = pod_ip.find(':') != std::string::npos;
  const std::string url = "http://" + (v6 ? "[" + pod_ip + "]" : pod_ip) + ":" + std::to_string(app_port);
  return hook_job(cluster, component_verify, epoch, *cluster.spec.upgrade->verify_job_template,
                  Json::array({Json{{"name", "SETUP_URL"}, {"value", url}}}));
}

Json record_config(const Cluster& cluster, const SetupRecord& record) {
  Json body =
      new_object(Kind::config_map, cluster, record_ref(cluster).name, component_labels(cluster, component_record));
  body["metadata"].erase("ownerReferences");  // it outlives the cluster, as the data does
  body["data"] = to_json(record);
  return body;
}

}  // namespace nocobase_operator::app
