#include "base/hash.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "base/result.h"
#include "base/time.h"

namespace nocobase_operator {

std::uint64_t hash64(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  h ^= h >> 33U;
  h *= 0xff51afd7ed558ccdU;
  h ^= h >> 33U;
  return h == 0 ? 1 : h;  // 0 means "no hash"
}

std::string hex64(std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4U) {
    out[i] = digits[value & 15U];
  }
  return out;
}

std::uint64_t parse_hex64(std::string_view text) {
  if (text.size() != 16) {
    return 0;
  }
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value << 4U | static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4U | static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return 0;
    }
  }
  return value;
}

void check_failed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, expression);
  std::abort();
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::invalid:
      return "invalid";
    case Code::not_found:
      return "not_found";
    case Code::conflict:
      return "conflict";
    case Code::gone:
      return "gone";
    case Code::denied:
      return "denied";
    case Code::throttled:
      return "throttled";
    case Code::unavailable:
      return "unavailable";
    case Code::unknown_outcome:
      return "unknown_outcome";
  }
  CHECK(false);
}

std::string to_rfc3339(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return out.data();
}

}  // namespace nocobase_operator
