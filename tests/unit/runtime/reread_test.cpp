// What pods refer to and no watch shows: whose turn it is to read it, what other clusters make of it, and that nothing
// is decided while it is as it was.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/controller.h"
#include "runtime/rereads.h"
#include "runtime/shared_reads.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using app::ClusterKey;
using app::Reread;
using kube::Json;
using kube::Kind;
using kube::Ref;
using objects::at;
using Refs = std::vector<Ref>;
using Names = std::vector<std::string>;

const Ref pg{Kind::secret, "ns", "pg"};
const Ref settings{Kind::config_map, "ns", "settings"};
const ClusterKey a{"ns", "a"};
const ClusterKey b{"ns", "b"};

Instant ms(std::int64_t millis) {
  return Instant(Millis(millis));
}

TEST(Rereads, TurnsComeInTheOrderOfTheirTimes) {
  Rereads of(Millis(0));
  EXPECT_EQ(of.next_due(), std::nullopt);
  of.set(b, {{pg, settings}, Millis(5), Millis(100)}, ms(0));
  of.set(a, {{pg}, Millis(5), Millis(200)}, ms(0));
  EXPECT_EQ(of.next_due(), ms(5));
  EXPECT_FALSE(of.take(ms(4)));
  const auto first = of.take(ms(9));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->key, b) << "asked first";
  EXPECT_EQ(first->refs, (Refs{pg, settings}));
  EXPECT_EQ(first->period, Millis(100));
  const auto second = of.take(ms(9));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->key, a);
  EXPECT_EQ(of.next_due(), ms(109)) << "again after the period";
}

