#include "io/log.h"

#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace nocobase_operator::io {
namespace {

std::string text(std::string_view message, std::initializer_list<Field> fields = {}) {
  return format_line(LogFormat::text, message, fields);
}
std::string json(std::string_view message, std::initializer_list<Field> fields = {}) {
  return format_line(LogFormat::json, message, fields);
}

TEST(Log, a_line_of_text_has_its_fields_after_the_message) {
  EXPECT_EQ(text("stopped"), "stopped");
  EXPECT_EQ(text("call failed", {{"verb", "apply"}, {"status", 409}, {"leading", true}, {"delay", -3}}),
            "call failed verb=apply status=409 leading=true delay=-3");
}

TEST(Log, a_value_that_would_be_read_as_two_is_quoted) {
  struct Case {
    std::string value, want;
  };
  for (const Case& item : {Case{"a-b/c:d", "a-b/c:d"}, Case{"", R"("")"}, Case{"two words", R"("two words")"},
                           Case{"a=b", R"("a=b")"}, Case{R"(say "x")", R"("say \"x\"")"}, Case{"a\nb", R"("a\nb")"},
                           Case{"\x7f", "\"\x7f\""}, Case{"\x1b[31m", R"("\u001b[31m")"}, Case{"é", "é"}}) {
    EXPECT_EQ(text("m", {{"k", item.value}}), "m k=" + item.want);
  }
}

TEST(Log, a_message_stays_one_line) {
  EXPECT_EQ(text("first\nsecond\r\x1b[0m\x7f"), "first second  [0m ");
  EXPECT_EQ(json("first\nsecond"), R"("msg":"first\nsecond")");
}

TEST(Log, json_is_json_whatever_is_in_it) {
  const std::string line =
      json("a \"quote\"\\", {{"text", "x\x01\xff"}, {"number", 7}, {"truth", false}, {"odd\"key", "v"}});
  const auto parsed = nlohmann::json::parse("{" + line + "}");
  EXPECT_EQ(parsed, (nlohmann::json{{"msg", "a \"quote\"\\"},
                                    {"text", "x\x01\xEF\xBF\xBD"},
                                    {"number", 7},
                                    {"truth", false},
                                    {"odd\"key", "v"}}));
}

TEST(Log, credentials_are_masked) {
  for (const char* const key : {"token", "bearerToken", "DB_PASSWORD", "Authorization", "credential"}) {
    EXPECT_EQ(text("m", {{key, "s3cr3t"}}), "m " + std::string(key) + "=***");
    EXPECT_EQ(json("m", {{key, "s3cr3t"}}), R"("msg":"m",")" + std::string(key) + R"(":"***")");
  }
  EXPECT_EQ(text("sent Bearer abc.def, twice: Bearer ghi"), "sent Bearer ***, twice: Bearer ***");
  EXPECT_EQ(json("m", {{"error", "header 'Bearer abc'"}}), R"("msg":"m","error":"header 'Bearer ***'")");
  EXPECT_EQ(text("m", {{"tokens", "3"}}), "m tokens=3") << "a name that only begins like one";
}

TEST(Log, a_long_value_is_cut_between_characters) {
  std::string umlauts;
  for (int i = 0; i < 2'000; ++i) {
    umlauts += "ü";
  }
  const std::string line = text("m", {{"k", "x" + umlauts}});
  EXPECT_EQ(line, "m k=x" + umlauts.substr(0, 2'046) + "…");
  EXPECT_EQ(text(std::string(5'000, 'm')), std::string(2'048, 'm') + "…");
}

// What is written to stderr for one event of each level.
std::string written(LogFormat format, Level least) {
  testing::internal::CaptureStderr();
  set_log(format, least);
  log(Level::debug, "one");
  log(Level::info, "two", {{"n", 2}});
  log(Level::warning, "three");
  log(Level::error, "four");
  set_log(LogFormat::text, Level::info);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, events_below_the_least_level_are_not_written) {
  struct Case {
    Level least;
    std::vector<std::string> want;
  };
  const Case cases[] = {{Level::debug, {"one", "two", "three", "four"}},
                        {Level::info, {"two", "three", "four"}},
                        {Level::warning, {"three", "four"}},
                        {Level::error, {"four"}}};
  for (const Case& item : cases) {
    std::istringstream in(written(LogFormat::json, item.least));
    std::vector<std::string> messages;
    for (std::string line; std::getline(in, line);) {
      messages.push_back(nlohmann::json::parse(line).at("msg"));
    }
    EXPECT_EQ(messages, item.want);
  }
}

TEST(Log, a_line_begins_with_time_and_level) {
  std::istringstream in(written(LogFormat::text, Level::info));
  std::string line;
  std::getline(in, line);
  EXPECT_TRUE(std::regex_match(line, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info    two n=2)"))) << line;
  std::istringstream of_json(written(LogFormat::json, Level::info));
  std::getline(of_json, line);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed.at("level"), "info");
  EXPECT_EQ(parsed.at("n"), 2);
  EXPECT_EQ(parsed.at("ts").get<std::string>().size(), 24U);
}

}  // namespace
}  // namespace nocobase_operator::io
