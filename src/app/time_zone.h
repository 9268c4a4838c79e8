// Time zones as far as their names tell without a database of zones: which never change their offset, and which do
// twice a year. What is said of neither is not known.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator::app {

// Minutes east of Greenwich of "+08:00" or "-3:30", the only form of an offset that NocoBase reads.
[[nodiscard]] std::optional<std::int32_t> written_offset(std::string_view text);
// The same for a zone that has no summer time: "Asia/Shanghai", "Etc/GMT-8".
[[nodiscard]] std::optional<std::int32_t> fixed_offset(std::string_view zone);
// Whether the zone is known to have summer time.
[[nodiscard]] bool has_summer_time(std::string_view zone);
// Whether the text can be the name of a zone at all: an area and a place, or one of the few without an area.
[[nodiscard]] bool is_zone_name(std::string_view text);
// "+08:00"
[[nodiscard]] std::string offset_text(std::int32_t minutes);

}  // namespace nocobase_operator::app
