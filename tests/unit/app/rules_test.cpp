#include "app/rules.h"

#include <set>

#include <gtest/gtest.h>

namespace nocobase_operator::app {
namespace {

TEST(Rules, every_code_is_unique_well_formed_and_explained) {
  std::set<std::string_view> codes;
  for (const Rule& rule : rules()) {
    SCOPED_TRACE(rule.code);
    EXPECT_TRUE(codes.insert(rule.code).second);
    EXPECT_TRUE(rule.code.size() == 5 && rule.code.starts_with("NB"));
    EXPECT_FALSE(rule.title.empty());
    EXPECT_FALSE(rule.reason.empty());
    // What the API server refuses never reaches the operator, so it can be nothing less than an error here.
    EXPECT_TRUE(!is_refused_by_server(rule.enforcer) || rule.severity == kube::Severity::error);
    EXPECT_EQ(&app::rule(rule.code), &rule);
  }
}

TEST(RulesDeathTest, an_unknown_code_is_a_bug) {
  EXPECT_DEATH(static_cast<void>(rule("NB999")), "rules.cpp");
}

}  // namespace
}  // namespace nocobase_operator::app
