#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/controller.h"
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
using scripted::job;
using scripted::plan_of;
using scripted::Scripted;
using scripted::secret;
using scripted::Sent;
using scripted::text;
using scripted::web;

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

// A call that fails only after long, as one does whose webhook does not answer.
TEST(Controller, WhatFailsSlowlyKeepsNothingElseFromBeingDone) {
  Scripted of;
  of.list_all(at(0));
  const Ref ingress{Kind::ingress, "ns", "crm"};
  const Ref crm{Kind::nocobase_cluster, "ns", "crm"};
  of.always(plan_of(
      {call(Verb::apply, web), call(Verb::apply, ingress), call(Verb::apply, job), call(Verb::apply_status, crm)}));
  std::int64_t now = 0;
  const auto fails_slowly = [&](const std::string& what) {
    EXPECT_EQ(of.poll(at(now)), Sent{what});
    now += 10'000;
    of.reply(Error{Code::unavailable, "the webhook timed out"}, at(now));
    EXPECT_EQ(of.poll(at(now)), Sent{}) << "the rest is decided anew";
    now += 1'000;
  };
  fails_slowly("apply crm-web");
  fails_slowly("apply crm");
  EXPECT_EQ(of.poll(at(now)), Sent{"apply crm-job"});
  of.reply(child(Kind::deployment, "crm-job", 110), at(now));
  EXPECT_EQ(of.poll(at(now)), Sent{"apply_status crm"}) << "which says what is wrong";
  of.reply(cluster("crm", 120), at(now));
  fails_slowly("apply crm-web");
  of.always({});
  EXPECT_EQ(of.poll(at(now + 60'000)), Sent{});
  of.always(plan_of({call(Verb::apply, web), call(Verb::apply, job)}));
  Json newer = cluster("crm", 130);
  newer["metadata"]["generation"] = 2;
  EXPECT_TRUE(of->watched(Kind::nocobase_cluster, Changed{newer}, at(now + 60'001)));
  EXPECT_EQ(of.poll(at(now + 60'001)), Sent{"apply crm-web"}) << "forgotten once all was done";
}

}  // namespace
}  // namespace nocobase_operator::runtime
