// Findings as code hosts read them: exact texts, and SARIF against its schema.
#include "operator/report.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "app/rules.h"
#include "kube/json.h"

namespace nocobase_operator::program {
namespace {

using kube::Json;
using kube::Severity;

std::string written(void (*write)(const Report&, const Streams&), const Report& report) {
  std::ostringstream out, err;
  write(report, {out, err, false});
  EXPECT_EQ(err.str(), "");
  return out.str();
}

// What the schema has against a document, "" when nothing.
std::string objection(const Json& document) {
  const Json text = Json::parse(std::ifstream(std::string(NBO_SOURCE_DIR) + "/tests/data/sarif-schema-2.1.0.json"));
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft4)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(text), schema);
  valijson::ValidationResults results;
  valijson::Validator(valijson::Validator::kStrongTypes)
      .validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results);
  std::string out;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const std::string& part : error.context) {
      out += part;
    }
    out += ": " + error.description + "\n";
  }
  return out;
}

Report sample() {
  Report report;
  report.folder = "/src/shop";
  report.documents = 3;
  report.clusters = 2;
  report.findings = {
      {"/src/shop/k8s/a b.yaml", {7, 35}, {"NB003", Severity::error, "spec.roles[0].replicas", "want a number", ""}},
      {"./k8s/../prod,eu.yaml", {2, 1}, {"NB070", Severity::warning, "spec.image", "100% moving:\nyes", "name it"}},
      {"/else/c.json", {0, 0}, {"NB112", Severity::info, "", "no backup", ""}},
      {"-", {4, 2}, {"NB040", Severity::error, "spec.roles", "nobody", ""}},
  };
  return report;
}

TEST(Sarif, results_tell_rule_level_place_and_words) {
  const Json run = Json::parse(written(write_sarif, sample())).at("runs").at(0);
  const auto index = [](std::string_view code) { return &app::rule(code) - app::rules().data(); };
  const Json want = {
      {{"ruleId", "NB003"},
       {"ruleIndex", index("NB003")},
       {"level", "error"},
       {"message", {{"text", "spec.roles[0].replicas: want a number"}}},
       {"locations",
        {{{"physicalLocation",
           {{"artifactLocation", {{"uri", "k8s/a%20b.yaml"}, {"uriBaseId", "%SRCROOT%"}}},
            {"region", {{"startLine", 7}, {"startColumn", 35}}}}},
          {"logicalLocations", Json::array({{{"fullyQualifiedName", "spec.roles[0].replicas"}}})}}}}},
      {{"ruleId", "NB070"},
       {"ruleIndex", index("NB070")},
       {"level", "warning"},
       {"message", {{"text", "spec.image: 100% moving:\nyes\nname it"}}},
       {"locations",
        {{{"physicalLocation",
           {{"artifactLocation", {{"uri", "prod,eu.yaml"}, {"uriBaseId", "%SRCROOT%"}}},
            {"region", {{"startLine", 2}, {"startColumn", 1}}}}},
          {"logicalLocations", Json::array({{{"fullyQualifiedName", "spec.image"}}})}}}}},
      {{"ruleId", "NB112"},
       {"ruleIndex", index("NB112")},
       {"level", "note"},
       {"message", {{"text", "no backup"}}},
       {"locations", Json::array({{{"physicalLocation", {{"artifactLocation", {{"uri", "file:///else/c.json"}}}}}}})}},
      {{"ruleId", "NB040"},
       {"ruleIndex", index("NB040")},
       {"level", "error"},
       {"message", {{"text", "spec.roles: nobody"}}},
       {"locations",
        {{{"physicalLocation",
           {{"artifactLocation", {{"description", {{"text", "standard input"}}}}},
            {"region", {{"startLine", 4}, {"startColumn", 2}}}}},
          {"logicalLocations", Json::array({{{"fullyQualifiedName", "spec.roles"}}})}}}}},
  };
  EXPECT_EQ(run.at("results"), want) << Json::diff(run.at("results"), want).dump(1);
  EXPECT_EQ(run.at("invocations").at(0).at("executionSuccessful"), true);
}

