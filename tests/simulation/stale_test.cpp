// What an operator sees late, not at all, or only the end of: a watch of one kind that is frozen at each version, spec
// changes of which only the last one is seen, and lists without events.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "simulation/histories.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;

// --- frozen watches --------------------------------------------------------------------------------------------------

std::vector<Step> deletes_and_scales() {
  return {install(),
          {"scales flow to 3", [](World& world) { world.scale("flow", 3); }},
          spec_edit("web to 1 with a variable",
                    [](Json& spec) {
                      spec["roles"][0]["replicas"] = 1;
                      spec["roles"][0]["env"] = {{{"name", "MARK"}, {"value", "1"}}};
                    }),
          spec_edit("stopped", [](Json& spec) { spec["stopped"] = true; }),
          spec_edit("goes on", [](Json& spec) { spec.erase("stopped"); }),
          spec_edit("a role goes", [](Json& spec) { spec["roles"].erase(1); })};
}

// The watch of the kind is frozen at every version that an object of the kind has had since the first step was over
// (each n-th under NBO_POINT_STEP=n).
void freeze_at_every_version(const std::vector<Step>& script, Kind kind) {
  const Outcome whole = World(setting_of(script)).run();
  ASSERT_EQ(whole.broken.name, "") << whole.broken.what;
  const std::uint64_t step = number_from("NBO_POINT_STEP", 1);
  std::size_t points = 0;
  int failures = 0;
  for (const auto& [changed, version] : whole.changes) {
    if (changed != kind || version <= whole.steps.at(1).version || failures == 3 || points++ % step != 0) {
      continue;
    }
    SCOPED_TRACE(std::string(kube::info(kind).kind) + " at version " + std::to_string(version));
    Setting setting = setting_of(script);
    setting.frozen = {.kind = kind, .version = version};
    const Outcome outcome = World(setting).run();
    const bool same = outcome.broken.name.empty() && outcome.digest == whole.digest &&
                      outcome.counts.migrations == whole.counts.migrations;
    EXPECT_EQ(outcome.broken.name, "") << outcome.broken.what;
    EXPECT_TRUE(outcome.digest == whole.digest) << first_difference(whole.digest, outcome.digest);
    EXPECT_EQ(outcome.counts.migrations, whole.counts.migrations);
    if (!same && ++failures == 1) {
      std::puts(last_lines(setting).c_str());
    }
  }
  EXPECT_GT(points, 1U);
}

TEST(Frozen, Clusters) {
  freeze_at_every_version(deletes_and_scales(), Kind::nocobase_cluster);
  freeze_at_every_version(upgrade(), Kind::nocobase_cluster);
}
TEST(Frozen, Roles) {
  freeze_at_every_version(deletes_and_scales(), Kind::nocobase_role);
  freeze_at_every_version(upgrade(), Kind::nocobase_role);
}
TEST(Frozen, Deployments) {
  freeze_at_every_version(deletes_and_scales(), Kind::deployment);
  freeze_at_every_version(upgrade(), Kind::deployment);
}
TEST(Frozen, Pods) {
  freeze_at_every_version(deletes_and_scales(), Kind::pod);
  freeze_at_every_version(upgrade(), Kind::pod);
}
TEST(Frozen, Jobs) {
  freeze_at_every_version(with_jobs(), Kind::job);
}

// --- spec changes of which only the last one is seen -----------------------------------------------------------------

struct Spec {
  const char* name;
  void (*edit)(Json& spec);
};
constexpr std::array<Spec, 10> specs{{
    {"more pods", [](Json& spec) { spec["roles"][0]["replicas"] = 3; }},
    {"a variable",
     [](Json& spec) {
       spec["env"] = {{{"name", "MARK"}, {"value", "1"}}};
     }},
    {"maintenance", [](Json& spec) { spec["maintenance"] = true; }},
    {"stopped", [](Json& spec) { spec["stopped"] = true; }},
    {"paused", [](Json& spec) { spec["paused"] = true; }},
    {"a newer image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; }},
    {"an older image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.4-full"; }},
    {"a role that comes",
     [](Json& spec) {
       spec["roles"].push_back({{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", 1}});
     }},
    {"a role that is fixed", [](Json& spec) { spec["roles"][1]["replicas"] = 2; }},
    {"an invalid spec", [](Json& spec) { spec["database"]["dialect"] = "oracle"; }},
}};

Outcome run_through(const std::vector<std::vector<const Spec*>>& steps) {
  std::vector<Step> script = {install()};
  for (const std::vector<const Spec*>& at_once : steps) {
    script.push_back({at_once.back()->name, [at_once](World& world) {
                        const Json before = (*world.scene().server.find(world.cluster()))["spec"];
                        static const Json first = before;  // every world begins alike
                        for (const Spec* const spec : at_once) {
                          world.edit_spec(spec->name, [spec](Json& of) {
                            of = first;
                            spec->edit(of);
                          });
                        }
                      }});
  }
  return World(setting_of(script)).run();
}

TEST(SpecChanges, OfTwoAtOnceTheFirstLeavesNothing) {
  const std::uint64_t step = number_from("NBO_POINT_STEP", 1);
  std::uint64_t pairs = 0;
  std::vector<std::string> direct;
  for (const Spec& spec : specs) {
    const Outcome outcome = run_through({{&spec}});
    ASSERT_EQ(outcome.broken.name, "") << spec.name << ": " << outcome.broken.what;
    direct.push_back(without_epochs(outcome.digest));
  }
  for (const Spec& first : specs) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (&first == &specs[i] || pairs++ % step != 0) {
        continue;
      }
      SCOPED_TRACE(std::string(first.name) + ", then " + specs[i].name);
      const Outcome at_once = run_through({{&first, &specs[i]}});
      EXPECT_EQ(at_once.broken.name, "") << at_once.broken.what;
      const std::string end = without_epochs(at_once.digest);
      if (end != direct[i]) {
        const Outcome one_by_one = run_through({{&first}, {&specs[i]}});
        EXPECT_EQ(end, without_epochs(one_by_one.digest)) << first_difference(direct[i], end);
      }
    }
  }
}

// --- lists without events --------------------------------------------------------------------------------------------

void with_lists_only(const std::vector<Step>& script) {
  const Outcome whole = World(setting_of(script)).run();
  Setting setting = setting_of(script);
  setting.only_lists = true;
  const Outcome outcome = World(setting).run();
  EXPECT_EQ(outcome.broken.name, "") << outcome.broken.what << "\n" << last_lines(setting);
  EXPECT_TRUE(outcome.digest == whole.digest) << first_difference(whole.digest, outcome.digest);
  EXPECT_EQ(counted(outcome.counts), counted(whole.counts));
}

TEST(ListsOnly, Holds) {
  with_lists_only(holds());
}
TEST(ListsOnly, ChangesOfRoles) {
  with_lists_only(changes());
}
TEST(ListsOnly, Upgrade) {
  with_lists_only(upgrade());
}
TEST(ListsOnly, UpgradeWithJobs) {
  with_lists_only(with_jobs());
}

}  // namespace
}  // namespace nocobase_operator::simulation
