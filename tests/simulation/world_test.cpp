// Worlds of faults: one seed is one world. Every invariant is checked after every change; a world that breaks one is
// run again and told.
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "simulation/histories.h"

namespace nocobase_operator::simulation {
namespace {

std::string story(const Setting& setting) {
  Setting told = setting;
  told.tells = true;
  const Outcome outcome = World(told).run();
  std::string text;
  const std::size_t from = outcome.history.size() > 300 ? outcome.history.size() - 300 : 0;
  for (std::size_t i = from; i < outcome.history.size(); ++i) {
    text += outcome.history[i].substr(0, 500) + "\n";
  }
  return text;
}

void run_shard(std::uint64_t shard) {
  const std::uint64_t count = number_from("NBO_WORLDS", 250);
  std::map<std::string, std::uint64_t> situations;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Setting setting{.seed = shard * 100'000 + i + 1};
    const Outcome outcome = World(setting).run();
    ASSERT_EQ(outcome.broken.name, "") << "seed " << setting.seed << ": " << outcome.broken.what << "\n"
                                       << story(setting);
    EXPECT_GT(outcome.counts.writes, 10U) << "seed " << setting.seed;
    for (const auto& [name, times] : outcome.situations) {
      situations[name] += times;
    }
  }
  std::ofstream out(std::string(NBO_BINARY_DIR) + "/tests/simulation/situations." + std::to_string(shard));
  for (const auto& [name, times] : situations) {
    out << times << '\t' << name << '\n';
  }
}

TEST(Worlds, Shard0) {
  run_shard(0);
}
TEST(Worlds, Shard1) {
  run_shard(1);
}
TEST(Worlds, Shard2) {
  run_shard(2);
}
TEST(Worlds, Shard3) {
  run_shard(3);
}
TEST(Worlds, Shard4) {
  run_shard(4);
}
TEST(Worlds, Shard5) {
  run_shard(5);
}
TEST(Worlds, Shard6) {
  run_shard(6);
}
TEST(Worlds, Shard7) {
  run_shard(7);
}

TEST(World, TheSameSeedIsTheSameWorld) {
  const Setting setting{.seed = 4};
  const Outcome one = World(setting).run();
  Setting told = setting;
  told.tells = true;
  const Outcome other = World(told).run();
  EXPECT_EQ(one.trace, other.trace);
  EXPECT_EQ(one.events, other.events);
  EXPECT_EQ(one.digest, other.digest);
  EXPECT_EQ(one.counts, other.counts);
  EXPECT_TRUE(one.history.empty());
  EXPECT_FALSE(other.history.empty());
}

}  // namespace
}  // namespace nocobase_operator::simulation
