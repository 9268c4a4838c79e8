// Two JSON texts, the second laid over the first as a podTemplate is: an empty one changes nothing, a member that it
// sets to a scalar has that value, and one that it sets to null is gone.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/pod.h"
#include "app/references.h"
#include "base/check.h"
#include "kube/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace kube = nocobase_operator::kube;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) {
    return 0;
  }
  const auto base = kube::parse_json(text.substr(0, line));
  const auto overlay = kube::parse_json(text.substr(line + 1));
  if (!base.ok() || !overlay.ok() || !base.value().is_object() || !overlay.value().is_object()) {
    return 0;
  }
  namespace app = nocobase_operator::app;
  CHECK(app::merge_overlay(base.value(), kube::Json::object()) == base.value());
  const kube::Json merged = app::merge_overlay(base.value(), overlay.value());
  for (const auto& [key, value] : overlay.value().items()) {
    CHECK(merged.contains(key) == !value.is_null());
    CHECK(value.is_null() || value.is_structured() || merged.at(key) == value);
  }
  const auto references = app::references_of(merged, "ns");
  CHECK(references == app::references_of(merged, "ns"));
  return 0;
}
