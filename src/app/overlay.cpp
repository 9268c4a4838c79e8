#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "app/pod.h"

namespace nocobase_operator::app {

namespace {

// A list whose items are the same thing when these members agree: Kubernetes' patchMergeKey and list-map-keys
// (core/v1).
struct KeyedList {
  std::string_view list;
  std::string_view key;
  std::string_view second_key;    // "" when one identifies
  std::string_view second_value;  // what an absent second key means
  bool whole;                     // an item that is there already is replaced as a whole: it is a union of variants
};

constexpr std::array<KeyedList, 13> keyed_lists = {{
    {"containers", "name", "", "", false},
    {"initContainers", "name", "", "", false},
    {"env", "name", "", "", true},
    {"ports", "containerPort", "protocol", "TCP", false},
    {"volumeMounts", "mountPath", "", "", false},
    {"volumeDevices", "devicePath", "", "", false},
    {"volumes", "name", "", "", true},
    {"imagePullSecrets", "name", "", "", false},
    {"topologySpreadConstraints", "topologyKey", "whenUnsatisfiable", "", false},
    {"hostAliases", "ip", "", "", false},
    {"resourceClaims", "name", "", "", true},
    {"claims", "name", "", "", false},
    {"schedulingGates", "name", "", "", false},
}};

const KeyedList* keyed_list(std::string_view name) {
  const auto* const found =
      std::find_if(keyed_lists.begin(), keyed_lists.end(), [&](const KeyedList& entry) { return entry.list == name; });
  return found == keyed_lists.end() ? nullptr : found;
}

// Members of a probe or lifecycle hook of which only one may be given.
constexpr std::array<std::string_view, 5> handlers = {"exec", "httpGet", "tcpSocket", "grpc", "sleep"};

bool has_handlers(std::string_view name) {
  constexpr std::array<std::string_view, 5> holders = {"startupProbe", "readinessProbe", "livenessProbe", "preStop",
                                                       "postStart"};
  return std::find(holders.begin(), holders.end(), name) != holders.end();
}

bool same_item(const Json& a, const Json& b, const KeyedList& list) {
  const Json* key_a = kube::find(a, list.key);
  const Json* key_b = kube::find(b, list.key);
  if (key_a == nullptr || key_b == nullptr || *key_a != *key_b) {
    return false;
  }
  if (list.second_key.empty()) {
    return true;
  }
  const Json fallback(list.second_value);
  const Json* second_a = kube::find(a, list.second_key);
  const Json* second_b = kube::find(b, list.second_key);
  return (second_a == nullptr ? fallback : *second_a) == (second_b == nullptr ? fallback : *second_b);
}

Json merged(Json base, const Json& overlay, std::string_view name);

Json merged_list(Json base, const Json& overlay, const KeyedList& list) {
  for (const Json& item : overlay) {
    const auto same =
        std::find_if(base.begin(), base.end(), [&](const Json& old) { return same_item(old, item, list); });
    if (same == base.end()) {
      base.push_back(item);
    } else {
      *same = list.whole ? item : merged(std::move(*same), item, "");
    }
  }
  return base;
}

Json merged_object(Json base, const Json& overlay, std::string_view name) {
  if (has_handlers(name) && std::any_of(handlers.begin(), handlers.end(),
                                        [&](std::string_view handler) { return overlay.contains(handler); })) {
    for (const std::string_view handler : handlers) {
      if (!overlay.contains(handler)) {
        base.erase(std::string(handler));
      }
    }
  }
  for (const auto& [key, value] : overlay.items()) {
    if (value.is_null()) {
      base.erase(key);
      continue;
    }
    const auto old = base.find(key);
    if (old == base.end()) {
      base.emplace(key, value);
    } else {
      *old = merged(std::move(*old), value, key);
    }
  }
  return base;
}

// `name` is the member that holds the value, "" for an item of a list.
Json merged(Json base, const Json& overlay, std::string_view name) {
  if (base.is_object() && overlay.is_object()) {
    return merged_object(std::move(base), overlay, name);
  }
  if (base.is_array() && overlay.is_array()) {
    if (const KeyedList* list = keyed_list(name)) {
      return merged_list(std::move(base), overlay, *list);
    }
  }
  return overlay;
}

}  // namespace

Json merge_overlay(Json base, const Json& overlay) {
  return merged(std::move(base), overlay, "");
}

}  // namespace nocobase_operator::app
