#include "runtime/engine.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using kube::Kind;
using objects::at;

const kube::Ref lease_ref{Kind::lease, "ns", "operator"};
const kube::Ref web{Kind::deployment, "ns", "crm-web"};

// An engine whose plan is to apply one Deployment until it is seen, and what the outside has been told to do.
class Shell {
 public:
  // `tells`: an Event goes with each Deployment. `needed`: a field of each cluster, so the definitions are asked for.
  explicit Shell(bool elects = false, bool tells = false, const std::string& needed = "")
      : engine_(options(elects, tells, needed), Rng(1)) {}

  Engine& operator*() { return engine_; }
  Engine* operator->() { return &engine_; }

  void poll(Now now) {
    for (Effect& effect : engine_.poll(now)) {
      if (auto* const call = std::get_if<SendCall>(&effect)) {
        calls.push_back(std::move(*call));
      } else if (auto* const fetch = std::get_if<Fetch>(&effect)) {
        fetches.push_back(std::move(*fetch));
      } else if (auto* const watch = std::get_if<OpenWatch>(&effect)) {
        watches[watch->id] = watch->request.path_and_query;
      } else if (const auto* const close = std::get_if<CloseWatch>(&effect)) {
        watches.erase(close->id);
        closed.push_back(close->id);
      }
    }
  }
  [[nodiscard]] StreamId stream_of(const std::string& plural) const {
    for (const auto& [id, path] : watches) {
      if (path.find("/" + plural + "?") != std::string::npos) {
        return id;
      }
    }
    return 0;
  }
  void list(const std::string& plural, const std::string& events, Now now) {
    const std::string end = R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"50","annotations":)"
                            R"({"k8s.io/initial-events-end":"true"}}}})";
    engine_.watch_bytes(stream_of(plural), events + end + "\n", now);
  }
  void list_all(Now now, bool has_gateway_api = true) {
    poll(now);
    for (const char* const plural :
         {"nocobaseroles", "deployments", "services", "serviceaccounts", "persistentvolumeclaims", "pods", "jobs",
          "poddisruptionbudgets", "horizontalpodautoscalers", "scaledobjects", "triggerauthentications",
          "networkpolicies", "ingresses", "podmonitors"}) {
      list(plural, "", now);
    }
    if (has_gateway_api) {
      list("httproutes", "", now);
    } else {
      const StreamId routes = stream_of("httproutes");
      engine_.watch_closed(routes, kube::HttpResponse{404, "", "404 page not found\n"}, now);
      watches.erase(routes);
    }
    list("nocobaseclusters", Json{{"type", "ADDED"}, {"object", objects::cluster("crm", 10)}}.dump() + "\n", now);
  }
  // Answers the oldest call.
  void reply(const Result<kube::HttpResponse>& outcome, Now now) {
    ASSERT_FALSE(calls.empty());
    const CallId id = calls.front().id;
    calls.erase(calls.begin());
    engine_.replied(id, outcome, now);
  }
  // Answers a call for the lease as a server would that has nobody else's.
  void grant(Now now) {
    while (!calls.empty() && calls.front().call.ref == lease_ref) {
      if (calls.front().call.verb == kube::Verb::get) {
        reply(kube::HttpResponse{404, "", "{}"}, now);
      } else {
        Json object = calls.front().call.body;
        object["metadata"]["resourceVersion"] = "1";
        reply(kube::HttpResponse{200, "", object.dump()}, now);
      }
      poll(now);
    }
  }

  // The kinds that were missing when it was decided last.
  [[nodiscard]] const std::set<Kind>& missing() const { return missing_; }

  // Answers what was fetched with a definition that has these fields.
  void define(const Json& properties, Now now) {
    ASSERT_EQ(fetches.size(), 1U);
    const Json names = Json::array({{{"group", "nocobase.com"}, {"version", "v1alpha1"}, {"kind", "NocoBaseCluster"}}});
    const Json schema = {{"properties", properties}, {"x-kubernetes-group-version-kind", names}};
    const Json document = {{"components", {{"schemas", {{"cluster", schema}}}}}};
    const CallId id = fetches.front().id;
    fetches.clear();
    engine_.replied(id, kube::HttpResponse{200, "", document.dump()}, now);
  }

  std::vector<SendCall> calls;
  std::vector<Fetch> fetches;
  std::map<StreamId, std::string> watches;
  std::vector<StreamId> closed;

 private:
  Engine::Options options(bool elects, bool tells, const std::string& needed) {
    Engine::Options out;
    if (!needed.empty()) {
      out.definitions.needed[Kind::nocobase_cluster] = {needed};
    }
    if (elects) {
      out.lease = Lease::Options{.ref = lease_ref, .identity = "me"};
    }
    out.controller.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
    out.controller.decisions.events = [tells](const app::Observed&, const app::Plan& plan) {
      const bool any = tells && !plan.calls.empty();
      app::Event event{app::EventType::normal, "Made", "Make", "why"};
      event.upgrade = app::UpgradeTimes{"Completed", 40, {{"Drain", 7}, {"Migrate", 30}}};
      return any ? std::vector<app::EventOfCall>{{0, std::move(event)}} : std::vector<app::EventOfCall>();
    };
    out.controller.decisions.plan = [this](const app::Observed& observed, const Now&) {
      missing_ = observed.missing_kinds;
      app::Plan plan;
      if (!observed.children.contains(web)) {
        kube::Call call;
        call.verb = kube::Verb::apply;
        call.ref = web;
        call.manager = app::manager;
        call.body = Json::object();
        plan.calls.push_back(std::move(call));
      }
      return plan;
    };
    return out;
  }

  std::set<Kind> missing_;
  Engine engine_;
};

