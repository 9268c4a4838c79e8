#include "base/check.h"

#include <gtest/gtest.h>

namespace {

TEST(CheckDeathTest, BrokenInvariantEndsTheProcessNamingTheExpression) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "check_test.cpp:[0-9]+: broken invariant: 1 \\+ 1 == 3");
}

TEST(Check, KeptInvariantDoesNothing) {
  CHECK(1 + 1 == 2);
}

}  // namespace
