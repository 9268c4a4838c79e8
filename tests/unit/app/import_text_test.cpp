// Texts that import reads: variables filled in, files of variables, placeholders, durations and sizes.
#include "app/import_text.h"

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "app/import_compose.h"
#include "app/placeholder.h"

namespace nocobase_operator::app::importing {
namespace {

TEST(ImportText, variables_are_filled_in_as_docker_compose_does_it) {
  const KnownVariables known = {{"A", "one"}, {"EMPTY", ""}, {"B_2", "two"}, {"SHELL", std::nullopt}};
  struct Case {
    std::string_view text;
    std::string_view want;
    std::vector<std::string> missing;
    bool malformed;
  };
  const Case cases[] = {
      {"plain", "plain", {}, false},
      {"$A-${B_2}", "one-two", {}, false},
      {"$$A $${A}", "$A ${A}", {}, false},
      {"${X:-d}${X-d}${EMPTY:-d}[${EMPTY-d}]", "ddd[]", {}, false},
      {"${A:+yes}${A+yes}[${X:+no}${X+no}${EMPTY:+no}]${EMPTY+yes}", "yesyes[]yes", {}, false},
      {"${X:-${Y:-$A}}", "one", {}, false},
      {"${A:?say it}", "one", {}, false},
      {"${X:?say it} ${EMPTY:?say it}", " ", {"X", "EMPTY"}, false},
      {"$X ${Y} $X", "  ", {"X", "Y"}, false},
      {"${SHELL} ${SHELL:-d}", " ", {"SHELL"}, false},
      {"${", "${", {}, true},
      {"a $ b", "a $ b", {}, true},
      {"${A!}", "${A!}", {}, true},
      {"${:-x}", "${:-x}", {}, true},
      {"100$", "100$", {}, true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    const Interpolated got = interpolate(one.text, known);
    EXPECT_EQ(got.text, one.want);
    EXPECT_EQ(got.missing, one.missing);
    EXPECT_EQ(got.malformed, one.malformed);
  }
}

TEST(ImportText, nested_and_swollen_texts_have_an_end) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) {
    deep += "${A:-";
  }
  EXPECT_TRUE(interpolate(deep + std::string(1000, '}'), {}).malformed);
  const KnownVariables known = {{"A", std::string(200'000, 'x')}};
  EXPECT_TRUE(interpolate("$A$A", known).malformed);
}

TEST(ImportText, files_of_variables_are_read_as_docker_compose_does_it) {
  KnownVariables known = {{"OUTER", "outside"}};
  const auto got = parse_variables({".env",
                                    "\xEF\xBB\xBF# comment\n\n"
                                    "export A=1\n"
                                    "B = two words  # comment\n"
                                    "C=x#y\n"
                                    "D='single $A # kept'\n"
                                    "E=\"double $A \\\"q\\\" \\$A\\nline\"  # comment\n"
                                    "F='two\nlines'\n"
                                    "G=${A}${OUTER}\n"
                                    "H=$NOBODY\n"
                                    "I\n"
                                    "J=\n"
                                    "K: yaml\n"
                                    "L=a$$b\n"},
                                   known);
  ASSERT_TRUE(got.ok()) << got.error().what;
  struct Line {
    std::string name;
    std::optional<std::string> value;
    std::uint32_t line;
    bool ambiguous;
  };
  const std::vector<Line> want = {{"A", "1", 3, false},
                                  {"B", "two words", 4, false},
                                  {"C", "x#y", 5, true},
                                  {"D", "single $A # kept", 6, false},
                                  {"E", "double 1 \"q\" $A\nline", 7, false},
                                  {"F", "two\nlines", 8, false},
                                  {"G", "1outside", 10, true},
                                  {"H", std::nullopt, 11, true},
                                  {"I", std::nullopt, 12, false},
                                  {"J", "", 13, false},
                                  {"K", "yaml", 14, false},
                                  {"L", "a$b", 15, true}};
  ASSERT_EQ(got.value().size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    SCOPED_TRACE(want[i].name);
    EXPECT_EQ(got.value()[i].name, want[i].name);
    EXPECT_EQ(got.value()[i].value, want[i].value);
    EXPECT_EQ(got.value()[i].mark.line, want[i].line);
    EXPECT_EQ(got.value()[i].ambiguous, want[i].ambiguous);
    EXPECT_EQ(got.value()[i].unknown.empty(), want[i].value.has_value());
  }
  EXPECT_EQ(known.at("G"), "1outside");
  EXPECT_EQ(known.at("H"), std::nullopt);
}

TEST(ImportText, raw_files_keep_every_character) {
  KnownVariables known;
  const auto got = parse_variables({"a.env", "A=\"x\" $B #c\n"}, known, true);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value().at(0).value, "\"x\" $B #c");
}

TEST(ImportText, a_file_of_variables_begins_with_one) {
  EXPECT_TRUE(is_variables_text("# x\n\nexport A_1 = 2\n"));
  EXPECT_TRUE(is_variables_text("A="));
  EXPECT_FALSE(is_variables_text("services:\n  a=b: 1\n"));
  EXPECT_FALSE(is_variables_text("{\"a\": 1}"));
  EXPECT_FALSE(is_variables_text("# only comments\n"));
  EXPECT_FALSE(is_variables_text(""));
}

TEST(ImportText, placeholders) {
  for (const std::string_view text : {"<password>", "{{ .Values.key }}", "${KEY}", "replace-me"}) {
    EXPECT_TRUE(is_placeholder_text(text, false)) << text;
  }
  for (const std::string_view text : {"your-secret-key", "test-key", "ChangeMe", "change-this-please", "your_password",
                                      "replace-with-random", "xxxx"}) {
    EXPECT_TRUE(is_placeholder_text(text, true)) << text;
    EXPECT_FALSE(is_placeholder_text(text, false)) << text;
  }
  for (const std::string_view text : {"", "a<b>c", "<", "<>", "secret", "nocobase", "d41d8cd98f00b204"}) {
    EXPECT_FALSE(is_placeholder_text(text, true)) << text;
  }
}

TEST(ImportCompose, durations_and_sizes) {
  EXPECT_EQ(compose_seconds("90s"), 90);
  EXPECT_EQ(compose_seconds("1m30s"), 90);
  EXPECT_EQ(compose_seconds("1500ms"), 2);
  EXPECT_EQ(compose_seconds("1h"), 3600);
  for (const std::string_view text : {"", "90", "s", "1x", "-1s", "99999999s"}) {
    EXPECT_EQ(compose_seconds(text), std::nullopt) << text;
  }
  EXPECT_EQ(compose_bytes("512m"), "512Mi");
  EXPECT_EQ(compose_bytes("1.5GB"), "1.5Gi");
  EXPECT_EQ(compose_bytes("300"), "300");
  EXPECT_EQ(compose_bytes("64kib"), "64Ki");
  for (const std::string_view text : {"", "0", "m", "1x", "-1m"}) {
    EXPECT_EQ(compose_bytes(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace nocobase_operator::app::importing
