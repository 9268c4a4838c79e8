#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker_mode/worker_mode.h"

namespace nocobase::worker_mode {
namespace {

using Keys = std::vector<std::string>;
using namespace std::string_view_literals;

TEST(Mode, KindAndListOfEachSortOfValue) {
  struct Case {
    std::string_view name;
    std::string_view value;
    Mode::Kind kind;
    bool requests;
    Keys services;
  };
  const std::vector<Case> cases = {
      {"empty is everything", "", Mode::Kind::everything, true, {}},
      {"dash is transient", "-", Mode::Kind::transient, false, {}},
      {"star is every service", "*", Mode::Kind::all_services, false, {}},
      {"bang is requests", "!", Mode::Kind::listed, true, {}},
      {"order is kept, repeats and empty items are not", "b,a,,b,!,a,c", Mode::Kind::listed, true, {"b", "a", "c"}},
      {"only the ends are trimmed", " a , b\n", Mode::Kind::listed, false, {"a ", " b"}},
      {"a star in a list is a key", "!,*", Mode::Kind::listed, true, {"*"}},
      {"a padded star is a key", "* ", Mode::Kind::listed, false, {"*"}},
      {"a padded dash is a key", " -", Mode::Kind::listed, false, {"-"}},
      {"blank lists nothing", " \t", Mode::Kind::listed, false, {}},
      {"a NUL is a character like any other", "a\0b,!"sv, Mode::Kind::listed, true, {std::string("a\0b"sv)}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Mode mode = Mode::parse(c.value);
    EXPECT_EQ(mode.kind(), c.kind);
    EXPECT_EQ(mode.serves_requests(), c.requests);
    EXPECT_EQ(mode.serves(""), c.requests);
    EXPECT_EQ(mode.services(), c.services);
    EXPECT_EQ(mode.is_transient(), c.value == "-");
    EXPECT_EQ(mode.serves_everything(), c.value.empty());
    EXPECT_EQ(mode.serves_all_services(), c.value.empty() || c.value == "*");
    EXPECT_EQ(mode.serves_nothing(), c.value == "-" || c.value == " \t");
  }
}

TEST(Mode, UnsetIsEverything) {
  EXPECT_EQ(Mode::unset(), Mode::parse(""));
  EXPECT_EQ(Mode(), Mode::unset());
  EXPECT_TRUE(Mode::unset().serves("anything"));
}

// ECMA-262: WhiteSpace is tab, VT, FF, U+FEFF and Zs; LineTerminator is LF, CR, U+2028 and U+2029.
TEST(Mode, TrimsWhatJavaScriptTrimsAndNothingElse) {
  std::vector<char32_t> trimmed = {0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x20,   0xA0,
                                   0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF};
  for (char32_t c = 0x2000; c <= 0x200A; ++c) {
    trimmed.push_back(c);
  }
  std::size_t found = 0;
  for (char32_t c = 1; c < 0x10000; ++c) {
    if ((c >= 0xD800 && c <= 0xDFFF) || c == U',') {
      continue;
    }
    std::string text;
    if (c < 0x80) {
      text = {static_cast<char>(c)};
    } else if (c < 0x800) {
      text = {static_cast<char>(0xC0U | (c >> 6U)), static_cast<char>(0x80U | (c & 0x3FU))};
    } else {
      text = {static_cast<char>(0xE0U | (c >> 12U)), static_cast<char>(0x80U | ((c >> 6U) & 0x3FU)),
              static_cast<char>(0x80U | (c & 0x3FU))};
    }
    const bool before = Mode::parse(text + text + "!").serves_requests();
    const bool after = Mode::parse("!" + text + text).serves_requests();
    ASSERT_EQ(before, after) << static_cast<std::uint32_t>(c);
    const bool expected = std::find(trimmed.begin(), trimmed.end(), c) != trimmed.end();
    ASSERT_EQ(before, expected) << static_cast<std::uint32_t>(c);
    found += before ? 1 : 0;
  }
  EXPECT_EQ(found, trimmed.size());
}

// What Node.js 20 shows for the same bytes in a real environment; a key with U+FFFD in it is the way to see them.
TEST(Mode, IllFormedBytesAreReplacedAsInNode) {
  struct Case {
    std::string_view value;
    std::string key;
  };
  const std::string fffd = "\xEF\xBF\xBD";
  const std::vector<Case> cases = {
      {"\xFF", fffd},
      {"a\xED\xA0\x80", "a" + fffd + fffd + fffd},
      {"\xF0\x9F\x98", fffd},
      {"\xF0\x9F\x98,!", fffd},
      {"\xC0\xAF", fffd + fffd},
      {"\xE2\x80", fffd},
      {"\xF4\x90\x80\x80", fffd + fffd + fffd + fffd},
      {"\xC2", fffd},
      {"\xE2\x82\xC2\xA0", fffd},  // the no-break space after it is trimmed
      {"\xF0\x80\x80\x80", fffd + fffd + fffd + fffd},
      {"\xE0\x80\x80", fffd + fffd + fffd},
      {"\xF8\x88\x80\x80\x80", fffd + fffd + fffd + fffd + fffd},
      {"\xF0\x9F\x98\x80\x80", "\xF0\x9F\x98\x80" + fffd},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.key);
    EXPECT_EQ(Mode::parse(c.value).services(), Keys{c.key});
    EXPECT_TRUE(Mode::parse(c.value).serves(c.key));
  }
  EXPECT_TRUE(Mode::parse("\xFF").serves("\xFE")) << "keys are read the same way";
  EXPECT_FALSE(Mode::parse("\xFF").serves("\xFF\xFF")) << "two bytes are two characters";
}

TEST(Mode, EqualModesAnswerAlike) {
  EXPECT_EQ(Mode::parse("a,b,!"), Mode::parse("!,b,,a,b"));
  EXPECT_EQ(Mode::parse(" "), Mode::parse(","));
  EXPECT_NE(Mode::parse("a"), Mode::parse("a,!"));
  EXPECT_NE(Mode::parse("a"), Mode::parse("b"));
  EXPECT_NE(Mode::parse("*"), Mode::parse("* "));
  EXPECT_NE(Mode::parse("-"), Mode::parse(" "));
}

TEST(Mode, KnownKeysAreTheUpstreamOnesThenTheExtraOnes) {
  EXPECT_EQ(known_keys(), (Keys{"workflow:process", "async-task:process"}));
  EXPECT_EQ(known_keys({"b", "", "a", "async-task:process", "!", "*", "-", "x,y", "b"}),
            (Keys{"workflow:process", "async-task:process", "b", "a"}));
}

TEST(Mode, DescribesItselfInOneLine) {
  struct Case {
    std::string_view value;
    std::string_view want;
  };
  const std::vector<Case> cases = {
      {"", "serves everything: requests and every service"},
      {"-", "serves nothing: the transient mode of worker threads, never right for a pod"},
      {"*", "serves every service; not requests"},
      {" ", "serves nothing: neither requests nor any service"},
      {"!", "serves requests; not workflow:process or async-task:process"},
      {"!,workflow:process", "serves requests and workflow:process; not async-task:process"},
      {"workflow:process,async-task:process", "serves workflow:process and async-task:process; not requests"},
      {"!,async-task:process,workflow:process", "serves requests, workflow:process and async-task:process"},
      {"x", "serves nothing that is known; unknown: \"x\""},
      {"!,b\x1B,\"", "serves requests; not workflow:process or async-task:process; unknown: \"b\\u001b\" and \"\\\"\""},
      {"1,2,3,4,5,6,7,8,9,10",
       "serves nothing that is known; unknown: \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\" and 2 more"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(describe(Mode::parse(c.value)), c.want);
  }
  EXPECT_EQ(describe(Mode::parse("x"), {"x", "y", "z"}), "serves x; not requests, y or z");
}

TEST(Mode, KnownKeysAreQuotedWhereTheyAreNotSafeToPrint) {
  EXPECT_EQ(describe(Mode::parse("!"), {"a b", "c\x1B[2J", "d\"", std::string(61, 'e')}),
            "serves requests; not a b, \"c\\u001b[2J\", \"d\\\"\" or \"" + std::string(60, 'e') + "...\"");
  EXPECT_EQ(describe(Mode::parse("*,!"), {"\xF0\x9F\x98"}), "serves requests; not \"\xEF\xBF\xBD\"; unknown: \"*\"")
      << "ill-formed, and as long as what stands for it";
}

TEST(Mode, DescriptionsStayShort) {
  EXPECT_EQ(describe(Mode::parse(std::string(20'000, 'x')), {}),
            "serves nothing that is known; unknown: \"" + std::string(60, 'x') + "...\"");
}

TEST(Mode, RoleOfAModeThatARoleCanSay) {
  struct Case {
    std::string_view value;
    std::optional<RoleServices> want;
  };
  const std::vector<Case> cases = {
      {"", RoleServices{true, {"*"}}},
      {"*", RoleServices{false, {"*"}}},
      {"!", RoleServices{true, {}}},
      {" b,!,a,b ", RoleServices{true, {"b", "a"}}},
      {"a", RoleServices{false, {"a"}}},
      {"-", std::nullopt},
      {" ", std::nullopt},
      {",", std::nullopt},
      {"* ", std::nullopt},
      {"!,*", std::nullopt},
      {"!a", std::nullopt},
      {"a, b", std::nullopt},
      {"\xFF", RoleServices{false, {"\xEF\xBF\xBD"}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    EXPECT_EQ(role_of(Mode::parse(c.value)), c.want);
  }
}

}  // namespace
}  // namespace nocobase::worker_mode
