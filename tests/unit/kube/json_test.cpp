#include "kube/json.h"

#include <limits>

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

TEST(ParseJson, ReadsWhatTheLibraryReads) {
  for (const std::string_view text :
       {"null", "true", "-1", "1.5", "1e3", R"("a\u00e9\ud83d\ude00\n")", "[]", "{}", R"([1,[2,{"a":[]}],"x"])",
        R"({"a":{"b":[{"c":null},2]},"d":"e"})", " \n\t{ } ", R"({"":{"":1}})", "18446744073709551615"}) {
    SCOPED_TRACE(text);
    const Result<Json> value = parse_json(text);
    ASSERT_TRUE(value.ok()) << value.error().what;
    EXPECT_EQ(value.value(), Json::parse(text));
  }
}

TEST(ParseJson, RefusesWithTheReason) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"nothing", "", "JSON syntax error at byte 1"},
           {"not JSON", "<html>", "JSON syntax error at byte 1"},
           {"cut off", R"({"a":)", "JSON syntax error at byte 6"},
           {"something after it", "{} x", "JSON syntax error at byte 4"},
           {"comment", "{/**/}", "JSON syntax error at byte 2"},
           {"trailing comma", "[1,]", "JSON syntax error at byte 4"},
           {"NaN", "[NaN]", "JSON syntax error at byte 2"},
           {"number out of range", "[1e999]", "JSON syntax error at byte 6"},
           {"invalid UTF-8", "\"\xff\"", "JSON syntax error at byte 2"},
           {"lone surrogate", R"("\ud800")", "JSON syntax error at byte 8"},
           {"NUL, which the lexer takes for the end", std::string("{}\0x", 4), "JSON syntax error at byte 3"},
           {"duplicate key at the top", R"({"a":1,"a":2})", "duplicate key at a"},
           {"duplicate key below", R"({"roles":[{},{"x":0},{"a.b":1,"a.b":2}]})",
            R"(duplicate key at roles[2]["a.b"])"},
           {"duplicate key by escape", R"({"x":{"a":1,"\u0061":2}})", "duplicate key at x.a"},
           {"too deep", R"({"a":[[1],[[2]]]})", "nested deeper than 3 levels at a[1][0]"},
           {"too large", std::string(100, ' '), "JSON of 100 bytes is larger than the limit of 64"},
       }) {
    SCOPED_TRACE(c.name);
    const Result<Json> value = parse_json(c.text, {.max_bytes = 64, .max_depth = 3});
    ASSERT_FALSE(value.ok());
    EXPECT_EQ(value.error(), (Error{Code::invalid, std::string(c.want)}));
  }
}

TEST(ParseJson, DepthCostsNoStack) {
  const std::size_t depth = 4000000;
  const Result<Json> value = parse_json(std::string(depth, '['));
  ASSERT_FALSE(value.ok());
  const Result<Json> allowed = parse_json(std::string(64, '[') + std::string(64, ']'));
  EXPECT_TRUE(allowed.ok());
  const Result<Json> one_more = parse_json(std::string(65, '[') + std::string(65, ']'));
  EXPECT_FALSE(one_more.ok());
}

TEST(ParseJson, PathOfAnErrorIsBounded) {
  const std::string key(2000, 'k');
  const Result<Json> value = parse_json("{\"" + key + "\":{\"a\":1,\"a\":2}}");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().what, "duplicate key at " + key.substr(0, 512) + "...");
}

TEST(Find, GivesNothingWhereNothingIs) {
  const Json value = Json::parse(R"({"a":{"b":[1],"s":"x","n":-3,"f":1.5,"big":18446744073709551615,"t":true}})");
  EXPECT_EQ(*find(value, "a"), value["a"]);
  EXPECT_EQ(find(value, "z"), nullptr);
  EXPECT_EQ(find(Json(3), "a"), nullptr);
  EXPECT_EQ(find(Json::array(), "a"), nullptr);
  EXPECT_EQ(*find_path(value, {"a", "b"}), Json::parse("[1]"));
  EXPECT_EQ(*find_path(value, {}), value);
  EXPECT_EQ(find_path(value, {"a", "b", "c"}), nullptr);
  EXPECT_EQ(string_at(value, {"a", "s"}), "x");
  EXPECT_EQ(string_at(value, {"a", "n"}), "");
  EXPECT_EQ(string_at(value, {"x"}), "");
}

TEST(IntegerAt, TakesIntegersThatFit) {
  struct Case {
    std::string_view text;
    std::int64_t want;
  };
  for (const Case& c :
       {Case{"-3", -3}, Case{"7", 7}, Case{"9223372036854775807", 9223372036854775807},
        Case{"-9223372036854775808", std::numeric_limits<std::int64_t>::min()}, Case{"9223372036854775808", 42},
        Case{"1.5", 42}, Case{"3.0", 42}, Case{"\"3\"", 42}, Case{"true", 42}, Case{"null", 42}}) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(integer_at(Json{{"a", Json::parse(c.text)}}, {"a"}, 42), c.want);
  }
  EXPECT_EQ(integer_at(Json::object(), {"a"}), 0);
}

TEST(Dump, IsCompactAndSurvivesInvalidUtf8) {
  EXPECT_EQ(dump(Json::parse(R"({ "b": [1, 2.5], "a": "é" })")), R"({"a":"é","b":[1,2.5]})");
  EXPECT_EQ(dump(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace nocobase_operator::kube
