#include "base/time.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace nocobase_operator {
namespace {

TEST(Rfc3339, IsUtcToTheSecond) {
  struct Case {
    std::int64_t seconds;
    std::string_view want;
  };
  for (const Case& c :
       {Case{0, "1970-01-01T00:00:00Z"}, Case{-1, "1969-12-31T23:59:59Z"}, Case{951782400, "2000-02-29T00:00:00Z"},
        Case{1769903999, "2026-01-31T23:59:59Z"}, Case{253402300799, "9999-12-31T23:59:59Z"}}) {
    SCOPED_TRACE(c.want);
    EXPECT_EQ(to_rfc3339(std::chrono::sys_seconds(Seconds(c.seconds))), c.want);
  }
}

TEST(Rng, IsSplitMix64) {
  Rng zero(0);
  EXPECT_EQ(zero.next(), 0xE220A8397B1DCDAFU);
  EXPECT_EQ(zero.next(), 0x6E789E6AA1B965F4U);
  EXPECT_EQ(zero.next(), 0x06C45D188009454FU);
}

TEST(Rng, StaysBelowTheBound) {
  Rng rng(42);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(rng.below(3), 3U);
    EXPECT_FALSE(rng.chance(0));
    EXPECT_TRUE(rng.chance(100));
  }
}

}  // namespace
}  // namespace nocobase_operator
