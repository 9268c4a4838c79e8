#include "app/status.h"

#include <gtest/gtest.h>

namespace nocobase_operator::app {
namespace {

constexpr Now at(std::int64_t seconds) {
  return {Instant{}, std::chrono::sys_seconds(Seconds(seconds))};
}

Status of(std::string ready) {
  Status status;
  status.conditions = {{"Ready", std::move(ready), "Because", ""}};
  return status;
}

TEST(Status, TheTimeOfAConditionMovesOnlyWhenItFlips) {
  const auto time = [](const Json& status) { return status["conditions"][0]["lastTransitionTime"]; };
  const Json first = to_json(of("False"), Json::object(), at(0));
  EXPECT_EQ(time(first), "1970-01-01T00:00:00Z");
  const Json same = to_json(of("False"), first, at(60));
  EXPECT_EQ(time(same), "1970-01-01T00:00:00Z");
  const Json flipped = to_json(of("True"), same, at(60));
  EXPECT_EQ(time(flipped), "1970-01-01T00:01:00Z");
}

TEST(Status, ATimeThatIsNoneIsReplaced) {
  const Json live = {{"conditions", {{{"type", "Ready"}, {"status", "False"}, {"lastTransitionTime", "yesterday"}}}}};
  EXPECT_EQ(to_json(of("False"), live, at(1))["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:01Z");
}

TEST(Status, LongMessagesAreCutBetweenCharacters) {
  Status status = of("False");
  for (int i = 0; i < 1000; ++i) {
    status.conditions[0].message += "é";
  }
  const std::string text = to_json(status, Json::object(), at(0))["conditions"][0]["message"];
  EXPECT_EQ(text.size(), 1023U);  // 510 characters of two bytes and an ellipsis of three
  EXPECT_EQ(text.substr(1018), "é…");
}

TEST(Status, SurvivesALiveStatusOfAnyShape) {
  for (const Json& live : {Json(), Json(3), Json::array({1}), Json{{"conditions", 3}}, Json{{"conditions", {1, "x"}}},
                           Json{{"conditions", {{{"type", 4}}}}}}) {
    EXPECT_EQ(to_json(of("True"), live, at(0))["conditions"].size(), 1U);
    const Json changed = amended(live, Phase::paused, 3, {{"Ready", "Unknown", "Paused", ""}}, at(0));
    EXPECT_EQ(changed["phase"], "Paused");
    EXPECT_EQ(changed["conditions"].size(), 1U);
  }
}

TEST(Status, AmendingKeepsWhatIsNotGiven) {
  const Json live = {{"phase", "Running"},
                     {"image", "x"},
                     {"conditions",
                      {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}},
                       {{"type", "Stalled"}, {"status", "False"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}}}}};
  const Json changed = amended(live, Phase::blocked, 7, {{"Stalled", "True", "InvalidSpec", "no"}}, at(0));
  EXPECT_EQ(changed, (Json{{"phase", "Blocked"},
                           {"image", "x"},
                           {"observedGeneration", 7},
                           {"conditions",
                            {{{"type", "Stalled"},
                              {"status", "True"},
                              {"reason", "InvalidSpec"},
                              {"message", "no"},
                              {"observedGeneration", 7},
                              {"lastTransitionTime", "1970-01-01T00:00:00Z"}},
                             live["conditions"][0]}}}));
}

TEST(Status, HashLeavesOutTimesAndOrder) {
  const Json a = {
      {"conditions",
       {{{"type", "A"}, {"lastTransitionTime", "2026-01-01T00:00:00Z"}}, {{"type", "B"}, {"status", "True"}}}}};
  const Json b = {{"conditions", {{{"type", "B"}, {"status", "True"}}, {{"type", "A"}}}}};
  const Json c = {{"conditions", {{{"type", "B"}, {"status", "False"}}, {{"type", "A"}}}}};
  EXPECT_EQ(status_hash(a), status_hash(b));
  EXPECT_NE(status_hash(a), status_hash(c));
  EXPECT_EQ(status_hash(Json()), status_hash(Json::object()));
}

TEST(Status, OfARole) {
  EXPECT_EQ(to_json(RoleReport{"!", 3, 2, "a=b", Why::autoscaler, 5}), (Json{{"workerMode", "!"},
                                                                             {"replicas", 3},
                                                                             {"readyReplicas", 2},
                                                                             {"selector", "a=b"},
                                                                             {"why", "autoscaler"},
                                                                             {"observedGeneration", 5}}));
}

}  // namespace
}  // namespace nocobase_operator::app
