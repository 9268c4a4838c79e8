// A controller whose decisions are a test's own, and what its tests name and compare.
#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/controller.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime::scripted {

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

inline const Ref crm_ref{Kind::nocobase_cluster, "ns", "crm"};
inline const Ref web{Kind::deployment, "ns", "crm-web"};
inline const Ref job{Kind::deployment, "ns", "crm-job"};
inline const Ref secret{Kind::secret, "ns", "pg"};

inline Call call(Verb verb, const Ref& ref, const std::string& id = "") {
  Call out;
  out.verb = verb;
  out.ref = ref;
  out.manager = app::manager;
  out.precondition.uid = id;
  out.body = {{"spec", {{"x", 1}}}, {"status", {{"phase", "Running"}}}};
  return out;
}

// What a test wants to compare of a call.
inline std::string text(const Call& of) {
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

inline Plan plan_of(std::vector<Call> calls) {
  Plan plan;
  plan.calls = std::move(calls);
  return plan;
}

}  // namespace nocobase_operator::runtime::scripted
