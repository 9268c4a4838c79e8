#include "kube/diff.h"

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

std::vector<std::string> lines(const char* before, const char* after) {
  std::vector<std::string> out;
  for (const FieldChange& change : field_changes(Kind::deployment, Json::parse(before), Json::parse(after))) {
    out.push_back(change.path + ": " + (change.before ? dump(*change.before) : "absent") + " -> " +
                  (change.after ? dump(*change.after) : "absent"));
  }
  return out;
}

using Lines = std::vector<std::string>;

TEST(FieldChanges, a_field_is_named_by_its_path) {
  EXPECT_EQ(lines(R"({"spec": {"replicas": 2}})", R"({"spec": {"replicas": 0}})"), Lines{"spec.replicas: 2 -> 0"});
  EXPECT_EQ(lines(R"({"spec": {"a": 1}})", R"({"spec": {"b": {"c": 1}}})"),
            (Lines{"spec.a: 1 -> absent", R"(spec.b: absent -> {"c":1})"}));
  EXPECT_EQ(lines(R"({"metadata": {"labels": {"a.b/c": "1"}}})", R"({"metadata": {"labels": {"a.b/c": "2"}}})"),
            Lines{R"(metadata.labels[a.b/c]: "1" -> "2")"});
}

TEST(FieldChanges, what_is_the_same_in_other_words_is_none) {
  EXPECT_EQ(lines(R"({"apiVersion": "apps/v1", "metadata": {"name": "a", "uid": "1"}, "spec": {"paused": false}})",
                  R"({"metadata": {"name": "b", "resourceVersion": "7"}, "spec": {"paused": ""}})"),
            Lines());
}

TEST(FieldChanges, items_of_a_list_are_told_apart_by_name) {
  EXPECT_EQ(lines(R"({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})",
                  R"({"env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]})"),
            (Lines{R"(env[A]: {"name":"A","value":"1"} -> absent)", R"(env[B].value: "2" -> "3")",
                   R"(env[C]: absent -> {"name":"C","value":"4"})"}));
  EXPECT_EQ(lines(R"({"env": [{"name": "A"}, {"name": "B"}]})", R"({"env": [{"name": "B"}, {"name": "A"}]})"),
            Lines{R"(env: [{"name":"A"},{"name":"B"}] -> [{"name":"B"},{"name":"A"}])"});
}

TEST(FieldChanges, other_lists_are_compared_by_place_or_as_a_whole) {
  EXPECT_EQ(lines(R"({"args": ["a", "b"]})", R"({"args": ["a", "c"]})"), Lines{R"(args[1]: "b" -> "c")"});
  EXPECT_EQ(lines(R"({"args": ["a"]})", R"({"args": ["a", "c"]})"), Lines{R"(args: ["a"] -> ["a","c"])"});
}

}  // namespace
}  // namespace nocobase_operator::kube
