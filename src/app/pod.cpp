#include "app/pod.h"

#include <algorithm>
#include <array>
#include <utility>

#include "app/defaults.h"
#include "app/labels.h"
#include "app/names.h"
#include "app/quantities.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {

namespace {

constexpr std::string_view storage_volume = "storage";
constexpr std::string_view run_volume = "run";

Json env_json(const EnvVar& item) {
  Json json = Json::object();
  json["name"] = item.name;
  if (item.value_from) {
    json["valueFrom"] = *item.value_from;
  } else {
    json["value"] = item.value.value_or("");
  }
  return json;
}

// A probe of the health path. It answers 503 while the application starts, and while plugins are enabled.
Json probe(const Spec& spec, const Role& role, int period, int failures) {
  Json json = Json::object();
  json["httpGet"] = {{"path", health_path(spec, role)}, {"port", app_port}};
  json["periodSeconds"] = period;
  json["timeoutSeconds"] = 5;
  json["failureThreshold"] = failures;
  return json;
}

// Delay and limit of the drain, so that both and the exit of the container fit into the grace period.
std::pair<std::int64_t, std::int64_t> drain_times(std::int64_t grace) {
  const std::int64_t exit_seconds = 5;
  const std::int64_t delay = std::clamp<std::int64_t>(grace - exit_seconds, 0, drain_delay_seconds);
  return {delay, std::max<std::int64_t>(grace - delay - exit_seconds, 1)};
}

Json lifecycle(std::int64_t grace) {
  const auto [delay, limit] = drain_times(grace);
  Json json = Json::object();
  json["preStop"]["exec"]["command"] = Json::array(
      {"/bin/sh", "-c", std::string(drain_script()), "drain", std::to_string(delay), std::to_string(limit)});
  return json;
}

Json tls_projection(const SecretKeyRef& ref, std::string_view file) {
  Json source = Json::object();
  source["secret"]["name"] = ref.name;
  source["secret"]["items"] = Json::array({Json::object({{"key", ref.key}, {"path", file}})});
  return source;
}

// The certificates of the database connection; null when there are none.
Json tls_sources(const Spec& spec) {
  if (!spec.database.tls) {
    return nullptr;
  }
  const DatabaseTls& tls = *spec.database.tls;
  Json sources = Json::array();
  if (tls.ca) {
    sources.push_back(tls_projection(*tls.ca, "ca.crt"));
  }
  if (tls.cert) {
    sources.push_back(tls_projection(*tls.cert, "tls.crt"));
  }
  if (tls.key) {
    sources.push_back(tls_projection(*tls.key, "tls.key"));
  }
  return sources.empty() ? Json(nullptr) : sources;
}

Json volumes(const Cluster& cluster, const Json& tls) {
  Json list = Json::array();
  Json storage = Json::object();
  storage["name"] = storage_volume;
  storage["persistentVolumeClaim"]["claimName"] = claim_name(cluster);
  list.push_back(std::move(storage));
  Json run = Json::object();
  run["name"] = run_volume;
  run["emptyDir"] = Json::object();
  list.push_back(std::move(run));
  if (!tls.is_null()) {
    Json certificates = Json::object();
    certificates["name"] = database_tls_volume;
    certificates["projected"]["sources"] = tls;
    list.push_back(std::move(certificates));
  }
  return list;
}

Json mounts(const Json& tls) {
  Json list = Json::array();
  list.push_back({{"name", storage_volume}, {"mountPath", storage_folder}});
  list.push_back({{"name", run_volume}, {"mountPath", run_folder}});
  if (!tls.is_null()) {
    list.push_back({{"name", database_tls_volume}, {"mountPath", database_tls_folder}, {"readOnly", true}});
  }
  return list;
}

Json ports(const Spec& spec) {
  Json list = Json::array();
  list.push_back({{"name", "http"}, {"containerPort", app_port}, {"protocol", "TCP"}});
  if (spec.monitoring && spec.monitoring->enabled) {
    list.push_back({{"name", metrics_port_name}, {"containerPort", metrics_port}, {"protocol", "TCP"}});
  }
  return list;
}

Json container(const Cluster& cluster, const Role& role, std::string_view worker_mode, const Json& tls) {
  const Spec& spec = cluster.spec;
  Json json = Json::object();
  json["name"] = container_name;
  json["image"] = spec.image;
  if (spec.image_pull_policy) {
    json["imagePullPolicy"] = *spec.image_pull_policy;
  }
  json["ports"] = ports(spec);
  json["env"] = Json::array();
  for (const EnvVar& item : environment(cluster, role, worker_mode)) {
    json["env"].push_back(env_json(item));
  }
  if (spec.env_from && !spec.env_from->empty()) {
    json["envFrom"] = *spec.env_from;
  }
  if (role.resources) {
    json["resources"] = *role.resources;
  }
  // Ten minutes for a start, which takes half a minute, also where it installs or the database comes late. A start that
  // failed answers 503 for ever and does not exit, so there has to be an end to it.
  json["startupProbe"] = probe(spec, role, 5, 120);
  json["readinessProbe"] = probe(spec, role, 5, 3);
  // Lenient: enabling a plugin answers 503 for minutes, and a restart would break it off. Ten minutes is no plugin.
  json["livenessProbe"] = probe(spec, role, 30, 20);
  json["lifecycle"] = lifecycle(grace_period_seconds(role));
  json["volumeMounts"] = mounts(tls);
  return json;
}

// Spread over nodes and zones as far as there are any; never a reason not to run.
Json spread(const Json& selector) {
  Json list = Json::array();
  for (const std::string_view key : {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}) {
    Json constraint = Json::object();
    constraint["maxSkew"] = 1;
    constraint["topologyKey"] = key;
    constraint["whenUnsatisfiable"] = "ScheduleAnyway";
    constraint["labelSelector"]["matchLabels"] = selector;
    list.push_back(std::move(constraint));
  }
  return list;
}

Json base_template(const Cluster& cluster, const Role& role, std::string_view worker_mode) {
  const Spec& spec = cluster.spec;
  const Json tls = tls_sources(spec);
  Json json = Json::object();
  json["metadata"]["labels"] = pod_labels(cluster, role);
  json["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] = container_name;
  Json& pod = json["spec"];
  pod["serviceAccountName"] = cluster.name;
  pod["automountServiceAccountToken"] = false;
  pod["enableServiceLinks"] = false;  // they would set DB_PORT and the like for a Service named db
  pod["terminationGracePeriodSeconds"] = grace_period_seconds(role);
  if (!spec.image_pull_secrets.empty()) {
    pod["imagePullSecrets"] = Json::array();
    for (const std::string& name : spec.image_pull_secrets) {
      pod["imagePullSecrets"].push_back({{"name", name}});
    }
  }
  pod["topologySpreadConstraints"] = spread(selector_labels(cluster, role));
  pod["volumes"] = volumes(cluster, tls);
  pod["containers"] = Json::array({container(cluster, role, worker_mode, tls)});
  return json;
}

// What a user should write instead of a reserved variable.
std::string instead_of(std::string_view name, const Json& item) {
  if (name != "WORKER_MODE") {
    return "it belongs to the operator, which sets it from the fields of the spec";
  }
  namespace wm = nocobase::worker_mode;
  const Json* value = kube::find(item, "value");
  if (value == nullptr || !value->is_string()) {
    return "write requests and services in the role, and the operator writes it";
  }
  const auto role = wm::role_of(wm::Mode::parse(value->get_ref<const std::string&>()));
  if (!role) {
    return "no role can be written for its value, which serves nothing or a key with unusual characters";
  }
  return "in the role, write requests: " + std::string(role->requests ? "true" : "false") +
         " and services: " + Json(role->services).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The error in the application container of an overlay, "" when there is none.
std::string container_error(const Json& container) {
  if (container.contains("image")) {
    return "the container " + std::string(container_name) +
           " sets image; the application's image is spec.image, of one "
           "version in all roles";
  }
  const Json* env = kube::find(container, "env");
  if (env == nullptr) {
    return "";
  }
  if (!env->is_array()) {
    return "env of the container " + std::string(container_name) + " is no list";
  }
  for (const Json& item : *env) {
    const std::string name = kube::string_at(item, {"name"});
    if (is_reserved_variable(name)) {
      return "the variable " + name + " is reserved: " + instead_of(name, item);
    }
  }
  return "";
}

// What an overlay may not do, "" when it does nothing of the kind.
std::string overlay_error(const Json& overlay, const Json& labels) {
  const Json* metadata = kube::find(overlay, "metadata");
  const Json* spec = kube::find(overlay, "spec");
  if (!overlay.is_object() || (metadata != nullptr && !metadata->is_object()) ||
      (spec != nullptr && !spec->is_object())) {
    return "it is no object with the objects metadata and spec";
  }
  if (const Json* theirs = kube::find_path(overlay, {"metadata", "labels"}); theirs != nullptr) {
    if (!theirs->is_object()) {
      return "metadata.labels is no object";
    }
    for (const std::string_view name : fixed_labels) {
      const Json* value = kube::find(*theirs, name);
      const Json* ours = kube::find(labels, name);
      if (value != nullptr && (ours == nullptr || *value != *ours)) {
        return "the label " + std::string(name) + " is reserved: selectors rest on it";
      }
    }
  }
  const Json* containers = spec == nullptr ? nullptr : kube::find(*spec, "containers");
  if (containers == nullptr) {
    return "";
  }
  if (!containers->is_array()) {
    return "spec.containers is no list";
  }
  for (const Json& item : *containers) {
    if (kube::string_at(item, {"name"}) == container_name) {
      if (std::string error = container_error(item); !error.empty()) {
        return error;
      }
    }
  }
  return "";
}

// An overlay may change the grace period, and then the drain has that time; its own hook it may have, too.
void fit_drain(const Role& role, Json& spec) {
  const std::int64_t ours = grace_period_seconds(role);
  const std::int64_t grace = kube::integer_at(spec, {"terminationGracePeriodSeconds"}, ours);
  for (Json& container : spec["containers"]) {
    if (grace != ours && container.is_object() && container.value("lifecycle", Json()) == lifecycle(ours)) {
      container["lifecycle"] = lifecycle(grace);
    }
  }
}

}  // namespace

Result<Json> pod_template(const Cluster& cluster, const Role& role, std::string_view worker_mode) {
  Json result = base_template(cluster, role, worker_mode);
  const Json labels = result["metadata"]["labels"];
  const std::array<std::pair<std::string, const std::optional<Json>*>, 2> overlays = {
      {{"spec.podTemplate", &cluster.spec.pod_template}, {"podTemplate of role " + role.name, &role.pod_template}}};
  for (const auto& [where, overlay] : overlays) {
    if (!overlay->has_value()) {
      continue;
    }
    if (const std::string error = overlay_error(**overlay, labels); !error.empty()) {
      std::string what = where;
      what.append(": ").append(error);
      return Error{Code::invalid, std::move(what)};
    }
    result = merge_overlay(std::move(result), **overlay);
  }
  fit_drain(role, result["spec"]);
  auto spec = with_canonical_quantities(std::move(result["spec"]));
  if (!spec.ok()) {
    return Error{Code::invalid, "role " + role.name + ": " + spec.error().what};
  }
  result["spec"] = std::move(spec).value();
  return result;
}

}  // namespace nocobase_operator::app
