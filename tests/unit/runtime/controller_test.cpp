#include "runtime/controller.h"

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using app::ClusterKey;
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

const ClusterKey crm{"ns", "crm"};
const Ref crm_ref{Kind::nocobase_cluster, "ns", "crm"};
const Ref web{Kind::deployment, "ns", "crm-web"};
const Ref job{Kind::deployment, "ns", "crm-job"};
const Ref secret{Kind::secret, "ns", "pg"};

Call call(Verb verb, const Ref& ref, const std::string& id = "") {
  Call out;
  out.verb = verb;
  out.ref = ref;
  out.manager = app::manager;
  out.precondition.uid = id;
  out.body = {{"spec", {{"x", 1}}}, {"status", {{"phase", "Running"}}}};
  return out;
}

// What a test wants to compare of a call.
std::string text(const Call& of) {
  return std::string(kube::name_of(of.verb)) + " " + of.ref.name;
}

// A controller whose plans are scripted: each decision takes the next one, and the empty plan when there is none left.
class Scripted {
 public:
  explicit Scripted(Controller::Options options = {}) : controller_(complete(std::move(options)), Rng(1)) {}

  Controller& operator*() { return controller_; }
  Controller* operator->() { return &controller_; }

  void script(Plan plan) { plans_.push_back(std::move(plan)); }
  void always(Plan plan) { always_ = std::move(plan); }
  // The plans decided so far, and what was observed for the last.
  std::size_t decisions = 0;
  app::Observed seen;
  // Decides instead of the script.
  std::function<Plan(const app::Observed&)> decide;

  void list(Kind kind, const std::vector<Json>& of, Now now, std::uint64_t version = 100) {
    EXPECT_TRUE(controller_.watched(kind, ListBegan{}, now));
    for (const Json& one : of) {
      EXPECT_TRUE(controller_.watched(kind, Changed{one}, now));
    }
    EXPECT_TRUE(controller_.watched(kind, ListEnded{version}, now));
  }
  void list_all(Now now, const std::vector<std::string>& names = {"crm"}) {
    std::vector<Json> clusters;
    for (const std::string& name : names) {
      clusters.push_back(cluster(name, 10));
    }
    for (const Kind kind : watched_kinds) {
      list(kind, kind == Kind::nocobase_cluster ? clusters : std::vector<Json>(), now);
    }
  }
  // Polls and says what is sent; the ids are kept, oldest first.
  std::vector<std::string> poll(Now now, bool leading = true) {
    std::vector<std::string> out;
    for (const NumberedCall& sent : controller_.poll(now, leading)) {
      out.push_back(text(sent.call));
      ids.push_back(sent.id);
    }
    return out;
  }
  void reply(const Result<Json>& result, Now now, std::optional<Millis> retry_after = std::nullopt) {
    ASSERT_FALSE(ids.empty());
    controller_.replied(ids.front(), objects::live(result), retry_after, now);
    ids.pop_front();
  }
  std::deque<CallId> ids;

 private:
  Controller::Options complete(Controller::Options options) {
    options.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
    options.decisions.plan = [this](const app::Observed& observed, const Now&) {
      ++decisions;
      seen = observed;
      if (decide) {
        return decide(observed);
      }
      if (plans_.empty()) {
        return always_;
      }
      Plan plan = std::move(plans_.front());
      plans_.pop_front();
      return plan;
    };
    return options;
  }

  std::deque<Plan> plans_;
  Plan always_;
  Controller controller_;
};

using Sent = std::vector<std::string>;

Plan plan_of(std::vector<Call> calls) {
  Plan plan;
  plan.calls = std::move(calls);
  return plan;
}

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

// What one failure of a call leads to.
struct Failure {
  std::string name;
  Call failing;
  Error error;
  Sent then;                             // sent at once, before the rest of the pass
  std::optional<Result<Json>> reread{};  // the reply to that
  bool is_failure = true;                // the pass counts as failed and backs off
  std::map<Ref, std::string> refusals{};
};