TEST(Sarif, every_rule_has_words_and_a_level) {
  const Json rules = Json::parse(written(write_sarif, Report{})).at("runs").at(0).at("tool").at("driver").at("rules");
  ASSERT_EQ(rules.size(), app::rules().size());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const app::Rule& rule = app::rules()[i];
    EXPECT_EQ(rules[i].at("id"), rule.code);
    EXPECT_EQ(rules[i].at("shortDescription").at("text"), rule.title);
    const std::string help = rules[i].at("help").at("text");
    EXPECT_NE(help.find("docs/rules/" + std::string(rule.code) + ".md"), std::string::npos) << help;
  }
  const auto level = [&](std::string_view code) {
    return rules.at(static_cast<std::size_t>(&app::rule(code) - app::rules().data()))
        .at("defaultConfiguration")
        .at("level");
  };
  EXPECT_EQ(level("NB003"), "error");
  EXPECT_EQ(level("NB070"), "warning");
  EXPECT_EQ(level("NB112"), "note");
}

TEST(Sarif, the_schema_accepts_it) {
  Report broken = sample();
  broken.unusable.emplace_back("none.yaml: No such file or directory");
  for (const Report& report : {Report{}, sample(), broken}) {
    EXPECT_EQ(objection(Json::parse(written(write_sarif, report))), "");
  }
  const Json run = Json::parse(written(write_sarif, broken)).at("runs").at(0);
  const Json want = {
      {"executionSuccessful", false},
      {"toolExecutionNotifications", Json::array({{{"level", "error"}, {"message", {{"text", broken.unusable[0]}}}}})}};
  EXPECT_EQ(run.at("invocations"), Json::array({want}));
}

TEST(Sarif, the_schema_is_one_that_refuses) {
  const Json good = Json::parse(written(write_sarif, sample()));
  const std::pair<const char*, Json> faults[] = {
      {"/version", "2.0.0"},
      {"/runs/0/results/0/level", "fatal"},
      {"/runs/0/results/0/locations/0/physicalLocation/region/startLine", 0},
      {"/runs/0/tool/driver/rules/0/helpText", "unknown member"},
  };
  for (const auto& [pointer, value] : faults) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_NE(objection(bad), "") << pointer;
  }
}

TEST(Github, a_command_for_each_finding_with_signs_escaped) {
  Report report = sample();
  report.unusable.emplace_back("none.yaml: 50% gone");
  EXPECT_EQ(written(write_github, report),
            "::error title=nocobase-operator::none.yaml: 50%25 gone\n"
            "::error file=k8s/a b.yaml,line=7,col=35,title=NB003 wrong type::spec.roles[0].replicas: want a number\n"
            "::warning file=prod%2Ceu.yaml,line=2,col=1,title=NB070 moving tag::"
            "spec.image: 100%25 moving:%0Ayes%0Aname it\n"
            "::notice file=/else/c.json,title=NB112 upgrades without a backup::no backup\n"
            "::error title=NB040 requests are served by nobody::spec.roles: nobody\n"
            "2 NocoBaseClusters in 3 documents: 2 errors, 1 warning\n");
}

TEST(Gitlab, a_code_quality_issue_for_each_finding) {
  Report report = sample();
  report.findings.push_back(report.findings.front());
  report.findings.back().mark.line = 90;
  const Json issues = Json::parse(written(write_gitlab, report));
  ASSERT_EQ(issues.size(), 5U);
  std::set<std::string> fingerprints;
  for (const Json& issue : issues) {
    fingerprints.insert(issue.at("fingerprint"));
  }
  EXPECT_EQ(fingerprints.size(), 5U) << "GitLab drops issues of equal fingerprints";
  Json first = issues[1];
  first.erase("fingerprint");
  EXPECT_EQ(first, (Json{{"description", "NB070 spec.image: 100% moving:\nyes. name it"},
                         {"check_name", "NB070"},
                         {"severity", "minor"},
                         {"location", {{"path", "prod,eu.yaml"}, {"lines", {{"begin", 2}}}}}}));
  EXPECT_EQ(issues[0].at("severity"), "critical");
  EXPECT_EQ(issues[2].at("location").at("lines").at("begin"), 1) << "a place in the file is required";
  report.findings.front().mark.line = 70;
  EXPECT_EQ(Json::parse(written(write_gitlab, report))[0].at("fingerprint"), issues[0].at("fingerprint"))
      << "a finding that moved is the same one";
}

TEST(Text, the_pages_about_what_was_found_are_named) {
  EXPECT_TRUE(written(write_text, sample())
                  .ends_with("Why, with examples: docs/rules/NB003.md, docs/rules/NB040.md, docs/rules/NB070.md, "
                             "docs/rules/NB112.md\n2 NocoBaseClusters in 3 documents: 2 errors, 1 warning\n"))
      << written(write_text, sample());
  EXPECT_EQ(written(write_text, Report{}), "0 NocoBaseClusters in 0 documents: 0 errors, 0 warnings\n");
}

}  // namespace
}  // namespace nocobase_operator::program
