// Which fields a definition has, and how to ask an API server for the definitions that it serves: by the OpenAPI
// document of a group, which every authenticated client may read (the ClusterRole system:discovery).
#pragma once
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "kube/http.h"
#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

// Fields as people write them: "spec.roles[].replicas", "spec.nodeSelector.*" for the values of a map.
using Fields = std::set<std::string>;

// The fields of an OpenAPI v3 schema below its top, but for apiVersion, kind and metadata, which every kind has.
[[nodiscard]] Fields fields_of(const Json& schema);

// The fields that a CustomResourceDefinition gives to this version of it; none when it has no such version.
[[nodiscard]] Fields fields_of_definition(const Json& definition, std::string_view version);

// Asks for the document of the group and version of a kind.
[[nodiscard]] HttpRequest encode_schema(Kind kind);

// The fields of the kinds of ours that such a document defines.
[[nodiscard]] std::map<Kind, Fields> fields_of_document(const Json& document);

}  // namespace nocobase_operator::kube