TEST(Controller, AnswersEachFailureInItsOwnWay) {
  const std::vector<Failure> failures = {
      {"a conflict reads again",
       call(Verb::apply, job),
       {Code::conflict, "c"},
       {"get crm-job"},
       child(Kind::deployment, "crm-job", 120)},
      {"a denial of that read is remembered",
       call(Verb::apply, job),
       {Code::conflict, "c"},
       {"get crm-job"},
       Error{Code::denied, "rbac"},
       true,
       {{job, "rbac"}}},
      {"a lost reply reads again",
       call(Verb::apply, job),
       {Code::unknown_outcome, "u"},
       {"get crm-job"},
       Error{Code::not_found, ""}},
      {"a lost create reads again",
       call(Verb::create, secret),
       {Code::unknown_outcome, "u"},
       {"get pg"},
       Error{Code::unavailable, ""}},
      {"a refusal is remembered",
       call(Verb::apply, job),
       {Code::invalid, "bad image"},
       {"apply crm-web"},
       {},
       true,
       {{job, "bad image"}}},
      {"so is a denial",
       call(Verb::create, secret),
       {Code::denied, "quota"},
       {"apply crm-web"},
       {},
       true,
       {{secret, "quota"}}},
      {"and a denied read",
       call(Verb::get, secret),
       {Code::denied, "rbac"},
       {"apply crm-web"},
       {},
       true,
       {{secret, "rbac"}}},
      {"and a missing namespace",
       call(Verb::apply, job),
       {Code::not_found, "no namespace"},
       {"apply crm-web"},
       {},
       true,
       {{job, "no namespace"}}},
      {"an object that is gone is not", call(Verb::apply, job, uid(8)), {Code::not_found, ""}, {"apply crm-web"}},
      {"a read of nothing is an answer", call(Verb::get, secret), {Code::not_found, ""}, {"apply crm-web"}, {}, false},
      {"a delete of nothing is done",
       call(Verb::remove, job, uid(8)),
       {Code::not_found, ""},
       {"apply crm-web"},
       {},
       false},
      {"an outage only backs off", call(Verb::apply, job), {Code::unavailable, "down"}, {"apply crm-web"}},
      {"a read whose reply is lost is not read again at once",
       call(Verb::get, secret),
       {Code::unknown_outcome, ""},
       {"apply crm-web"}},
  };
  for (const Failure& failure : failures) {
    SCOPED_TRACE(failure.name);
    Scripted of;
    of.list_all(at(0));
    of.script(plan_of({failure.failing, call(Verb::apply, web)}));
    EXPECT_EQ(of.poll(at(0)), Sent{text(failure.failing)});
    of.reply(failure.error, at(1));
    EXPECT_EQ(of.poll(at(1)), failure.then);
    if (failure.reread) {
      of.reply(*failure.reread, at(2));
      EXPECT_EQ(of.poll(at(2)), Sent{"apply crm-web"}) << "a failed child does not stop the rest";
    }
    of.reply(child(Kind::deployment, "crm-web", 110), at(3));
    EXPECT_EQ(of.poll(at(3)), Sent{});
    EXPECT_EQ(of->counters().passes_failed, failure.is_failure ? 1U : 0U);
    EXPECT_EQ(of.decisions, failure.is_failure ? 1U : 2U);
    EXPECT_EQ(of.poll(at(200)), Sent{});
    EXPECT_EQ(of.decisions, 2U);
    EXPECT_EQ(of.seen.refusals, failure.refusals);
  }
}

Json edited(std::uint64_t version) {
  Json out = cluster("crm", version);
  out["metadata"]["generation"] = version;
  return out;
}

TEST(Controller, MakesARefusedWriteAgainAfterItsBackOffOnlyWhateverElseHappens) {
  Scripted of;
  of.list_all(at(0));
  Call first = call(Verb::apply, job);
  of.always(plan_of({first, call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-job"});
  of.reply(Error{Code::invalid, "bad image"}, at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  of.reply(child(Kind::deployment, "crm-web", 110), at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{});
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(11)}, at(50)));
  EXPECT_EQ(of.poll(at(50)), Sent{"apply crm-web"}) << "the rest does not wait";
  of.reply(child(Kind::deployment, "crm-web", 111), at(50));
  EXPECT_EQ(of.poll(at(50)), Sent{});

  of.always(plan_of({first}));
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(12)}, at(60)));
  EXPECT_EQ(of.poll(at(60)), Sent{});
  const Instant again = of->next_wake().value_or(Instant::max());
  EXPECT_GE(again, at(100).mono);
  EXPECT_LE(again, at(125).mono) << "the shortest back-off and up to a quarter";
  EXPECT_EQ(of.poll(at(125)), Sent{"apply crm-job"});
  of.reply(Error{Code::invalid, "bad image"}, at(125));
  EXPECT_EQ(of.poll(at(125)), Sent{});

  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(13)}, at(130)));
  EXPECT_EQ(of.poll(at(130)), Sent{});
  first.body["spec"]["x"] = 2;
  first.precondition.resource_version = "7";
  of.always(plan_of({first}));
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(14)}, at(140)));
  EXPECT_EQ(of.poll(at(140)), Sent{"apply crm-job"}) << "at once, for it asks for something else";
  of.reply(child(Kind::deployment, "crm-job", 112), at(140));
  EXPECT_EQ(of.poll(at(140)), Sent{"apply crm-job"}) << "and nothing is left of it when it succeeds";
}

