#include "kube/schema.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace nocobase_operator::kube {
namespace {

constexpr std::array<std::string_view, 3> of_every_kind{"apiVersion", "kind", "metadata"};

bool is_of_every_kind(std::string_view name) {
  for (const std::string_view each : of_every_kind) {
    if (name == each) {
      return true;
    }
  }
  return false;
}

}  // namespace

// Without recursion: somebody else wrote the schema.
Fields fields_of(const Json& schema) {
  Fields out;
  std::vector<std::pair<const Json*, std::string>> open{{&schema, ""}};
  while (!open.empty()) {
    const auto [at, path] = std::move(open.back());
    open.pop_back();
    const auto below = [&, &path = path](const Json& value, const std::string& name) {
      out.insert(path + name);
      open.emplace_back(&value, path + name);
    };
    if (const Json* const properties = find(*at, "properties"); properties != nullptr && properties->is_object()) {
      for (const auto& [name, value] : properties->items()) {
        if (!path.empty() || !is_of_every_kind(name)) {
          below(value, (path.empty() ? "" : ".") + name);
        }
      }
    }
    if (const Json* const items = find(*at, "items")) {
      open.emplace_back(items, path + "[]");
    }
    if (const Json* const values = find(*at, "additionalProperties"); values != nullptr && values->is_object()) {
      below(*values, ".*");
    }
  }
  return out;
}

Fields fields_of_definition(const Json& definition, std::string_view version) {
  if (const Json* const versions = find_path(definition, {"spec", "versions"})) {
    for (const Json& each : *versions) {
      const Json* const schema = find_path(each, {"schema", "openAPIV3Schema"});
      if (string_at(each, {"name"}) == version && schema != nullptr) {
        return fields_of(*schema);
      }
    }
  }
  return {};
}

HttpRequest encode_schema(Kind kind) {
  const KindInfo& of = info(kind);
  std::string path = "/openapi/v3/apis/";
  path.append(of.group).append("/").append(of.version);
  return {"GET", std::move(path), "", ""};
}

std::map<Kind, Fields> fields_of_document(const Json& document) {
  std::map<Kind, Fields> out;
  const Json* const schemas = find_path(document, {"components", "schemas"});
  if (schemas == nullptr || !schemas->is_object()) {
    return out;
  }
  for (const Json& schema : *schemas) {
    const Json* const names = find(schema, "x-kubernetes-group-version-kind");
    if (names == nullptr || !names->is_array()) {
      continue;
    }
    for (const Json& name : *names) {
      const std::string group = string_at(name, {"group"});
      const auto kind =
          kind_of(group.empty() ? string_at(name, {"version"}) : group + "/" + string_at(name, {"version"}),
                  string_at(name, {"kind"}));
      if (kind && !is_built_in(*kind)) {
        out[*kind] = fields_of(schema);
      }
    }
  }
  return out;
}

}  // namespace nocobase_operator::kube
