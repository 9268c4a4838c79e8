#include "app/import_draft.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/form.h"
#include "app/placeholder.h"
#include "app/secrecy.h"
#include "base/check.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::size_t max_value = 32'768;  // of a variable, as the API has it

Json secret_ref(const std::string& name, const std::string& key) {
  return Json::object({{"name", name}, {"key", key}});
}

std::string trimmed(const std::string& text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string origin_of(const Json& source) {
  for (const auto* const kind : {"secretKeyRef", "configMapKeyRef"}) {
    if (const std::string name = kube::string_at(source, {kind, "name"}); !name.empty()) {
      return std::string(kind == std::string_view("secretKeyRef") ? "Secret " : "ConfigMap ") + name + " (key " +
             kube::string_at(source, {kind, "key"}) + ")";
    }
  }
  return "Kubernetes (valueFrom)";
}

}  // namespace

Draft::Draft(std::string cluster, std::vector<RoleDraft> roles, Remarks& remarks)
    : cluster_(std::move(cluster)), roles_(std::move(roles)), remarks_(remarks) {
  tell_differences();
}

// What all pods have in common in the spec must be the same in all of them.
void Draft::tell_differences() {
  for (const Variable& variable : known_variables()) {
    if (variable.home >= Home::env || variable.home == Home::worker_mode) {
      continue;
    }
    const Setting* first = nullptr;
    for (const RoleDraft& role : roles_) {
      const Setting* const own = find_setting(role.workload.env, variable.name);
      if (first == nullptr) {
        first = own;
      } else if (own != nullptr && !own->same_as(*first)) {
        remarks_.needs(own->place, std::string(variable.name), "it differs between roles, and the first one is taken",
                       "import one application at a time, or make them agree");
      }
    }
  }
}

bool Draft::is_distributed() const {
  std::int64_t pods = 0;
  bool split = false;
  for (const RoleDraft& role : roles_) {
    pods +=
        role.workload.autoscaling ? kube::integer_at(*role.workload.autoscaling, {"maxReplicas"}, 1) : role.replicas;
    split = split || !role.serves.requests || role.serves.services != std::vector<std::string>{"*"};
  }
  return pods > 1 || split;
}

const Setting* Draft::called(std::string_view name) const {
  for (const RoleDraft& role : roles_) {
    if (const Setting* const found = find_setting(role.workload.env, name); found != nullptr && found->is_set()) {
      return found;
    }
  }
  return nullptr;
}

const Setting* Draft::at(Home home) const {
  return called(variable_at(home));
}

std::optional<std::string> Draft::text(Home home, std::string_view field) {
  const Setting* const setting = at(home);
  if (setting == nullptr) {
    return std::nullopt;
  }
  const std::string where = "say it in " + std::string(field);
  if (!setting->unknown.empty()) {
    remarks_.needs(setting->place, setting->name, setting->unknown, where);
    return std::nullopt;
  }
  if (!setting->value || setting->refers) {
    remarks_.needs(setting->place, setting->name,
                   setting->source
                       ? "it is in " + origin_of(*setting->source) + ", and the spec takes no reference here"
                       : "it is put together from others that only Kubernetes knows",
                   where);
    return std::nullopt;
  }
  if (is_placeholder_text(*setting->value, false)) {
    remarks_.needs(setting->place, setting->name, "the value is the placeholder of a template", where);
    return std::nullopt;
  }
  std::string value = trimmed(*setting->value);
  if (value != *setting->value) {
    remarks_.changed(setting->place, setting->name, "blanks around the value are left out");
  }
  return value.empty() ? std::nullopt : std::optional(std::move(value));
}

Json Draft::keep(std::string_view suffix, const std::string& key, const std::string& value) {
  kept_[secret_name(suffix)][key] = value;
  return secret_ref(secret_name(suffix), key);
}

