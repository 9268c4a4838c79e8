#include "app/time_zone.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace nocobase_operator::app {
namespace {

struct Zone {
  std::string_view name;
  std::int32_t minutes;
};

// Of the IANA database, in the order of their offsets.
constexpr auto fixed_zones = std::to_array<Zone>({
    {"Pacific/Honolulu", -600},
    {"America/Phoenix", -420},
    {"America/Mexico_City", -360},
    {"America/Bogota", -300},
    {"America/Lima", -300},
    {"America/Panama", -300},
    {"America/Caracas", -240},
    {"America/Argentina/Buenos_Aires", -180},
    {"America/Sao_Paulo", -180},
    {"Africa/Abidjan", 0},
    {"Africa/Accra", 0},
    {"Etc/GMT", 0},
    {"Etc/UCT", 0},
    {"Etc/UTC", 0},
    {"Etc/Zulu", 0},
    {"GMT", 0},
    {"UCT", 0},
    {"UTC", 0},
    {"Zulu", 0},
    {"Africa/Algiers", 60},
    {"Africa/Lagos", 60},
    {"Africa/Johannesburg", 120},
    {"Africa/Nairobi", 180},
    {"Asia/Baghdad", 180},
    {"Asia/Riyadh", 180},
    {"Europe/Istanbul", 180},
    {"Europe/Minsk", 180},
    {"Europe/Moscow", 180},
    {"Asia/Tehran", 210},
    {"Asia/Dubai", 240},
    {"Asia/Karachi", 300},
    {"Asia/Tashkent", 300},
    {"Asia/Calcutta", 330},
    {"Asia/Colombo", 330},
    {"Asia/Kolkata", 330},
    {"Asia/Kathmandu", 345},
    {"Asia/Dhaka", 360},
    {"Asia/Bangkok", 420},
    {"Asia/Ho_Chi_Minh", 420},
    {"Asia/Jakarta", 420},
    {"Asia/Saigon", 420},
    {"Asia/Chongqing", 480},
    {"Asia/Hong_Kong", 480},
    {"Asia/Kuala_Lumpur", 480},
    {"Asia/Macau", 480},
    {"Asia/Manila", 480},
    {"Asia/Shanghai", 480},
    {"Asia/Singapore", 480},
    {"Asia/Taipei", 480},
    {"Australia/Perth", 480},
    {"Hongkong", 480},
    {"PRC", 480},
    {"Singapore", 480},
    {"Asia/Seoul", 540},
    {"Asia/Tokyo", 540},
    {"Japan", 540},
    {"Australia/Brisbane", 600},
});

constexpr auto summer_zones = std::to_array<std::string_view>({
    "Africa/Cairo",
    "America/Anchorage",
    "America/Chicago",
    "America/Denver",
    "America/Detroit",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Montreal",
    "America/New_York",
    "America/Santiago",
    "America/Toronto",
    "America/Vancouver",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Australia/Adelaide",
    "Australia/Hobart",
    "Australia/Melbourne",
    "Australia/Sydney",
    "CET",
    "CST6CDT",
    "EET",
    "EST5EDT",
    "Europe/Amsterdam",
    "Europe/Athens",
    "Europe/Belgrade",
    "Europe/Berlin",
    "Europe/Bratislava",
    "Europe/Brussels",
    "Europe/Bucharest",
    "Europe/Budapest",
    "Europe/Copenhagen",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/Kiev",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/Ljubljana",
    "Europe/London",
    "Europe/Luxembourg",
    "Europe/Madrid",
    "Europe/Oslo",
    "Europe/Paris",
    "Europe/Prague",
    "Europe/Riga",
    "Europe/Rome",
    "Europe/Sofia",
    "Europe/Stockholm",
    "Europe/Tallinn",
    "Europe/Vienna",
    "Europe/Vilnius",
    "Europe/Warsaw",
    "Europe/Zagreb",
    "Europe/Zurich",
    "MET",
    "MST7MDT",
    "PST8PDT",
    "Pacific/Auckland",
    "US/Central",
    "US/Eastern",
    "US/Mountain",
    "US/Pacific",
    "WET",
});

// Zones without an area that stand in neither list above.
constexpr auto other_bare_names = std::to_array<std::string_view>(
    {"Cuba",      "EST",    "Egypt",   "Eire",     "Factory", "GB",      "GB-Eire",   "GMT+0",     "GMT-0", "GMT0",
     "Greenwich", "HST",    "Iceland", "Iran",     "Israel",  "Jamaica", "Kwajalein", "Libya",     "MST",   "NZ",
     "NZ-CHAT",   "Navajo", "Poland",  "Portugal", "ROC",     "ROK",     "Turkey",    "Universal", "W-SU"});

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_zone_sign(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '+' ||
         c == '/';
}

// Of "Etc/GMT-8", which lies east of Greenwich.
std::optional<std::int32_t> offset_of_etc(std::string_view zone) {
  constexpr std::string_view prefix = "Etc/GMT";
  if (!zone.starts_with(prefix) || zone.size() < prefix.size() + 2 || zone.size() > prefix.size() + 3) {
    return std::nullopt;
  }
  const char sign = zone[prefix.size()];
  const std::string_view digits = zone.substr(prefix.size() + 1);
  if ((sign != '-' && sign != '+') || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::nullopt;
  }
  const std::int32_t hours = digits.size() == 1 ? digits[0] - '0' : (digits[0] - '0') * 10 + digits[1] - '0';
  return hours > 14 ? std::nullopt : std::optional(sign == '-' ? hours * 60 : -hours * 60);
}

}  // namespace

