#include "app/defaults.h"

#include <algorithm>
#include <optional>

#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {

namespace {

// Of the default that a role's longest drain and the drain delay are added to: what the container needs to go down
// after the server has drained.
constexpr std::int64_t exit_seconds = 5;

// The literal value of `name` in a list of variables; nothing when it is absent or comes from elsewhere.
std::optional<std::string> literal_in(const std::vector<EnvVar>& env, std::string_view name) {
  const auto found = std::find_if(env.rbegin(), env.rend(), [&](const EnvVar& item) { return item.name == name; });
  if (found == env.rend() || found->value_from) {
    return std::nullopt;
  }
  return found->value.value_or("");
}

// A path variable of a role. NocoBase takes an empty one for an absent one (cli-v1 src/util.js, initEnv).
std::string path_variable(const Spec& spec, const Role& role, std::string_view name, std::string_view fallback) {
  std::string value = literal_in(role.env, name).value_or(literal_env(spec, name));
  return value.empty() ? std::string(fallback) : value;
}

}  // namespace

std::int32_t database_port(const Database& database) {
  if (database.port) {
    return *database.port;
  }
  switch (database.dialect) {
    case Dialect::postgres:
      return 5432;
    case Dialect::mysql:
    case Dialect::mariadb:
      return 3306;
    case Dialect::kingbase:
      return 54321;
    case Dialect::sqlite:
      return 0;
  }
  return 0;
}

std::int64_t grace_period_seconds(const Role& role) {
  if (role.termination_grace_period_seconds) {
    return *role.termination_grace_period_seconds;
  }
  const bool requests_only = role.requests && role.services.empty();
  return drain_delay_seconds + (requests_only ? request_drain_seconds : worker_drain_seconds) + exit_seconds;
}

std::int32_t fewest_pods(const Role& role) {
  if (role.replicas) {
    return *role.replicas;
  }
  return role.autoscaling ? role.autoscaling->min_replicas.value_or(1) : 1;
}

bool keeps_single_pod(const DisruptionBudget& budget) {
  const auto is_nothing = [](const Json& count) { return count == 0 || count == "0%"; };
  if (budget.max_unavailable) {
    return is_nothing(*budget.max_unavailable);
  }
  return budget.min_available && !is_nothing(*budget.min_available);
}

std::int32_t progress_deadline_seconds(const Spec& spec) {
  return spec.progress_deadline_seconds.value_or(600);
}

std::string storage_size(const Spec& spec) {
  return spec.storage && spec.storage->size ? *spec.storage->size : std::string("10Gi");
}

std::vector<std::string> access_modes(const Spec& spec) {
  if (spec.storage && !spec.storage->access_modes.empty()) {
    return spec.storage->access_modes;
  }
  return {"ReadWriteMany"};
}

std::string claim_name(const Cluster& cluster) {
  const auto& storage = cluster.spec.storage;
  return storage && storage->existing_claim ? *storage->existing_claim : child_name(cluster, "storage");
}

std::string keys_secret_name(const Cluster& cluster) {
  const auto& keys = cluster.spec.keys;
  return keys && keys->secret ? *keys->secret : child_name(cluster, "keys");
}

std::string initial_admin_secret_name(const Cluster& cluster) {
  return cluster.spec.initial_admin_secret ? *cluster.spec.initial_admin_secret : child_name(cluster, "keys");
}

std::int32_t service_port(const Spec& spec) {
  return spec.service && spec.service->port ? *spec.service->port : 80;
}

std::string child_name(const Cluster& cluster, std::string_view suffix) {
  return cluster.name + "-" + std::string(suffix);
}

std::string literal_env(const Spec& spec, std::string_view name) {
  return literal_in(spec.env, name).value_or("");
}

// packages/core/cli-v1/src/util.js strips one slash off APP_PUBLIC_PATH and puts it before API_BASE_PATH;
// packages/core/server/src/gateway answers every path below that which ends in /__health_check.
std::string health_path(const Spec& spec, const Role& role) {
  std::string path = path_variable(spec, role, "APP_PUBLIC_PATH", "/");
  if (path.back() == '/') {
    path.pop_back();
  }
  path += path_variable(spec, role, "API_BASE_PATH", "/api/");
  if (path.empty() || path.front() != '/') {
    path.insert(path.begin(), '/');
  }
  if (path.back() != '/') {
    path += '/';
  }
  return path + "__health_check";
}

Result<std::string> worker_mode_of(const Role& role) {
  namespace wm = nocobase::worker_mode;
  const wm::RoleServices wanted{role.requests, role.services};
  const wm::Formatted formatted = wm::format(wanted);
  if (!formatted.ok()) {
    std::string what = "role " + role.name + ": ";
    if (formatted.error != wm::FormatError::nothing_to_serve && formatted.index < role.services.size()) {
      what += "service key " +
              Json(role.services[formatted.index]).dump(-1, ' ', true, Json::error_handler_t::replace) + " ";
    }
    return Error{Code::invalid, what + std::string(wm::to_text(formatted.error))};
  }
  for (const wm::Finding& finding : wm::lint(formatted.value, {role.services, false})) {
    if (finding.severity() == wm::Severity::error) {
      return Error{Code::invalid, "role " + role.name + ": " + finding.message};
    }
  }
  // The last line of defence: what a pod will read must be what the role says, whatever the two functions above think.
  if (!wm::serves_exactly(wm::Mode::parse(formatted.value), wanted)) {
    return Error{Code::invalid, "role " + role.name + ": its services cannot be written as WORKER_MODE"};
  }
  return formatted.value;
}

}  // namespace nocobase_operator::app
