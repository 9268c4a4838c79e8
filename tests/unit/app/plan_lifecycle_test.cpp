// Installations and upgrades as plans that are carried out, whole, and with an operator that dies on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/names.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::string_at;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string old_image = "nocobase/nocobase:2.2.15-full";
const std::string new_image = "nocobase/nocobase:2.2.16-full";
const std::string digest = "@sha256:" + std::string(64, 'd');

Json job_template() {
  return {{"jobTemplate",
           {{"spec", {{"template", {{"spec", {{"containers", {{{"name", "run"}, {"image", "tools:1"}}}}}}}}}}}}};
}

// What must hold at every moment.
void check(const World& world, const Plan& plan) {
  EXPECT_LE(world.images().size(), 1U) << plan.why;
  const Observed seen = world.observe();
  std::size_t setups = 0;
  for (const SeenPod& pod : seen.pods) {
    setups += pod.role == component_setup ? 1 : 0;
  }
  EXPECT_LE(setups, 1U);
  EXPECT_TRUE(setups == 0 || seen.pods.size() == 1) << "the setup Pod is alone";
  for (const kube::Call& call : plan.calls) {
    const bool makes_setup = call.verb == kube::Verb::create && call.ref.kind == Kind::pod;
    EXPECT_TRUE(!makes_setup || seen.pods.empty());
  }
}

std::string phase(const World& world) {
  return string_at(world.cluster(), {"status", "phase"});
}
Operation operation(const World& world) {
  return operation_of(world.cluster().at("status"));
}
std::int32_t replicas(const World& world, const std::string& role) {
  const SeenChild* const child = world.find(ref_of(Kind::deployment, "crm-" + role));
  return child == nullptr ? -1 : std::get<SeenDeployment>(child->detail).spec_replicas;
}

World installed() {
  World world(fresh_cluster());
  EXPECT_GT(world.settle(check), 0);
  return world;
}

void upgrade(Json& spec) {
  spec["image"] = new_image;
}

TEST(PlanLifecycle, InstallsWithOnePodAndThenTheRoles) {
  World world(fresh_cluster());
  std::vector<std::string> phases;
  EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
    check(now, plan);
    if (const std::string is = phase(now); phases.empty() || phases.back() != is) {
      phases.push_back(is);
    }
  }),
            0);
  EXPECT_THAT(phases, testing::ElementsAre("", "Installing", "Running"));
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.setup_pod(), nullptr);
  EXPECT_EQ(replicas(world, "web"), 2);
  EXPECT_EQ(operation(world).step, Step::idle);
  EXPECT_EQ(operation(world).record->image, old_image);
  EXPECT_EQ(world.cluster()["status"]["image"], old_image + digest);
  const auto* const record = world.find(ref_of(Kind::config_map, "crm-record"));
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(std::get<SeenConfig>(record->detail).record, operation(world).record);
  EXPECT_THAT(lines(plan(world.observe(), world.now())), IsEmpty());
}

TEST(PlanLifecycle, UpgradesByStoppingAllAndRestoresEveryCount) {
  World world = installed();
  world.scale("workflow", 5);
  EXPECT_GT(world.settle(check), 0);
  world.edit_spec(upgrade);
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.images(), std::set<std::string>{new_image + digest});
  EXPECT_EQ(replicas(world, "web"), 2);
  EXPECT_EQ(replicas(world, "workflow"), 5);
  EXPECT_EQ(replicas(world, "tasks"), 1);
  EXPECT_EQ(world.cluster()["status"]["version"], "2.2.16");
  EXPECT_THAT(world.jobs(), IsEmpty());
}

