// docs/rules: one page per rule, made from the table of rules, an input that breaks the rule and one that does not.
// What an input is found to be is what a person would be told: the pages are made by running `validate`.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/rules.h"
#include "golden.h"
#include "kube/json.h"
#include "operator/offline.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;
using app::Rule;
using kube::Json;

const fs::path folder = fs::path(NBO_SOURCE_DIR) / "docs/rules";

// Rules that no input is known to break: they guard the operator against errors of its own.
const std::set<std::string_view> guards = {"NB033"};
bool has_examples(const Rule& rule) {
  return !guards.contains(rule.code);
}

fs::path example(std::string_view code, std::string_view kind) {
  return folder / "examples" / (std::string(code) + "-" + std::string(kind) + ".yaml");
}

struct Outcome {
  int exit = 0;
  Json findings;
};

Outcome run(std::string_view code, std::string_view kind) {
  const fs::path before = example(code, "before");
  std::ostringstream out, err;
  Outcome result;
  result.exit = validate({{example(code, kind).string()}, fs::exists(before) ? before.string() : "", "json", "error"},
                         {out, err, false});
  EXPECT_EQ(err.str(), "");
  result.findings = Json::parse(out.str()).at("findings");
  return result;
}

// The lines of a bad example that say which rule they break.
std::vector<int> marked_lines(std::string_view code) {
  std::vector<int> lines;
  std::istringstream in(golden_text(example(code, "bad")));
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with(" # <- " + std::string(code))) {
      lines.push_back(number);
    }
  }
  return lines;
}

std::string_view severity_of(const Rule& rule) {
  return rule.severity == kube::Severity::error     ? "error"
         : rule.severity == kube::Severity::warning ? "warning"
                                                    : "info";
}

std::string_view finder_of(const Rule& rule) {
  switch (rule.enforcer) {
    case app::Enforcer::crd:
      return "this program, and the API server, which refuses such an object";
    case app::Enforcer::strict:
      return "this program, and the API server under strict validation, which is kubectl's default";
    case app::Enforcer::program:
      return "this program";
    case app::Enforcer::validate:
      return "this program before it is applied; the operator makes what is asked for nevertheless";
  }
  return "";
}

std::string fenced(std::string_view kind, const std::string& text) {
  return "```" + std::string(kind) + "\n" + text + "```\n";
}

// What `validate` tells of the rule in its bad example.
std::string told(const Rule& rule) {
  std::string out;
  for (const Json& finding : run(rule.code, "bad").findings) {
    if (finding.at("code") == rule.code) {
      const std::string path = finding.at("path");
      const std::string advice = finding.at("advice");
      out += "crm.yaml:" + std::to_string(finding.at("line").get<int>()) + ":" +
             std::to_string(finding.at("column").get<int>()) + ": " + std::string(severity_of(rule)) + " " +
             std::string(rule.code) + (path.empty() ? "" : " " + path) + ": " +
             finding.at("message").get<std::string>() + "\n" + (advice.empty() ? "" : "    " + advice + "\n");
    }
  }
  return out;
}

std::string page(const Rule& rule) {
  std::string out = "<!-- Made from src/app/rules.cpp and examples/ by a test (UPDATE_GOLDEN=1). -->\n\n# " +
                    std::string(rule.code) + ": " + std::string(rule.title) + "\n\n" + std::string(rule.reason) +
                    "\n\n- Severity: " + std::string(severity_of(rule)) +
                    "\n- Found by: " + std::string(finder_of(rule)) +
                    "\n- About: " + std::string(app::group_of(rule.code)) + "\n";
  if (!has_examples(rule)) {
    return out + "\nNo input is known to break this rule: it guards the operator against an error of its own.\n";
  }
  if (const fs::path before = example(rule.code, "before"); fs::exists(before)) {
    out += "\n## As it was (`--from`)\n\n" + fenced("yaml", golden_text(before));
  }
  out += "\n## Bad\n\n" + fenced("yaml", golden_text(example(rule.code, "bad"))) + "\n" + fenced("text", told(rule));
  return out + "\n## Good\n\n" + fenced("yaml", golden_text(example(rule.code, "good")));
}