TEST(Rereads, AllReadsTogetherHaveARate) {
  Rereads of(Millis(200));
  of.set(a, {{pg, settings}, Millis(0), Millis(60'000)}, ms(0));
  of.set(b, {{pg}, Millis(0), Millis(60'000)}, ms(0));
  EXPECT_EQ(of.take(ms(10))->key, a);
  of.spent(2, ms(10));
  EXPECT_EQ(of.next_due(), ms(410)) << "when the reads of the first have had their time";
  EXPECT_FALSE(of.take(ms(409)));
  EXPECT_EQ(of.take(ms(410))->key, b);
}

TEST(Rereads, WhatWasAskedForLastCounts) {
  Rereads of(Millis(0));
  of.set(a, {{pg}, Millis(5), Millis(100)}, ms(0));
  of.set(a, {{settings}, Millis(50), Millis(100)}, ms(0));
  EXPECT_EQ(of.next_due(), ms(50));
  EXPECT_EQ(of.take(ms(50))->refs, Refs{settings});
  of.set(a, {}, ms(60));
  EXPECT_EQ(of.next_due(), std::nullopt);
  of.set(a, {{{Kind::secret, "other", "pg"}}, Millis(0), Millis(1)}, ms(60));
  EXPECT_EQ(of.next_due(), std::nullopt) << "of another namespace";
  of.set(a, {{pg}, Millis(5), Millis(100)}, ms(60));
  of.forget(a);
  EXPECT_EQ(of.next_due(), std::nullopt);
}

TEST(Rereads, WhatFailedIsDueSooner) {
  Rereads of(Millis(0));
  of.set(a, {{pg}, Millis(0), Millis(100)}, ms(0));
  EXPECT_TRUE(of.take(ms(0)));
  of.retry(a, ms(70));
  EXPECT_EQ(of.next_due(), ms(70));
  of.retry(a, ms(90));
  of.retry(b, ms(10));
  EXPECT_EQ(of.next_due(), ms(70));
}

Json secret(const std::string& name, const std::string& password, std::uint64_t version = 10) {
  Json out = objects::object(Kind::secret, name, version, objects::uid(77));
  out["data"] = {{"password", password}};
  return out;
}

app::SeenChild seen(const Json& object, Instant when) {
  return std::get<app::SeenChild>(app::prune(object, std::nullopt, when).value());
}

TEST(SharedReads, AreOfWhatBelongsToNoClusterAndNotTooOld) {
  SharedReads of(2);
  of.put(seen(secret("pg", "eA=="), ms(100)));
  ASSERT_NE(of.find(pg, ms(100)), nullptr);
  EXPECT_EQ(of.find(pg, ms(100))->meta.ref, pg);
  EXPECT_EQ(of.find(pg, ms(101)), nullptr) << "older than that";
  of.put(seen(objects::child(Kind::secret, "crm-keys", 5), ms(100)));
  EXPECT_EQ(of.find({Kind::secret, "ns", "crm-keys"}, ms(0)), nullptr) << "a cluster's own";
  of.put(seen(objects::object(Kind::service, "s", 5, objects::uid(5)), ms(100)));
  EXPECT_EQ(of.find({Kind::service, "ns", "s"}, ms(0)), nullptr);
  of.put(seen(secret("b", "eA=="), ms(90)));
  of.put(seen(secret("c", "eA=="), ms(110)));
  EXPECT_EQ(of.find({Kind::secret, "ns", "b"}, ms(0)), nullptr) << "the oldest gives way";
  EXPECT_NE(of.find(pg, ms(0)), nullptr);
  of.forget(pg);
  EXPECT_EQ(of.find(pg, ms(0)), nullptr);
}

// A controller of clusters that have nothing to do and refer to some objects.
class Content {
 public:
  explicit Content(const Names& clusters, Refs refs = {pg}) : refs_(std::move(refs)) {
    Controller::Options options;
    options.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
    options.reread_period = Millis(8'000);
    options.reread_spacing = Millis(200);
    options.decisions.plan = [this](const app::Observed& observed, const Now& now) {
      EXPECT_EQ(observed.reread_period, Millis(8'000));
      decided.push_back(observed.meta.ref.name);
      last[observed.meta.ref.name] = observed;
      app::Plan plan;
      plan.calls = calls;
      plan.reread = Reread{refs_, Millis(8'000), Millis(8'000)};
      for (const Ref& ref : refs_) {
        const auto child = observed.children.find(ref);
        const auto absent = observed.absent.find(ref);
        const std::optional<Instant> read = child != observed.children.end()  ? std::optional(child->second.read_at)
                                            : absent != observed.absent.end() ? std::optional(absent->second)
                                                                              : std::nullopt;
        plan.reread->in = std::min(plan.reread->in, read ? *read + Millis(8'000) - now.mono : Millis(0));
      }
      return plan;
    };
    controller.emplace(std::move(options), Rng(1));
    for (const Kind kind : watched_kinds) {
      EXPECT_TRUE(controller->watched(kind, ListBegan{}, at(0)));
      for (const std::string& name : kind == Kind::nocobase_cluster ? clusters : Names()) {
        EXPECT_TRUE(controller->watched(kind, Changed{objects::cluster(name, 10)}, at(0)));
      }
      EXPECT_TRUE(controller->watched(kind, ListEnded{100}, at(0)));
    }
  }

  // The objects that are read at that time.
  Refs poll(std::int64_t millis) {
    Refs refs;
    for (NumberedCall& call : controller->poll(at(millis), true)) {
      refs.push_back(call.call.ref);
      sent.push_back(std::move(call));
    }
    return refs;
  }
  // Answers the oldest call.
  void reply(const Result<Json>& result, std::int64_t millis, std::optional<Millis> retry_after = {}) {
    const CallId id = sent.front().id;
    sent.erase(sent.begin());
    controller->replied(id, objects::live(result), retry_after, at(millis));
  }
  Names take_decided() { return std::exchange(decided, {}); }

  std::vector<kube::Call> calls;
  std::optional<Controller> controller;
  std::vector<NumberedCall> sent;
  Names decided;
  std::map<std::string, app::Observed> last;

 private:
  Refs refs_;
};

TEST(Content, IsReadWithoutADecisionWhileItIsAsItWas) {
  Content of({"a"});
  EXPECT_EQ(of.poll(10), Refs{pg});
  EXPECT_EQ(of.take_decided(), Names{"a"});
  of.reply(secret("pg", "eA=="), 20);
  EXPECT_EQ(of.poll(20), Refs{});
  EXPECT_EQ(of.take_decided(), Names{"a"}) << "it was not known before";
  EXPECT_EQ(of.last["a"].children.at(pg).read_at, ms(20));
  EXPECT_EQ(of.controller->next_wake(), ms(8'020));
  EXPECT_EQ(of.poll(8'019), Refs{});
  EXPECT_EQ(of.poll(8'020), Refs{pg});
  of.reply(secret("pg", "eA==", 11), 8'030);
  EXPECT_EQ(of.poll(8'030), Refs{});
  EXPECT_EQ(of.take_decided(), Names{}) << "a version alone is no news";
  EXPECT_EQ(of.poll(16'020), Refs{pg}) << "a period after it was read last";
  of.reply(secret("pg", "eQ==", 12), 16'040);
  EXPECT_EQ(of.poll(16'040), Refs{});
  EXPECT_EQ(of.take_decided(), Names{"a"});
  EXPECT_EQ(of.controller->counters().calls_ok.at(static_cast<std::size_t>(kube::Verb::get)), 3U);
}

TEST(Content, ThatGoesOrIsRefusedIsNewsOnce) {
  const Error gone{Code::not_found, "no such"};
  const Error denied{Code::denied, "not for you"};
  struct Step {
    Result<Json> reply;
    Names decided;
    std::string refusal;
    bool absent;
  };
  const std::vector<Step> steps = {
      {secret("pg", "eA=="), {"a"}, "", false},
      {gone, {"a"}, "", true},
      {gone, {}, "", true},
      {denied, {"a"}, "not for you", true},
      {denied, {}, "not for you", true},
      {gone, {"a"}, "", true},
      {denied, {"a"}, "not for you", true},
      {secret("pg", "eA=="), {"a"}, "", false},
      {secret("pg", "eA=="), {}, "", false},
  };
  Content of({"a"});
  std::int64_t now = 0;
  for (const Step& step : steps) {
    SCOPED_TRACE(now);
    EXPECT_EQ(of.poll(now), Refs{pg});
    static_cast<void>(of.take_decided());
    of.reply(step.reply, now);
    static_cast<void>(of.poll(now + 1));
    EXPECT_EQ(of.take_decided(), step.decided);
    const app::Observed& seen = of.last["a"];
    EXPECT_EQ(seen.refusals.contains(pg) ? seen.refusals.at(pg) : "", step.refusal);
    EXPECT_EQ(seen.absent.contains(pg), step.absent);
    of.sent.clear();
    now += 8'001;
  }
}

TEST(Content, ThatCannotBeReadIsTriedAgainSoon) {
  Content of({"a"});
  EXPECT_EQ(of.poll(0), Refs{pg});
  of.reply(Error{Code::unavailable, "down"}, 10);
  static_cast<void>(of.take_decided());
  EXPECT_EQ(of.controller->next_wake(), ms(5'010));
  EXPECT_EQ(of.poll(5'010), Refs{pg});
  of.reply(Error{Code::throttled, "busy"}, 5'020, Millis(7'000));
  EXPECT_EQ(of.controller->next_wake(), ms(12'020)) << "nothing begins before the server wants to hear of us";
  EXPECT_EQ(of.poll(12'019), Refs{});
  EXPECT_EQ(of.poll(12'020), Refs{pg});
  of.reply(Json{{"kind", 4}}, 12'030);
  EXPECT_EQ(of.controller->counters().unreadable, 1U);
  EXPECT_EQ(of.take_decided(), Names{});
}

TEST(Content, IsReadOnceForAllWhoReferToIt) {
  Content of({"a", "b"});
  EXPECT_EQ(of.poll(0), Refs{pg}) << "of the first; the second has to wait for its turn";
  of.reply(secret("pg", "eA=="), 10);
  EXPECT_EQ(of.poll(200), Refs{}) << "the second takes what was read for the first";
  static_cast<void>(of.poll(201));
  EXPECT_EQ(of.last["b"].children.at(pg).read_at, ms(10));
  static_cast<void>(of.take_decided());
  EXPECT_EQ(of.poll(8'010), Refs{pg});
  of.reply(secret("pg", "eQ==", 11), 8'015);
  static_cast<void>(of.poll(8'400));
  static_cast<void>(of.poll(8'401));
  EXPECT_EQ(of.take_decided(), (Names{"a", "b"})) << "both are told";
  EXPECT_EQ(of.sent.size(), 0U);
}

TEST(Content, OfAPassIsTakenFromWhatWasReadForAnother) {
  Content of({"a", "b"}, {settings});
  of.calls = {kube::get_call(pg)};
  const Refs both = of.poll(0);
  ASSERT_EQ(both, (Refs{pg, pg, settings})) << "none of them knows it yet";
  of.reply(secret("pg", "eA=="), 10);
  of.calls = {};
  static_cast<void>(of.poll(11));
  of.calls = {kube::get_call(pg)};
  EXPECT_TRUE(
      of.controller->watched(Kind::nocobase_cluster, Changed{objects::cluster("c", 101, objects::uid(9))}, at(20)));
  of.sent.erase(of.sent.begin(), of.sent.end());
  const Refs later = of.poll(20);
  EXPECT_EQ(std::count(later.begin(), later.end(), pg), 1) << "what a cluster has itself is not new to it";
  EXPECT_EQ(of.last["c"].children.at(pg).read_at, ms(10));
}

TEST(Content, AnAnswerThatAnotherHasOvertakenIsDropped) {
  const std::vector<Result<Json>> late = {secret("pg", "eA=="), Error{Code::not_found, "gone"}};
  for (const Result<Json>& told : late) {
    Content of({"a"});
    EXPECT_EQ(of.poll(0), Refs{pg});
    of.reply(secret("pg", "eA=="), 10);
    EXPECT_EQ(of.poll(10), Refs{});
    EXPECT_EQ(of.poll(8'010), Refs{pg}) << "in its turn";
    Json edited = objects::cluster("a", 120);
    edited["spec"]["image"] = "nocobase/nocobase:2.2.16-full";
    EXPECT_TRUE(of.controller->watched(Kind::nocobase_cluster, Changed{edited}, at(8'011)));
    of.calls = {kube::get_call(pg)};
    ASSERT_EQ(of.poll(8'011), Refs{pg}) << "of a pass";
    of.calls = {};
    of.controller->replied(of.sent.at(1).id, kube::Live(secret("pg", "eQ==", 12)), std::nullopt, at(8'020));
    static_cast<void>(of.poll(8'020));
    static_cast<void>(of.take_decided());
    of.reply(told, 8'030);
    static_cast<void>(of.poll(8'031));
    EXPECT_EQ(of.take_decided(), Names{});
    const std::optional<app::Seen> kept = of.controller->store().find(a, pg);
    ASSERT_TRUE(kept);
    EXPECT_EQ(app::meta_of(*kept).version, 12U);
  }
}

TEST(Content, OfAClusterThatHasGoneIsNotRead) {
  Content of({"a"});
  EXPECT_EQ(of.poll(0), Refs{pg});
  of.reply(secret("pg", "eA=="), 10);
  EXPECT_TRUE(of.controller->watched(Kind::nocobase_cluster, Removed{objects::cluster("a", 120)}, at(20)));
  EXPECT_EQ(of.poll(21), Refs{});
  EXPECT_EQ(of.controller->next_wake(), std::nullopt);
}

}  // namespace
}  // namespace nocobase_operator::runtime
