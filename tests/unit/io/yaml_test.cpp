// YAML as kubectl reads it, with places, and within limits.
#include "io/yaml.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

using kube::Json;

struct Read {
  std::vector<kube::SourceDocument> documents;
  Result<std::size_t> result = Error{};
};

Read read(std::string_view text, const YamlLimits& limits = {}) {
  Read out;
  out.result =
      read_documents(text, "f", limits, [&out](kube::SourceDocument document) { out.documents.push_back(document); });
  return out;
}

Json value_of(const std::string& text) {
  const Read got = read("v: " + text + "\n");
  EXPECT_TRUE(got.result.ok()) << (got.result.ok() ? "" : got.result.error().what);
  return got.documents.size() == 1 ? got.documents[0].value.value("v", Json("absent")) : Json("no document");
}

// What kubectl 1.37 made of the same text (kubectl label --local -o json).
TEST(Yaml, scalars_are_what_kubectl_makes_of_them) {
  struct Case {
    std::string text;
    Json want;
  };
  const Case cases[] = {
      {"yes", true},
      {"no", false},
      {"on", true},
      {"off", false},
      {"y", true},
      {"n", false},
      {"TRUE", true},
      {"oN", "oN"},
      {"~", nullptr},
      {"null", nullptr},
      {"Null", nullptr},
      {"\"yes\"", "yes"},
      {"'no'", "no"},
      {"1", 1},
      {"-1", -1},
      {"+1", 1},
      {"007", 7},
      {"0o7", 7},
      {"08", 8.0},
      {"0x1F", 31},
      {"0b101", 5},
      {"1_000", 1000},
      {"1.5", 1.5},
      {"1e3", 1000.0},
      {".5", 0.5},
      {"1.", 1.0},
      {"1e", "1e"},
      {"0x", "0x"},
      {"12:30", "12:30"},
      {"2001-01-01", "2001-01-01"},
      {"!!str 1", "1"},
      {"nan", "nan"},
      {"''", ""},
      {"5432", 5432},
      {R"("a\u00e9\n")", "a\xC3\xA9\n"},
      {"9223372036854775807", 9223372036854775807},
      {R"("a\_b\Nc\Ld")",
       "a\xC2\xA0"
       "b\xC2\x85"
       "c\xE2\x80\xA8"
       "d"},
  };
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    EXPECT_EQ(value_of(text), want);
  }
}

TEST(Yaml, values_have_places_by_path) {
  const Read got = read("a: 1\nb:\n  - c: x\n    d.e: y\n---\nf: 2\n");
  ASSERT_TRUE(got.result.ok());
  EXPECT_EQ(got.result.value(), 2U);
  ASSERT_EQ(got.documents.size(), 2U);
  EXPECT_EQ(kube::mark_of(got.documents[0], "b[0].c"), (kube::Mark{3, 5}));
  EXPECT_EQ(kube::mark_of(got.documents[0], "b[0].absent"), (kube::Mark{3, 5}));
  EXPECT_EQ(kube::mark_of(got.documents[1], "f"), (kube::Mark{6, 1}));
}

TEST(Yaml, an_unquoted_exclamation_mark_leaves_a_note) {
  const Read got = read("s: [!, \"!\"]\n");
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value, Json::parse(R"({"s": ["", "!"]})"));
  ASSERT_EQ(got.documents[0].notes.count("s[0]"), 1U);
  EXPECT_EQ(got.documents[0].notes.at("s[0]").tag, "!");
  EXPECT_EQ(got.documents[0].notes.count("s[1]"), 0U);
}

Json compose_value(const std::string& text) {
  Json out;
  const auto result = read_documents(
      text, "f", {}, [&out](const kube::SourceDocument& document) { out = document.value; }, YamlFlavour::compose);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().what);
  return out;
}