std::string capitalised(std::string_view text) {
  std::string out(text);
  out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

std::string index() {
  std::string out =
      "<!-- Made from src/app/rules.cpp by a test (UPDATE_GOLDEN=1). -->\n\n# Rules\n\n"
      "What `nocobase-operator validate` finds. Codes are stable: none is renumbered or used again. An **error** makes "
      "the exit\ncode 1, a **warning** does with `--fail-on warning`, an **info** never does. Each page says why, with "
      "the place in NocoBase's\nsource where there is one, and has an example that breaks the rule and one that does "
      "not.\n";
  std::string_view group;
  for (const Rule& rule : app::rules()) {
    if (app::group_of(rule.code) != group) {
      group = app::group_of(rule.code);
      out += "\n## " + capitalised(group) + "\n\n| code | severity | what |\n| --- | --- | --- |\n";
    }
    const std::string code(rule.code);
    out += "| [" + code + "](" + code + ".md) | " + std::string(severity_of(rule)) + " | " + std::string(rule.title) +
           " |\n";
  }
  return out;
}

TEST(RulePages, a_bad_example_is_found_at_the_lines_that_it_marks) {
  for (const Rule& rule : app::rules()) {
    if (!has_examples(rule)) {
      continue;
    }
    SCOPED_TRACE(rule.code);
    std::set<int> lines;
    for (const Json& finding : run(rule.code, "bad").findings) {
      if (finding.at("code") == rule.code) {
        EXPECT_EQ(finding.at("severity"), severity_of(rule));
        lines.insert(finding.at("line").get<int>());
      }
    }
    const std::vector<int> marked = marked_lines(rule.code);
    EXPECT_FALSE(marked.empty());
    EXPECT_EQ(std::vector<int>(lines.begin(), lines.end()), marked);
  }
}

// Advice apart: an example that people copy has nothing else wrong with it either.
TEST(RulePages, a_good_example_is_good) {
  for (const Rule& rule : app::rules()) {
    if (!has_examples(rule)) {
      continue;
    }
    SCOPED_TRACE(rule.code);
    const Outcome good = run(rule.code, "good");
    EXPECT_EQ(good.exit, exit_ok);
    for (const Json& finding : good.findings) {
      EXPECT_NE(finding.at("code"), rule.code) << finding.dump(1);
      EXPECT_EQ(finding.at("severity"), "info") << finding.dump(1);
    }
  }
}

TEST(RulePages, a_page_says_what_the_program_says) {
  for (const Rule& rule : app::rules()) {
    SCOPED_TRACE(rule.code);
    expect_golden(fs::path(NBO_SOURCE_DIR) / app::page_of(rule.code), page(rule));
  }
  expect_golden(folder / "README.md", index());
}

TEST(RulePages, nothing_else_lies_there) {
  std::set<std::string> wanted = {"README.md", "examples"};
  std::set<std::string> wanted_examples;
  for (const Rule& rule : app::rules()) {
    wanted.insert(std::string(rule.code) + ".md");
    if (has_examples(rule)) {
      wanted_examples.insert(std::string(rule.code) + "-bad.yaml");
      wanted_examples.insert(std::string(rule.code) + "-good.yaml");
    }
    if (rule.code >= "NB120" && rule.code < "NB130") {  // see rules.cpp: changes
      wanted_examples.insert(std::string(rule.code) + "-before.yaml");
    }
  }
  const auto names_in = [](const fs::path& where) {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(where)) {
      out.insert(entry.path().filename().string());
    }
    return out;
  };
  EXPECT_EQ(names_in(folder), wanted);
  EXPECT_EQ(names_in(folder / "examples"), wanted_examples);
}

}  // namespace
}  // namespace nocobase_operator::program
