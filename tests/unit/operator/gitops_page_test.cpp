// docs/gitops.md shows what the lines in it print of the two files in it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "golden.h"
#include "kube/json.h"
#include "operator/offline.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;

const fs::path page = fs::path(NBO_SOURCE_DIR) / "docs/gitops.md";
const std::string pictures = "### What it looks like";

struct Block {
  std::size_t start = 0;  // of its text
  std::size_t size = 0;
};

// The fenced blocks of a kind between two places.
std::vector<Block> blocks(const std::string& text, std::size_t from, std::size_t to, const std::string& kind) {
  std::vector<Block> out;
  const std::string fence = "```" + kind + "\n";
  for (std::size_t at = text.find(fence, from); at < to;) {
    const std::size_t start = at + fence.size();
    const std::size_t end = text.find("```\n", start);
    out.push_back({start, end - start});
    at = text.find(fence, end + 4);
  }
  return out;
}

std::string text_of(const std::string& text, const Block& block) {
  return text.substr(block.start, block.size);
}

// The line of a pipeline that runs `validate`, as its options: what stands behind the command, up to a redirection.
ValidateOptions options_in(const std::string& pipeline) {
  const std::string command = "nocobase-operator validate ";
  const std::size_t at = pipeline.find(command);
  EXPECT_NE(at, std::string::npos);
  std::istringstream words(pipeline.substr(at + command.size(), pipeline.find('\n', at) - at - command.size()));
  ValidateOptions options;
  for (std::string word; words >> word && word != ">";) {
    if (word == "-o") {
      words >> options.output;
    } else {
      options.inputs.push_back(word);
    }
  }
  return options;
}

// File and line of each finding, in order.
using Places = std::vector<std::pair<std::string, int>>;

// As the runner of GitHub Actions reads it: "::error file=…,line=…,col=…,title=…::…".
Places annotated(const std::string& printed) {
  Places out;
  std::istringstream lines(printed);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("::")) {
      const std::size_t file = line.find(" file=") + 6;
      const std::size_t number = line.find(",line=") + 6;
      out.emplace_back(line.substr(file, number - 6 - file), std::stoi(line.substr(number)));
    }
  }
  return out;
}

// As GitLab reads a Code Quality report.
Places reported(const std::string& printed) {
  Places out;
  for (const kube::Json& issue : kube::Json::parse(printed)) {
    out.emplace_back(issue.at("location").at("path"), issue.at("location").at("lines").at("begin"));
  }
  return out;
}

std::string line_of(const std::string& text, int number) {
  std::istringstream lines(text);
  std::string line;
  for (int i = 0; i < number; ++i) {
    std::getline(lines, line);
  }
  return line;
}

// A repository that is checked out, and the folder that a pipeline runs in.
class GitopsPage : public ::testing::Test {
 protected:
  GitopsPage() : before_(fs::current_path()) {
    std::string name = (fs::temp_directory_path() / "nbo-gitops-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    fs::create_directory(folder_ / "deploy");
    fs::current_path(folder_);
  }
  ~GitopsPage() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  GitopsPage(const GitopsPage&) = delete;
  GitopsPage& operator=(const GitopsPage&) = delete;

  // What is printed, and the exit code.
  std::pair<std::string, int> run(const std::string& pipeline, const std::string& file) {
    std::ofstream(folder_ / "deploy/crm.yaml") << file;
    std::ostringstream out, err;
    const int code = validate(options_in(pipeline), {out, err, false});
    EXPECT_EQ(err.str(), "");
    return {out.str(), code};
  }

  fs::path before_, folder_;
  const std::string text_ = golden_text(page);
  const std::size_t middle_ = text_.find(pictures);
  const std::vector<Block> pipelines_ = blocks(text_, 0, middle_, "yaml");
  const std::vector<Block> files_ = blocks(text_, middle_, text_.size(), "yaml");
};

TEST_F(GitopsPage, the_annotations_are_what_the_program_prints) {
  const std::vector<Block> outputs = blocks(text_, middle_, text_.size(), "text");
  ASSERT_EQ(pipelines_.size(), 2U);
  ASSERT_EQ(files_.size(), 2U);
  ASSERT_EQ(outputs.size(), 2U);
  std::string wanted = text_;
  const int exits[] = {exit_findings, exit_ok};
  for (std::size_t i = files_.size(); i-- > 0;) {
    const auto [printed, code] = run(text_of(text_, pipelines_[0]), text_of(text_, files_[i]));
    EXPECT_EQ(code, exits[i]);
    wanted.replace(outputs[i].start, outputs[i].size, printed);
  }
  expect_golden(page, wanted);
}

TEST_F(GitopsPage, findings_are_shown_at_the_lines_that_are_wrong) {
  ASSERT_EQ(pipelines_.size(), 2U);
  ASSERT_EQ(files_.size(), 2U);
  const std::string bad = text_of(text_, files_[0]);
  const auto [annotations, failed] = run(text_of(text_, pipelines_[0]), bad);
  EXPECT_EQ(failed, exit_findings);
  std::vector<std::string> lines;
  for (const auto& [file, line] : annotated(annotations)) {
    EXPECT_EQ(file, "deploy/crm.yaml");
    lines.push_back(line_of(bad, line));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"    sise: 20Gi", "    - {name: DB_TIMEZONE, value: \"+00:00\"}",
                                             "    passwordSecretRef: {name: pg, key: password}"}));
  const auto [report, reported_code] = run(text_of(text_, pipelines_[1]), bad);
  EXPECT_EQ(reported_code, exit_findings);
  EXPECT_EQ(reported(report), annotated(annotations));
}

TEST_F(GitopsPage, a_good_file_leaves_a_report_without_findings) {
  ASSERT_EQ(pipelines_.size(), 2U);
  ASSERT_EQ(files_.size(), 2U);
  const auto [report, code] = run(text_of(text_, pipelines_[1]), text_of(text_, files_[1]));
  EXPECT_EQ(code, exit_ok);
  EXPECT_EQ(kube::Json::parse(report), kube::Json::array());
}

}  // namespace
}  // namespace nocobase_operator::program
