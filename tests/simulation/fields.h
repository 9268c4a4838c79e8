// Who owns which fields of an object, as server-side apply keeps it: trees of "f:", "k:" and "." as in fieldsV1.
// It knows the merge keys of the kinds that this program writes and no others.
#pragma once
#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::simulation::fields {

using kube::Json;

// The fields of a body, without what identifies it.
[[nodiscard]] Json set_of(kube::Kind kind, const Json& body);
// The fields of `set` that are not in `other`, and those of both.
[[nodiscard]] Json minus(const Json& set, const Json& other);
[[nodiscard]] Json united(Json set, const Json& other);
// Puts what the body says into `live`: objects by member, lists with keys by item, all else whole.
void merge(kube::Kind kind, Json& live, const Json& body);
// Takes the fields out of `live`. A list item goes when the set has the item itself.
void remove(kube::Kind kind, Json& live, const Json& set);
// The fields that are new or have another value in `after`.
[[nodiscard]] Json changed(kube::Kind kind, const Json& before, const Json& after);

// The part of an object that has owners on the main resource.
[[nodiscard]] Json owned_body(const Json& object);

}  // namespace nocobase_operator::simulation::fields
