#include "simulation/fields.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nocobase_operator::simulation::fields {
namespace {

using kube::Kind;

constexpr std::string_view self = ".";

// Members with one owner for all that is inside (client-go applyconfigurations, elementRelationship: atomic).
constexpr std::array<std::string_view, 17> atomic_objects{"configMapKeyRef",
                                                          "dataSource",
                                                          "fieldRef",
                                                          "fileKeyRef",
                                                          "labelSelector",
                                                          "namespaceSelector",
                                                          "nodePublishSecretRef",
                                                          "nodeSelector",
                                                          "podSelector",
                                                          "preference",
                                                          "regarding",
                                                          "related",
                                                          "requiredDuringSchedulingIgnoredDuringExecution",
                                                          "resourceFieldRef",
                                                          "secretKeyRef",
                                                          "secretRef",
                                                          "selector"};

using Keys = std::vector<std::string_view>;

// What identifies an item of a list; empty where the list is atomic.
const Keys& keys_of(Kind kind, std::string_view name) {
  static const Keys none;
  static const Keys by_name{"name"};
  static const Keys by_uid{"uid"};
  static const Keys by_type{"type"};
  static const Keys by_ip{"ip"};
  static const Keys by_path{"mountPath"};
  static const Keys by_container_port{"containerPort", "protocol"};
  static const Keys by_port{"port", "protocol"};
  static const Keys by_topology{"topologyKey", "whenUnsatisfiable"};
  if (name == "ownerReferences") {
    return by_uid;
  }
  if (kind == Kind::nocobase_cluster) {
    return name == "roles" ? by_name : none;
  }
  if (!kube::is_built_in(kind)) {
    return none;
  }
  if (name == "ports") {
    return kind == Kind::service ? by_port : by_container_port;
  }
  if (name == "containers" || name == "initContainers" || name == "env" || name == "volumes" ||
      (name == "imagePullSecrets" && kind != Kind::service_account)) {
    return by_name;
  }
  return name == "volumeMounts"                ? by_path
         : name == "topologySpreadConstraints" ? by_topology
         : name == "hostAliases"               ? by_ip
         : name == "conditions"                ? by_type
                                               : none;
}

// Lists whose items have owners. Whoever applies one still writes it whole: only people write these.
bool is_set(Kind kind, std::string_view name) {
  return kind == Kind::nocobase_cluster && name == "services";
}

bool is_atomic(Kind kind, std::string_view name) {
  return kube::is_built_in(kind) &&
         std::find(atomic_objects.begin(), atomic_objects.end(), name) != atomic_objects.end();
}

Json id_of(const Keys& keys, const Json& item) {
  Json id = Json::object();
  for (const std::string_view key : keys) {
    const Json* const value = kube::find(item, key);
    id[std::string(key)] = value != nullptr ? *value : key == "protocol" ? Json("TCP") : Json();
  }
  return id;
}

std::string element_of(const Keys& keys, const Json& item) {
  return "k:" + id_of(keys, item).dump();
}

const Json* item_with(const Json& list, const Keys& keys, const Json& id) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Json& item) { return id_of(keys, item) == id; });
  return found == list.end() ? nullptr : &*found;
}

bool has_self(const Json& node) {
  return node.empty() || node.contains(self);
}

Json set_of_value(Kind kind, std::string_view name, const Json& value) {
  Json out = Json::object();
  if (value.is_object() && !is_atomic(kind, name)) {
    for (const auto& [key, member] : value.items()) {
      out["f:" + key] = set_of_value(kind, key, member);
    }
  } else if (value.is_array() && is_set(kind, name)) {
    for (const Json& item : value) {
      out["v:" + item.dump()] = Json::object();
    }
  } else if (value.is_array()) {
    const Keys& keys = keys_of(kind, name);
    for (const Json& item : keys.empty() ? Json::array() : value) {
      Json inner = set_of_value(kind, "", item);
      if (!inner.empty()) {
        inner[std::string(self)] = Json::object();
      }
      out[element_of(keys, item)] = std::move(inner);
    }
  }
  return out;
}

void merge_value(Kind kind, std::string_view name, Json& live, const Json& from) {
  if (live.is_object() && from.is_object() && !is_atomic(kind, name)) {
    for (const auto& [key, value] : from.items()) {
      const auto there = live.find(key);
      if (there == live.end()) {
        live[key] = value;
      } else {
        merge_value(kind, key, *there, value);
      }
    }
    return;
  }
  const Keys& keys = keys_of(kind, name);
  if (keys.empty() || !live.is_array() || !from.is_array()) {
    live = from;
    return;
  }
  Json merged = Json::array();
  for (Json& item : live) {
    if (item_with(from, keys, id_of(keys, item)) == nullptr) {
      merged.push_back(std::move(item));
      item = Json::object();
    }
  }
  for (const Json& item : from) {
    const Json* const old = item_with(live, keys, id_of(keys, item));
    Json next = old != nullptr ? *old : item;
    if (old != nullptr) {
      merge_value(kind, "", next, item);
    }
    merged.push_back(std::move(next));
  }
  live = std::move(merged);
}

