// Golden files: what a piece of code wrote is compared with a file in the repository, byte by byte.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace nocobase_operator {

// The text of a file, "" when there is none.
inline std::string golden_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// Fails where `got` differs from `file`, and where there is no such file. With UPDATE_GOLDEN=1 in the environment the
// file is written first, so that the difference is reviewed as a change of the repository.
inline void expect_golden(const std::filesystem::path& file, const std::string& got) {
  const char* update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1" && golden_text(file) != got) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << got;
  }
  ASSERT_TRUE(std::filesystem::exists(file)) << file << " is missing; UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(golden_text(file), got) << file << " differs; UPDATE_GOLDEN=1 writes it";
}

}  // namespace nocobase_operator
