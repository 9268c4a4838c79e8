// Kubernetes resource quantities, canonical as apimachinery writes them: the API server stores "0.5" as "500m".
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nocobase_operator::kube {

// The canonical spelling of a quantity ("0.5" -> "500m", "1024Mi" -> "1Gi", "1e3" -> "1e3"), as resource.Quantity's
// String() gives after parsing. Error (invalid) names what is wrong with it.
[[nodiscard]] Result<std::string> canonical_quantity(std::string_view text);

// -1, 0, 1 by value; nothing when either is no quantity.
[[nodiscard]] std::optional<int> compare_quantities(std::string_view a, std::string_view b);

}  // namespace nocobase_operator::kube