TEST(PlanLifecycle, NoRoleIsRaisedWhileAPodOfAnotherVersionIsThere) {
  World world = installed();
  SeenPod lost;
  lost.meta.ref = {Kind::pod, "apps", "crm-web-lost"};
  lost.meta.terminating = true;
  lost.cluster = "crm";
  lost.role = "web";
  lost.image = old_image + digest;
  lost.node = "node-7";
  world.edit_spec(upgrade);
  bool added = false;
  EXPECT_GT(world.settle([&](const World& now, const Plan&) {
    if (!added && operation(now).step == Step::finish) {
      const_cast<World&>(now).add_pod(lost);
      added = true;
    }
  }),
            0);
  ASSERT_TRUE(added);
  EXPECT_EQ(operation(world).step, Step::start);
  EXPECT_EQ(replicas(world, "web"), 0);
  EXPECT_EQ(replicas(world, "workflow"), 0);
  EXPECT_EQ(replicas(world, "tasks"), 0);
  EXPECT_THAT(string_at(*find_condition(world.cluster()["status"], "Reconciling"), {"message"}),
              HasSubstr("pods of another version are there: pod crm-web-lost on node node-7"));
  world.remove_pod("crm-web-lost");
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(replicas(world, "web"), 2);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

// The seconds of each step as status.lastUpgrade has them, and all of them that no role had pods in.
std::int64_t sum_of_seconds(const Json& last) {
  std::int64_t sum = 0;
  for (const auto& [step, seconds] : last["seconds"].items()) {
    sum += step == "Pull" ? 0 : seconds.get<std::int64_t>();
  }
  return sum;
}

TEST(PlanLifecycle, TellsTheSecondsDownByStep) {
  World world = installed();
  EXPECT_EQ(world.cluster()["status"].value("lastUpgrade", Json()), Json()) << "an installation is no upgrade";
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"backup", job_template()}, {"verify", job_template()}};
  });
  EXPECT_GT(world.settle(check), 0);
  const Json last = world.cluster()["status"]["lastUpgrade"];
  const Json seconds = {{"Pull", 1},    {"Drain", 1},  {"Backup", 1}, {"Setup", 1},
                        {"Migrate", 1}, {"Verify", 1}, {"Finish", 1}, {"Start", 1}};
  EXPECT_EQ(last, (Json{{"image", new_image},
                        {"result", "Completed"},
                        {"completionTime", last["completionTime"]},
                        {"secondsDown", 7},
                        {"seconds", seconds}}));
}

TEST(PlanLifecycle, TellsTheSecondsDownOfAnUpgradeThatIsTakenBack) {
  World world = installed();
  world.failing_jobs = {"backup"};
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"backup", job_template()}};
  });
  EXPECT_GT(world.settle(check), 0);
  const Json last = world.cluster()["status"]["lastUpgrade"];
  EXPECT_EQ(last["image"], old_image);
  EXPECT_EQ(last["result"], "TakenBack");
  EXPECT_EQ(last["seconds"], (Json{{"Pull", 1}, {"Drain", 1}, {"Backup", 1}, {"Start", 1}}));
  EXPECT_EQ(last["secondsDown"], 3);
}

