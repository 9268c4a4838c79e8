#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker_mode/worker_mode.h"

namespace nocobase::worker_mode {
namespace {

using Keys = std::vector<std::string>;

TEST(Format, WritesEachSortOfRole) {
  struct Case {
    std::string_view name;
    RoleServices role;
    std::string_view want;
  };
  const std::vector<Case> cases = {
      {"requests alone", {true, {}}, "!"},
      {"requests and services, in order", {true, {"b", "a"}}, "!,b,a"},
      {"requests and every service is an empty value", {true, {"*"}}, ""},
      {"services alone", {false, {"a", "b"}}, "a,b"},
      {"one service", {false, {"workflow:process"}}, "workflow:process"},
      {"every service", {false, {"*"}}, "*"},
      {"a star inside a key is a character", {true, {"a*"}}, "!,a*"},
      {"signs are allowed after the first character", {false, {"a!b-c"}}, "a!b-c"},
      {"any script", {false, {"工作流"}}, "工作流"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Formatted got = format(c.role);
    EXPECT_TRUE(got.ok());
    EXPECT_EQ(got.value, c.want);
  }
}

TEST(Format, RefusesWhatUpstreamWouldReadOtherwise) {
  struct Case {
    std::string_view name;
    RoleServices role;
    FormatError error;
    std::size_t index;
  };
  const std::vector<Case> cases = {
      {"nothing at all", {false, {}}, FormatError::nothing_to_serve, 0},
      {"star first of two", {false, {"*", "a"}}, FormatError::star_not_alone, 0},
      {"star last of two", {true, {"a", "*"}}, FormatError::star_not_alone, 1},
      {"star twice", {true, {"*", "*"}}, FormatError::repeated_key, 1},
      {"the same key twice", {false, {"a", "b", "a"}}, FormatError::repeated_key, 2},
      {"empty key", {true, {"a", ""}}, FormatError::empty_key, 1},
      {"comma", {false, {"a,b"}}, FormatError::comma_in_key, 0},
      {"bang", {false, {"!"}}, FormatError::reserved_start, 0},
      {"glued bang", {false, {"!a"}}, FormatError::reserved_start, 0},
      {"dash", {false, {"-"}}, FormatError::reserved_start, 0},
      {"glued dash", {false, {"-a"}}, FormatError::reserved_start, 0},
      {"space before", {false, {" a"}}, FormatError::blank_in_key, 0},
      {"space inside", {false, {"a b"}}, FormatError::blank_in_key, 0},
      {"tab", {false, {"a\t"}}, FormatError::blank_in_key, 0},
      {"no-break space", {false, {"a\xC2\xA0"}}, FormatError::blank_in_key, 0},
      {"ideographic space", {false, {"\xE3\x80\x80"}}, FormatError::blank_in_key, 0},
      {"byte order mark",
       {false,
        {"\xEF\xBB\xBF"
         "a"}},
       FormatError::blank_in_key,
       0},
      {"NUL", {false, {std::string(1, '\0')}}, FormatError::invisible_in_key, 0},
      {"escape", {false, {"a\x1B[0m"}}, FormatError::invisible_in_key, 0},
      {"delete", {false, {"a\x7F"}}, FormatError::invisible_in_key, 0},
      {"next line", {false, {"a\xC2\x85"}}, FormatError::invisible_in_key, 0},
      {"zero-width space", {false, {"a\xE2\x80\x8B"}}, FormatError::invisible_in_key, 0},
      {"Mongolian vowel separator", {false, {"a\xE1\xA0\x8E"}}, FormatError::invisible_in_key, 0},
      {"right-to-left override", {false, {"a\xE2\x80\xAE"}}, FormatError::invisible_in_key, 0},
      {"not UTF-8", {true, {"a", "\xFF"}}, FormatError::key_not_utf8, 1},
      {"a surrogate in UTF-8", {true, {"\xED\xA0\x80"}}, FormatError::key_not_utf8, 0},
      {"the first bad key is named", {false, {"a", "b c", ""}}, FormatError::blank_in_key, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Formatted got = format(c.role);
    EXPECT_FALSE(got.ok());
    EXPECT_EQ(to_text(got.error), to_text(c.error));
    EXPECT_EQ(got.index, c.index);
    EXPECT_EQ(got.value, "");
  }
}

TEST(Format, AValueMayBeAsLongAsLinuxAcceptsAndNoLonger) {
  EXPECT_EQ(max_value_size, 131'059U);
  EXPECT_EQ(format({false, {std::string(max_value_size, 'k')}}).value.size(), max_value_size);
  const Formatted got = format({false, {"a", std::string(max_value_size - 1, 'k')}});
  EXPECT_EQ(got.error, FormatError::value_too_long);
  EXPECT_EQ(got.index, 1U);
}

TEST(Format, EachErrorHasWordsOfItsOwn) {
  std::vector<std::string_view> texts;
  for (int i = 0; i <= static_cast<int>(FormatError::value_too_long); ++i) {
    texts.push_back(to_text(static_cast<FormatError>(i)));
    EXPECT_FALSE(texts.back().empty());
  }
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::adjacent_find(texts.begin(), texts.end()), texts.end());
}

bool lint_clean(std::string_view value, const Keys& extra) {
  const std::vector<Finding> findings = lint(value, {extra});
  return std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.severity() == Severity::info; });
}

// What every role that can be written must fulfil.
void expect_faithful(const RoleServices& role) {
  const Formatted got = format(role);
  if (!got.ok()) {
    EXPECT_EQ(got.value, "");
    return;
  }
  const Mode mode = Mode::parse(got.value);
  EXPECT_TRUE(serves_exactly(mode, role));
  EXPECT_EQ(mode.serves_requests(), role.requests);
  EXPECT_FALSE(mode.is_transient());
  for (const std::string_view key : {"a", "b", "workflow:process", "-", "other"}) {
    const bool wanted = std::any_of(role.services.begin(), role.services.end(),
                                    [&](const std::string& service) { return service == "*" || service == key; });
    EXPECT_EQ(mode.serves(key), wanted) << key;
  }
  EXPECT_TRUE(lint_clean(got.value, role.services));
  EXPECT_EQ(role_of(mode), role);
}

TEST(Format, EveryRoleOfUpToFourOddKeysIsServedExactlyOrRefused) {
  const Keys words = {
      "a", "b", "*", "!", "-", "", " a", "a b", "a,b", "!a", "-a", "a*", "a;b", "\"a\"", "Workflow:Process"};
  std::size_t written = 0;
  for (const bool requests : {true, false}) {
    std::vector<Keys> lists = {{}};
    for (std::size_t length = 0; length <= 4; ++length) {
      std::vector<Keys> longer;
      for (const Keys& keys : lists) {
        SCOPED_TRACE(testing::PrintToString(keys));
        expect_faithful({requests, keys});
        written += format({requests, keys}).ok() ? 1 : 0;
        for (const std::string& word : length < 4 ? words : Keys{}) {
          longer.push_back(keys);
          longer.back().push_back(word);
        }
      }
      lists = std::move(longer);
    }
    ASSERT_FALSE(testing::Test::HasFailure());
  }
  // Six of the words are keys: 6 + 30 + 120 + 360 lists without a repeat, and the star alone, twice; and "!" alone.
  EXPECT_EQ(written, 2 * (6 + 30 + 120 + 360 + 1) + 1);
}

TEST(Format, AThousandKeysAreFine) {
  RoleServices role{true, {}};
  for (int i = 0; i < 1000; ++i) {
    role.services.push_back("plugin-" + std::to_string(i) + ":run");
  }
  expect_faithful(role);
}

TEST(ServesExactly, NoMoreAndNoLess) {
  struct Case {
    std::string_view name;
    std::string_view value;
    RoleServices role;
    bool want;
  };
  const std::vector<Case> cases = {
      {"the same", "!,a,b", {true, {"a", "b"}}, true},
      {"another order", "b,!,a", {true, {"a", "b"}}, true},
      {"one key too many", "!,a,b", {true, {"a"}}, false},
      {"one key too few", "!,a", {true, {"a", "b"}}, false},
      {"requests too many", "!,a", {false, {"a"}}, false},
      {"requests too few", "a", {true, {"a"}}, false},
      {"everything", "", {true, {"*"}}, true},
      {"everything for one service", "", {true, {"a"}}, false},
      {"every service", "*", {false, {"*"}}, true},
      {"every service for one", "*", {false, {"a"}}, false},
      {"a star in a list is not every service", "!,*", {true, {"*"}}, false},
      {"a padded star is not every service", "* ", {false, {"*"}}, false},
      {"a blank value serves nothing", " ", {false, {}}, true},
      {"transient is for no role", "-", {false, {}}, false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(serves_exactly(Mode::parse(c.value), c.role), c.want);
  }
}

}  // namespace
}  // namespace nocobase::worker_mode
