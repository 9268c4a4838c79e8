#include "app/effect.h"

#include <optional>

#include <gtest/gtest.h>

namespace nocobase_operator::app {
namespace {

struct RoleCase {
  bool requests = false;
  std::optional<std::int32_t> replicas;  // nothing: elastic
  RoleNow now;
};

struct Case {
  std::string_view name;
  bool stopped = false;
  bool maintenance = false;
  std::int32_t others = 0;
  std::vector<RoleCase> roles{};
  std::vector<RoleEffect> want{};
};

Cluster cluster_of(const Case& item) {
  Cluster cluster;
  cluster.spec.stopped = item.stopped;
  cluster.spec.maintenance = item.maintenance;
  for (const RoleCase& given : item.roles) {
    Role role;
    role.requests = given.requests;
    role.replicas = given.replicas;
    cluster.spec.roles.push_back(role);
  }
  return cluster;
}

RoleNow now_of(std::optional<std::int32_t> intent, std::int32_t effect, std::int32_t pods, bool rolling = false,
               std::int32_t leaving = 0) {
  return {intent, effect, pods, leaving, rolling};
}

TEST(Effect, OfIntentsHoldsAndTheLimit) {
  const Case cases[] = {
      {.name = "the spec is the intent of a fixed role, whatever its object says",
       .roles = {{true, 2, now_of(7, 0, 0)}},
       .want = {{{2, 2}, Why::spec}}},
      {.name = "an elastic role starts at one", .roles = {{false, {}, {}}}, .want = {{{1, 1}, Why::outside}}},
      {.name = "an elastic role has what its object says",
       .roles = {{false, {}, now_of(4, 1, 1)}},
       .want = {{{4, 4}, Why::outside}}},
      {.name = "stopped: nothing, and every intent stays",
       .stopped = true,
       .roles = {{true, 2, now_of(2, 2, 2)}, {false, {}, now_of(4, 4, 4)}},
       .want = {{{2, 0}, Why::stopped}, {{4, 0}, Why::stopped}}},
      {.name = "stopped wins over maintenance",
       .stopped = true,
       .maintenance = true,
       .roles = {{true, 2, now_of(2, 2, 2)}},
       .want = {{{2, 0}, Why::stopped}}},
      {.name = "maintenance: one pod of the first request role that has any",
       .maintenance = true,
       .roles = {{false, 1, now_of(1, 1, 1)}, {true, 0, now_of(0, 0, 0)}, {true, 3, now_of(3, 3, 3)}},
       .want = {{{1, 0}, Why::maintenance}, {{0, 0}, Why::maintenance}, {{3, 1}, Why::maintenance}}},
      {.name = "maintenance: one pod even where none was wanted",
       .maintenance = true,
       .roles = {{true, 0, now_of(0, 0, 0)}},
       .want = {{{0, 1}, Why::maintenance}}},
      {.name = "request roles get free worker ids first",
       .roles = {{false, 20, now_of(20, 0, 0)}, {true, 20, now_of(20, 0, 0)}},
       .want = {{{20, 12}, Why::worker_id_limit}, {{20, 20}, Why::spec}}},
      {.name = "pods that are still there hold their ids",
       .roles = {{false, 2, now_of(2, 2, 10)}, {true, 30, now_of(30, 20, 20)}},
       .want = {{{2, 2}, Why::spec}, {{30, 22}, Why::worker_id_limit}}},
      {.name = "pods that terminate hold theirs beside those of a Deployment that was made anew",
       .roles = {{false, 11, now_of(11, 8, 19, false, 11)}, {true, 12, now_of(12, 12, 12)}},
       .want = {{{11, 9}, Why::worker_id_limit}, {{12, 12}, Why::spec}}},
      {.name = "and before those have pods",
       .roles = {{false, 11, now_of(11, 8, 11, false, 11)}, {true, 12, now_of(12, 12, 12)}},
       .want = {{{11, 9}, Why::worker_id_limit}, {{12, 12}, Why::spec}}},
      {.name = "pods of no role count",
       .others = 31,
       .roles = {{true, 2, now_of(2, 0, 0)}},
       .want = {{{2, 1}, Why::worker_id_limit}}},
      {.name = "a role that rolls takes twice",
       .roles = {{false, 10, now_of(10, 10, 10, true)}, {true, 14, now_of(14, 4, 4)}},
       .want = {{{10, 10}, Why::spec}, {{14, 12}, Why::worker_id_limit}}},
      {.name = "a role that rolls needs two ids for each pod more",
       .roles = {{false, 20, now_of(20, 4, 4, true)}},
       .want = {{{20, 16}, Why::worker_id_limit}}},
      {.name = "the limit lowers nobody, even when it is passed",
       .others = 10,
       .roles = {{false, 20, now_of(20, 20, 20)}, {true, 10, now_of(10, 9, 9)}},
       .want = {{{20, 20}, Why::spec}, {{10, 9}, Why::worker_id_limit}}},
      {.name = "a fall is never delayed",
       .others = 32,
       .roles = {{false, 1, now_of(1, 9, 9)}},
       .want = {{{1, 1}, Why::spec}}},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    std::vector<RoleNow> now;
    for (const RoleCase& role : item.roles) {
      now.push_back(role.now);
    }
    const Cluster cluster = cluster_of(item);
    EXPECT_EQ(effects(cluster, now, item.others, hold_of(cluster.spec)), item.want);
  }
}

// Every small combination: nothing rises beyond the free ids, and only holds and intents lower anything.
TEST(Effect, NeverRisesBeyondTheLimit) {
  for (std::int32_t others : {0, 5, 33}) {
    for (std::int32_t first = 0; first <= 32; first += 4) {
      for (std::int32_t now_first = 0; now_first <= 32; now_first += 4) {
        for (std::int32_t second = 0; second <= 32; second += 4) {
          const Case item{
              .name = {},
              .others = others,
              .roles = {{true, first, now_of(first, now_first, now_first)}, {false, second, now_of(second, 2, 3)}}};
          const auto got = effects(cluster_of(item), {item.roles[0].now, item.roles[1].now}, others, Hold::none);
          const std::int32_t a = got[0].count.effect;
          const std::int32_t b = got[1].count.effect;
          const std::int32_t held = others + std::max(a, now_first) + 3 + std::max(b - 2, 0);
          const bool rises = a > now_first || b > 2;
          EXPECT_TRUE(!rises || held <= 32) << others << ' ' << first << ' ' << now_first << ' ' << second;
          EXPECT_GE(a, std::min(first, now_first));
          EXPECT_GE(b, std::min(second, 2));
        }
      }
    }
  }
}

TEST(Effect, WorstCaseCountsTheLargestRoleTwice) {
  Cluster cluster;
  cluster.spec.roles.resize(3);
  cluster.spec.roles[0].replicas = 2;
  cluster.spec.roles[1].autoscaling = Autoscaling{};
  cluster.spec.roles[1].autoscaling->max_replicas = 6;
  EXPECT_EQ(worst_case(cluster.spec, {{{2, 2}, Why::spec}, {{1, 1}, Why::autoscaler}, {{3, 3}, Why::outside}}), 17);
}

}  // namespace
}  // namespace nocobase_operator::app
