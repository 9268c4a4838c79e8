#include "kube/owned.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/meta.h"

namespace nocobase_operator::kube {
namespace {

// fieldsV1 is a tree of path elements: "f:<field>", "k:<keys of a list item as JSON>", "v:<scalar of a set as JSON>",
// "i:<index>", and "." for the node itself. An empty node is a member without children: a leaf.
// (structured-merge-diff, fieldpath/serialize.go)
constexpr std::string_view self = ".";

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

bool is_leaf(const Json& node) {
  return !node.is_object() || node.empty() || (node.size() == 1 && find(node, self) != nullptr);
}

// Joins two trees: a member of either is a member of the result.
void merge(Json& into, const Json& from) {
  if (is_leaf(into) != is_leaf(from)) {
    into[std::string(self)] = Json::object();  // the leaf was a member, and is one beside the other's children
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
      if (ours && set != nullptr && !is_leaf(*set)) {
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

class Extractor {
 public:
  explicit Extractor(bool built_in) : built_in_(built_in) {}

  // The owned part of the value at a node of the tree; `live` is nullptr when the object lacks it.
  [[nodiscard]] std::optional<Json> extract(const Json& node, const Json* live, std::string_view name) const {
    if (is_leaf(node)) {
      return leaf(live, name);
    }
    return live != nullptr && live->is_array() ? items(node, *live) : members(node, live);
  }

 private:
  [[nodiscard]] Json leaf(const Json* live, std::string_view name) const {
    if (live == nullptr) {
      return "";  // a zero value that is not stored
    }
    // A leaf where the schema gives the members owners of their own: we applied it empty, what is inside is not ours.
    if (built_in_ && live->is_object() && !name.empty() && !contains(atomic_objects, name)) {
      return Json::object();
    }
    if (built_in_ && live->is_array() && contains(associative_lists, name)) {
      return Json::array();
    }
    return *live;
  }

  [[nodiscard]] std::optional<Json> members(const Json& node, const Json* live) const {
    Json out = Json::object();
    bool any = find(node, self) != nullptr;
    for (const auto& [element, child] : node.items()) {
      if (!element.starts_with("f:")) {
        continue;
      }
      const std::string_view name = std::string_view(element).substr(2);
      std::optional<Json> value = extract(child, live == nullptr ? nullptr : find(*live, name), name);
      if (value) {
        out[std::string(name)] = std::move(*value);
        any = true;
      }
    }
    return any ? std::optional(std::move(out)) : std::nullopt;
  }

  // Items by path element, so that one pass over the live list finds the owned ones in their order.
  struct ListIndex {
    std::vector<std::string> key_names;  // every item of one list is identified by the same keys
    std::map<std::string, const Json*>
        by_element;  // "k:" or "v:" and the JSON as dump() writes it, or "i:" and a number
  };

  static ListIndex index_of(const Json& node) {
    ListIndex index;
    for (const auto& [element, child] : node.items()) {
      if (element.starts_with("i:")) {
        index.by_element.emplace(element, &child);
        continue;
      }
      if (!element.starts_with("k:") && !element.starts_with("v:")) {
        continue;
      }
      const Result<Json> id = parse_json(std::string_view(element).substr(2));
      if (!id.ok()) {
        continue;
      }
      if (element[0] == 'k' && index.key_names.empty()) {
        for (const auto& [name, value] : id.value().items()) {
          index.key_names.push_back(name);
        }
      }
      index.by_element.emplace(element.substr(0, 2) + dump(id.value()), &child);
    }
    return index;
  }

  static const Json* owner_of(const ListIndex& index, const Json& item, std::size_t position) {
    std::string element;
    if (item.is_object()) {
      Json id = Json::object();
      for (const std::string& name : index.key_names) {
        const Json* const value = find(item, name);
        id[name] = value == nullptr ? Json() : *value;
      }
      element = "k:" + dump(id);
    } else {
      element = "v:" + dump(item);
    }
    auto found = index.by_element.find(element);
    if (found == index.by_element.end()) {
      found = index.by_element.find("i:" + std::to_string(position));
    }
    return found == index.by_element.end() ? nullptr : found->second;
  }

  [[nodiscard]] std::optional<Json> items(const Json& node, const Json& live) const {
    const ListIndex index = index_of(node);
    Json out = Json::array();
    for (std::size_t position = 0; position < live.size(); ++position) {
      const Json* const child = owner_of(index, live[position], position);
      if (child == nullptr) {
        continue;
      }
      // An item that is a leaf is atomic: its keys would be members of their own otherwise.
      std::optional<Json> item = extract(*child, &live[position], "");
      if (item) {
        out.push_back(std::move(*item));
      }
    }
    return out;
  }

  bool built_in_;
};

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

}  // namespace

namespace {

// Whether a set of fields has the one at the chain of members, or the atomic value that holds it.
bool holds(const Json& set, std::initializer_list<std::string_view> path) {
  const Json* node = &set;
  for (const std::string_view name : path) {
    node = find(*node, "f:" + std::string(name));
    if (node == nullptr) {
      return false;
    }
    if (is_leaf(*node)) {
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
  std::optional<Json> owned = Extractor(kind && is_built_in(*kind)).extract(*fields.tree(), &live, "");
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
    if (set != nullptr && !is_leaf(*set) && holds(*set, path)) {
      owners.push_back({string_at(entry, {"manager"}), string_at(entry, {"time"})});
    }
  }
  return owners;
}

}  // namespace nocobase_operator::kube
