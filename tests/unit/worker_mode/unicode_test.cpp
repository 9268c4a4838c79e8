#include "worker_mode/unicode.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase::worker_mode {
namespace {

using Ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

bool is_scalar(std::uint32_t c) {
  return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF);
}

std::string encoded(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) {
    return {byte(c)};
  }
  if (c < 0x800) {
    return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  }
  if (c < 0x10000) {
    return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  }
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
}

template <typename Predicate>
Ranges ranges_of(Predicate holds) {
  Ranges ranges;
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!holds(static_cast<char32_t>(c))) {
      continue;
    }
    if (!ranges.empty() && ranges.back().second + 1 == c) {
      ranges.back().second = c;
    } else {
      ranges.emplace_back(c, c);
    }
  }
  return ranges;
}

TEST(Unicode, EveryScalarValueIsDecoded) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (is_scalar(c)) {
      const std::string text = encoded(c);
      const CodePoint point = decode(text, 0);
      ASSERT_TRUE(point.valid && point.value == c && point.length == text.size()) << c;
    }
  }
}

// A sequence is well-formed when it is what its own value is encoded as; the bytes are those at the edges of the rules.
TEST(Unicode, NothingElseIsWellFormed) {
  const std::vector<std::uint32_t> edges = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (std::uint32_t lead = 0x80; lead <= 0xFF; ++lead) {
    for (std::uint32_t a : edges) {
      for (std::uint32_t b : edges) {
        for (std::uint32_t c : edges) {
          const std::string text = {static_cast<char>(lead), static_cast<char>(a), static_cast<char>(b),
                                    static_cast<char>(c)};
          const std::vector<std::uint32_t> values = {
              (lead & 0x1F) << 6 | (a & 0x3F), (lead & 0x0F) << 12 | (a & 0x3F) << 6 | (b & 0x3F),
              (lead & 0x07) << 18 | (a & 0x3F) << 12 | (b & 0x3F) << 6 | (c & 0x3F)};
          bool valid = false;
          for (const std::uint32_t value : values) {
            valid = valid || (value >= 0x80 && is_scalar(value) && text.rfind(encoded(value), 0) == 0);
          }
          const CodePoint point = decode(text, 0);
          ASSERT_EQ(point.valid, valid) << testing::PrintToString(text);
          ASSERT_TRUE(point.length >= 1 && point.length <= 4 && (point.valid || point.value == 0xFFFD));
          if (!point.valid) {  // what follows a maximal subpart is never one more of its bytes
            ASSERT_LE(point.length, 3U);
            ASSERT_TRUE(!decode(text, point.length).valid || decode(text, point.length).length == 1 ||
                        static_cast<unsigned char>(text[point.length]) >= 0xC2);
          }
        }
      }
    }
  }
}

TEST(Unicode, TheSetsOfCharacters) {
  EXPECT_EQ(ranges_of(is_js_space), (Ranges{{0x09, 0x0D},
                                            {0x20, 0x20},
                                            {0xA0, 0xA0},
                                            {0x1680, 0x1680},
                                            {0x2000, 0x200A},
                                            {0x2028, 0x2029},
                                            {0x202F, 0x202F},
                                            {0x205F, 0x205F},
                                            {0x3000, 0x3000},
                                            {0xFEFF, 0xFEFF}}));
  EXPECT_EQ(ranges_of(is_invisible), (Ranges{{0x00, 0x08},
                                             {0x0E, 0x1F},
                                             {0x7F, 0x9F},
                                             {0xAD, 0xAD},
                                             {0x61C, 0x61C},
                                             {0x115F, 0x1160},
                                             {0x180B, 0x180F},
                                             {0x200B, 0x200F},
                                             {0x202A, 0x202E},
                                             {0x2060, 0x206F},
                                             {0xFE00, 0xFE0F},
                                             {0xFFF9, 0xFFFB},
                                             {0xE0000, 0xE0FFF}}));
  EXPECT_EQ(ranges_of(is_quote),
            (Ranges{{0x22, 0x22}, {0x27, 0x27}, {0x60, 0x60}, {0xAB, 0xAB}, {0xBB, 0xBB}, {0x2018, 0x201F}}));
}

TEST(Unicode, LookAlikesOfEachSign) {
  const auto like = [](char sign) { return ranges_of([sign](char32_t c) { return ascii_meant_by(c) == sign; }); };
  EXPECT_EQ(like('!'), (Ranges{{0x01C3, 0x01C3}, {0xFE57, 0xFE57}, {0xFF01, 0xFF01}}));
  EXPECT_EQ(like('*'), (Ranges{{0x204E, 0x204E}, {0x2217, 0x2217}, {0xFE61, 0xFE61}, {0xFF0A, 0xFF0A}}));
  EXPECT_EQ(like(','),
            (Ranges{{0x060C, 0x060C}, {0x3001, 0x3001}, {0xFE50, 0xFE51}, {0xFF0C, 0xFF0C}, {0xFF64, 0xFF64}}));
  EXPECT_EQ(like('-'), (Ranges{{0x2010, 0x2015}, {0x2212, 0x2212}, {0xFE63, 0xFE63}, {0xFF0D, 0xFF0D}}));
  EXPECT_EQ(like(':'), (Ranges{{0x2236, 0x2236}, {0xFE55, 0xFE55}, {0xFF1A, 0xFF1A}}));
  EXPECT_EQ(like('~'), (Ranges{{0xFF5E, 0xFF5E}}));
  EXPECT_EQ(like('A'), (Ranges{{0xFF21, 0xFF21}}));
  const Ranges any = ranges_of([](char32_t c) { return ascii_meant_by(c) != '\0'; });
  EXPECT_EQ(any.front(), (std::pair<std::uint32_t, std::uint32_t>(0x01C3, 0x01C3))) << "ASCII is itself";
}

TEST(Unicode, TrimTakesBothEndsAndNothingBetween) {
  EXPECT_EQ(js_trim(""), "");
  EXPECT_EQ(js_trim(" \xC2\xA0 "), "");
  EXPECT_EQ(js_trim("\xEF\xBB\xBF a \xE3\x80\x80 b\xE2\x80\xA8\n"), "a \xE3\x80\x80 b");
  EXPECT_EQ(js_trim("a\x80\xA0"), "a\x80\xA0") << "bytes that only end like a no-break space";
  EXPECT_EQ(js_trim("\xE2\xC2\xA0"), "\xE2");
}

TEST(Unicode, AsciiLowerLeavesAllElseAlone) {
  EXPECT_EQ(ascii_lower("@AMZ[`amz{É"), "@amz[`amz{É");
}

}  // namespace
}  // namespace nocobase::worker_mode
