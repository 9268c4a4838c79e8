#include <algorithm>
#include <array>

#include "app/env_lint.h"
#include "app/labels.h"
#include "app/names.h"
#include "app/pod.h"
#include "app/validate_parts.h"
#include "kube/json.h"
#include "kube/reader.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

namespace wm = nocobase::worker_mode;

// Where the spec says what a reserved variable says; the first prefix that fits counts.
struct Home {
  std::string_view prefix;
  std::string_view field;
};
constexpr std::array<Home, 13> homes = {{
    {"APP_AES_SECRET_KEY", "keys.secretRef"},
    {"APP_KEY", "keys.secretRef"},
    {"CACHE_", "coordination.redis"},
    {"CLUSTER_MODE", "the replicas of a role; each process would take a worker id"},
    {"DB_DIALECT_OPTIONS_SSL_", "database.tls"},
    {"DB_", "database"},
    {"INIT_ROOT_", "initialAdmin.secretRef"},
    {"LOCK_ADAPTER_", "coordination.redis"},
    {"PUBSUB_ADAPTER_", "coordination.redis"},
    {"QUEUE_ADAPTER", "coordination"},
    {"REDIS_URL", "coordination.redis"},
    {"STORAGE_PATH", "storage"},
    {"WORKER_ID_", "coordination.redis"},
}};

// Variables that all roles must agree on, because they share one storage and one public address.
constexpr std::array<std::string_view, 3> shared_variables = {"API_BASE_PATH", "APP_PUBLIC_PATH",
                                                              "PLUGIN_URL_HASH_SALT"};

std::string role_fields(const wm::RoleServices& role) {
  std::string out = role.requests ? "requests: true" : "";
  if (!role.services.empty()) {
    out += std::string(out.empty() ? "" : ", ") + "services: " + kube::dump(Json(role.services));
  }
  return out;
}

void judge_variables(const Spec& spec, const std::string& list, const std::vector<EnvVar>& env, Report& report) {
  for (std::size_t i = 0; i < env.size(); ++i) {
    const std::string path = kube::join_path(list, i);
    if (is_reserved_variable(env[i].name)) {
      report.add("NB050", path + ".name", env[i].name + " is set by the operator",
                 reserved_advice(env[i].name, env[i].value));
    } else if (const std::string_view field = field_setting(spec, env[i].name); !field.empty()) {
      report.add("NB059", path + ".name", env[i].name + " is set by " + std::string(field),
                 "say it there, or leave that field out");
    } else if (env[i].value) {
      lint_value({env[i].name, *env[i].value, Kept::in_spec}, path + ".value", report);
    }
  }
}

const EnvVar* find_variable(const std::vector<EnvVar>& env, std::string_view name) {
  const auto found = std::find_if(env.begin(), env.end(), [name](const EnvVar& item) { return item.name == name; });
  return found == env.end() ? nullptr : &*found;
}

// Each role that sets `name` to something else than the first role has.
void judge_agreement(const Spec& spec, std::string_view name, Report& report) {
  const EnvVar* first = nullptr;
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    const EnvVar* const own = find_variable(spec.roles[i].env, name);
    const EnvVar* const effective = own != nullptr ? own : find_variable(spec.env, name);
    if (i == 0) {
      first = effective;
      continue;
    }
    const bool same = first == effective || (first != nullptr && effective != nullptr && *first == *effective);
    if (!same) {
      report.add("NB057", role_path(i),
                 std::string(name) + " differs from that of role " + in_quotes(spec.roles[0].name),
                 "set it in spec.env, for all roles");
    }
  }
}

void judge_template(const Spec& spec, const std::string& path, const std::optional<Json>& pod_template,
                    Report& report) {
  if (!pod_template) {
    return;
  }
  if (const Json* const labels = kube::find_path(*pod_template, {"metadata", "labels"});
      labels != nullptr && labels->is_object()) {
    for (const auto& [label, value] : labels->items()) {
      if (std::find(fixed_labels.begin(), fixed_labels.end(), label) != fixed_labels.end()) {
        report.add("NB058", kube::join_path(path + ".metadata.labels", label), label + " is set by the operator",
                   "leave it out");
      }
    }
  }
  const Json* const containers = kube::find_path(*pod_template, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array()) {
    return;
  }
  for (std::size_t i = 0; i < containers->size(); ++i) {
    const Json* const env = kube::find((*containers)[i], "env");
    if (kube::string_at((*containers)[i], {"name"}) != container_name || env == nullptr || !env->is_array()) {
      continue;
    }
    for (std::size_t j = 0; j < env->size(); ++j) {
      const std::string name = kube::string_at((*env)[j], {"name"});
      if (const std::string_view field = field_setting(spec, name); !field.empty()) {
        report.add("NB059", kube::join_path(kube::join_path(path + ".spec.containers", i) + ".env", j) + ".name",
                   name + " is set by " + std::string(field), "say it there, or leave that field out");
      }
      if (!is_reserved_variable(name)) {
        continue;
      }
      const Json* const value = kube::find((*env)[j], "value");
      report.add("NB051", kube::join_path(kube::join_path(path + ".spec.containers", i) + ".env", j) + ".name",
                 name + " is set by the operator",
                 reserved_advice(name, value != nullptr && value->is_string()
                                           ? std::optional(kube::string_at((*env)[j], {"value"}))
                                           : std::nullopt));
    }
  }
}

}  // namespace

std::string reserved_advice(std::string_view name, const std::optional<std::string>& value) {
  if (name == "WORKER_MODE") {
    if (!value) {
      return "say requests and services of a role";
    }
    const wm::Mode mode = wm::Mode::parse(*value);
    const auto role = wm::role_of(mode);
    return role ? "write `" + role_fields(*role) + "` in the role"
                : std::string(mode.is_transient() ? "that is the mode of a worker thread, never of a pod"
                                                  : "that value serves nothing") +
                      "; say requests and services of a role";
  }
  const auto* const home = std::find_if(homes.begin(), homes.end(),
                                        [name](const Home& candidate) { return name.starts_with(candidate.prefix); });
  return home == homes.end() ? "leave it out" : "leave it out and use " + std::string(home->field);
}

void judge_environment(const Spec& spec, Report& report) {
  judge_variables(spec, "spec.env", spec.env, report);
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    judge_variables(spec, role_path(i) + ".env", spec.roles[i].env, report);
  }
  if (spec.setup) {
    judge_variables(spec, "spec.setup.env", spec.setup->env, report);
  }
  for (const std::string_view name : shared_variables) {
    judge_agreement(spec, name, report);
  }
}

void judge_pod_templates(const Spec& spec, Report& report) {
  judge_template(spec, "spec.podTemplate", spec.pod_template, report);
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    judge_template(spec, role_path(i) + ".podTemplate", spec.roles[i].pod_template, report);
  }
}

}  // namespace nocobase_operator::app
