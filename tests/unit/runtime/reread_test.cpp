// When clusters get their turn to read again what their pods refer to.
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/controller.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using kube::Kind;
using objects::at;

// What was observed for each decision: the cluster, and the turn it had.
using Asked = std::vector<std::pair<std::string, std::optional<Instant>>>;

// A controller of clusters that all have `calls` to make and want three objects read until they have a turn.
class Rereads {
 public:
  Rereads(const std::vector<std::string>& clusters, std::vector<kube::Call> calls = {}) {
    Controller::Options options;
    options.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
    options.reread_period = Millis(9'000);
    options.reread_spacing = Millis(200);
    options.decisions.plan = [this, calls = std::move(calls)](const app::Observed& observed, const Now&) {
      EXPECT_EQ(observed.reread_period, Millis(9'000));
      asked.emplace_back(observed.meta.ref.name, observed.reread_turn);
      app::Plan plan;
      plan.calls = calls;
      plan.rereads = observed.reread_turn ? 0 : 3;
      return plan;
    };
    controller.emplace(std::move(options), Rng(1));
    for (const Kind kind : watched_kinds) {
      EXPECT_TRUE(controller->watched(kind, ListBegan{}, at(0)));
      for (const std::string& name : kind == Kind::nocobase_cluster ? clusters : std::vector<std::string>()) {
        EXPECT_TRUE(controller->watched(kind, Changed{objects::cluster(name, 10)}, at(0)));
      }
      EXPECT_TRUE(controller->watched(kind, ListEnded{100}, at(0)));
    }
  }

  std::optional<Controller> controller;
  Asked asked;
};

TEST(Reread, TurnsComeOneAfterTheOther) {
  Rereads of({"a", "b"});
  EXPECT_TRUE(of.controller->poll(at(10), true).empty());
  EXPECT_EQ(of.asked, (Asked{{"a", {}}, {"b", {}}, {"a", at(10).mono}})) << "the first is at once";
  EXPECT_EQ(of.controller->next_wake(), at(610).mono) << "when the reads of the first have had their time";
  EXPECT_TRUE(of.controller->poll(at(609), true).empty());
  EXPECT_EQ(of.asked.size(), 3U);
  EXPECT_TRUE(of.controller->poll(at(610), true).empty());
  EXPECT_EQ(of.asked.back(), (Asked::value_type{"b", at(610).mono}));
}

TEST(Reread, AClusterWhoseCallsFailGetsItsTurn) {
  kube::Call call;
  call.verb = kube::Verb::apply;
  call.ref = {Kind::deployment, "ns", "a-web"};
  Rereads of({"a"}, {call});
  const std::vector<NumberedCall> sent = of.controller->poll(at(1), true);
  ASSERT_EQ(sent.size(), 1U);
  of.controller->replied(sent[0].id, Error{Code::unavailable, "down"}, std::nullopt, at(2));
  EXPECT_EQ(of.controller->poll(at(2), true).size(), 1U) << "a turn is news, for which no back-off waits";
  EXPECT_EQ(of.asked.back(), (Asked::value_type{"a", at(1).mono}));
}

}  // namespace
}  // namespace nocobase_operator::runtime
