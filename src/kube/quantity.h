// Kubernetes resource quantities, canonical as apimachinery writes them: the API server stores "0.5" as "500m".
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/json.h"

namespace nocobase_operator::kube {

// The canonical spelling of a quantity ("0.5" -> "500m", "1024Mi" -> "1Gi", "1e3" -> "1e3"), as the API server returns
// it once it is stored: what resource.Quantity's String() gives after parsing, parsed and spelt again ("62.5Ki" is
// stored as "64000" and read as "64k"). Its oddities are included: some spellings are kept ("+1", "1.500"), digits
// below 1n round away from zero, a binary suffix stops at 2^63-1, beyond "E" a decimal suffix is lost ("1000E" gives
// "1"), and without any digit most are zero ("m" gives "0"). The canonical spelling of a value below "1000E" is its own
// canonical spelling.
// Error (invalid) names what is wrong with it; so does a text of more than 256 bytes or an exponent beyond +-999, where
// the API server has no such limit. Blanks are an error: the API server trims them, so does quantity_text().
[[nodiscard]] Result<std::string> canonical_quantity(std::string_view text);

// What the API server reads from a JSON string or number where a quantity belongs: text without blanks around it, and
// numbers as Go writes them (0.5, 1000, 1e+21). Nothing for any other type.
[[nodiscard]] std::optional<std::string> quantity_text(const Json& value);

// -1, 0, 1 by value; nothing when either is no quantity.
[[nodiscard]] std::optional<int> compare_quantities(std::string_view a, std::string_view b);

}  // namespace nocobase_operator::kube
