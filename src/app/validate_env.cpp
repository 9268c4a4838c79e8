#include <algorithm>
#include <array>

#include "app/labels.h"
#include "app/names.h"
#include "app/pod.h"
#include "app/secrecy.h"
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

bool is_placeholder(std::string_view value, bool secret) {
  static constexpr std::array<std::string_view, 7> words = {"your-secret-key", "test-key", "changeme",     "change-me",
                                                            "your-password",   "xxx",      "password-here"};
  const bool angled = value.size() > 2 && value.front() == '<' && value.back() == '>' &&
                      value.find_first_of("<>", 1) == value.size() - 1;
  return angled || (secret && std::find(words.begin(), words.end(), value) != words.end());
}

void judge_value(const std::string& path, const EnvVar& variable, Report& report) {
  const std::string& value = *variable.value;
  const bool secret = is_secret_name(variable.name);
  if (is_placeholder(value, secret)) {
    report.add("NB053", path + ".value",
               secret ? "the value is the placeholder of a template" : in_quotes(value) + " is a placeholder",
               "write the value, or take it from a Secret with valueFrom");
    return;
  }
  if ((secret && !value.empty() && !value.starts_with("$(")) || has_password(value)) {
    report.add("NB054", path + ".value",
               "the value of " + variable.name + " (" + std::to_string(value.size()) + " bytes) is written out",
               "take it from a Secret with valueFrom.secretKeyRef");
  }
  if (variable.name.ends_with("REDIS_URL")) {
    if (const std::string problem = redis_url_problem(value); !problem.empty()) {
      report.add("NB055", path + ".value", "the URL " + problem, "write redis://host:6379/0");
    }
  }
  if (is_localhost(url_host(value))) {
    report.add("NB056", path + ".value", "the URL names localhost, which is the pod itself", "name the server");
  }
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
      judge_value(path, env[i], report);
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

std::string url_host(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) {
    return "";
  }
  std::string_view authority = text.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  if (authority.starts_with('[')) {
    return std::string(authority.substr(0, authority.find(']') + 1));
  }
  return std::string(authority.substr(0, authority.find(':')));
}

std::string redis_url_problem(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::string_view name = url.substr(0, scheme == std::string_view::npos ? url.find(':') : scheme);
  if (name != "redis" && name != "rediss") {
    return "does not begin with redis:// or rediss://";
  }
  if (scheme == std::string_view::npos) {
    return "has one slash where two belong";
  }
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t last_at = rest.rfind('@');
  const std::string_view user = last_at == std::string_view::npos ? "" : rest.substr(0, last_at);
  // What Kubernetes fills in cannot be judged.
  if (user.find("$(") == std::string_view::npos && user.find_first_of("/?#@[]") != std::string_view::npos) {
    return "has a character in its user or password that must be percent-encoded";
  }
  if (url_host(url).empty()) {
    return "names no host";
  }
  const std::string_view after = last_at == std::string_view::npos ? rest : rest.substr(last_at + 1);
  const std::size_t slash = after.find('/');
  const std::string_view number =
      slash == std::string_view::npos ? "" : after.substr(slash + 1, after.find('?', slash) - slash - 1);
  const bool digits = std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits || number.find("$(") != std::string_view::npos ? "" : "has a path that is no database number";
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
