#include "base/time.h"

namespace nocobase_operator {
namespace {

// The number of `size` decimal digits at `at`, or -1.
int digits_at(std::string_view text, std::size_t at, std::size_t size) {
  int number = 0;
  for (const char c : text.substr(at, size)) {
    if (c < '0' || c > '9') {
      return -1;
    }
    number = number * 10 + (c - '0');
  }
  return number;
}

// The time of a date's parts and "hh:mm:ss"; nothing when there is no such time.
std::optional<std::chrono::sys_seconds> time_of(std::string_view year, int month, std::string_view day,
                                                std::string_view clock) {
  const std::chrono::year_month_day date(std::chrono::year(digits_at(year, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(digits_at(day, 0, 2))));
  const int hour = digits_at(clock, 0, 2);
  const int minute = digits_at(clock, 3, 2);
  const int second = digits_at(clock, 6, 2);
  if (!date.ok() || digits_at(year, 0, 4) < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + Seconds(second);
}

}  // namespace

std::optional<std::chrono::sys_seconds> from_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z' || (text.size() > 20 && text[19] != '.')) {
    return std::nullopt;
  }
  return time_of(text.substr(0, 4), digits_at(text, 5, 2), text.substr(8, 2), text.substr(11, 8));
}

std::optional<std::chrono::sys_seconds> from_http_date(std::string_view text) {
  static constexpr std::string_view months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
  static constexpr std::string_view form = "ddd, 00 mmm 0000 00:00:00 GMT";
  if (text.size() != form.size() || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
      text[19] != ':' || text[22] != ':' || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  const std::size_t month = months.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 4 != 0) {
    return std::nullopt;
  }
  return time_of(text.substr(12, 4), static_cast<int>(month / 4) + 1, text.substr(5, 2), text.substr(17, 8));
}

}  // namespace nocobase_operator
