// What goes wrong with one cluster, or one child, is no other's business.
#include <map>
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
using kube::Ref;
using objects::at;

constexpr std::int64_t answer_after = 10;
constexpr std::int64_t deadline = 30'000;

// How a server treats the calls of one cluster.
enum class Health : std::uint8_t { well, times_out, breaks };

// Every cluster wants three Deployments; each is applied until it is seen.
app::Plan plan(const app::Observed& observed, const Now& /*now*/) {
  app::Plan out;
  for (const char* const role : {"-a", "-b", "-c"}) {
    const Ref ref{Kind::deployment, "ns", observed.meta.ref.name + role};
    if (!observed.children.contains(ref)) {
      kube::Call call;
      call.verb = kube::Verb::apply;
      call.ref = ref;
      call.manager = app::manager;
      call.body = Json::object();
      out.calls.push_back(std::move(call));
    }
  }
  return out;
}

// A controller and a server that answers in its own time.
class World {
 public:
  explicit World(const std::map<std::string, Health>& clusters) : clusters_(clusters), controller_(options(), Rng(1)) {
    for (const Kind kind : watched_kinds) {
      EXPECT_TRUE(controller_.watched(kind, ListBegan{}, at(0)));
      if (kind == Kind::nocobase_cluster) {
        std::uint64_t number = 1;
        for (const auto& [name, health] : clusters_) {
          EXPECT_TRUE(controller_.watched(kind, Changed{objects::cluster(name, 10, objects::uid(number++))}, at(0)));
        }
      }
      EXPECT_TRUE(controller_.watched(kind, ListEnded{100}, at(0)));
    }
  }

  // Refuses every write of this Deployment.
  std::string refused;

  // When each Deployment was there, until `end`.
  std::map<std::string, std::int64_t> run(std::int64_t end) {
    std::map<std::string, std::int64_t> there;
    for (std::int64_t time = 0; time <= end; time += answer_after) {
      const auto due = answers_.equal_range(time);
      const std::vector<std::pair<std::int64_t, NumberedCall>> now(due.first, due.second);
      answers_.erase(due.first, due.second);
      for (const auto& [when, sent] : now) {
        answer(sent, time, there);
      }
      for (NumberedCall& call : controller_.poll(at(time), true)) {
        ++calls[cluster_of(call.call.ref)];
        const bool slow = clusters_.at(cluster_of(call.call.ref)) == Health::times_out;
        answers_.emplace(time + (slow ? deadline : answer_after), std::move(call));
      }
    }
    return there;
  }

  std::map<std::string, int> calls;  // by cluster

 private:
  static Controller::Options options() {
    Controller::Options out;
    out.decisions.plan = plan;
    out.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
    return out;
  }
  static std::string cluster_of(const Ref& ref) { return ref.name.substr(0, ref.name.rfind('-')); }

  void answer(const NumberedCall& sent, std::int64_t time, std::map<std::string, std::int64_t>& there) {
    const Ref& ref = sent.call.ref;
    const Health health = clusters_.at(cluster_of(ref));
    if (health != Health::well) {
      controller_.replied(sent.id, Error{Code::unknown_outcome, "no answer"}, std::nullopt, at(time));
      return;
    }
    if (ref.name == refused) {
      controller_.replied(sent.id, Error{Code::denied, "no"}, std::nullopt, at(time));
      return;
    }
    there.emplace(ref.name, time);
    ++version_;
    const Json object = objects::child(Kind::deployment, ref.name, version_, cluster_of(ref), objects::uid(version_));
    controller_.replied(sent.id, kube::Live(object), std::nullopt, at(time));
  }

  std::map<std::string, Health> clusters_;
  Controller controller_;
  std::multimap<std::int64_t, NumberedCall> answers_;
  std::uint64_t version_ = 200;
};

using Times = std::map<std::string, std::int64_t>;

const Times undisturbed = {{"one-a", 10}, {"one-b", 20}, {"one-c", 30}, {"two-a", 10}, {"two-b", 20}, {"two-c", 30}};

TEST(Fairness, AClusterWhoseCallsTimeOutOrBreakSlowsNoOther) {
  for (const Health health : {Health::times_out, Health::breaks}) {
    World world({{"one", Health::well}, {"sick", health}, {"two", Health::well}});
    EXPECT_EQ(world.run(300'000), undisturbed);
    EXPECT_GT(world.calls["sick"], 3) << "it is tried again";
    EXPECT_LT(world.calls["sick"], 200) << "with a back-off";
  }
}

TEST(Fairness, AChildThatIsRefusedKeepsNoOtherFromBeingMade) {
  World world({{"one", Health::well}, {"two", Health::well}});
  world.refused = "one-a";
  Times times = undisturbed;
  times.erase("one-a");
  EXPECT_EQ(world.run(300'000), times);
}

// After a start every cluster is looked at, and most are as they should be.
TEST(Fairness, AClusterWhoseSpecNoStatusSpeaksOfComesBeforeAllOthers) {
  const auto seen_at = [](Json cluster, std::int64_t generation, std::int64_t observed) {
    cluster["metadata"]["generation"] = generation;
    cluster["status"] = {{"observedGeneration", observed}};
    return cluster;
  };
  std::vector<std::string> order;
  Controller::Options options;
  options.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
  options.max_plans_per_poll = 1;
  options.decisions.plan = [&order](const app::Observed& observed, const Now& /*now*/) {
    order.push_back(observed.meta.ref.name);
    return app::Plan();
  };
  Controller controller(options, Rng(1));
  for (const Kind kind : watched_kinds) {
    EXPECT_TRUE(controller.watched(kind, ListBegan{}, at(0)));
    if (kind == Kind::nocobase_cluster) {
      for (const Json& one : {seen_at(objects::cluster("done", 10, objects::uid(1)), 2, 2),
                              seen_at(objects::cluster("edited", 11, objects::uid(2)), 3, 2),
                              objects::cluster("new", 12, objects::uid(3))}) {
        EXPECT_TRUE(controller.watched(kind, Changed{one}, at(0)));
      }
    }
    EXPECT_TRUE(controller.watched(kind, ListEnded{100}, at(0)));
  }
  static_cast<void>(controller.poll(at(0), true));
  EXPECT_TRUE(controller.watched(Kind::nocobase_cluster,
                                 Changed{seen_at(objects::cluster("late", 110, objects::uid(4)), 2, 1)}, at(1)));
  for (int turn = 0; turn < 4; ++turn) {
    static_cast<void>(controller.poll(at(1), true));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"edited", "new", "late", "done"}));
}

}  // namespace
}  // namespace nocobase_operator::runtime
