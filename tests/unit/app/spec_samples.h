// A small valid NocoBaseCluster as JSON, and the shorthand in which the tests of the spec say what is found in one.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/spec.h"
#include "app/validate.h"
#include "kube/json.h"

namespace nocobase_operator::app {

inline Json parsed(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  CHECK(!value.is_discarded());
  return value;
}

// Nothing at all is found in it.
inline Json sample() {
  return parsed(R"({
    "apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster", "metadata": {"name": "crm", "namespace": "apps"},
    "spec": {
      "image": "nocobase/nocobase:2.2.15-full",
      "roles": [
        {"name": "web", "requests": true, "replicas": 2},
        {"name": "work", "services": ["workflow:process", "async-task:process"], "replicas": 1}
      ],
      "database": {"dialect": "postgres", "host": "pg-rw", "name": "nocobase", "user": "nocobase",
                   "passwordSecretRef": {"name": "pg", "key": "password"}},
      "coordination": {"redis": {"host": "redis"}, "plugins": [
        "@nocobase/plugin-pubsub-adapter-redis", "@nocobase/plugin-queue-adapter-redis",
        "@nocobase/plugin-lock-adapter-redis", "@nocobase/plugin-workerid-allocator-redis"]},
      "upgrade": {"backup": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "dump"}]}}}}}}
    }})");
}

// The sample with the value at a JSON pointer replaced, or taken out when `value` is empty.
inline Json changed(Json object, const std::string& pointer, std::string_view value) {
  const Json::json_pointer where(pointer);
  if (!value.empty()) {
    object[where] = parsed(value);
  } else if (object.contains(where)) {
    object[where.parent_pointer()].erase(where.back());
  }
  return object;
}

// "NB004 spec.roles[0].replicas" for each finding.
inline std::vector<std::string> codes_of(const kube::Findings& findings) {
  std::vector<std::string> out;
  for (const kube::Finding& finding : findings) {
    out.push_back(finding.code + " " + finding.path);
  }
  return out;
}

// Every finding of an object: of its shape, and when that is sound of its sense.
inline kube::Findings findings_of(const Json& object) {
  Decoded decoded = decode(object);
  return decoded.findings.empty() ? validate(decoded.cluster) : decoded.findings;
}

}  // namespace nocobase_operator::app
