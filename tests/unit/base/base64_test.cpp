#include "base/base64.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>

namespace nocobase_operator {
namespace {

using std::string_view_literals::operator""sv;

TEST(Base64, FollowsTheTestVectorsOfItsStandard) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> vectors = {{{"", ""},
                                                                                     {"f", "Zg=="},
                                                                                     {"fo", "Zm8="},
                                                                                     {"foo", "Zm9v"},
                                                                                     {"foob", "Zm9vYg=="},
                                                                                     {"fooba", "Zm9vYmE="},
                                                                                     {"foobar", "Zm9vYmFy"},
                                                                                     {"\0"sv, "AA=="},
                                                                                     {"\xFB\xFF\xBF"sv, "+/+/"}}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(Base64, AnythingElseIsNone) {
  for (const std::string_view text : {"Zg", "Zg=", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9-", "=Zg="}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace nocobase_operator