kube::HttpResponse created() {
  return {200, "", objects::child(Kind::deployment, "crm-web", 60).dump()};
}

TEST(Engine, WatchesEveryClusterAndAutoscalerAndOfTheOtherKindsOnlyWhatIsOurs) {
  Shell of;
  of.poll(at(0));
  ASSERT_EQ(of.watches.size(), watched_kinds.size());
  for (const auto& [id, path] : of.watches) {
    const bool all = path.find("/nocobaseclusters?") != std::string::npos ||
                     path.find("/horizontalpodautoscalers?") != std::string::npos ||
                     path.find("/scaledobjects?") != std::string::npos;
    const bool selects =
        path.find("labelSelector=app.kubernetes.io%2Fmanaged-by%3Dnocobase-operator") != std::string::npos;
    EXPECT_NE(all, selects) << path;
    EXPECT_NE(path.find("sendInitialEvents=true"), std::string::npos) << path;
  }
}

TEST(Engine, IsReadyAndWorksOnceEverythingIsListed) {
  Shell of;
  EXPECT_FALSE(of->ready());
  of.list_all(at(0));
  EXPECT_TRUE(of->ready());
  of.poll(at(0));
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref, web);
  EXPECT_EQ(of.calls[0].deadline, Millis(30'000));
  of.reply(created(), at(1));
  of.poll(at(1));
  EXPECT_TRUE(of.calls.empty());
  EXPECT_EQ(of->controller().counters().settled, 1U);
}

TEST(Engine, WorksWithoutAnOptionalKindAndSeesItCome) {
  Shell of;
  of.list_all(at(0), false);
  EXPECT_TRUE(of->ready());
  EXPECT_EQ(of.missing(), std::set<Kind>{}) << "nothing was decided yet";
  of.poll(at(0));
  EXPECT_EQ(of.missing(), std::set<Kind>{Kind::http_route});
  of.reply(created(), at(1));
  of.poll(at(1));
  EXPECT_LE(of->next_wake().value_or(Instant::max()), at(60'000).mono);
  of.poll(at(60'000));
  EXPECT_TRUE(of->ready()) << "while it is asked for again";
  of.list("httproutes", Json{{"type", "ADDED"}, {"object", objects::child(Kind::http_route, "crm", 70)}}.dump() + "\n",
          at(60'001));
  EXPECT_TRUE(of->ready());
  of.poll(at(61'000));
  EXPECT_EQ(of.missing(), std::set<Kind>{});
}

TEST(Engine, DoesNothingWithoutTheLeadAndStopsWhenItIsLost) {
  Shell of(true);
  of.list_all(at(0));
  of.poll(at(0));
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref, lease_ref);
  EXPECT_EQ(of.calls[0].deadline, Millis(5'000));
  EXPECT_FALSE(of->leading(at(0).mono));
  of.grant(at(0));
  EXPECT_TRUE(of->leading(at(0).mono));
  EXPECT_EQ(of->holder(), "me");
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref, web);
  of.reply(Error{Code::unavailable, "down"}, at(11'000));  // past the deadline of the lease
  of.poll(at(11'000));
  EXPECT_FALSE(of->leading(at(11'000).mono));
  for (const SendCall& call : of.calls) {
    EXPECT_EQ(call.call.ref, lease_ref);
  }
}

TEST(Engine, GivesTheLeadUpOnlyAfterItsLastCallHasBeenAnswered) {
  Shell of(true);
  of.list_all(at(0));
  of.poll(at(0));
  of.grant(at(0));
  ASSERT_EQ(of.calls.size(), 1U);
  of->stop(at(1'000));
  EXPECT_FALSE(of->leading(at(1'000).mono));
  of.poll(at(1'000));
  EXPECT_FALSE(of->stopped());
  ASSERT_EQ(of.calls.size(), 1U) << "the lease is kept";
  of.reply(created(), at(1'500));
  of.poll(at(1'500));
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref, lease_ref);
  EXPECT_EQ(of.calls[0].call.body["spec"]["holderIdentity"], "");
  of.grant(at(1'600));
  EXPECT_TRUE(of->stopped());
}

TEST(Engine, StopsAtOnceWhenNothingIsUnderWay) {
  Shell of;
  of.list_all(at(0));
  of->stop(at(1));
  EXPECT_TRUE(of->stopped());
  of.poll(at(1));
  EXPECT_TRUE(of.calls.empty());
}

TEST(Engine, ClosesAStreamThatSpeaksNonsenseAndOpensAnother) {
  Shell of;
  of.list_all(at(0));
  const StreamId pods = of.stream_of("pods");
  of->watch_bytes(pods, "nonsense\n", at(20'000));
  EXPECT_LE(of->next_wake().value_or(Instant::max()), at(20'000).mono);
  of.poll(at(20'000));
  EXPECT_EQ(of.closed, std::vector<StreamId>{pods});
  EXPECT_EQ(of.stream_of("pods"), 0U);
  of.poll(at(20'300));
  EXPECT_NE(of.stream_of("pods"), 0U);
  EXPECT_TRUE(of->ready()) << "it resumes where it was";
  of->watch_bytes(pods, "more nonsense\n", at(20'400));
  of->watch_closed(pods, Error{Code::unavailable, ""}, at(20'400));
  of.poll(at(20'400));
  EXPECT_EQ(of.closed.size(), 1U) << "the old stream is none of its business";
}

TEST(Engine, IsNotReadyFromTheMomentThatAKindMustBeListedAnew) {
  Shell of;
  of.list_all(at(0));
  of->watch_closed(of.stream_of("pods"), kube::HttpResponse{410, "", ""}, at(20'000));
  EXPECT_FALSE(of->ready());
  of.poll(at(20'000));
  EXPECT_TRUE(of.calls.empty());
}

TEST(Engine, ListsAKindAnewThatHasGoneBackInTime) {
  Shell of;
  of.list_all(at(0));
  of->watch_closed(of.stream_of("pods"), kube::HttpResponse{410, "", ""}, at(20'000));
  of.watches.clear();
  of.poll(at(20'000));
  of->watch_bytes(of.stream_of("pods"),
                  R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":)"
                  R"({"k8s.io/initial-events-end":"true"}}}})"
                  "\n",
                  at(20'001));
  EXPECT_FALSE(of->ready());
  of.poll(at(20'001));
  EXPECT_EQ(of.closed.size(), 1U);
  EXPECT_NE(of.stream_of("pods"), 0U);
}

TEST(Engine, TellsHowItsWatchesAre) {
  Shell of;
  of.list_all(at(0));
  of->watch_closed(of.stream_of("pods"), kube::HttpResponse{403, "", "forbidden"}, at(20'000));
  for (const Engine::WatchState& state : of->watches()) {
    const bool pods = state.kind == Kind::pod;
    EXPECT_EQ(state.open, !pods);
    EXPECT_TRUE(state.listed);
    EXPECT_EQ(state.last_error, pods ? std::optional(Error{Code::denied, "HTTP 403: forbidden"}) : std::nullopt);
  }
}

TEST(Engine, WaitsForDefinitionsThatLackAFieldAndListsAnewOnceTheyHaveIt) {
  Shell of(false, false, "setup");
  of.list_all(at(0));
  EXPECT_FALSE(of->ready()) << "nothing is known of the definitions";
  of.define({{"spec", Json::object()}}, at(1));
  of.poll(at(1));
  EXPECT_FALSE(of->ready());
  EXPECT_TRUE(of.calls.empty());
  EXPECT_EQ(list_of(of->definitions().missing()), "NocoBaseCluster: setup");
  EXPECT_EQ(of->next_wake(), at(5'001).mono);
  const StreamId clusters = of.stream_of("nocobaseclusters");
  of.poll(at(5'001));
  of.define({{"setup", Json::object()}}, at(5'002));
  of.poll(at(5'002));
  EXPECT_NE(of.stream_of("nocobaseclusters"), clusters) << "what was seen may lack defaults";
  EXPECT_EQ(of.closed.size(), 2U) << "clusters and roles";
  of.list("nocobaseroles", "", at(5'003));
  of.list("nocobaseclusters", "", at(5'003));
  EXPECT_TRUE(of->ready());
}

TEST(Engine, AsksForTheDefinitionsAgainWhenAWatchOfOursEnds) {
  Shell of(false, false, "setup");
  of.list_all(at(0));
  of.define({{"setup", Json::object()}}, at(1));
  of.poll(at(1));
  EXPECT_TRUE(of->ready());
  of->watch_closed(of.stream_of("pods"), kube::HttpResponse{200, "", ""}, at(400'000));
  of.poll(at(400'000));
  EXPECT_TRUE(of.fetches.empty());
  of->watch_closed(of.stream_of("nocobaseclusters"), kube::HttpResponse{200, "", ""}, at(400'001));
  of.poll(at(400'001));
  EXPECT_TRUE(of->ready()) << "until the answer";
  of.define({{"spec", Json::object()}}, at(400'002));
  EXPECT_FALSE(of->ready());
}

TEST(Engine, SendsAnEventAfterWhatItTellsOfHasSucceeded) {
  Shell of(false, true);
  of.list_all(at(0));
  of.poll(at(0));
  of.reply(kube::HttpResponse{503, "", ""}, at(1));
  of.poll(at(1));
  EXPECT_TRUE(of.calls.empty()) << "nothing has happened";
  EXPECT_TRUE(of->controller().counters().upgrades.empty());
  of.poll(at(60'000));
  of.reply(created(), at(60'001));
  of.poll(at(60'001));
  const Counters& counters = of->controller().counters();
  EXPECT_EQ(counters.upgrades, (std::map<std::string, std::uint64_t>{{"Completed", 1}}));
  EXPECT_EQ(counters.upgrade_down, 40U);
  EXPECT_EQ(counters.upgrade_seconds, (std::map<std::string, std::uint64_t>{{"Drain", 7}, {"Migrate", 30}}));
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref.kind, Kind::event);
  EXPECT_EQ(of.calls[0].call.body.at("note"), "why");
  of.reply(kube::HttpResponse{403, "", "cannot create events"}, at(60'002));
  of.poll(at(60'002));
  EXPECT_TRUE(of.calls.empty());
  EXPECT_EQ(of->controller().counters().passes_failed, 1U) << "an Event that is refused fails nothing";
  const std::vector<Engine::Refusal> refused = {{kube::Verb::apply, Kind::event, "HTTP 403: cannot create events"}};
  EXPECT_EQ(of->refusals(), refused);
}

TEST(Engine, SendsNoEventWithoutTheLeadAndDoesNotTurnForOne) {
  Shell of(true, true);
  of.list_all(at(0));
  of.poll(at(0));
  of.grant(at(0));
  of.poll(at(0));
  ASSERT_EQ(of.calls.size(), 1U);
  EXPECT_EQ(of.calls[0].call.ref, web);
  of.reply(created(), at(20'000));  // the lead is over by now
  of.poll(at(20'000));
  for (const SendCall& call : of.calls) {
    EXPECT_EQ(call.call.ref, lease_ref);
  }
  EXPECT_GT(of->next_wake().value_or(Instant::max()), at(20'000).mono);
}

TEST(Engine, TellsWhatIsRefusedUntilItSucceeds) {
  Shell of;
  of.list_all(at(0));
  of.poll(at(0));
  of.reply(kube::HttpResponse{403, "", "cannot patch"}, at(1));
  const std::vector<Engine::Refusal> refused = {{kube::Verb::apply, Kind::deployment, "HTTP 403: cannot patch"}};
  EXPECT_EQ(of->refusals(), refused);
  of.poll(at(1));
  of.poll(at(60'000));
  of.reply(kube::HttpResponse{503, "", ""}, at(60'001));
  EXPECT_EQ(of->refusals(), refused) << "nothing was said about the right";
  of.poll(at(60'001));
  of.poll(at(120'000));
  of.reply(created(), at(120'001));
  EXPECT_TRUE(of->refusals().empty());
}

}  // namespace
}  // namespace nocobase_operator::runtime