std::optional<Json> Draft::secret(const Setting* setting, std::string_view suffix, const std::string& key) {
  if (setting == nullptr) {
    return std::nullopt;
  }
  const std::string own = "put it into key " + key + " of Secret " + secret_name(suffix);
  const bool placeholder = setting->value && !setting->refers && is_placeholder_text(*setting->value, true);
  if (setting->source) {
    const std::string name = kube::string_at(*setting->source, {"secretKeyRef", "name"});
    if (name.empty()) {
      remarks_.needs(setting->place, setting->name, "it is in " + origin_of(*setting->source) + ", which is no Secret",
                     own);
      return secret_ref(secret_name(suffix), key);
    }
    if (placeholder) {
      remarks_.needs(setting->place, setting->name,
                     "the value in " + origin_of(*setting->source) + " is the placeholder of a template",
                     "write the value there");
    }
    return secret_ref(name, kube::string_at(*setting->source, {"secretKeyRef", "key"}));
  }
  if (!setting->unknown.empty() || setting->refers || placeholder) {
    remarks_.needs(setting->place, setting->name,
                   !setting->unknown.empty() ? setting->unknown
                   : placeholder             ? "the value is the placeholder of a template"
                                             : "it is put together from others that only Kubernetes knows",
                   own);
    return secret_ref(secret_name(suffix), key);
  }
  return keep(suffix, key, setting->value.value_or(""));
}

std::optional<Json> Draft::variable(const Setting& setting, bool secret, const std::string& key) {
  if (!form::is_variable_name(setting.name) || setting.name.size() > 253) {
    remarks_.dropped(setting.place, setting.name.substr(0, 64), "Kubernetes takes no variable of such a name");
    return std::nullopt;
  }
  Json out = Json::object({{"name", setting.name}});
  if (!setting.unknown.empty()) {
    remarks_.needs(setting.place, setting.name, setting.unknown, "add it to env if it is needed");
    return std::nullopt;
  }
  const bool known = setting.value && !setting.refers;
  if (known && is_placeholder_text(*setting.value, secret)) {
    remarks_.needs(setting.place, setting.name, "the value is the placeholder of a template",
                   setting.source ? "write the value where it comes from" : "add it to env if it is needed");
    if (!setting.source) {
      return std::nullopt;
    }
  }
  if (setting.source) {
    out["valueFrom"] = *setting.source;
    return out;
  }
  if (!known) {
    const std::string raw = setting.value.value_or("");
    if (has_password(raw) || (secret && !raw.starts_with("$("))) {
      remarks_.needs(setting.place, setting.name, "a secret is written out in it, beside what only Kubernetes knows",
                     "put the whole value into a Secret, and add it to env from there");
      return std::nullopt;
    }
    out["value"] = raw;
    return out;
  }
  if (setting.value->size() > max_value) {
    remarks_.needs(setting.place, setting.name, "the value is longer than " + std::to_string(max_value) + " bytes");
    return std::nullopt;
  }
  if (secret || has_password(*setting.value)) {
    out["valueFrom"]["secretKeyRef"] = keep("env", key, *setting.value);
    return out;
  }
  const std::string value = trimmed(*setting.value);
  if (value != *setting.value) {
    remarks_.changed(setting.place, setting.name, "blanks around the value are left out");
  }
  out["value"] = escaped_for_kubernetes(value);
  return out;
}

std::string Draft::unseen_secret() const {
  std::set<std::string> names;
  for (const RoleDraft& role : roles_) {
    for (const Json& source : role.workload.env_from) {
      const std::string name = kube::string_at(source, {"secretRef", "name"});
      if (!name.empty() && kube::string_at(source, {"prefix"}).empty()) {
        names.insert(name);
      }
    }
  }
  return names.size() == 1 ? *names.begin() : "";
}

std::vector<Json> Draft::secrets(const std::string& ns) const {
  std::vector<Json> out;
  for (const auto& [name, values] : kept_) {
    Json secret = Json::object({{"apiVersion", "v1"}, {"kind", "Secret"}, {"type", "Opaque"}});
    secret["metadata"]["name"] = name;
    if (!ns.empty()) {
      secret["metadata"]["namespace"] = ns;
    }
    for (const auto& [key, value] : values) {
      secret["stringData"][key] = value;
    }
    out.push_back(std::move(secret));
  }
  return out;
}

}  // namespace nocobase_operator::app::importing
