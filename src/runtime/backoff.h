// Exponential back-off with jitter, as a function of how often something failed. Knows no clock and keeps no state.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/rng.h"
#include "base/time.h"

namespace nocobase_operator::runtime {

struct Backoff {
  Millis base;
  Millis cap;

  // The delay after the given number of failures in a row (at least 1): base doubled each time up to cap, and up to a
  // quarter more, so that what failed together does not come back together.
  [[nodiscard]] Millis after(std::uint32_t failures, Rng& rng) const {
    const std::uint32_t doublings = std::min<std::uint32_t>(failures > 0 ? failures - 1 : 0, 20);
    const std::int64_t delay = std::min<std::int64_t>(base.count() << doublings, cap.count());
    return Millis(delay + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(delay / 4) + 1)));
  }
};

}  // namespace nocobase_operator::runtime
