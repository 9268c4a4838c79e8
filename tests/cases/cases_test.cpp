// The list in README.md: every number has its line, and every test that it names is there.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t at_least = 77;  // none is taken out
const fs::path folder = fs::path(NBO_SOURCE_DIR) / "tests";

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    out.push_back(part);
  }
  return out;
}

struct Row {
  int number = 0;
  std::string situation;
  std::string held_by;
};

// The lines "| 7 | situation | held by |".
std::vector<Row> rows() {
  std::vector<Row> out;
  for (const std::string& line : parts_of(text_of(folder / "cases" / "README.md"), '\n')) {
    if (line.size() > 2 && line.starts_with("| ") && std::isdigit(static_cast<unsigned char>(line[2])) != 0) {
      const std::vector<std::string> cells = parts_of(line, '|');
      EXPECT_EQ(cells.size(), 4U) << line;  // what stands before the first bar, and three cells
      if (cells.size() == 4) {
        out.push_back({std::stoi(cells[1]), cells[2], cells[3]});
      }
    }
  }
  return out;
}

// What stands between backticks and is meant as "path: Suite.Name".
std::vector<std::string> tests_in(const std::string& text) {
  std::vector<std::string> out;
  const std::vector<std::string> parts = parts_of(text, '`');
  for (std::size_t i = 1; i < parts.size(); i += 2) {
    if (parts[i].find(".cpp") != std::string::npos) {
      out.push_back(parts[i]);
    }
  }
  return out;
}

bool exists(const std::string& test) {
  const std::size_t colon = test.find(": ");
  const std::size_t dot = test.find('.', colon);
  if (colon == std::string::npos || dot == std::string::npos) {
    return false;
  }
  const std::string arguments = "(" + test.substr(colon + 2, dot - colon - 2) + ", " + test.substr(dot + 1) + ") {";
  const std::string text = text_of(folder / test.substr(0, colon));
  return text.find("\nTEST" + arguments) != std::string::npos || text.find("\nTEST_F" + arguments) != std::string::npos;
}

TEST(Cases, are_numbered_without_a_gap) {
  std::vector<int> numbers;
  for (const Row& row : rows()) {
    numbers.push_back(row.number);
  }
  std::vector<int> want(std::max(numbers.size(), at_least));
  std::iota(want.begin(), want.end(), 1);
  EXPECT_EQ(numbers, want);
}

TEST(Cases, name_tests_that_exist) {
  for (const Row& row : rows()) {
    for (const std::string& test : tests_in(row.held_by)) {
      EXPECT_TRUE(exists(test)) << row.number << ": " << test;
    }
  }
  EXPECT_FALSE(exists("cases/cases_test.cpp: Cases.are_numbered"));
  EXPECT_FALSE(exists("cases/none_test.cpp: Cases.are_numbered_without_a_gap"));
}

TEST(Cases, have_a_test_or_the_reason_why_not) {
  for (const Row& row : rows()) {
    EXPECT_GT(row.situation.size(), 10U) << row.number;
    const bool reason =
        row.held_by.starts_with(" does not apply: ") || row.held_by.find(" open: ") != std::string::npos;
    EXPECT_TRUE(reason || !tests_in(row.held_by).empty()) << row.number << ": " << row.held_by;
  }
}

}  // namespace