TEST(PlanLifecycle, TheTimeThatAFailedSetupWaitedForAPersonCounts) {
  World world = installed();
  world.setup_fails = true;
  world.edit_spec(upgrade);
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Stalled"), "True SetupFailed");
  world.advance(Seconds(1'000));
  world.setup_fails = false;
  world.edit_spec([](Json& spec) { spec["upgrade"]["retry"] = "2"; });
  EXPECT_GT(world.settle(check), 0);
  const Json last = world.cluster()["status"]["lastUpgrade"];
  EXPECT_EQ(last["result"], "Completed");
  EXPECT_GE(last["seconds"]["Failed"], 1'000);
  EXPECT_EQ(last["secondsDown"], sum_of_seconds(last) + 1) << "the second attempt's pull is time without pods too";
}

TEST(PlanLifecycle, RunsTheHooks) {
  World world = installed();
  std::set<std::string> seen;
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"backup", job_template()}, {"verify", job_template()}};
  });
  EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
    check(now, plan);
    for (const kube::Call& call : plan.calls) {
      if (call.ref.kind == Kind::job && call.verb == kube::Verb::create) {
        seen.insert(call.ref.name.substr(4, call.ref.name.rfind('-') - 4));
        const Json variables = call.body["spec"]["template"]["spec"]["containers"][0].value("env", Json::array());
        if (call.ref.name.find("verify") != std::string::npos) {
          EXPECT_EQ(variables, Json::array({Json{{"name", "SETUP_URL"}, {"value", "http://10.0.0.9:13000"}}}));
        }
      }
    }
  }),
            0);
  EXPECT_EQ(seen, (std::set<std::string>{"backup", "pull", "verify"}));
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanLifecycle, AnImageThatCannotBePulledStopsNothing) {
  World world = installed();
  world.failing_jobs = {"pull"};
  world.edit_spec(upgrade);
  EXPECT_GT(world.settle([](const World& now, const Plan& plan) {
    check(now, plan);
    EXPECT_EQ(replicas(now, "web"), 2);
  }),
            0);
  EXPECT_EQ(world.condition("Stalled"), "True PullFailed");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.images(), std::set<std::string>{old_image + digest});
  world.edit_spec([](Json& spec) { spec["image"] = old_image; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Stalled"), "False AsExpected");
  EXPECT_EQ(phase(world), "Running");
}

TEST(PlanLifecycle, ABackupThatFailsBringsTheOldVersionBackAndIsNotTriedAgain) {
  World world = installed();
  world.scale("workflow", 4);
  world.settle(check);
  world.failing_jobs = {"backup"};
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"backup", job_template()}};
  });
  int setups = 0;
  const auto count = [&](const World& now, const Plan& plan) {
    check(now, plan);
    for (const kube::Call& call : plan.calls) {
      setups += call.ref.kind == Kind::pod && call.verb == kube::Verb::create ? 1 : 0;
    }
  };
  EXPECT_GT(world.settle(count), 0);
  EXPECT_EQ(setups, 0) << "nothing was migrated";
  EXPECT_EQ(world.condition("Stalled"), "True BackupFailed");
  EXPECT_EQ(replicas(world, "workflow"), 4);
  EXPECT_EQ(world.images(), std::set<std::string>{old_image + digest});
  world.advance(Seconds(36'000));
  EXPECT_GT(world.settle(count), 0);
  EXPECT_EQ(world.condition("Stalled"), "True BackupFailed");
  world.failing_jobs.clear();
  world.edit_spec([](Json& spec) { spec["upgrade"]["retry"] = "2"; });
  EXPECT_GT(world.settle(count), 0);
  EXPECT_EQ(world.images(), std::set<std::string>{new_image + digest});
  EXPECT_EQ(setups, 1);
}

TEST(PlanLifecycle, ASetupThatFailsLeavesTheClusterStopped) {
  World world = installed();
  world.setup_fails = true;
  world.edit_spec(upgrade);
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Stalled"), "True SetupFailed");
  EXPECT_EQ(phase(world), "Blocked");
  EXPECT_EQ(replicas(world, "web"), 0);
  world.edit_spec([](Json& spec) { spec["image"] = old_image; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Stalled"), "True DowngradeRefused");
  world.setup_fails = false;
  world.edit_spec([](Json& spec) { spec["upgrade"] = {{"allowDowngrade", true}}; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(replicas(world, "web"), 2);
}

TEST(PlanLifecycle, ApprovalIsWaitedForWhileAllRuns) {
  World world = installed();
  world.edit_spec([](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"approval", "Manual"}};
  });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(phase(world), "AwaitingApproval");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("Reconciling"), "True AwaitingApproval");
  world.edit_spec([](Json& spec) { spec["upgrade"]["approvedImage"] = new_image; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.images(), std::set<std::string>{new_image + digest});
}

TEST(PlanLifecycle, ARevisionRunsTheSetupAgain) {
  World world = installed();
  world.edit_spec([](Json& spec) { spec["setup"] = {{"revision", "licence-2"}}; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(operation(world).record->revision, "licence-2");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanLifecycle, StoppedBeforeItWasInstalledItHasNothing) {
  Json cluster = fresh_cluster();
  cluster["spec"]["stopped"] = true;
  World world(std::move(cluster));
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Ready"), "True Stopped");
  EXPECT_EQ(world.setup_pod(), nullptr);
  world.edit_spec([](Json& spec) { spec["stopped"] = false; });
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanLifecycle, MaintenanceOutlastsAnUpgrade) {
  World world = installed();
  world.edit_spec([](Json& spec) { spec["maintenance"] = true; });
  EXPECT_GT(world.settle(check), 0);
  world.edit_spec(upgrade);
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(phase(world), "Maintenance");
  EXPECT_EQ(replicas(world, "web"), 1);
  EXPECT_EQ(replicas(world, "tasks"), 0);
}

TEST(PlanLifecycle, DataOfAnOlderClusterIsBackedUpFirst) {
  World world = installed();
  Json again = world.cluster();
  again["status"].erase("operation");
  again["spec"]["image"] = new_image;
  again["spec"]["upgrade"] = {{"backup", job_template()}};
  world.cluster() = again;
  for (const char* const role : {"web", "workflow", "tasks"}) {
    world.remove(ref_of(Kind::deployment, std::string("crm-") + role));
  }
  world.restart();
  std::vector<std::string> jobs;
  EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
    check(now, plan);
    for (const kube::Call& call : plan.calls) {
      if (call.ref.kind == Kind::job && call.verb == kube::Verb::create) {
        jobs.push_back(call.ref.name);
      }
    }
  }),
            0);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_THAT(jobs[1], HasSubstr("backup"));
  EXPECT_EQ(world.images(), std::set<std::string>{new_image + digest});
}

// Its claim is ours, and made for data that is not there yet.
TEST(PlanLifecycle, WhatWasStoppedFromTheBeginningIsAnInstallation) {
  Json cluster = fresh_cluster();
  cluster["spec"]["stopped"] = true;
  cluster["spec"]["upgrade"] = {{"approval", "Manual"}, {"backup", job_template()}};
  World world(cluster);
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(phase(world), "Stopped");
  world.edit_spec([](Json& spec) { spec.erase("stopped"); });
  EXPECT_GT(world.settle([](const World& now, const Plan& plan) {
    check(now, plan);
    for (const kube::Call& call : plan.calls) {
      EXPECT_NE(call.ref.kind, Kind::job) << "there is nothing to back up, nor to keep running";
    }
  }),
            0);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(PlanLifecycle, ApprovalIsWaitedForWhereNothingRunsBesideOldData) {
  World world = installed();
  Json again = world.cluster();
  again["status"].erase("operation");
  again["spec"]["upgrade"] = {{"approval", "Manual"}};
  world.cluster() = again;
  world.remove({Kind::config_map, "apps", "crm-record"});
  for (const char* const role : {"web", "workflow", "tasks"}) {
    world.remove(ref_of(Kind::deployment, std::string("crm-") + role));
  }
  world.restart();
  EXPECT_GT(world.settle(check), 0);
  EXPECT_EQ(phase(world), "AwaitingApproval");
  EXPECT_EQ(world.condition("Ready"), "False AwaitingApproval");
  EXPECT_EQ(world.condition("Reconciling"), "True AwaitingApproval");
}

// Carries a change out, with the operator dying after the write of that number; returns the numbers of writes made.
int carry_out(World& world, int dies_after) {
  int writes = 0;
  for (int passes = 0; passes < 400; ++passes) {
    const Plan next = plan(world.observe(), world.now());
    check(world, next);
    bool changed = world.read_again(next);
    for (const kube::Call& call : next.calls) {
      changed = world.call(call).empty() || changed;
      if (kube::is_write(call.verb) && ++writes == dies_after) {
        world.restart();
        break;
      }
    }
    if (!changed && !world.tick()) {
      return writes;
    }
  }
  ADD_FAILURE() << "it does not end";
  return writes;
}

void dies_anywhere(World start, const std::function<void(Json&)>& change) {
  start.edit_spec(change);
  World undisturbed = start;
  const int writes = carry_out(undisturbed, -1);
  EXPECT_GT(writes, 5);
  for (int i = 1; i <= writes; ++i) {
    SCOPED_TRACE("dies after write " + std::to_string(i));
    World world = start;
    carry_out(world, i);
    EXPECT_EQ(world.digest(), undisturbed.digest());
  }
}

TEST(PlanLifecycle, AnOperatorThatDiesAnywhereInAnInstallationChangesNothing) {
  dies_anywhere(World(fresh_cluster()), [](Json&) {});
}

TEST(PlanLifecycle, AnOperatorThatDiesAnywhereInAnUpgradeChangesNothing) {
  dies_anywhere(installed(), [](Json& spec) {
    upgrade(spec);
    spec["upgrade"] = {{"backup", job_template()}, {"verify", job_template()}};
  });
}

TEST(PlanLifecycle, TwoChangesAtAnyDistanceEndAsTheSecondAlone) {
  World start = installed();
  start.edit_spec(upgrade);
  bool changed_twice = true;
  for (int distance = 0; changed_twice; ++distance) {
    ASSERT_LT(distance, 100);
    SCOPED_TRACE(distance);
    World world = start;
    int passes = 0;
    EXPECT_GT(world.settle([&](const World& now, const Plan& plan) {
      check(now, plan);
      if (passes++ == distance) {
        const_cast<World&>(now).edit_spec([](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.17-full"; });
      }
    }),
              0);
    EXPECT_GT(world.settle(check), 0);  // a plan that was made before the second change has failed, and that is no end
    changed_twice = passes > distance;
    EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
    EXPECT_EQ(world.images(),
              std::set<std::string>{(changed_twice ? "nocobase/nocobase:2.2.17-full" : new_image) + digest});
  }
}

}  // namespace
}  // namespace nocobase_operator::app