TEST(Controller, EachWriteToOneObjectThatIsRefusedHasItsOwnBackOff) {
  Scripted of;
  of.list_all(at(0));
  Call intent = call(Verb::apply, web);
  intent.manager = app::intent_manager;
  Plan plan = plan_of({call(Verb::apply, web), intent, call(Verb::apply_status, web)});
  plan.recheck = Millis(10);
  of.always(plan);
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"});
  of.reply(Error{Code::invalid, "no"}, at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-web"}) << "as the other manager";
  of.reply(Error{Code::invalid, "no"}, at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply_status crm-web"});
  of.reply(child(Kind::deployment, "crm-web", 110), at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{});
  plan.calls.pop_back();
  of.always(plan);
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(11)}, at(50)));
  EXPECT_EQ(of.poll(at(50)), Sent{}) << "that the third has succeeded does not help the others";
  EXPECT_EQ(of->next_wake(), at(60).mono) << "a time limit of the plan is looked at when it is over";
}

TEST(Controller, ARefusedWriteAtWhichThePlanStopsHoldsUpTheRest) {
  Scripted of;
  of.list_all(at(0));
  Plan plan = plan_of({call(Verb::apply, job), call(Verb::apply, web)});
  plan.stop_on_error = true;
  of.always(plan);
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-job"});
  of.reply(Error{Code::denied, "quota"}, at(0));
  EXPECT_EQ(of.poll(at(0)), Sent{});
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{edited(11)}, at(50)));
  EXPECT_EQ(of.poll(at(50)), Sent{});
  EXPECT_EQ(of.poll(at(125)), Sent{"apply crm-job"});
}

TEST(Controller, AFailureEndsThePassWhenThePlanSaysSo) {
  Scripted of;
  of.list_all(at(0));
  Plan plan = plan_of({call(Verb::apply, job), call(Verb::apply, web)});
  plan.stop_on_error = true;
  of.script(plan);
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-job"});
  of.reply(Error{Code::unavailable, "down"}, at(1));
  EXPECT_EQ(of.poll(at(1)), Sent{});
  EXPECT_EQ(of->passes_in_flight(), 0U);
}

TEST(Controller, WaitsAsLongAsAThrottlingServerAsks) {
  Scripted of({.max_passes = 1});
  of.list_all(at(0), {"crm", "erp"});
  of.script(plan_of({call(Verb::apply, job), call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"apply crm-job"});
  of.reply(Error{Code::throttled, "slow down"}, at(1), Millis(7'000));
  EXPECT_EQ(of.poll(at(1)), Sent{}) << "neither the rest of the pass nor another cluster";
  EXPECT_EQ(of.decisions, 1U);
  EXPECT_EQ(of->next_wake(), at(7'001).mono);
  static_cast<void>(of.poll(at(7'001)));
  EXPECT_EQ(of.decisions, 3U);
}

TEST(Controller, RemembersRefusalsUntilAWriteSucceeds) {
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::apply, web)}));
  of.script(plan_of({call(Verb::apply, web)}));
  static_cast<void>(of.poll(at(0)));
  of.reply(Error{Code::invalid, "bad"}, at(1));
  EXPECT_EQ(of.poll(at(1)), Sent{});
  EXPECT_EQ(of.poll(at(200)), Sent{"apply crm-web"});
  EXPECT_EQ(of.seen.refusals, (std::map<Ref, std::string>{{web, "bad"}}));
  of.reply(child(Kind::deployment, "crm-web", 110), at(201));
  EXPECT_EQ(of.poll(at(201)), Sent{});
  EXPECT_TRUE(of.seen.refusals.empty());
}

TEST(Controller, RemembersWhatWasAcceptedOfTheMainManagerOnly) {
  Scripted of;
  of.list_all(at(0));
  Call by_intent = call(Verb::apply, {Kind::nocobase_role, "ns", "crm-web"});
  by_intent.manager = app::intent_manager;
  of.script(plan_of({call(Verb::apply, web), by_intent, call(Verb::apply_status, crm_ref)}));
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
  Scripted of;
  of.list_all(at(0));
  of.script(plan_of({call(Verb::get, secret), call(Verb::apply, web)}));
  EXPECT_EQ(of.poll(at(0)), Sent{"get pg"});
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Removed{cluster("crm", 150)}, at(1)));
  of.reply(objects::object(Kind::secret, "pg", 20, uid(9)), at(2));
  EXPECT_EQ(of.poll(at(2)), Sent{"apply crm-web"});
  of.reply(Error{Code::unavailable, ""}, at(3));
  EXPECT_EQ(of.poll(at(3)), Sent{});
  EXPECT_EQ(of.poll(at(10'000)), Sent{});
  EXPECT_EQ(of->next_wake(), std::nullopt);
  EXPECT_EQ(of->store().record_bytes(), 0U);
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
