#include "kube/reader.h"

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

const ReaderCodes codes{"unknown", "type", "range", "missing"};

// "code path: message (advice)" of each finding.
std::vector<std::string> lines(const Findings& findings) {
  std::vector<std::string> out;
  for (const Finding& f : findings) {
    out.push_back(f.code + " " + f.path + ": " + f.message + (f.advice.empty() ? "" : " (" + f.advice + ")"));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(Reader, ReadsEveryType) {
  const Json value = Json::parse(R"({"s":"x","b":false,"i":3.0,"l":["a","b"],"p":80,"n":"http","q":0.5,"q2":"1Gi",
    "o":{"x":1},"a":[1],"m":{"z":"1","a":"2"},"null":null})");
  Findings findings;
  Reader reader(value, "spec", codes, findings);
  EXPECT_EQ(reader.string("s"), "x");
  EXPECT_EQ(reader.boolean("b"), false);
  EXPECT_EQ(reader.integer("i", 0, 5), 3);
  EXPECT_EQ(reader.strings("l"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reader.int_or_string("p"), Json(80));
  EXPECT_EQ(reader.int_or_string("n"), Json("http"));
  EXPECT_EQ(reader.quantity("q"), "0.5");
  EXPECT_EQ(reader.quantity("q2"), "1Gi");
  EXPECT_EQ(reader.object("o"), Json::parse(R"({"x":1})"));
  EXPECT_EQ(reader.array("a"), Json::parse("[1]"));
  EXPECT_EQ(reader.string_map("m"), (std::vector<std::pair<std::string, std::string>>{{"a", "2"}, {"z", "1"}}));
  EXPECT_EQ(reader.string("null"), std::nullopt);
  EXPECT_EQ(reader.boolean("absent"), std::nullopt);
  EXPECT_TRUE(reader.has("s"));
  EXPECT_FALSE(reader.has("null"));
  reader.finish();
  EXPECT_EQ(lines(findings), Lines());
}

TEST(Reader, IntegersAreWholeNumbersInRange) {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> want;
    std::string_view finding;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"0", 0, ""},
           {"32", 32, ""},
           {"3.0", 3, ""},
           {"-0.0", 0, ""},
           {"33", {}, "range spec.n: want a number from 0 to 32, got 33"},
           {"-1", {}, "range spec.n: want a number from 0 to 32, got -1"},
           {"18446744073709551615", {}, "range spec.n: want a number from 0 to 32, got 18446744073709551615"},
           {"3.5", {}, "type spec.n: want a whole number, got 3.5"},
           {"1e30", {}, "type spec.n: want a whole number, got 1e+30"},
           {"true", {}, "type spec.n: want a whole number, got true"},
           {"\"3\"", {}, "type spec.n: want a whole number, got \"3\""},
           {"[3]", {}, "type spec.n: want a whole number, got a list of 1"},
           {"{}", {}, "type spec.n: want a whole number, got an empty object"}}) {
    SCOPED_TRACE(c.text);
    const Json value = {{"n", Json::parse(c.text)}};
    Findings findings;
    Reader reader(value, "spec", codes, findings);
    EXPECT_EQ(reader.integer("n", 0, 32), c.want);
    EXPECT_EQ(lines(findings), c.finding.empty() ? Lines() : Lines{std::string(c.finding)});
  }
}

TEST(Reader, WrongTypesAreFindingsAndNothingIsRead) {
  const Json value = Json::parse(R"({"s":1,"b":"true","b1":1,"l":"a","l2":["a",1,null],"p":true,"p2":3000000000,"p3":"",
    "p4":1.5,"q":[],"o":[],"a":{},"m":[],"m2":{"x/y":1,"z":"1"},"n":[],"e":{},"e2":[{},3]})");
  Findings findings;
  Reader reader(value, "", codes, findings);
  EXPECT_EQ(reader.string("s"), std::nullopt);
  EXPECT_EQ(reader.boolean("b"), std::nullopt);
  EXPECT_EQ(reader.boolean("b1"), std::nullopt);
  EXPECT_EQ(reader.strings("l"), std::nullopt);
  EXPECT_EQ(reader.strings("l2"), (std::vector<std::string>{"a"}));
  EXPECT_EQ(reader.int_or_string("p"), std::nullopt);
  EXPECT_EQ(reader.int_or_string("p2"), std::nullopt);
  EXPECT_EQ(reader.int_or_string("p3"), std::nullopt);
  EXPECT_EQ(reader.int_or_string("p4"), std::nullopt);
  EXPECT_EQ(reader.quantity("q"), std::nullopt);
  EXPECT_EQ(reader.object("o"), std::nullopt);
  EXPECT_EQ(reader.array("a"), std::nullopt);
  EXPECT_EQ(reader.string_map("m"), std::nullopt);
  EXPECT_EQ(reader.string_map("m2"), (std::vector<std::pair<std::string, std::string>>{{"z", "1"}}));
  EXPECT_FALSE(reader.nested("n", [](Reader&) { FAIL(); }));
  EXPECT_FALSE(reader.each("e", [](Reader&) { FAIL(); }));
  int items = 0;
  EXPECT_TRUE(reader.each("e2", [&](Reader&) { ++items; }));
  EXPECT_EQ(items, 1);
  reader.finish();
  EXPECT_EQ(
      lines(findings),
      (Lines{"type s: want a string, got 1", "type b: want true or false, got \"true\"",
             "type b1: want true or false, got 1", "type l: want a list of strings, got \"a\"",
             "type l2[1]: want a string, got 1", "type l2[2]: want a string, got null",
             "type p: want a whole number or a string, got true", "range p2: want a number of 32 bits, got 3000000000",
             "type p3: want a whole number or a string, got \"\"", "type p4: want a whole number or a string, got 1.5",
             "type q: want a quantity such as 500m or 1Gi, got an empty list",
             "type o: want an object, got an empty list", "type a: want a list, got an empty object",
             "type m: want an object of strings, got an empty list", "type m2[\"x/y\"]: want a string, got 1",
             "type n: want an object, got an empty list", "type e: want a list of objects, got an empty object",
             "type e2[1]: want an object, got 3"}));
}

