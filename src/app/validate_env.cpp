#include <algorithm>
#include <array>

#include "app/env_lint.h"
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
constexpr auto shared_variables =
    std::to_array<std::string_view>({"API_BASE_PATH", "APP_PUBLIC_PATH", "PLUGIN_URL_HASH_SALT"});

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

// Each role that sets `name` to something else than the first role has.
void judge_agreement(const Spec& spec, std::string_view name, Report& report) {
  const EnvVar* first = nullptr;
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    const EnvVar* const effective = variable_of(spec, i, name).variable;
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

}  // namespace

VariableAt variable_of(const Spec& spec, std::size_t role, std::string_view name) {
  for (const std::vector<EnvVar>* const env : {&spec.roles[role].env, &spec.env}) {
    const auto found = std::find_if(env->begin(), env->end(), [name](const EnvVar& item) { return item.name == name; });
    if (found != env->end()) {
      const std::string list = env == &spec.env ? "spec.env" : role_path(role) + ".env";
      return {&*found, kube::join_path(list, static_cast<std::size_t>(found - env->begin())) + ".value"};
    }
  }
  return {};
}

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
  judge_variables_together(spec, report);
}

}  // namespace nocobase_operator::app