// As go-yaml v3 reads it.
TEST(Yaml, docker_compose_knows_fewer_booleans_and_keeps_what_a_map_says) {
  EXPECT_EQ(compose_value("[yes, no, on, off, y, n, true, False, 'true', 0777, 1e3, ~]"),
            Json::parse(R"(["yes", "no", "on", "off", "y", "n", true, false, "true", 511, 1000, null])"));
  EXPECT_EQ(compose_value("on: 1\n"), Json::parse(R"({"on": 1})"));
  const std::string anchored = "x: &a {k: 1, l: 1}\ny: &b {l: 2, m: 2}\n";
  EXPECT_EQ(compose_value(anchored + "z: {k: 0, <<: *a}\n")["z"], Json::parse(R"({"k": 0, "l": 1})"));
  EXPECT_EQ(compose_value(anchored + "z: {<<: *a, k: 0}\n")["z"], Json::parse(R"({"k": 0, "l": 1})"));
  EXPECT_EQ(compose_value(anchored + "z: {m: 0, <<: [*a, *b]}\n")["z"], Json::parse(R"({"k": 1, "l": 1, "m": 0})"));
}

TEST(Yaml, anchors_and_merge_keys_are_resolved) {
  const Read got = read("base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\n");
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value.at("use"), Json::parse(R"({"x": 1, "z": 3})"));
}

TEST(Yaml, a_duplicate_key_is_a_finding) {
  const Read got = read("a:\n  b: 1\n  b: 2\n");
  ASSERT_EQ(got.documents.size(), 1U);
  ASSERT_EQ(got.documents[0].findings.size(), 1U);
  EXPECT_EQ(got.documents[0].findings[0].code, "NB002");
  EXPECT_EQ(got.documents[0].findings[0].path, "a.b");
}

TEST(Yaml, notes_tell_what_the_value_does_not_show) {
  const Read got = read("a: !!str 1\nb:\nc: 010\nd: \"010\"\ne: ~\nf: &z !x y\ng: *z\n");
  ASSERT_EQ(got.documents.size(), 1U);
  const auto& notes = got.documents[0].notes;
  EXPECT_EQ(notes.at("a").tag, "!!str");
  EXPECT_TRUE(notes.at("b").plain && notes.at("b").text.empty());
  EXPECT_EQ(notes.at("c").text, "010");
  EXPECT_EQ(notes.at("c").read, "8");
  EXPECT_EQ(notes.at("f").tag, "!x");
  EXPECT_TRUE(notes.at("g").alias);
  EXPECT_EQ(notes.size(), 5U);
}

// What happens while texts are read: a line for each document, and one at the end of each text.
using Events = std::vector<std::string>;

std::string end_of(const std::string& file, const Reading& reading) {
  return file + " ends after " + std::to_string(reading.documents) +
         (reading.unreadable ? " at " + std::to_string(reading.unreadable->mark.line) + ": " + reading.unreadable->what
                             : "");
}

