#include <algorithm>
#include <array>

#include "app/import_objects.h"
#include "app/names.h"
#include "base/base64.h"
#include "kube/quantity.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

// What of a pod or container the operator has of its own, and why.
struct Member {
  std::string_view name;
  std::string_view why;
};
constexpr std::string_view own_probes = "the operator has probes of its own, which give a start ten minutes";
constexpr std::array<Member, 15> replaced = {{
    {"args", "the image's own start is kept: the drain before a pod goes rests on it"},
    {"automountServiceAccountToken", "NocoBase gets no token of Kubernetes"},
    {"command", "the image's own start is kept: the drain before a pod goes rests on it"},
    {"enableServiceLinks", "the operator switches them off: they would set DB_PORT for a Service named db"},
    {"initContainers", "what runs before NocoBase is not carried over; say it in podTemplate if it is still needed"},
    {"lifecycle", "the operator has a hook that lets the server drain"},
    {"livenessProbe", own_probes},
    {"ports", "pods listen on 13000, and the Service has a port of its own (service.port)"},
    {"readinessProbe", own_probes},
    {"restartPolicy", "pods of a Deployment are always started again"},
    {"serviceAccount", "the operator makes one for the pods"},
    {"serviceAccountName", "the operator makes one for the pods"},
    {"startupProbe", own_probes},
    {"strategy", "the operator rolls pods, and stops all of them for another image"},
    {"topologySpreadConstraints", "the operator spreads the pods of a role over nodes and zones"},
}};
// Members of a pod that are read elsewhere.
constexpr std::array<std::string_view, 4> read_of_pod = {"containers", "imagePullSecrets",
                                                         "terminationGracePeriodSeconds", "volumes"};
constexpr std::array<std::string_view, 7> read_of_container = {"env",  "envFrom",   "image",       "imagePullPolicy",
                                                               "name", "resources", "volumeMounts"};
// Members of a pod that are handed on.
constexpr std::array<std::string_view, 9> handed_on = {"dnsConfig",        "dnsPolicy",         "hostAliases",
                                                       "nodeSelector",     "priorityClassName", "schedulerName",
                                                       "runtimeClassName", "securityContext",   "tolerations"};

bool is_among(std::string_view name, const auto& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool says_something(const Json& value) {
  return !value.is_null() && !(value.is_structured() && value.empty()) && value != "";
}

void tell_member(const Located& owner, const std::string& key, Remarks& remarks) {
  const auto* const known =
      std::find_if(replaced.begin(), replaced.end(), [&key](const Member& member) { return member.name == key; });
  remarks.dropped(owner.place(key), kube::join_path(owner.path, key),
                  known == replaced.end() ? "import does not know what it is for" : std::string(known->why),
                  known == replaced.end() ? "say it in podTemplate if it is still needed" : "");
}

// The anti-affinity of the old pods looks for labels that the new ones do not have.
void hand_affinity_on(const Located& pod, Json& out, Remarks& remarks) {
  const Located affinity = pod.member("affinity");
  if (!affinity.is_object()) {
    return;
  }
  for (const auto& [key, value] : affinity.value->items()) {
    if (key == "nodeAffinity") {
      out["affinity"][key] = value;
    } else if (says_something(value)) {
      remarks.dropped(
          affinity.place(key), kube::join_path(affinity.path, key),
          "it looks for labels of the old pods; the operator spreads the pods of a role over nodes and zones");
    }
  }
}

struct Expanded {
  std::string text;
  bool refers = false;
};

// $(NAME) filled in as Kubernetes does it; text as it was when something in it is not known.
Expanded expanded(const std::string& value, const std::vector<Setting>& known, bool more_may_be_known) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '$' || i + 1 == value.size() || (value[i + 1] != '$' && value[i + 1] != '(')) {
      out += value[i];
      continue;
    }
    if (value[++i] == '$') {
      out += '$';
      continue;
    }
    const std::size_t end = value.find(')', i);
    if (end == std::string::npos) {
      out += "$(";
      continue;
    }
    const Setting* const found = find_setting(known, std::string_view(value).substr(i + 1, end - i - 1));
    if (found == nullptr ? more_may_be_known : !found->value || found->refers || found->source) {
      return {value, true};
    }
    out += found == nullptr ? value.substr(i - 1, end - i + 2) : *found->value;
    i = end;
  }
  return {out, false};
}

Json secret_source(const std::string& name, const std::string& key) {
  Json out = Json::object();
  out["secretKeyRef"] = {{"name", name}, {"key", key}};
  return out;
}

