// Older versions are refused: NocoBase migrates a database forwards only.
#pragma once
#include <optional>

#include "app/lifecycle.h"

namespace nocobase_operator::app {

// Why the image that is wanted may not be brought in after what the record says; nothing: it may. Where a setup has
// started and was not completed, the database may be of either version.
[[nodiscard]] std::optional<Told> downgrade(const Lifecycle& view, const SetupRecord& record);

}  // namespace nocobase_operator::app