// packages/core/cli-v1/src/util.js has it as /^[+-]\d{1,2}:\d{2}$/
std::optional<std::int32_t> written_offset(std::string_view text) {
  if ((text.size() != 5 && text.size() != 6) || (text[0] != '+' && text[0] != '-') || text[text.size() - 3] != ':') {
    return std::nullopt;
  }
  std::int32_t hours = 0;
  for (const char c : text.substr(1, text.size() - 4)) {
    if (!is_digit(c)) {
      return std::nullopt;
    }
    hours = hours * 10 + (c - '0');
  }
  const char tens = text[text.size() - 2];
  const char ones = text.back();
  if (!is_digit(tens) || !is_digit(ones)) {
    return std::nullopt;
  }
  const std::int32_t minutes = hours * 60 + (tens - '0') * 10 + (ones - '0');
  return text[0] == '-' ? -minutes : minutes;
}

std::optional<std::int32_t> fixed_offset(std::string_view zone) {
  const auto* const found =
      std::find_if(fixed_zones.begin(), fixed_zones.end(), [zone](const Zone& each) { return each.name == zone; });
  return found == fixed_zones.end() ? offset_of_etc(zone) : std::optional(found->minutes);
}

bool has_summer_time(std::string_view zone) {
  return std::find(summer_zones.begin(), summer_zones.end(), zone) != summer_zones.end();
}

bool is_zone_name(std::string_view text) {
  const bool bare = text.find('/') == std::string_view::npos;
  if (bare) {
    return fixed_offset(text) || has_summer_time(text) ||
           std::find(other_bare_names.begin(), other_bare_names.end(), text) != other_bare_names.end();
  }
  return std::all_of(text.begin(), text.end(), is_zone_sign) && text.front() != '/' && text.back() != '/';
}

std::string offset_text(std::int32_t minutes) {
  const std::int32_t size = std::abs(minutes);
  const auto two = [](std::int32_t number) { return std::string(number < 10 ? "0" : "") + std::to_string(number); };
  return (minutes < 0 ? "-" : "+") + two(size / 60) + ":" + two(size % 60);
}

}  // namespace nocobase_operator::app
