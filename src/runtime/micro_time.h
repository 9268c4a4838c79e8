// metav1.MicroTime, the times of Leases and Events.
#pragma once
#include <string>

#include "base/time.h"

namespace nocobase_operator::runtime {

// RFC 3339 with microseconds, which this program's wall clock does not count.
[[nodiscard]] inline std::string micro_time(std::chrono::sys_seconds time) {
  std::string text = to_rfc3339(time);
  text.insert(text.size() - 1, ".000000");
  return text;
}

}  // namespace nocobase_operator::runtime
