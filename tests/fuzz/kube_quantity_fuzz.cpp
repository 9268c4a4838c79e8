// Canonical spellings are stable, and comparison is an order that agrees with them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kube/quantity.h"

namespace {

using nocobase_operator::kube::canonical_quantity;
using nocobase_operator::kube::compare_quantities;

// apimachinery drops the suffix of a decimal beyond 10^18, so its spelling there is another value.
bool keeps_its_value(std::string_view text) {
  return compare_quantities(text, "1000E") < 0 && compare_quantities(text, "-1000E") > 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view a = text.substr(0, text.find('|'));
  const std::string_view b = text.substr(a.size() == text.size() ? text.size() : a.size() + 1);
  const auto canonical = canonical_quantity(a);
  CHECK(canonical.ok() == compare_quantities(a, "0").has_value());
  if (!canonical.ok()) {
    return 0;
  }
  CHECK(compare_quantities(a, a) == 0);
  if (keeps_its_value(a)) {
    const auto again = canonical_quantity(canonical.value());
    CHECK(again.ok() && again.value() == canonical.value());
    CHECK(compare_quantities(a, canonical.value()) == 0);
  }
  const auto order = compare_quantities(a, b);
  CHECK(order.has_value() == canonical_quantity(b).ok());
  if (order) {
    CHECK(compare_quantities(b, a) == -*order);
    for (const std::string_view pivot : {"0", "1", "-1", "1500m", "1Gi", "8Ei", "1n", "1e30"}) {
      const auto left = compare_quantities(a, pivot);
      const auto right = compare_quantities(pivot, b);
      CHECK(!(left <= 0 && right <= 0) || *order <= 0);
    }
  }
  return 0;
}