TEST(Reader, ReportsUnknownMembersWithTheNearestKnownOne) {
  struct Case {
    std::string_view name;
    std::string_view advice;
  };
  for (const Case& c : std::initializer_list<Case>{{"replica", "did you mean replicas?"},
                                                   {"Replicas", "did you mean replicas?"},
                                                   {"repilcas", "did you mean replicas?"},
                                                   {"imagePullSecret", "did you mean imagePullSecrets?"},
                                                   {"evn", "did you mean env?"},
                                                   {"requests", ""},
                                                   {"xyz", ""},
                                                   {"e", ""}}) {
    SCOPED_TRACE(c.name);
    const Json value = {{std::string(c.name), 1}};
    Findings findings;
    Reader reader(value, "spec", codes, findings);
    for (const std::string_view known : {"replicas", "imagePullSecrets", "env", "image"}) {
      reader.skip(known);
    }
    reader.finish();
    EXPECT_EQ(findings, (Findings{{"unknown", Severity::error, "spec." + std::string(c.name),
                                   "unknown field \"" + std::string(c.name) + "\"", std::string(c.advice)}}));
  }
}

TEST(Reader, DoesNotSuggestWhatIsThereAlready) {
  const Json value = Json::parse(R"({"env":[],"evn":[]})");
  Findings findings;
  Reader reader(value, "", codes, findings);
  reader.skip("env");
  reader.finish();
  EXPECT_EQ(lines(findings), Lines{"unknown evn: unknown field \"evn\""});
}

TEST(Reader, KnowsWhereItIs) {
  const Json value = Json::parse(R"({"roles":[{"name":"web"},{"size":{"cpu":1,"x":2}}]})");
  Findings findings;
  Reader reader(value, "spec", codes, findings);
  EXPECT_TRUE(reader.each("roles", [](Reader& role) {
    role.require("name", "give it a name");
    (void)role.string("name");
    role.nested("size", [](Reader& size) {
      EXPECT_EQ(size.path(), "spec.roles[1].size");
      size.fail("cpu", "own", "too small", "write more");
      size.fail("", "own", "all wrong", "");
      size.skip("cpu");
    });
  }));
  reader.finish();
  EXPECT_EQ(lines(findings),
            (Lines{"missing spec.roles[1].name: is required (give it a name)",
                   "own spec.roles[1].size.cpu: too small (write more)", "own spec.roles[1].size: all wrong",
                   "unknown spec.roles[1].size.x: unknown field \"x\""}));
}

TEST(Reader, NullIsMissingAndNoObjectIsOneFinding) {
  const Json value = {{"name", nullptr}};
  Findings findings;
  Reader reader(value, "", codes, findings);
  reader.require("name", "");
  reader.finish();
  EXPECT_EQ(lines(findings), Lines{"missing name: is required"});

  for (const std::string_view text : {"null", "3", "[]", "\"x\""}) {
    SCOPED_TRACE(text);
    const Json foreign = Json::parse(text);
    Findings found;
    Reader wrong(foreign, "", codes, found);
    wrong.require("name", "");
    EXPECT_EQ(wrong.string("name"), std::nullopt);
    EXPECT_FALSE(wrong.has("name"));
    wrong.finish();
    EXPECT_EQ(lines(found), Lines{"type : want an object, got " + describe(foreign)});
  }
}

TEST(JoinPath, QuotesWhatIsNoIdentifier) {
  struct Case {
    std::string_view path;
    std::string_view key;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{{"", "spec", "spec"},
                                                   {"spec", "a_b-C9", "spec.a_b-C9"},
                                                   {"spec", "a.b/c", R"(spec["a.b/c"])"},
                                                   {"spec", "", R"(spec[""])"},
                                                   {"spec", "9a", R"(spec["9a"])"},
                                                   {"spec", "-a", R"(spec["-a"])"},
                                                   {"", "a\"b\\", R"(["a\"b\\"])"}}) {
    SCOPED_TRACE(c.key);
    EXPECT_EQ(join_path(c.path, c.key), c.want);
  }
  EXPECT_EQ(join_path("spec.roles", std::size_t{3}), "spec.roles[3]");
}

TEST(Describe, IsShort) {
  EXPECT_EQ(describe("two"), "\"two\"");
  EXPECT_EQ(describe(3), "3");
  EXPECT_EQ(describe(nullptr), "null");
  EXPECT_EQ(describe(Json::parse("[1,2]")), "a list of 2");
  EXPECT_EQ(describe(Json::parse("{\"a\":1}")), "an object");
  EXPECT_EQ(describe(std::string(59, 'x') + "éé"), "\"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace nocobase_operator::kube
