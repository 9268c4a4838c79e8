#include "kube/owned.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kube/meta.h"
#include "kube/owned_parts.h"

namespace nocobase_operator::kube {
namespace {

// Members that are atomic in the schemas of the built-in kinds we address: one owner for all that is inside.
// (client-go applyconfigurations, elementRelationship: atomic)
constexpr std::array<std::string_view, 19> atomic_objects{"configMapKeyRef",
                                                          "dataSource",
                                                          "fieldRef",
                                                          "fileKeyRef",
                                                          "labelSelector",
                                                          "namespaceSelector",
                                                          "nodePublishSecretRef",
                                                          "nodeSelector",
                                                          "podSelector",
                                                          "port",
                                                          "preference",
                                                          "regarding",
                                                          "related",
                                                          "requiredDuringSchedulingIgnoredDuringExecution",
                                                          "resource",
                                                          "resourceFieldRef",
                                                          "secretKeyRef",
                                                          "secretRef",
                                                          "selector"};
// Lists whose items have owners of their own. (imagePullSecrets is one in a pod and atomic in a ServiceAccount.)
constexpr std::array<std::string_view, 16> associative_lists{
    "claims",      "containers",      "env",           "ephemeralContainers",       "finalizers",
    "hostAliases", "initContainers",  "ports",         "ownerReferences",           "resourceClaims",
    "secrets",     "schedulingGates", "volumeDevices", "topologySpreadConstraints", "volumeMounts",
    "volumes"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A value as Extractor looks at it.
class JsonView {
 public:
  explicit JsonView(const Json& value) : value_(&value) {}
  [[nodiscard]] bool is_object() const { return value_->is_object(); }
  [[nodiscard]] bool is_array() const { return value_->is_array(); }
  [[nodiscard]] bool empty() const { return value_->empty(); }
  [[nodiscard]] std::size_t size() const { return value_->size(); }
  [[nodiscard]] std::optional<JsonView> find(std::string_view name) const {
    const Json* const member = kube::find(*value_, name);
    return member == nullptr ? std::nullopt : std::optional(JsonView(*member));
  }
  [[nodiscard]] std::optional<std::string_view> text() const {
    const auto* const string = value_->get_ptr<const std::string*>();
    return string == nullptr ? std::nullopt : std::optional<std::string_view>(*string);
  }
  template <class Visit>
  void each_member(const Visit& visit) const {
    for (const auto& [name, member] : value_->items()) {
      visit(std::string_view(name), JsonView(member));
    }
  }
  template <class Visit>
  void each_item(const Visit& visit) const {
    for (const Json& item : *value_) {
      visit(JsonView(item));
    }
  }
  [[nodiscard]] std::optional<Json> json() const { return *value_; }

 private:
  const Json* value_;
};

bool is_leaf_node(const Json& node) {
  return is_leaf(JsonView(node));
}

// Joins two trees: a member of either is a member of the result.
void merge(Json& into, const Json& from) {
  if (is_leaf_node(into) != is_leaf_node(from)) {
    into[std::string(self_element)] = Json::object();  // the leaf was a member, and is one beside the other's children
  }
  for (const auto& [key, node] : from.items()) {
    const auto there = into.find(key);
    if (there == into.end()) {
      into[key] = node;
    } else if (there->is_object() && node.is_object()) {
      merge(*there, node);
    }
  }
}

// What the manager applied, in one tree: there are several when it did so under several apiVersions.
class AppliedFields {
 public:
  AppliedFields(const Json& live, std::string_view manager, std::string_view subresource) {
    const Json* const entries = find_path(live, {"metadata", "managedFields"});
    if (entries == nullptr || !entries->is_array()) {
      return;
    }
    for (const Json& entry : *entries) {
      const Json* const set = find(entry, "fieldsV1");
      const bool ours = string_at(entry, {"manager"}) == manager && string_at(entry, {"operation"}) == "Apply" &&
                        string_at(entry, {"subresource"}) == subresource;
      if (ours && set != nullptr && !is_leaf_node(*set)) {
        add(*set);
      }
    }
  }

  // nullptr when there are none. Points into the live object or into this one.
  [[nodiscard]] const Json* tree() const { return merged_.is_null() ? only_ : &merged_; }

 private:
  void add(const Json& set) {
    if (only_ == nullptr) {
      only_ = &set;
      return;
    }
    if (merged_.is_null()) {
      merged_ = *only_;
    }
    merge(merged_, set);
  }

  const Json* only_ = nullptr;
  Json merged_;
};

}  // namespace

void drop_identity(Json& object) {
  if (!object.is_object()) {
    return;
  }
  object.erase("apiVersion");
  object.erase("kind");
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return;
  }
  for (const char* const name : {"name", "namespace", "uid", "resourceVersion"}) {
    metadata->erase(name);
  }
  if (metadata->empty()) {
    object.erase(metadata);
  }
}

bool is_atomic_object(std::string_view name) {
  return contains(atomic_objects, name);
}

bool is_associative_list(std::string_view name) {
  return contains(associative_lists, name);
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

namespace {

// The only key of an element like k:{"name":"DB_HOST"}, which nearly all are; "" of any other.
std::string_view only_key(std::string_view element) {
  constexpr std::string_view begin = R"(k:{")";
  constexpr std::string_view middle = R"(":")";
  constexpr std::string_view end = R"("})";
  const std::size_t colon = element.find(middle);
  if (!element.starts_with(begin) || !element.ends_with(end) || colon == std::string_view::npos ||
      colon + middle.size() + end.size() > element.size()) {
    return {};
  }
  const std::string_view key = element.substr(begin.size(), colon - begin.size());
  const std::string_view value = element.substr(colon + middle.size());
  return is_plain(key) && is_plain(value.substr(0, value.size() - end.size())) ? key : std::string_view();
}

}  // namespace

