#include "runtime/controller.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/scripted.h"

namespace nocobase_operator::runtime {
namespace {

using app::Plan;
using kube::Call;
using kube::Json;
using kube::Kind;
using kube::Ref;
using kube::Verb;
using objects::at;
using objects::child;
using objects::cluster;
using objects::uid;
using scripted::call;
using scripted::crm_ref;
using scripted::job;
using scripted::plan_of;
using scripted::Scripted;
using scripted::secret;
using scripted::Sent;
using scripted::web;

TEST(Controller, DoesNothingBeforeEveryKindIsListedAndItLeads) {
  Scripted of;
  of.always(plan_of({call(Verb::apply, web)}));
  for (const Kind kind : watched_kinds) {
    EXPECT_EQ(of.poll(at(0)), Sent{});
    EXPECT_FALSE(of->listed());
    of.list(kind, kind == Kind::nocobase_cluster ? std::vector<Json>{cluster("crm", 10)} : std::vector<Json>(), at(0));
  }
  EXPECT_TRUE(of->listed());
  EXPECT_EQ(of.poll(at(1), false), Sent{});
  EXPECT_EQ(of->next_wake(), std::nullopt) << "there is nothing to wake up for";
  EXPECT_EQ(of.poll(at(1)), Sent{"apply crm-web"});
}

TEST(Controller, TellsWhichKindsAreMissing) {
  Scripted of;
  for (const Kind kind : watched_kinds) {
    if (kind != Kind::http_route) {
      of.list(kind, kind == Kind::nocobase_cluster ? std::vector<Json>{cluster("crm", 10)} : std::vector<Json>(),
              at(0));
    }
  }
  EXPECT_EQ(of.poll(at(1)), Sent{});
  EXPECT_EQ(of.decisions, 0U);
  EXPECT_TRUE(of->watched(Kind::http_route, KindMissing{}, at(2)));
  EXPECT_TRUE(of->listed());
  EXPECT_EQ(of.poll(at(2)), Sent{});
  EXPECT_EQ(of.decisions, 1U);
  EXPECT_EQ(of.seen.missing_kinds, std::set<Kind>{Kind::http_route});
  of.list(Kind::http_route, {child(Kind::http_route, "crm", 110)}, at(100), 120);
  EXPECT_EQ(of.poll(at(1'000)), Sent{});
  EXPECT_EQ(of.decisions, 2U);
  EXPECT_EQ(of.seen.missing_kinds, std::set<Kind>{});
  EXPECT_EQ(of.seen.children.size(), 1U);
  EXPECT_TRUE(of->watched(Kind::http_route, KindMissing{}, at(2'000)));
  EXPECT_EQ(of.poll(at(3'000)), Sent{});
  EXPECT_EQ(of.decisions, 3U) << "an object of the cluster has gone";
  EXPECT_EQ(of.seen.children.size(), 0U);
}

TEST(Controller, StopsDecidingWhileAKindIsListedAnew) {
  Scripted of;
  of.list_all(at(0));
  EXPECT_TRUE(of->watched(Kind::pod, ListBegan{}, at(1)));
  EXPECT_EQ(of.poll(at(2)), Sent{});
  EXPECT_EQ(of.decisions, 0U);
  EXPECT_TRUE(of->watched(Kind::pod, ListEnded{101}, at(3)));
  EXPECT_EQ(of.poll(at(4)), Sent{});
  EXPECT_EQ(of.decisions, 1U);
}

TEST(Controller, MakesTheCallsOfAPlanOneAfterTheOtherAndThenLooksAgain) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::apply, web), call(Verb::apply, job)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  EXPECT_EQ(of.poll(at(1)), Sent{});
  of.reply(child(Kind::deployment, "crm-web", 110), at(2));
  EXPECT_EQ(of.poll(at(2)), Sent{"apply crm-job"});
  of.reply(child(Kind::deployment, "crm-job", 111), at(3));
  EXPECT_EQ(of.decisions, 1U);
  EXPECT_EQ(of.poll(at(3)), Sent{});
  EXPECT_EQ(of.decisions, 2U);
  EXPECT_TRUE(of.seen.children.contains(web) && of.seen.children.contains(job)) << "it reads its own writes";
  EXPECT_EQ(of->next_wake(), std::nullopt);
  EXPECT_EQ(of->counters().passes_ok, 1U);
  EXPECT_EQ(of->counters().settled, 1U);
  EXPECT_EQ(of->counters().calls_ok.at(static_cast<std::size_t>(Verb::apply)), 2U);
}

Plan with_status(std::vector<Call> calls, bool waits = true) {
  calls.push_back(call(Verb::apply_status, crm_ref));
  Plan plan = plan_of(std::move(calls));
  plan.status_waits = waits;
  return plan;
}

TEST(Controller, LeavesAStatusThatMayWaitToTheDecisionThatFollows) {
  Scripted of({.max_put_off = 2});
  of.list_all(at(0));
  of.always(with_status({call(Verb::apply, web)}));
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_EQ(of.poll(at(pass)), Sent{"apply crm-web"});
    of.reply(child(Kind::deployment, "crm-web", 110), at(pass));
  }
  EXPECT_EQ(of.poll(at(2)), Sent{"apply crm-web"}) << "decided again at once";
  EXPECT_EQ(of.decisions, 3U);
  of.reply(child(Kind::deployment, "crm-web", 111), at(3));
  EXPECT_EQ(of.poll(at(3)), Sent{"apply_status crm"}) << "not for ever";
  of.reply(cluster("crm", 112), at(4));
  EXPECT_EQ(of.poll(at(4)), Sent{"apply crm-web"});
  of.reply(child(Kind::deployment, "crm-web", 113), at(5));
  of.always(with_status({}));
  EXPECT_EQ(of.poll(at(5)), Sent{"apply_status crm"}) << "alone, it has nothing to wait for";
}

TEST(Controller, WritesAStatusThatMayNotWaitOrAfterAFailureInTheSamePass) {
  for (const bool fails : {true, false}) {
    Scripted of;
    of.list_all(at(0));
    of.script(with_status({call(Verb::apply, job), call(Verb::apply, web)}, fails));
    EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-job"});
    of.reply(fails ? Result<Json>(Error{Code::unavailable, "down"}) : child(Kind::deployment, "crm-job", 109), at(1));
    EXPECT_EQ(of.poll(at(1)), Sent{"apply crm-web"});
    of.reply(child(Kind::deployment, "crm-web", 110), at(2));
    EXPECT_EQ(of.poll(at(2)), Sent{"apply_status crm"});
  }
}

TEST(Controller, TheStatusOfAChildWaitsForNothing) {
  const Ref role{Kind::nocobase_role, "ns", "crm-web"};
  Scripted of;
  of.list_all(at(0));
  Plan plan = plan_of({call(Verb::apply, role), call(Verb::apply_status, role)});
  plan.status_waits = true;
  of.script(plan);
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  of.reply(child(Kind::nocobase_role, "crm-web", 110), at(1));
  EXPECT_EQ(of.poll(at(1)), Sent{"apply_status crm-web"});
}

TEST(Controller, MakesReadsInARowAtOnceAndWritesAfterThem) {
  Scripted of({.max_parallel_reads = 2});
  of.list_all(at(0));
  of.script(plan_of({call(Verb::get, secret), call(Verb::get, web), call(Verb::get, job), call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), (Sent{"get pg", "get crm-web"}));
  of.reply(Error{Code::not_found, "no"}, at(1));
  EXPECT_EQ(of.poll(at(1)), Sent{"get crm-job"});
  of.reply(Error{Code::not_found, "no"}, at(2));
  EXPECT_EQ(of.poll(at(2)), Sent{});
  of.reply(Error{Code::not_found, "no"}, at(3));
  EXPECT_EQ(of.poll(at(3)), Sent{"apply crm-web"});
  of.reply(child(Kind::deployment, "crm-web", 110), at(4));
  EXPECT_EQ(of.poll(at(4)), Sent{});
  EXPECT_EQ(of.seen.absent, (std::map<Ref, Instant>{{secret, at(1).mono}, {job, at(3).mono}}));
  EXPECT_EQ(of.seen.entropy, std::string(96, 'r'));
}

TEST(Controller, RemembersWhatWasAcceptedOfTheMainManagerOnly) {
  Scripted of;
  of.list_all(at(0));
  Call by_intent = call(Verb::apply, {Kind::nocobase_role, "ns", "crm-web"});
  by_intent.manager = app::intent_manager;
  of.script(plan_of({call(Verb::apply, web), by_intent}));
  of.script(plan_of({call(Verb::apply_status, crm_ref)}));
  static_cast<void>(of.poll(at(0)));
  of.reply(child(Kind::deployment, "crm-web", 110), at(1));
  static_cast<void>(of.poll(at(1)));
  of.reply(child(Kind::nocobase_role, "crm-web", 111), at(2));
  EXPECT_EQ(of.poll(at(2)), Sent{"apply_status crm"});
  of.reply(cluster("crm", 112), at(3));
  static_cast<void>(of.poll(at(3)));
  EXPECT_EQ(of.seen.accepted, (std::map<Ref, std::uint64_t>{{web, 0}}));
  EXPECT_EQ(of.seen.statuses,
            (std::map<Ref, app::StatusWritten>{{crm_ref, {app::status_hash({{"phase", "Running"}}), 112}}}));
}

TEST(Controller, StartsNoCallOnceTheLeadIsLostAndBeginsAgainWhenItIsBack) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::apply, web), call(Verb::apply, job)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  EXPECT_EQ(of.poll(at(1), false), Sent{});
  of.reply(child(Kind::deployment, "crm-web", 110), at(2));
  EXPECT_EQ(of.poll(at(2), false), Sent{});
  EXPECT_EQ(of->passes_in_flight(), 0U);
  EXPECT_EQ(of->counters().passes_cut, 1U);
  of.script(plan_of({call(Verb::apply, job)}));
  EXPECT_EQ(of.poll(at(3)), Sent{"apply crm-job"});
  EXPECT_TRUE(of.seen.children.contains(web));
}

TEST(Controller, DecidesAgainWhenThePlanAsksForIt) {
  Scripted of;
  of.list_all(at(0));
  Plan wait;
  wait.recheck = Millis(5'000);
  of.script(wait);
  EXPECT_EQ(of.poll(at(0)), Sent{});
  EXPECT_EQ(of->next_wake(), at(5'000).mono);
  static_cast<void>(of.poll(at(4'999)));
  EXPECT_EQ(of.decisions, 1U);
  static_cast<void>(of.poll(at(5'000)));
  EXPECT_EQ(of.decisions, 2U);
}

TEST(Controller, AChangeOfAChildIsLookedAtAfterAMomentAndOfAClusterAtOnce) {
  Scripted of;
  of.list_all(at(0));
  static_cast<void>(of.poll(at(0)));
  EXPECT_TRUE(of->watched(Kind::deployment, Changed{child(Kind::deployment, "crm-web", 120)}, at(1'000)));
  EXPECT_EQ(of->next_wake(), at(1'050).mono);
  Json relabelled = cluster("crm", 121, uid(50));
  relabelled["status"]["observedGeneration"] = 1;
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{relabelled}, at(1'001)));
  EXPECT_EQ(of->next_wake(), at(1'001).mono);
}

TEST(Controller, NeverMakesAStormOfAPlanThatChangesNothing) {
  Scripted of;
  of.list_all(at(0));
  of.always(plan_of({call(Verb::apply, web)}));
  int writes = 0;
  Now now = at(0);
  while (now.mono < at(600'000).mono) {
    writes += static_cast<int>(of.poll(now).size());
    while (!of.ids.empty()) {
      of.reply(child(Kind::deployment, "crm-web", 110), now);
    }
    now.mono = std::max(of->next_wake().value_or(Instant::max()), now.mono);
  }
  EXPECT_LE(writes, 32);
  EXPECT_GE(of->counters().loops, 1U);
}

TEST(Controller, NeverMakesAStormWithSomebodyWhoUndoesEveryWrite) {
  Scripted of;
  of.list_all(at(0));
  of.decide = [](const app::Observed& observed) {
    const auto it = observed.children.find(web);
    const bool wanted =
        it != observed.children.end() && std::get<app::SeenDeployment>(it->second.detail).spec_replicas == 1;
    return wanted ? Plan() : plan_of({call(Verb::apply, web)});
  };
  int writes = 0;
  std::uint64_t version = 200;
  const auto deployment = [&](int replicas) {
    return objects::with_replicas(child(Kind::deployment, "crm-web", ++version), replicas);
  };
  for (std::int64_t time = 0; time < 600'000; time += 10) {
    writes += static_cast<int>(of.poll(at(time)).size());
    while (!of.ids.empty()) {
      of.reply(deployment(1), at(time));
      EXPECT_EQ(of.poll(at(time)), Sent{});  // settled, and undone at once
      EXPECT_TRUE(of->watched(Kind::deployment, Changed{deployment(2)}, at(time)));
    }
  }
  EXPECT_GE(writes, 200);
  EXPECT_LE(writes, 30 + 600'000 / 3'000 + 1);
  EXPECT_GE(of->counters().held_back, 1U);
}

TEST(Controller, WorksOnALimitedNumberOfClustersAtATimeAndOnEachOnce) {
  Scripted of({.max_passes = 2});
  of.list_all(at(0), {"a", "b", "c"});
  of.always(plan_of({call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)).size(), 2U);
  EXPECT_EQ(of->passes_in_flight(), 2U);
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{cluster("a", 150, uid(70))}, at(1)));
  EXPECT_EQ(of.poll(at(1)).size(), 0U);
  EXPECT_EQ(of->next_wake(), std::nullopt);
}

TEST(Controller, MakesNoMorePlansInATurnThanItsLimit) {
  Scripted of({.max_plans_per_poll = 2});
  of.list_all(at(0), {"a", "b", "c"});
  static_cast<void>(of.poll(at(0)));
  EXPECT_EQ(of.decisions, 2U);
  EXPECT_EQ(of->next_wake(), at(0).mono);
  static_cast<void>(of.poll(at(0)));
  EXPECT_EQ(of.decisions, 3U);
}

TEST(Controller, ForgetsAClusterThatIsGone) {
  Scripted of;
  of.list_all(at(0));
  static_cast<void>(of.poll(at(0)));
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Removed{cluster("crm", 150)}, at(1)));
  EXPECT_EQ(of.poll(at(2)), Sent{});
  EXPECT_EQ(of.decisions, 1U);
  EXPECT_EQ(of->store().clusters(), 0U);
  EXPECT_EQ(of->next_wake(), std::nullopt);
}

TEST(Controller, ACallAfterItsClusterIsGoneChangesNothing) {
  const Result<Json> found = objects::object(Kind::secret, "pg", 20, uid(9));
  for (const Result<Json>& reply : {found, Result<Json>(Error{Code::unavailable, ""})}) {
    Scripted of;
    of.list_all(at(0));
    of.script(plan_of({call(Verb::get, secret), call(Verb::apply, web)}));
    EXPECT_EQ(of.poll(at(0)), Sent{"get pg"});
    EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Removed{cluster("crm", 150)}, at(1)));
    of.reply(reply, at(2));
    EXPECT_EQ(of.poll(at(2)), Sent{}) << "what is left is not done";
    EXPECT_EQ(of.poll(at(10'000)), Sent{});
    EXPECT_EQ(of->next_wake(), std::nullopt);
    EXPECT_EQ(of->store().record_bytes(), 0U);
  }
}

TEST(Controller, DecidesAnewWhenTheSpecHasBecomeAnotherMeanwhile) {
  for (const bool is_newer : {false, true}) {
    SCOPED_TRACE(is_newer);
    Scripted of;
    of.list_all(at(0));
    of.script(plan_of({call(Verb::apply, web), call(Verb::apply, job)}));
    of.script(plan_of({call(Verb::remove, job, uid(9))}));
    EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
    Json newer = cluster("crm", 150);
    if (is_newer) {
      newer["metadata"]["generation"] = 2;
    }
    EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{newer}, at(1)));
    EXPECT_EQ(of.poll(at(1)), Sent{}) << "not beside the write that is under way";
    of.reply(child(Kind::deployment, "crm-web", 160), at(2));
    EXPECT_EQ(of.poll(at(2)), Sent{is_newer ? "remove crm-job" : "apply crm-job"});
    EXPECT_EQ(of->counters().passes_cut, is_newer ? 1U : 0U);
  }
}

TEST(Controller, DecidesAnewWhenAReadOfTheClusterShowsAnotherSpec) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::get, crm_ref), call(Verb::apply, job)}));
  of.script(plan_of({call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"get crm"});
  Json newer = cluster("crm", 150);
  newer["metadata"]["generation"] = 2;
  of.reply(newer, at(1));
  EXPECT_EQ(of.poll(at(1)), Sent{"apply crm-web"});
}

TEST(Controller, DecidesAnewWhenADecisionHasBecomeOldAndEachDoesSomething) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::apply, web), call(Verb::apply, job)}));
  of.always(plan_of({call(Verb::apply, job), call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  of.reply(Error{Code::unknown_outcome, "timed out"}, at(10'000));
  EXPECT_EQ(of.poll(at(10'000)), Sent{"get crm-web"}) << "what became of it is read first";
  of.reply(child(Kind::deployment, "crm-web", 160), at(10'001));
  EXPECT_EQ(of.poll(at(10'001)), Sent{});
  EXPECT_EQ(of.poll(at(11'000)), Sent{"apply crm-job"}) << "after the back-off";
  of.reply(child(Kind::deployment, "crm-job", 170), at(21'000));
  EXPECT_EQ(of.poll(at(21'000)), Sent{"apply crm-job"}) << "a slow server makes no decision idle";
  EXPECT_EQ(of.decisions, 3U);
}

TEST(Controller, CountsAndSkipsObjectsThatCannotBeRead) {
  Scripted of;
  of.list_all(at(0));
  EXPECT_TRUE(of->watched(Kind::deployment, Changed{Json::object()}, at(1)));
  EXPECT_TRUE(of->watched(Kind::deployment, Removed{Json::object()}, at(1)));
  EXPECT_EQ(of->counters().unreadable, 2U);
}

TEST(Controller, AsksForAnotherListingWhenTheServerHasGoneBackInTime) {
  Scripted of;
  of.list_all(at(0));
  EXPECT_TRUE(of->watched(Kind::pod, ListBegan{}, at(1)));
  EXPECT_FALSE(of->watched(Kind::pod, ListEnded{50}, at(1)));
  EXPECT_FALSE(of->listed());
}

TEST(Controller, TakesAReplyOnceAndIgnoresOthers) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::apply, web)}));
  static_cast<void>(of.poll(at(0)));
  const CallId id = of.ids.front();
  of->replied(id, Error{Code::unavailable, ""}, std::nullopt, at(1));
  of->replied(id, Error{Code::unavailable, ""}, std::nullopt, at(1));
  of->replied(9'999, Error{Code::unavailable, ""}, std::nullopt, at(1));
  EXPECT_EQ(of->calls_in_flight(), 0U);
}

}  // namespace
}  // namespace nocobase_operator::runtime
