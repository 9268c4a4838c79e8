// Quantities in what is rendered, spelled as the API server stores them, so that what was applied and what is there
// read the same.
#pragma once
#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

// A PodSpec with the resources of its containers, its own, its overhead and the size limits of its volumes canonical.
// Error (invalid) with the path of the first that is no quantity.
[[nodiscard]] Result<Json> with_canonical_quantities(Json pod_spec);

}  // namespace nocobase_operator::app