void remove_items(Kind kind, Json& list, const Json& set, const Keys& keys);

void remove_fields(Kind kind, Json& live, const Json& set) {
  if (!live.is_object()) {
    return;
  }
  for (const auto& [element, node] : set.items()) {
    if (!element.starts_with("f:")) {
      continue;
    }
    const std::string name = element.substr(2);
    const auto there = live.find(name);
    if (there == live.end()) {
      continue;
    }
    if (node.empty()) {
      live.erase(there);
    } else if (there->is_array()) {
      remove_items(kind, *there, node, keys_of(kind, name));
      if (there->empty()) {
        live.erase(there);
      }
    } else {
      remove_fields(kind, *there, node);
      if (there->empty()) {
        live.erase(there);
      }
    }
  }
}

void remove_items(Kind kind, Json& list, const Json& set, const Keys& keys) {
  Json left = Json::array();
  for (Json& item : list) {
    const auto node = set.find(element_of(keys, item));
    if (node == set.end()) {
      left.push_back(std::move(item));
    } else if (!has_self(*node)) {
      remove_fields(kind, item, *node);
      left.push_back(std::move(item));
    }
  }
  list = std::move(left);
}

Json changed_value(Kind kind, std::string_view name, const Json& before, const Json& after) {
  Json out = Json::object();
  if (after.is_object()) {
    for (const auto& [key, value] : after.items()) {
      const Json* const old = kube::find(before, key);
      if (old == nullptr) {
        out["f:" + key] = set_of_value(kind, key, value);
      } else if (*old != value) {
        const bool nested = (value.is_object() && old->is_object() && !is_atomic(kind, key)) ||
                            (value.is_array() && old->is_array() && !keys_of(kind, key).empty());
        Json inner = nested ? changed_value(kind, key, *old, value) : Json::object();
        if (!nested || !inner.empty()) {
          out["f:" + key] = std::move(inner);
        }
      }
    }
    return out;
  }
  const Keys& keys = keys_of(kind, name);
  for (const Json& item : after) {
    const Json* const old = item_with(before, keys, id_of(keys, item));
    if (old == nullptr) {
      Json inner = set_of_value(kind, "", item);
      inner[std::string(self)] = Json::object();
      out[element_of(keys, item)] = std::move(inner);
    } else if (*old != item) {
      Json inner = changed_value(kind, "", *old, item);
      if (!inner.empty()) {
        out[element_of(keys, item)] = std::move(inner);
      }
    }
  }
  return out;
}

}  // namespace

Json owned_body(const Json& object) {
  Json body = Json::object();
  for (const auto& [key, value] : object.items()) {
    if (key != "apiVersion" && key != "kind" && key != "status" && key != "metadata") {
      body[key] = value;
    }
  }
  const Json* const metadata = kube::find(object, "metadata");
  for (const char* const key : {"labels", "annotations", "ownerReferences", "finalizers"}) {
    const Json* const value = metadata != nullptr ? kube::find(*metadata, key) : nullptr;
    if (value != nullptr) {
      body["metadata"][key] = *value;
    }
  }
  return body;
}

Json set_of(Kind kind, const Json& body) {
  return set_of_value(kind, "", body);
}

Json minus(const Json& set, const Json& other) {
  Json out = Json::object();
  for (const auto& [element, node] : set.items()) {
    if (element == self) {
      continue;
    }
    const auto there = other.find(element);
    if (there == other.end()) {
      out[element] = node;
      continue;
    }
    const bool keeps_self = has_self(node) && !has_self(*there);
    Json inner = minus(node, *there);
    if (keeps_self || !inner.empty()) {
      if (keeps_self && !inner.empty()) {
        inner[std::string(self)] = Json::object();
      }
      out[element] = std::move(inner);
    }
  }
  return out;
}

Json united(Json set, const Json& other) {
  for (const auto& [element, node] : other.items()) {
    const auto there = set.find(element);
    if (there == set.end()) {
      set[element] = node;
    } else {
      const bool is_member = has_self(*there) || has_self(node);
      Json inner = united(std::move(*there), node);
      if (is_member && !inner.empty()) {
        inner[std::string(self)] = Json::object();
      }
      *there = std::move(inner);
    }
  }
  return set;
}

void merge(Kind kind, Json& live, const Json& body) {
  merge_value(kind, "", live, body);
}

void remove(Kind kind, Json& live, const Json& set) {
  remove_fields(kind, live, set);
}

Json changed(Kind kind, const Json& before, const Json& after) {
  return changed_value(kind, "", before, after);
}

}  // namespace nocobase_operator::simulation::fields
