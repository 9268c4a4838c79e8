#include "kube/source.h"

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

TEST(MarkOf, IsThatOfThePathOrItsNearestAncestor) {
  SourceDocument document{.file = "a.yaml", .value = {}, .marks = {}, .notes = {}, .findings = {}};
  document.marks = {{"", {1, 1}},
                    {"spec", {3, 1}},
                    {"spec.roles", {4, 3}},
                    {"spec.roles[1]", {6, 5}},
                    {R"(metadata.labels["a.b[0]/\"c"])", {9, 9}},
                    {R"(["x.y"])", {11, 1}}};
  struct Case {
    std::string_view path;
    std::uint32_t line;
  };
  for (const Case& c : {Case{"spec.roles[1]", 6}, Case{"spec.roles[1].replicas", 6}, Case{"spec.roles[2].replicas", 4},
                        Case{"spec.rolesx", 3}, Case{"spec", 3}, Case{"specs.a", 1}, Case{"", 1}, Case{"other", 1},
                        Case{R"(metadata.labels["a.b[0]/\"c"])", 9}, Case{R"(metadata.labels["a.b[0]/\"c"].d)", 9},
                        Case{R"(metadata.labels["a.b[0]/\"d"])", 1}, Case{R"(["x.y"].z)", 11}}) {
    SCOPED_TRACE(c.path);
    EXPECT_EQ(mark_of(document, c.path).line, c.line);
  }
  EXPECT_EQ(mark_of({}, "spec"), Mark{});
}

}  // namespace
}  // namespace nocobase_operator::kube
