// Which part of a live object is ours, by its managedFields, in a form that compares equal to what was applied.
// This is how "nothing differs" is known without a write and without keeping whole objects in memory.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

// The part of `live` that `manager` owns through server-side apply on the main resource (subresource "" or the one
// given), with apiVersion, kind and metadata.name and namespace left out. null when the manager owns nothing.
// A list whose items are identified by keys is reduced to the owned items, in live order.
[[nodiscard]] Json owned_part(const Json& live, std::string_view manager, std::string_view subresource = "");

// Whether `manager` owns the field at the chain of members (for example spec, replicas) through server-side apply.
[[nodiscard]] bool owns_field(const Json& live, std::string_view manager,
                              std::initializer_list<std::string_view> path);

// The form in which a wanted object and its owned part compare equal: quantities canonical (0.5 -> 500m) where the kind
// holds quantities (resources, storage, sizeLimit), IntOrString "80" kept, nulls and apiVersion, kind, name, namespace
// dropped, and metadata.uid, resourceVersion dropped.
[[nodiscard]] Json canonical(Kind kind, const Json& object);

// hash64 of the canonical form without the annotation `skip_annotation`.
[[nodiscard]] std::uint64_t content_hash(Kind kind, const Json& object, std::string_view skip_annotation);

}  // namespace nocobase_operator::kube
