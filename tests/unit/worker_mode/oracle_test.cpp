// The parser against answers of NocoBase's own code; tests/data/serving-oracle.mjs makes them.
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "worker_mode/worker_mode.h"

namespace nocobase::worker_mode {
namespace {

using Json = nlohmann::json;

constexpr std::size_t values_in_file = 4529;
constexpr std::size_t answers_in_file = 18'177;

// The key of a call; upstream's serving() without an argument is serves("").
std::string key_of(const Json& key) {
  return key.is_null() ? std::string() : key.get<std::string>();
}

TEST(Oracle, EveryAnswerOfUpstreamIsOurs) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/data/serving-oracle.jsonl");
  ASSERT_TRUE(file.is_open());
  std::size_t values = 0;
  std::size_t answers = 0;
  std::string line;
  while (std::getline(file, line)) {
    const Json row = Json::parse(line);
    SCOPED_TRACE(line.substr(0, 200));
    const Mode mode = row.at(0).is_null() ? Mode::unset() : Mode::parse(row.at(0).get<std::string>());
    ++values;
    ASSERT_EQ(mode.is_transient(), row.at(1).get<bool>());
    for (const bool served : {true, false}) {
      for (const Json& key : row.at(served ? 2 : 3)) {
        ++answers;
        ASSERT_EQ(mode.serves(key_of(key)), served) << key;
        if (key_of(key).empty()) {
          ASSERT_EQ(mode.serves_requests(), served);
        }
      }
    }
  }
  EXPECT_EQ(values, values_in_file);
  EXPECT_EQ(answers, answers_in_file);
}

TEST(Oracle, WhatAModeSaysOfItselfFollowsFromItsAnswers) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/data/serving-oracle.jsonl");
  std::string line;
  while (std::getline(file, line)) {
    const Json row = Json::parse(line);
    SCOPED_TRACE(line.substr(0, 200));
    const Mode mode = row.at(0).is_null() ? Mode::unset() : Mode::parse(row.at(0).get<std::string>());
    for (const Json& key : row.at(3)) {
      ASSERT_FALSE(mode.serves_everything());
      ASSERT_TRUE(key_of(key).empty() || !mode.serves_all_services());
    }
    for (const std::string& key : mode.services()) {
      ASSERT_TRUE(mode.serves(key));
      ASSERT_FALSE(mode.serves_nothing());
    }
    if (mode.serves_nothing()) {
      ASSERT_TRUE(row.at(2).empty());
    }
    if (const auto role = role_of(mode)) {
      const Formatted text = format(*role);
      ASSERT_TRUE(text.ok());
      ASSERT_EQ(Mode::parse(text.value), mode);
    }
  }
}

}  // namespace
}  // namespace nocobase::worker_mode
