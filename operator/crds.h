// The CustomResourceDefinitions this program was built with, as the text of the files in crds/.
#pragma once
#include <span>
#include <string_view>

namespace nocobase_operator::program {

// One YAML document each: NocoBaseCluster, NocoBaseRole.
[[nodiscard]] std::span<const std::string_view> crds();

}  // namespace nocobase_operator::program