// The text of a key of a Secret in the input.
std::optional<std::string> secret_value(const kube::SourceDocument& secret, const std::string& key) {
  const Json* const plain = kube::find_path(secret.value, {"stringData", key});
  if (plain != nullptr) {
    return scalar_text(*plain);
  }
  const Json* const data = kube::find_path(secret.value, {"data", key});
  const auto* const text = data == nullptr ? nullptr : data->get_ptr<const std::string*>();
  return text == nullptr ? std::nullopt : decode_base64(*text);
}

class EnvReader {
 public:
  EnvReader(const Located& container, const ObjectIndex& objects, Json& env_from, Remarks& remarks)
      : container_(container), objects_(objects), env_from_(env_from), remarks_(remarks) {
    ns_ = kube::string_at(container.document->value, {"metadata", "namespace"});
  }

  std::vector<Setting> read() {
    const Located from = container_.member("envFrom");
    for (std::size_t i = 0; from.is_array() && i < from.value->size(); ++i) {
      read_source(from.item(i));
    }
    const Located env = container_.member("env");
    for (std::size_t i = 0; env.is_array() && i < env.value->size() && i < max_entries; ++i) {
      read_entry(env.item(i));
    }
    return std::move(out_);
  }

 private:
  static constexpr std::size_t max_entries = 2000;

  void read_source(const Located& source) {
    const std::string prefix = kube::string_at(*source.value, {"prefix"});
    const std::string map = kube::string_at(*source.value, {"configMapRef", "name"});
    const std::string secret = kube::string_at(*source.value, {"secretRef", "name"});
    const kube::SourceDocument* const found =
        objects_.find(map.empty() ? "Secret" : "ConfigMap", ns_, map.empty() ? secret : map);
    if (found == nullptr) {
      const std::string subject = map.empty() ? "Secret " + secret : "ConfigMap " + map;
      if (map.empty() && secret.empty()) {
        return;
      }
      env_from_.push_back(*source.value);
      const std::string message =
          "it is not in the input: pods still take their variables from it (envFrom), and what "
          "of them belongs into fields of the spec is not known";
      if (map.empty()) {
        remarks_.changed(source.place(), subject, message, "give import its manifest as well");
      } else {
        remarks_.needs(source.place(), subject, message, "give import its manifest as well");
      }
      return;
    }
    if (map.empty()) {
      add_secret(*found, secret, prefix);
    } else {
      add_map(*found, map, prefix);
    }
  }

  void add_map(const kube::SourceDocument& map, const std::string& name, const std::string& prefix) {
    const Json* const data = kube::find(map.value, "data");
    if (data == nullptr || !data->is_object()) {
      return;
    }
    remarks_.changed(place_of(map, "data"), "ConfigMap " + name,
                     "its variables are in the spec now, and in Secrets where they are secret");
    for (const auto& [key, value] : data->items()) {
      Setting setting;
      setting.name = prefix + key;
      setting.place = place_of(map, kube::join_path("data", key));
      setting.value = scalar_text(value);
      if (!value.is_string()) {
        remarks_.changed(setting.place, setting.name, "without quotes it is no text, which the API server refuses");
      }
      put(std::move(setting));
    }
  }

  void add_secret(const kube::SourceDocument& secret, const std::string& name, const std::string& prefix) {
    for (const auto* const part : {"data", "stringData"}) {
      const Json* const data = kube::find(secret.value, part);
      if (data == nullptr || !data->is_object()) {
        continue;
      }
      for (const auto& [key, value] : data->items()) {
        Setting setting;
        setting.name = prefix + key;
        setting.place = place_of(secret, kube::join_path(part, key));
        setting.value = secret_value(secret, key);
        setting.source = secret_source(name, key);
        put(std::move(setting));
      }
    }
  }

  void read_entry(const Located& entry) {
    Setting setting;
    setting.name = kube::string_at(*entry.value, {"name"});
    setting.place = entry.place();
    if (setting.name.empty()) {
      return;
    }
    const Json* const value = kube::find(*entry.value, "value");
    if (const Json* const source = kube::find(*entry.value, "valueFrom"); source != nullptr && source->is_object()) {
      take_source(*source, setting);
    } else if (const std::string reference = kube::string_at(*entry.value, {"secretRef"}); !reference.empty()) {
      // A container app: the name of one of its own secrets.
      setting.unknown = "it is in the secret " + reference + " of the container app";
    } else {
      const std::string text = value == nullptr ? "" : scalar_text(*value).value_or("");
      if (value != nullptr && !value->is_string() && !value->is_null()) {
        remarks_.changed(setting.place, setting.name, "without quotes it is no text, which the API server refuses");
      }
      Expanded result = expanded(text, out_, !env_from_.empty());
      setting.value = std::move(result.text);
      setting.refers = result.refers;
      judge_tag(entry, setting);
    }
    put(std::move(setting));
  }