TEST(Yaml, many_texts_are_read_as_each_of_them_alone) {
  std::string many;
  for (int i = 0; i < 200; ++i) {
    many += "---\nn: " + std::to_string(i) + "\nl: [" + std::string(static_cast<std::size_t>(i % 9) * 100, ' ') + "]\n";
  }
  std::string values;
  for (int i = 0; i < 900; ++i) {
    values += "1, ";
  }
  const std::vector<Text> texts = {
      {"many", many},
      {"none", "# nothing\n"},
      {"broken", "a: 1\n---\nb: [\n---\nc: 2\n"},
      {"large", std::string(200'000, 'x')},
      {"documents", many + many},
      {"values", "a: [" + values + "0]\n---\n" + many},
      {"json", R"({"a": 1} {"a": 2})"},
      {"too long", "a: 1\n---\nb: " + std::string(4000, 'y') + "\n---\nc: 1\n"},
      {"last", "z: 1\n"},
  };
  const YamlLimits limits{.max_bytes = 190'000, .max_document_bytes = 3000, .max_documents = 300, .max_values = 1200};
  const auto told = [](const kube::SourceDocument& document) {
    return document.file + " " + kube::dump(document.value);
  };
  Events want;
  for (const Text& text : texts) {
    const Reading reading = read_text(text.text, text.file, limits,
                                      [&](const kube::SourceDocument& document) { want.push_back(told(document)); });
    want.push_back(end_of(text.file, reading));
  }
  for (const std::size_t threads : {0U, 1U, 2U, 3U}) {
    SCOPED_TRACE(threads);
    Events got;
    auto next = texts.begin();
    read_texts([&]() -> std::optional<Text> { return next == texts.end() ? std::nullopt : std::optional(*next++); },
               limits,
               [&](const kube::SourceDocument& document) -> std::function<void()> {
                 return [&got, line = told(document)] { got.push_back(line); };
               },
               [&](const std::string& file, const Reading& reading) { got.push_back(end_of(file, reading)); }, threads);
    EXPECT_EQ(got, want);
  }
  const auto unreadable = std::count_if(want.begin(), want.end(),
                                        [](const std::string& line) { return line.find(" at ") != std::string::npos; });
  EXPECT_EQ(unreadable, 5);
}

TEST(Yaml, a_merged_key_may_be_given_again_and_no_other) {
  const std::string base = "m: &m {x: 1}\n";
  EXPECT_EQ(read(base + "a: {<<: *m, x: 2}\n").documents.at(0).findings.size(), 0U);
  EXPECT_EQ(read(base + "a: {x: 2, <<: *m}\n").documents.at(0).findings.size(), 0U);
  EXPECT_EQ(read(base + "a: {x: 2, <<: *m, x: 3}\n").documents.at(0).findings.size(), 1U);
  EXPECT_EQ(read(base + "a: {<<: *m, x: 2, x: 3}\n").documents.at(0).findings.size(), 1U);
  EXPECT_EQ(read(base + "a: {<<: *m, <<: *m}\n").documents.at(0).findings.size(), 0U);
}

TEST(Yaml, an_anchor_may_be_given_again_but_not_hold_itself) {
  const Read got = read("a: &x 1\nb: *x\nc: &x [2]\nd: *x\n");
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value, Json::parse(R"({"a": 1, "b": 1, "c": [2], "d": [2]})"));
  const Read circle = read("a: &x 1\nb: &x [*x]\n");
  ASSERT_FALSE(circle.result.ok());
  EXPECT_EQ(circle.result.error().what, "f:2:8: an anchor's value contains the anchor itself");
}

TEST(Yaml, json_is_read_with_places_too) {
  const Read got = read("{\"a\": {\n  \"b\": 18446744073709551615}}");
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value, Json::parse(R"({"a": {"b": 18446744073709551615}})"));
  EXPECT_EQ(kube::mark_of(got.documents[0], "a.b").line, 2U);
}

TEST(Yaml, what_cannot_be_read_is_an_error_with_a_place) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string_view begins;
  };
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) {
      bomb += std::string("*") + static_cast<char>(c - 1) + (i < 8 ? ", " : "]\n");
    }
  }
  const Case cases[] = {
      {"binary", std::string("a: \xC7\x01"), "f:1:4: byte 0xC7"},
      {"nested too deep", std::string(1000, '['), "f:1:"},
      {"dashes too deep",
       [] {
         std::string t;
         for (int i = 0; i < 1000; ++i) {
           t += "- ";
         }
         return t;
       }(),
       "f:1:129: nested deeper"},
      {"an alias bomb", bomb, "f:6:"},
      {"an open bracket", "a: [1\nb: }\n", "f:2:"},
      {"an alias without its anchor", "a: *b\n", "f:1:4: the referenced anchor is not defined"},
      {"too large", "a: " + std::string(4U << 20U, 'x'), "f:1:1: "},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const Read got = read(one.text);
    ASSERT_FALSE(got.result.ok());
    EXPECT_EQ(got.result.error().code, Code::invalid);
    EXPECT_TRUE(got.result.error().what.starts_with(one.begins)) << got.result.error().what;
  }
}

TEST(Yaml, documents_before_an_error_are_delivered) {
  const Read got = read("a: 1\n---\nb: [\n");
  EXPECT_FALSE(got.result.ok());
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value, Json::parse(R"({"a": 1})"));
}