std::optional<std::string> normal_element(std::string_view element) {
  if (!only_key(element).empty()) {
    return std::string(element);
  }
  const Result<Json> id = parse_json(element.substr(2));
  return id.ok() ? std::optional(std::string(element.substr(0, 2)) + dump(id.value())) : std::nullopt;
}

std::vector<std::string> key_names_of(std::string_view normal) {
  if (const std::string_view key = only_key(normal); !key.empty()) {
    return {std::string(key)};
  }
  std::vector<std::string> names;
  const Result<Json> id = parse_json(normal.substr(2));
  if (id.ok()) {
    for (const auto& [name, value] : id.value().items()) {
      names.push_back(name);
    }
  }
  return names;
}

namespace {

// Whether a set of fields has the one at the chain of members, or the atomic value that holds it.
bool holds(const Json& set, std::initializer_list<std::string_view> path) {
  const Json* node = &set;
  for (const std::string_view name : path) {
    node = find(*node, "f:" + std::string(name));
    if (node == nullptr) {
      return false;
    }
    if (is_leaf_node(*node)) {
      break;
    }
  }
  return true;
}

}  // namespace

Json owned_part(const Json& live, std::string_view manager, std::string_view subresource) {
  const AppliedFields fields(live, manager, subresource);
  if (fields.tree() == nullptr) {
    return nullptr;
  }
  const std::optional<Kind> kind = kind_of(string_at(live, {"apiVersion"}), string_at(live, {"kind"}));
  std::optional<Json> owned =
      Extractor<JsonView>(kind && is_built_in(*kind)).extract(JsonView(*fields.tree()), JsonView(live), "");
  if (!owned) {
    return nullptr;
  }
  drop_identity(*owned);
  return std::move(*owned);
}

bool owns_field(const Json& live, std::string_view manager, std::initializer_list<std::string_view> path) {
  const AppliedFields fields(live, manager, "");
  return fields.tree() != nullptr && holds(*fields.tree(), path) && find_path(live, path) != nullptr;
}

std::vector<FieldOwner> owners_of(const Json& live, std::initializer_list<std::string_view> path) {
  std::vector<FieldOwner> owners;
  const Json* const entries = find_path(live, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array() || find_path(live, path) == nullptr) {
    return owners;
  }
  for (const Json& entry : *entries) {
    const Json* const set = find(entry, "fieldsV1");
    if (set != nullptr && !is_leaf_node(*set) && holds(*set, path)) {
      owners.push_back({string_at(entry, {"manager"}), string_at(entry, {"time"})});
    }
  }
  return owners;
}

}  // namespace nocobase_operator::kube
