// RBAC rules as sets that can be compared: one "group/resource[/subresource] verb" per permission.
#pragma once
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "app/permissions.h"
#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::charts {

using kube::Json;
using Grants = std::set<std::string>;

// "apps/deployments", "nocobase.com/nocobaseroles/status", "/pods" (the core group).
inline std::string resource_name(kube::Kind kind, std::string_view subresource) {
  const kube::KindInfo& of = kube::info(kind);
  std::string name = std::string(of.group) + "/" + std::string(of.plural);
  return subresource.empty() ? name : name + "/" + std::string(subresource);
}

inline void add(Grants& grants, const std::string& resource, std::string_view verbs) {
  std::istringstream words{std::string(verbs)};
  for (std::string verb; words >> verb;) {
    grants.insert(resource + " " + verb);
  }
}

inline Grants needed(app::Reach reach) {
  Grants out;
  for (const app::Permission& permission : app::permissions()) {
    if (permission.reach == reach) {
      add(out, resource_name(permission.kind, permission.subresource), permission.verbs);
    }
  }
  return out;
}

// What the rules of a Role or ClusterRole grant.
inline Grants granted(const Json& role) {
  Grants out;
  for (const Json& rule : role.at("rules")) {
    for (const Json& group : rule.at("apiGroups")) {
      for (const Json& resource : rule.at("resources")) {
        for (const Json& verb : rule.at("verbs")) {
          out.insert(group.get<std::string>() + "/" + resource.get<std::string>() + " " + verb.get<std::string>());
        }
      }
    }
  }
  return out;
}

}  // namespace nocobase_operator::charts
