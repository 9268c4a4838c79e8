// Time is an argument. Mono has no now(), so code that holds only these types cannot read a clock.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// A monotonic clock without now(): its time points come from whoever runs the loop.
struct Mono {
  using duration = Millis;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Mono>;
  static constexpr bool is_steady = true;
};
using Instant = Mono::time_point;

struct Now {
  Instant mono;                   // for deadlines and back-off
  std::chrono::sys_seconds wall;  // for timestamps that people and other programs read
};

// RFC 3339 in UTC to the second, as Kubernetes' metav1.Time writes it: 2026-01-31T23:59:59Z.
[[nodiscard]] std::string to_rfc3339(std::chrono::sys_seconds time);

// The time of such a text, a fraction of a second left out; nothing when it is none or not in UTC.
[[nodiscard]] std::optional<std::chrono::sys_seconds> from_rfc3339(std::string_view text);

// The time of an HTTP date in its present form (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT"; nothing when the
// text is none. The day of the week is not compared with the date.
[[nodiscard]] std::optional<std::chrono::sys_seconds> from_http_date(std::string_view text);

}  // namespace nocobase_operator
