#include "app/source_lint.h"

#include <gtest/gtest.h>

#include "app/validate.h"
#include "io/yaml.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

// The findings of a cluster whose second role is written like this, of severity error.
Codes errors_with(const std::string& role) {
  const std::string text = R"(apiVersion: nocobase.com/v1alpha1
kind: NocoBaseCluster
metadata: {name: crm}
spec:
  image: nocobase/nocobase:2.2.15
  database: {dialect: postgres, host: a, name: b, user: c}
  roles:
    - {name: web, requests: true, replicas: 1}
    - name: work
)" + role;
  Codes out;
  const auto read = io::read_documents(text, "-", {}, [&out](const kube::SourceDocument& document) {
    for (const kube::Finding& finding : check(document)) {
      if (finding.severity == kube::Severity::error) {
        out.push_back(finding.code + " " + finding.path);
      }
    }
  });
  if (!read.ok()) {
    out.push_back(read.error().what);
  }
  return out;
}

TEST(SourceLint, an_unquoted_sign_is_found_where_a_service_belongs) {
  EXPECT_EQ(errors_with("      services: [\"workflow:process\"]\n"), Codes());
  EXPECT_EQ(errors_with("      services: [!, \"workflow:process\"]\n"), Codes{"NB012 spec.roles[1].services[0]"});
  EXPECT_EQ(errors_with("      services: [!workflow:process ]\n"), Codes{"NB012 spec.roles[1].services[0]"});
  EXPECT_EQ(errors_with("      services: !\n"), Codes{"NB012 spec.roles[1].services"});
  EXPECT_EQ(errors_with("      services:\n        - !\n"), Codes{"NB012 spec.roles[1].services[0]"});
  EXPECT_EQ(errors_with("      services:\n        - -\n"), Codes{"NB012 spec.roles[1].services[0]"});
  EXPECT_EQ(errors_with("      services:\n        -\n"), Codes{"NB012 spec.roles[1].services[0]"});
  EXPECT_EQ(errors_with("      services: \"*\"\n"), Codes{"NB012 spec.roles[1].services"});
}

TEST(SourceLint, a_tag_in_the_value_of_worker_mode_is_found) {
  EXPECT_EQ(errors_with("      services: [\"*\"]\n      env: [{name: WORKER_MODE, value: !}]\n"),
            (Codes{"NB012 spec.roles[1].env[0].value", "NB050 spec.roles[1].env[0].name"}));
}

TEST(SourceLint, a_number_that_reads_otherwise_is_found) {
  const auto found = [](const std::string& replicas) {
    const std::string text =
        "apiVersion: nocobase.com/v1alpha1\nkind: NocoBaseCluster\nmetadata: {name: crm}\nspec:\n  roles:\n"
        "    - {name: web, replicas: " +
        replicas + "}\n";
    std::vector<std::string> out;
    const auto read = io::read_documents(text, "-", {}, [&out](const kube::SourceDocument& document) {
      for (const kube::Finding& finding : lint_source(document)) {
        out.push_back(finding.code + " " + finding.path + ": " + finding.message);
      }
    });
    EXPECT_TRUE(read.ok());
    return out;
  };
  const std::string at = "NB015 spec.roles[0].replicas: ";
  EXPECT_EQ(found("010"), Codes{at + "010 is read as 8"});
  EXPECT_EQ(found("0x10"), Codes{at + "0x10 is read as 16"});
  EXPECT_EQ(found("1_0"), Codes{at + "1_0 is read as 10"});
  EXPECT_EQ(found("-010"), Codes{at + "-010 is read as -8"});
  EXPECT_EQ(found("0o7"), Codes{at + "0o7 is read as 7"});
  for (const char* const plain :
       {"10", "0", "\"010\"", "+3", "3.0", "1e1", "007", "-08", "0.0", "010.0", "0e1", "!!int 010"}) {
    EXPECT_EQ(found(plain), Codes()) << plain;
  }
}

TEST(SourceLint, a_key_given_twice_is_found) {
  EXPECT_EQ(errors_with("      services: [\"*\"]\n      replicas: 1\n      replicas: 2\n"),
            Codes{"NB002 spec.roles[1].replicas"});
}

}  // namespace
}  // namespace nocobase_operator::app