TEST(Yaml, what_is_written_reads_back_the_same) {
  const Json value = {
      {"strings", {"",  "yes", "no",     "~",   "null", "1",   "1e3",   "0x1", "- a", "a: b", "#x",          "!",
                   "*", "&a",  "a\nb\n", " x ", "\t",   "1_0", "12:30", "<<",  "=",   "é",    "\xE2\x80\xA8"}},
      {"numbers", {0, -1, 1.5, 9223372036854775807, 18446744073709551615U}},
      {"empty", {{"list", Json::array()}, {"map", Json::object()}, {"null", nullptr}}},
      {"nested", Json::array({Json::array({1, Json::array({2})}), {{"a", {{"b", {true, false}}}}}})},
      {"on", "key that YAML 1.1 takes for a boolean"},
      {"a: b", 1},
  };
  const Read got = read(to_yaml(value));
  ASSERT_TRUE(got.result.ok()) << got.result.error().what << "\n" << to_yaml(value);
  ASSERT_EQ(got.documents.size(), 1U);
  EXPECT_EQ(got.documents[0].value, value) << to_yaml(value);
}

TEST(Yaml, a_text_has_limits_however_it_is_spread_over_documents) {
  const YamlLimits few{.max_documents = 2, .max_values = 4};
  EXPECT_EQ(read("a: 1\n---\nb: 2\n", few).result.value(), 2U);
  struct Case {
    std::string_view text;
    std::size_t delivered;
  };
  for (const Case& item : {Case{"a: 1\n---\nb: 2\n---\nc: 3\n", 2}, Case{"{\"a\":1}\n---\n{}\n---\n{}\n", 2},
                           Case{"[1, 2, 3, 4]\n---\nb: 2\n", 1}}) {
    const Read got = read(item.text, few);
    ASSERT_FALSE(got.result.ok()) << item.text;
    EXPECT_NE(got.result.error().what.find("more than 2 documents or 4 values in one file: split it"),
              std::string::npos)
        << got.result.error().what;
    EXPECT_EQ(got.documents.size(), item.delivered) << "what came before has been delivered";
  }
}

// What people write for ports, versions, time zones and passwords.
TEST(Yaml, numbers_that_look_odd_are_what_kubectl_makes_of_them) {
  struct Case {
    std::string text;
    Json want;
  };
  const Case cases[] = {
      {"0777", 511},
      {"010", 8},
      {"0o17", 15},
      {"0080", 80},
      {"1.10", 1.1},
      {"3.0", 3},
      {"1e1", 10},
      {"+3", 3},
      {"-0", 0},
      {"18446744073709551616", 18446744073709551616.0},
      {"+10:00", "+10:00"},
      {"12:30:45", "12:30:45"},
      {"\"010\"", "010"},
      {"", nullptr},
  };
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    EXPECT_EQ(value_of(text), want);
  }
  const Read beyond = read("v: .inf\n");
  ASSERT_FALSE(beyond.result.ok());
  EXPECT_EQ(beyond.result.error().what, "f:1:4: .inf is no JSON number: quote it");
}

TEST(Yaml, merge_keys_do_what_they_do_for_kubectl) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string_view want;
  };
  const std::string anchors = "a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc: &c {<<: *a, m: 3}\n";
  const Case cases[] = {
      {"what stands below a merge replaces it", "use: {<<: *a, k: 9}\n", R"({"k": 9, "l": 1})"},
      {"what stands above it is replaced", "use: {k: 9, <<: *a}\n", R"({"k": 1, "l": 1})"},
      {"of several maps the first wins", "use: {<<: [*a, *b]}\n", R"({"k": 1, "l": 1, "m": 2})"},
      {"a merge of a merge", "use: {<<: *c}\n", R"({"k": 1, "l": 1, "m": 3})"},
      {"in quotes it is a key", "use: {\"<<\": *b}\n", R"({"<<": {"k": 2, "m": 2}})"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Read got = read(anchors + item.text);
    ASSERT_TRUE(got.result.ok()) << got.result.error().what;
    ASSERT_EQ(got.documents.size(), 1U);
    EXPECT_EQ(got.documents[0].value.at("use"), Json::parse(item.want));
  }
  const Read broken = read("use:\n  <<: 3\n");
  ASSERT_FALSE(broken.result.ok());
  EXPECT_EQ(broken.result.error().what, "f:2:3: \"<<\" needs a map or a list of maps");
}

