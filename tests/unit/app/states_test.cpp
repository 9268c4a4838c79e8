// The states of a whole life, as objects that tests/gitops has judged by the engines of GitOps tools.
#include <gtest/gtest.h>

#include "app/names.h"
#include "app/status.h"
#include "golden.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::string_at;

const std::string new_image = "nocobase/nocobase:2.2.16-full";

World installed() {
  World world(fresh_cluster());
  EXPECT_GT(world.settle(), 0);
  return world;
}

void upgrade(Json& spec) {
  spec["image"] = new_image;
}

// The cluster as it is when it first says this phase on the way.
Json first_of(World world, const std::string& phase) {
  Json found;
  EXPECT_GT(world.settle([&](const World& now, const Plan&) {
    if (found.is_null() && string_at(now.cluster(), {"status", "phase"}) == phase) {
      found = now.cluster();
    }
  }),
            0);
  EXPECT_FALSE(found.is_null()) << phase;
  return found;
}

Json settled(World world) {
  EXPECT_GT(world.settle(), 0);
  return world.cluster();
}

Json fresh() {
  Json object = fresh_cluster();
  object["status"] = {{"observedGeneration", -1}};  // what the definition gives an object without a status
  return object;
}

Json awaiting_approval() {
  World world = installed();
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"approval", "Manual"}};
  });
  return settled(std::move(world));
}

Json edited(const std::function<void(Json&)>& edit) {
  World world = installed();
  world.edit_spec(edit);
  return settled(std::move(world));
}

Json upgrading() {
  World world = installed();
  world.edit_spec(upgrade);
  return first_of(std::move(world), "SettingUp");
}

Json not_pulled() {
  World world = installed();
  world.failing_jobs.insert(std::string(component_pull));
  world.edit_spec(upgrade);
  return settled(std::move(world));
}

Json setup_failed() {
  World world = installed();
  world.setup_fails = true;
  world.edit_spec(upgrade);
  return settled(std::move(world));
}

Json edited_and_not_seen() {
  World world = installed();
  world.edit_spec(upgrade);
  return world.cluster();
}

Json deleting() {
  Json object = installed().cluster();
  object["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z";
  object["metadata"]["finalizers"] = {"foregroundDeletion"};
  return object;
}

TEST(States, OfAWholeLifeAreWhatTheyWere) {
  const std::vector<std::pair<std::string, Json>> states = {
      {"fresh", fresh()},
      {"installing", first_of(World(fresh_cluster()), "Installing")},
      {"ready", installed().cluster()},
      {"edited-and-not-seen", edited_and_not_seen()},
      {"awaiting-approval", awaiting_approval()},
      {"upgrading", upgrading()},
      {"image-not-pulled", not_pulled()},
      {"setup-failed", setup_failed()},
      {"maintenance", edited([](Json& spec) { spec["maintenance"] = true; })},
      {"stopped", edited([](Json& spec) { spec["stopped"] = true; })},
      {"paused", edited([](Json& spec) { spec["paused"] = true; })},
      {"deleting", deleting()},
  };
  const std::filesystem::path folder = std::filesystem::path(NBO_SOURCE_DIR) / "tests/golden/states";
  for (const auto& [name, object] : states) {
    expect_golden(folder / (name + ".json"), object.dump(2) + "\n");
  }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
  }
  EXPECT_EQ(files, states.size()) << "a file without its state";
}

}  // namespace
}  // namespace nocobase_operator::app
