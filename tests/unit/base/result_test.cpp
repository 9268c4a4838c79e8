#include "base/result.h"

#include <memory>

#include <gtest/gtest.h>

namespace nocobase_operator {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) {
    return Error{Code::invalid, "odd"};
  }
  return value / 2;
}

Result<std::string> quarter_text(int value) {
  const int once = TRY(half(value));
  const int twice = TRY(half(once));
  return std::to_string(twice);
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_TRUE(half(4).ok());
  EXPECT_EQ(half(4).value(), 2);
  EXPECT_FALSE(half(3).ok());
  EXPECT_EQ(half(3).error(), (Error{Code::invalid, "odd"}));
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter_text(12).value(), "3");
  EXPECT_EQ(quarter_text(6).error(), (Error{Code::invalid, "odd"}));
}

TEST(Result, AndThenPassesTheErrorOn) {
  EXPECT_EQ(half(12).and_then(half).value(), 3);
  EXPECT_EQ(half(6).and_then(half).error().what, "odd");
  EXPECT_EQ(half(5).and_then(half).error().what, "odd");
}

TEST(Result, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, AskingForWhatIsNotThereAborts) {
  EXPECT_DEATH((void)half(3).value(), "broken invariant");
  EXPECT_DEATH((void)half(4).error(), "broken invariant");
}

TEST(Code, EachHasItsOwnName) {
  EXPECT_EQ(name_of(Code::invalid), "invalid");
  EXPECT_EQ(name_of(Code::not_found), "not_found");
  EXPECT_EQ(name_of(Code::conflict), "conflict");
  EXPECT_EQ(name_of(Code::gone), "gone");
  EXPECT_EQ(name_of(Code::denied), "denied");
  EXPECT_EQ(name_of(Code::throttled), "throttled");
  EXPECT_EQ(name_of(Code::unavailable), "unavailable");
  EXPECT_EQ(name_of(Code::unknown_outcome), "unknown_outcome");
}

}  // namespace
}  // namespace nocobase_operator
