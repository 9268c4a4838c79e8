// A crash after every write, and the loss of every reply: for each write of a history without other faults, the same
// history is run again with that one thing. The end is the same, and so are the numbers of objects that were made and
// deleted and of pods that were told to go.
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "simulation/world.h"

namespace nocobase_operator::simulation {
namespace {

const Step install{"installs", [](World& world) {
                     Json spec = first_spec(world.scene());
                     spec["image"] = "nocobase/nocobase:2.2.5-full";
                     spec["roles"] = {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
                                      {{"name", "flow"}, {"services", {"workflow:process"}}}};
                     world.scene().server.put_cluster("crm", spec);
                   }};

Step spec_edit(const std::string& name, const std::function<void(Json&)>& edit) {
  return {name, [name, edit](World& world) { world.edit_spec(name, edit); }};
}

std::vector<Step> steady() {
  return {
      install,
      {"scales flow to 3", [](World& world) { world.scale("flow", 3); }},
      spec_edit("maintenance on", [](Json& spec) { spec["maintenance"] = true; }),
      spec_edit("maintenance off", [](Json& spec) { spec.erase("maintenance"); }),
      spec_edit("web to 3 with a variable",
                [](Json& spec) {
                  spec["roles"][0]["replicas"] = 3;
                  spec["roles"][0]["env"] = {{{"name", "MARK"}, {"value", "1"}}};
                }),
      spec_edit("a role comes",
                [](Json& spec) {
                  spec["roles"].push_back({{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", 1}});
                }),
      spec_edit("flow becomes fixed", [](Json& spec) { spec["roles"][1]["replicas"] = 2; }),
      spec_edit("the role goes", [](Json& spec) { spec["roles"].erase(2); }),
      spec_edit("stopped", [](Json& spec) { spec["stopped"] = true; }),
      spec_edit("goes on", [](Json& spec) { spec.erase("stopped"); })};
}

std::vector<Step> upgrade() {
  return {install, spec_edit("another image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; })};
}

std::vector<Step> with_jobs() {
  const auto job = [](Json& spec, const char* part) {
    spec["upgrade"][part]["jobTemplate"]["spec"] = {
        {"backoffLimit", 0},
        {"template",
         {{"spec", {{"restartPolicy", "Never"}, {"containers", {{{"name", "job"}, {"image", "tools:1"}}}}}}}}};
  };
  return {install,
          spec_edit("hooks",
                    [job](Json& spec) {
                      job(spec, "backup");
                      job(spec, "verify");
                    }),
          spec_edit("another image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; })};
}

Setting setting_of(const std::vector<Step>& script, Strike strike) {
  Setting setting;
  setting.seed = 1;
  setting.faults = Faults::none();
  setting.script = script;
  setting.strike = strike;
  return setting;
}

std::string first_difference(const std::string& a, const std::string& b) {
  const auto line_end = [](const std::string& text, std::size_t from) { return text.find('\n', from); };
  for (std::size_t i = 0, j = 0; i != std::string::npos && j != std::string::npos && i < a.size() && j < b.size();) {
    const std::string left = a.substr(i, line_end(a, i) - i);
    const std::string right = b.substr(j, line_end(b, j) - j);
    if (left != right) {
      const std::size_t from = i > 200 ? i - 200 : 0;
      return a.substr(from, i - from) + "\n  wanted: " + left + "\n  found:  " + right;
    }
    i = line_end(a, i) == std::string::npos ? std::string::npos : line_end(a, i) + 1;
    j = line_end(b, j) == std::string::npos ? std::string::npos : line_end(b, j) + 1;
  }
  return "the same";
}

std::string counted(const Counts& counts) {
  return "creates " + std::to_string(counts.creates) + ", deletes " + std::to_string(counts.deletes) + ", pod stops " +
         std::to_string(counts.pod_stops) + ", pods " + std::to_string(counts.pods_made) + ", migrations " +
         std::to_string(counts.migrations);
}

std::string last_lines(Setting setting) {
  setting.tells = true;
  const Outcome outcome = World(setting).run();
  std::string text;
  for (const std::string& line : outcome.history) {
    text += line.substr(0, 300) + "\n";
  }
  return text.size() > 20'000 ? text.substr(text.size() - 20'000) : text;
}

// Strikes every write of the history (each `step`-th under NBO_CRASH_STEP).
void strike_every_write(const std::vector<Step>& script, Strike::How how) {
  const char* const given = std::getenv("NBO_CRASH_STEP");
  const std::uint64_t step = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const Outcome whole = World(setting_of(script, {})).run();
  ASSERT_EQ(whole.broken.name, "") << whole.broken.what << "\n" << last_lines(setting_of(script, {}));
  ASSERT_GT(whole.counts.writes, 10U);
  int failures = 0;
  for (std::uint64_t write = 1; write <= whole.counts.writes && failures < 3; write += step) {
    SCOPED_TRACE("at write " + std::to_string(write) + " of " + std::to_string(whole.counts.writes));
    const Setting setting = setting_of(script, {.write = write, .how = how});
    const Outcome outcome = World(setting).run();
    const bool same = outcome.broken.name.empty() && outcome.digest == whole.digest &&
                      counted(outcome.counts) == counted(whole.counts);
    failures += same ? 0 : 1;
    EXPECT_EQ(outcome.broken.name, "") << outcome.broken.what;
    EXPECT_EQ(counted(outcome.counts), counted(whole.counts));
    EXPECT_TRUE(outcome.digest == whole.digest) << first_difference(whole.digest, outcome.digest);
    if (!same && failures == 1) {
      std::puts(last_lines(setting).c_str());
    }
  }
}

TEST(CrashPoints, InstallAndSteadyCrash) {
  strike_every_write(steady(), Strike::How::crash);
}
TEST(CrashPoints, InstallAndSteadyReplyLost) {
  strike_every_write(steady(), Strike::How::reply_lost);
}
TEST(CrashPoints, UpgradeCrash) {
  strike_every_write(upgrade(), Strike::How::crash);
}
TEST(CrashPoints, UpgradeReplyLost) {
  strike_every_write(upgrade(), Strike::How::reply_lost);
}
TEST(CrashPoints, UpgradeWithJobsCrash) {
  strike_every_write(with_jobs(), Strike::How::crash);
}
TEST(CrashPoints, UpgradeWithJobsReplyLost) {
  strike_every_write(with_jobs(), Strike::How::reply_lost);
}

}  // namespace
}  // namespace nocobase_operator::simulation
