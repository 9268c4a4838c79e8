// A small valid cluster that the rendering tests start from; each test changes what it is about.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "app/children.h"

namespace nocobase_operator::app {

inline Role role_of(std::string name, bool requests, std::vector<std::string> services) {
  Role role;
  role.name = std::move(name);
  role.requests = requests;
  role.services = std::move(services);
  return role;
}

inline Cluster small_cluster() {
  Cluster cluster;
  cluster.ns = "apps";
  cluster.name = "crm";
  cluster.uid = "6d3c5b1e-0000-4000-8000-000000000001";
  cluster.generation = 1;
  Spec& spec = cluster.spec;
  spec.image = "nocobase/nocobase:2.2.15-full";
  spec.roles.push_back(role_of("web", true, {}));
  spec.roles.push_back(role_of("workflow", false, {"workflow:process"}));
  spec.database.host = "pg-rw";
  spec.database.name = "nocobase";
  spec.database.user = "nocobase";
  spec.database.password = SecretKeyRef{"pg", "password"};
  return cluster;
}

inline const Child* find_child(const std::vector<Child>& children, kube::Kind kind, std::string_view name) {
  for (const Child& child : children) {
    if (child.ref.kind == kind && child.ref.name == name) {
      return &child;
    }
  }
  return nullptr;
}

// The children of a cluster that nobody has scaled.
inline Result<std::vector<Child>> render_once(const Cluster& cluster) {
  return render({&cluster, initial_counts(cluster), 7});
}

// name -> value, with "secret/key" for one that comes from a Secret.
inline std::vector<std::pair<std::string, std::string>> flat(const std::vector<EnvVar>& env) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const EnvVar& item : env) {
    std::string value = item.value.value_or("");
    if (item.value_from) {
      value = "<" + kube::string_at(*item.value_from, {"secretKeyRef", "name"}) + "/" +
              kube::string_at(*item.value_from, {"secretKeyRef", "key"}) + ">";
    }
    out.emplace_back(item.name, value);
  }
  return out;
}

}  // namespace nocobase_operator::app
