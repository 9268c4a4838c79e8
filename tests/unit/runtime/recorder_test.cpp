#include "runtime/recorder.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using objects::at;
using objects::uid;

kube::Meta cluster(const std::string& name = "crm", std::uint64_t id = 1) {
  kube::Meta meta;
  meta.ref = {kube::Kind::nocobase_cluster, "ns", name};
  meta.uid = uid(id);
  return meta;
}

app::Event event(const std::string& note) {
  return {app::EventType::warning, "Refused", "Reconcile", note};
}

// Sends what is due, successfully: "note" or "note xN", in order.
std::vector<std::string> sent(Recorder& of, Now now) {
  std::vector<std::string> out;
  while (const auto call = of.poll(now)) {
    const std::int64_t count = kube::integer_at(call->body, {"series", "count"});
    out.push_back(kube::string_at(call->body, {"note"}) + (count > 0 ? " x" + std::to_string(count) : ""));
    of.replied(Json::object(), now);
  }
  return out;
}

using Notes = std::vector<std::string>;

TEST(Recorder, SendsAnEventAsTheApiWantsIt) {
  Recorder of({.instance = "pod_1"});
  of.record(cluster(), event("why"), at(0));
  EXPECT_EQ(of.next_wake(), at(0).mono);
  const auto call = of.poll(at(0));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->verb, kube::Verb::apply);
  EXPECT_EQ(call->ref.kind, kube::Kind::event);
  EXPECT_EQ(call->ref.ns, "ns");
  EXPECT_TRUE(call->ref.name.starts_with("crm.")) << call->ref.name;
  EXPECT_EQ(call->ref.name.size(), 4U + 16U);
  EXPECT_EQ(call->manager, app::manager);
  EXPECT_EQ(call->body, (Json{{"eventTime", "2023-11-14T22:13:20.000000Z"},
                              {"reportingController", "nocobase.com/nocobase-operator"},
                              {"reportingInstance", "pod_1"},
                              {"type", "Warning"},
                              {"reason", "Refused"},
                              {"action", "Reconcile"},
                              {"note", "why"},
                              {"regarding",
                               {{"apiVersion", "nocobase.com/v1alpha1"},
                                {"kind", "NocoBaseCluster"},
                                {"name", "crm"},
                                {"namespace", "ns"},
                                {"uid", uid(1)}}}}));
  EXPECT_FALSE(of.poll(at(1))) << "one at a time";
  EXPECT_EQ(of.next_wake(), std::nullopt);
  of.replied(Json::object(), at(2));
  EXPECT_FALSE(of.poll(at(1'000'000)));
}

TEST(Recorder, CountsWhatHappensAgainInTheSameEvent) {
  Recorder of({});
  of.record(cluster(), event("why"), at(0));
  const std::string name = of.poll(at(0)).value().ref.name;
  of.replied(Json::object(), at(0));
  of.record(cluster(), event("why"), at(1'000));
  const auto second = of.poll(at(1'000));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->ref.name, name);
  EXPECT_EQ(second->body.at("eventTime"), "2023-11-14T22:13:20.000000Z") << "the API server lets nothing else change";
  EXPECT_EQ(second->body.at("series"), (Json{{"count", 2}, {"lastObservedTime", "2023-11-14T22:13:21.000000Z"}}));
  of.replied(Json::object(), at(1'000));
  for (int i = 2; i < 200; ++i) {
    of.record(cluster(), event("why"), at(1'000 * i));
    EXPECT_FALSE(of.poll(at(1'000 * i))) << "told at most every five minutes";
  }
  EXPECT_EQ(sent(of, at(301'000)), (Notes{"why x200"}));
  EXPECT_EQ(of.counters(), (Recorder::Counters{.sent = 3, .dropped = 0}));
}

TEST(Recorder, BeginsAnewWhatHappensAgainMuchLater) {
  Recorder of({});
  of.record(cluster(), event("why"), at(0));
  const std::string name = of.poll(at(0)).value().ref.name;
  of.replied(Json::object(), at(0));
  of.record(cluster(), event("why"), at(360'001));
  const auto later = of.poll(at(360'001));
  ASSERT_TRUE(later);
  EXPECT_NE(later->ref.name, name);
  EXPECT_FALSE(later->body.contains("series"));
}

TEST(Recorder, HoldsAClusterToItsRateAndNoOther) {
  Recorder of({.budget = {.burst = 3, .per_pass = Millis(60'000)}});
  for (int i = 0; i < 10; ++i) {
    of.record(cluster(), event(std::to_string(i)), at(i));
  }
  of.record(cluster("other", 2), event("other"), at(20));
  EXPECT_EQ(sent(of, at(20)), (Notes{"0", "1", "2", "other"}));
  of.record(cluster(), event("later"), at(60'020));
  EXPECT_EQ(sent(of, at(60'020)), (Notes{"later"}));
  EXPECT_EQ(of.counters(), (Recorder::Counters{.sent = 5, .dropped = 7}));
}

TEST(Recorder, TriesAgainAFewTimesAndNotWhatIsRefused) {
  Recorder of({.max_attempts = 2, .retry_delay = Millis(5'000)});
  of.record(cluster(), event("away"), at(0));
  ASSERT_TRUE(of.poll(at(0)));
  of.replied(Error{Code::unavailable, "away"}, at(0));
  EXPECT_FALSE(of.poll(at(4'999)));
  EXPECT_EQ(of.next_wake(), at(5'000).mono);
  ASSERT_TRUE(of.poll(at(5'000)));
  of.replied(Error{Code::unavailable, "away"}, at(5'000));
  EXPECT_EQ(of.next_wake(), std::nullopt);
  of.record(cluster(), event("refused"), at(6'000));
  ASSERT_TRUE(of.poll(at(6'000)));
  of.replied(Error{Code::denied, "no"}, at(6'000));
  EXPECT_EQ(of.next_wake(), std::nullopt);
  EXPECT_EQ(of.counters(), (Recorder::Counters{.sent = 0, .dropped = 2}));
}

TEST(Recorder, RemembersOnlySoManyAndForgetsTheOldest) {
  Recorder of({.budget = {.burst = 100}, .max_series = 2});
  of.record(cluster(), event("a"), at(0));
  of.record(cluster(), event("b"), at(0));
  of.record(cluster(), event("c"), at(0));
  EXPECT_EQ(sent(of, at(0)), (Notes{"a", "b"}));
  of.record(cluster(), event("d"), at(360'001));
  EXPECT_EQ(sent(of, at(360'001)), (Notes{"d"}));
  EXPECT_EQ(of.counters(), (Recorder::Counters{.sent = 3, .dropped = 1}));
}

TEST(Recorder, CutsANoteBetweenCharacters) {
  Recorder of({});
  of.record(cluster(), event(std::string(1'023, 'x') + "é"), at(0));
  EXPECT_EQ(of.poll(at(0)).value().body.at("note"), std::string(1'023, 'x'));
}

}  // namespace
}  // namespace nocobase_operator::runtime
