// What KEDA needs to scale a role on the work that waits for it, or on triggers.
#include <utility>

#include "app/backlog.h"
#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/labels.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

// KEDA reads the database from its own namespace, where a bare name means another Service, or none.
std::string host_for_keda(const Cluster& cluster) {
  const std::string& host = cluster.spec.database.host;
  const bool bare = host.find_first_of(".:") == std::string::npos;
  return bare && !cluster.ns.empty() ? host + "." + cluster.ns + ".svc" : host;
}

// KEDA has none of the certificates that pods mount: it encrypts where the spec asks for TLS, and verifies nothing.
// Without that it takes what the server offers.
std::string ssl_mode(const Database& database) {
  return database.tls && database.tls->mode != "disable" ? "require" : "prefer";
}

Json backlog_trigger(const Cluster& cluster, const Role& role) {
  const Database& database = cluster.spec.database;
  const bool is_mysql = database.dialect == Dialect::mysql || database.dialect == Dialect::mariadb;
  Json metadata = {{"host", host_for_keda(cluster)},
                   {"port", std::to_string(database_port(database))},
                   {"dbName", database.name},
                   {"query", backlog_query(database, backlog_keys(role))}};
  const std::string target = std::to_string(*role.autoscaling->backlog_target);
  if (is_mysql) {
    metadata["username"] = database.user;
    metadata["queryValue"] = target;
  } else {
    metadata["userName"] = database.user;
    metadata["sslmode"] = ssl_mode(database);
    metadata["targetQueryValue"] = target;
  }
  return {{"type", is_mysql ? "mysql" : "postgresql"},
          {"metadata", std::move(metadata)},
          {"authenticationRef", {{"name", child_name(cluster, role.name)}}}};
}

Json utilisation_trigger(const char* resource, std::int32_t percent) {
  return {{"type", resource}, {"metricType", "Utilization"}, {"metadata", {{"value", std::to_string(percent)}}}};
}

Json triggers_of(const Cluster& cluster, const Role& role) {
  const Autoscaling& autoscaling = *role.autoscaling;
  Json triggers = Json::array();
  if (autoscaling.backlog_target && !backlog_keys(role).empty()) {  // none: the spec is refused
    triggers.push_back(backlog_trigger(cluster, role));
  }
  if (autoscaling.cpu) {
    triggers.push_back(utilisation_trigger("cpu", *autoscaling.cpu));
  }
  if (autoscaling.memory) {
    triggers.push_back(utilisation_trigger("memory", *autoscaling.memory));
  }
  if (autoscaling.triggers) {
    triggers.insert(triggers.end(), autoscaling.triggers->begin(), autoscaling.triggers->end());
  }
  return triggers;
}

}  // namespace

bool is_for_keda(const Role& role) {
  return role.autoscaling &&
         (role.autoscaling->backlog_target || (role.autoscaling->triggers && !role.autoscaling->triggers->empty()));
}

std::optional<Child> trigger_authentication(const Cluster& cluster, const Role& role) {
  const std::optional<SecretKeyRef>& password = cluster.spec.database.password;
  if (!role.autoscaling || !role.autoscaling->backlog_target || !password) {
    return std::nullopt;
  }
  constexpr Kind kind = Kind::trigger_authentication;
  Json body = new_object(kind, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  body["spec"]["secretTargetRef"] =
      Json::array({Json{{"parameter", "password"}, {"name", password->name}, {"key", password->key}}});
  return finished(kind, cluster, std::move(body));
}

std::optional<Child> scaled_object(const Cluster& cluster, const Role& role, bool paused) {
  if (!is_for_keda(role)) {
    return std::nullopt;
  }
  constexpr Kind kind = Kind::scaled_object;
  Json body = new_object(kind, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  // KEDA then takes its HorizontalPodAutoscaler away and looks at no trigger. Otherwise it is left out and not "false":
  // of such annotations some versions ask only whether they are there.
  if (paused) {
    body["metadata"]["annotations"][std::string(annotation_paused)] = "true";
  }
  Json& spec = body["spec"];
  spec["scaleTargetRef"] = scale_target(cluster, role);
  spec["minReplicaCount"] = role.autoscaling->min_replicas.value_or(1);
  spec["maxReplicaCount"] = role.autoscaling->max_replicas;
  spec["triggers"] = triggers_of(cluster, role);
  if (std::optional<Json> behavior = scaling_behavior(role)) {
    spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] = std::move(*behavior);
  }
  return finished(kind, cluster, std::move(body));
}

}  // namespace nocobase_operator::app
