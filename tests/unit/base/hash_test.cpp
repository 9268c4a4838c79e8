#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/hmac.h"

namespace nocobase_operator {
namespace {

using std::string_view_literals::operator""sv;

// These values sit in annotations of running clusters: another algorithm would rewrite every object once.
TEST(Hash64, StaysTheSameOverVersions) {
  EXPECT_EQ(hex64(hash64("")), "ecba3df2c3383c52");
  EXPECT_EQ(hex64(hash64("a")), "ed8170de1919a24d");
  EXPECT_EQ(hex64(hash64(R"({"spec":{"replicas":2}})")), "8f2a42a045e91538");
  EXPECT_EQ(hex64(hash64("\0\xff"sv)), "24087fa6bb7ba314");
}

TEST(Hex64, HasSixteenDigitsAndReadsBack) {
  for (const std::uint64_t value : {0x1U, 0xFFFFFFFFU, 0xABCDEFU}) {
    EXPECT_EQ(hex64(value).size(), 16U);
    EXPECT_EQ(parse_hex64(hex64(value)), value);
  }
  EXPECT_EQ(hex64(0xFEDCBA9876543210U), "fedcba9876543210");
  EXPECT_EQ(parse_hex64("fedcba9876543210"), 0xFEDCBA9876543210U);
}

TEST(ParseHex64, AnythingElseIsNoHash) {
  for (const std::string_view text : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF",
                                      "0123456789abcdeg", " 123456789abcdef", "0x23456789abcdef"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_hex64(text), 0U);
  }
}

// RFC 4231 and RFC 2104 vectors.
TEST(HmacSha256, MatchesThePublishedVectors) {
  struct Case {
    std::string key;
    std::string_view message;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
           {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
           {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
           {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"}}) {
    SCOPED_TRACE(c.message);
    EXPECT_EQ(hmac_sha256_hex(c.key, c.message), c.want);
  }
}

}  // namespace
}  // namespace nocobase_operator