  void take_source(const Json& source, Setting& setting) {
    const std::string map = kube::string_at(source, {"configMapKeyRef", "name"});
    const std::string key = kube::string_at(source, {map.empty() ? "secretKeyRef" : "configMapKeyRef", "key"});
    if (!map.empty()) {
      const kube::SourceDocument* const found = objects_.find("ConfigMap", ns_, map);
      const Json* const value = found == nullptr ? nullptr : kube::find_path(found->value, {"data", key});
      if (value != nullptr) {
        setting.value = scalar_text(*value);
        return;
      }
    } else if (const std::string secret = kube::string_at(source, {"secretKeyRef", "name"}); !secret.empty()) {
      const kube::SourceDocument* const found = objects_.find("Secret", ns_, secret);
      setting.value = found == nullptr ? std::nullopt : secret_value(*found, key);
    }
    setting.source = source;
  }

  void judge_tag(const Located& entry, const Setting& setting) {
    const auto note = entry.document->notes.find(entry.path + ".value");
    if (setting.name == "WORKER_MODE" && note != entry.document->notes.end() && note->second.tag.starts_with('!')) {
      remarks_.needs(setting.place, "WORKER_MODE",
                     "the unquoted " + note->second.tag + " is a YAML tag: what runs today has an empty WORKER_MODE, " +
                         "which serves everything, and so does the role",
                     "if it was to serve requests only, take services out of the role");
    }
  }

  void put(Setting setting) {
    if (out_.size() < max_entries) {
      put_setting(out_, std::move(setting));
    }
  }

  const Located& container_;
  const ObjectIndex& objects_;
  Json& env_from_;
  Remarks& remarks_;
  std::string ns_;
  std::vector<Setting> out_;
};

}  // namespace

const kube::SourceDocument* ObjectIndex::find(std::string_view kind, const std::string& ns,
                                              const std::string& name) const {
  for (const kube::SourceDocument& document : documents_) {
    const std::string own = kube::string_at(document.value, {"metadata", "namespace"});
    if (kube::string_at(document.value, {"kind"}) == kind &&
        kube::string_at(document.value, {"metadata", "name"}) == name && (own.empty() || ns.empty() || own == ns)) {
      return &document;
    }
  }
  return nullptr;
}

std::vector<const kube::SourceDocument*> ObjectIndex::all(std::string_view kind) const {
  std::vector<const kube::SourceDocument*> out;
  for (const kube::SourceDocument& document : documents_) {
    if (kube::string_at(document.value, {"kind"}) == kind) {
      out.push_back(&document);
    }
  }
  return out;
}

Place Located::place(std::string_view below) const {
  return place_of(*document, below.empty() ? path : kube::join_path(path, below));
}

Located Located::member(std::string_view key) const {
  return {document, value == nullptr ? nullptr : kube::find(*value, key), kube::join_path(path, key)};
}

Located Located::item(std::size_t index) const {
  return {document, &(*value)[index], kube::join_path(path, index)};
}

bool has_all(const Json& object, const Json& members) {
  if (!members.is_object()) {
    return false;
  }
  for (const auto& [key, value] : members.items()) {
    const Json* const own = kube::find(object, key);
    if (own == nullptr || *own != value) {
      return false;
    }
  }
  return true;
}

std::vector<Setting> container_env(const Located& container, const ObjectIndex& objects, Json& env_from,
                                   Remarks& remarks) {
  return EnvReader(container, objects, env_from, remarks).read();
}

std::optional<Json> resources_of(const Json* resources) {
  if (resources == nullptr || !resources->is_object()) {
    return std::nullopt;
  }
  Json out = Json::object();
  for (const auto* const part : {"limits", "requests"}) {
    const Json* const amounts = kube::find(*resources, part);
    if (amounts == nullptr || !amounts->is_object()) {
      continue;
    }
    for (const auto& [name, amount] : amounts->items()) {
      if (const auto text = kube::quantity_text(amount)) {
        out[part][name] = *text;
      }
    }
  }
  return out.empty() ? std::nullopt : std::optional(std::move(out));
}

Json pod_overlay(const Located& pod, const Located& container, Remarks& remarks) {
  Json out = Json::object();
  for (const auto& [key, value] : pod.value->items()) {
    if (!says_something(value) || is_among(key, read_of_pod) || key == "affinity") {
      continue;
    }
    if (is_among(key, handed_on)) {
      out[key] = value;
    } else {
      tell_member(pod, key, remarks);
    }
  }
  hand_affinity_on(pod, out, remarks);
  for (const auto& [key, value] : container.value->items()) {
    if (!says_something(value) || is_among(key, read_of_container)) {
      continue;
    }
    if (key == "securityContext" && value.is_object()) {
      out["containers"] = Json::array({Json::object({{"name", container_name}, {key, value}})});
    } else {
      tell_member(container, key, remarks);
    }
  }
  return out;
}

}  // namespace nocobase_operator::app::importing