TEST(Yaml, a_duplicate_key_names_both_lines_and_the_last_one_counts) {
  struct Case {
    std::string_view name;
    std::string_view text;
    std::string_view message;
    std::string_view want;
  };
  const Case cases[] = {
      {"twice", "b: 1\nb: 2\n", "the key \"b\" stands twice: in line 1 and in line 2", R"({"b": 2})"},
      {"in other words", "true: 1\n\"true\": 2\n", "the key \"true\" stands twice: in line 1 and in line 2",
       R"({"true": 2})"},
      {"in JSON", "{\"b\": 1,\n\"b\": 2}", "the key \"b\" stands twice: in line 1 and in line 2", R"({"b": 2})"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Read got = read(item.text);
    ASSERT_EQ(got.documents.size(), 1U);
    ASSERT_EQ(got.documents[0].findings.size(), 1U);
    EXPECT_EQ(got.documents[0].findings[0].message, item.message);
    EXPECT_EQ(got.documents[0].value, Json::parse(item.want));
  }
}

TEST(Yaml, documents_are_found_whatever_editor_wrote_them) {
  struct Case {
    std::string_view name;
    std::string_view text;
    std::string_view want;  // a list of them
  };
  const Case cases[] = {
      {"nothing", "", "[]"},
      {"separators", "---\n---\n", "[]"},
      {"comments", "# nothing\n---\n# here either\n", "[]"},
      {"a byte order mark",
       "\xEF\xBB\xBF"
       "a: 1\n",
       R"([{"a": 1}])"},
      {"a byte order mark after the end of a document",
       "a: 1\n...\n\xEF\xBB\xBF"
       "b: 2\n",
       R"([{"a": 1}, {"b": 2}])"},
      {"byte order marks after separators",
       "---\n\xEF\xBB\xBF"
       "a: 1\n--- # b\r\n\xEF\xBB\xBF"
       "b: 2\n---\n\xEF\xBB\xBF---\nc: 3\n---\n\xEF\xBB\xBF{\"d\": 4}\n",
       R"([{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}])"},
      {"an end without another document", "a: 1\n...\n", R"([{"a": 1}])"},
      {"lines of Windows", "a: |\r\n  x\r\n  y\r\n---\r\nb: 2\r\n", R"([{"a": "x\ny\n"}, {"b": 2}])"},
      {"YAML after JSON", "{\"a\": 1}\n---\nb: 2\n", R"([{"a": 1}, {"b": 2}])"},
      {"one JSON after another", "{\"a\": 1} {\"b\": 2}", R"([{"a": 1}, {"b": 2}])"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Read got = read(item.text);
    ASSERT_TRUE(got.result.ok()) << got.result.error().what;
    Json values = Json::array();
    for (const kube::SourceDocument& document : got.documents) {
      values.push_back(document.value);
    }
    EXPECT_EQ(values, Json::parse(item.want));
    EXPECT_EQ(got.result.value(), values.size());
  }
}

TEST(Yaml, a_byte_order_mark_moves_no_place) {
  const Read got = read(
      "a: 1\n---\n\xEF\xBB\xBF"
      "b: 2\nc: 3\n---\nd: 4\n");
  ASSERT_EQ(got.documents.size(), 3U);
  EXPECT_EQ(kube::mark_of(got.documents[1], "b"), (kube::Mark{3, 1}));
  EXPECT_EQ(kube::mark_of(got.documents[1], "c"), (kube::Mark{4, 1}));
  EXPECT_EQ(kube::mark_of(got.documents[2], "d"), (kube::Mark{6, 1}));
}

TEST(Yaml, bytes_that_are_no_text_are_named_with_their_place) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string_view want;
  };
  const std::string rest = " is no UTF-8 text or a control character that YAML does not allow";
  const Case cases[] = {
      {"Latin-1", "a: caf\xE9\n", "f:1:7: byte 0xE9"},
      {"NUL", std::string("a: 1\n\0b: 2\n", 11), "f:2:1: byte 0x00"},
      {"DEL", "a: \x7F\n", "f:1:4: byte 0x7F"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Read got = read(item.text);
    ASSERT_FALSE(got.result.ok());
    EXPECT_EQ(got.result.error().what, std::string(item.want) + rest);
  }
  const Read wide = read(std::string_view("\xFF\xFE:\0 \0", 6));
  ASSERT_FALSE(wide.result.ok());
  EXPECT_EQ(wide.result.error().what, "f:1:1: this is UTF-16: save the file as UTF-8");
}

}  // namespace
}  // namespace nocobase_operator::io
