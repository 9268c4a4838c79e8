// The diagram in docs/lifecycle.md has the transitions that decide() makes, all of them and no others: every state that
// can be reached from a new cluster is shown everything that there may be to see.
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include "app/lifecycle.h"

namespace nocobase_operator::app {
namespace {

using Edge = std::pair<std::string, std::string>;

const std::string old_image = "nocobase/nocobase:2.2.15";
const std::string new_image = "nocobase/nocobase:2.2.16";
const std::chrono::sys_seconds noon{Seconds(1'767'268'800)};

// What each transition is called in the diagram.
const std::map<Edge, std::string> labels = {
    {{"[*]", "Idle"}, "what was set up before is known"},
    {{"[*]", "Pull"}, "data was there"},
    {{"[*]", "Setup"}, "nothing was there"},
    {{"[*]", "Migrate"}, "a setup was found at work"},
    {{"Idle", "Idle"}, "what failed is no longer asked for"},
    {{"Idle", "Pull"}, "another image, setup.revision or database"},
    {{"Idle", "Setup"}, "nothing was there, and it may begin now"},
    {{"Idle", "Migrate"}, "a setup was found at work"},
    {{"Pull", "Idle"}, "it cannot be pulled, or is taken back"},
    {{"Pull", "Pull"}, "another image"},
    {{"Pull", "Drain"}, "the image can be pulled"},
    {{"Pull", "Setup"}, "another image, and no data is there after all"},
    {{"Pull", "Failed"}, "the same, and an earlier setup was not completed"},
    {{"Drain", "Idle"}, "taken back, and nothing was set up before"},
    {{"Drain", "Pull"}, "another image"},
    {{"Drain", "Backup"}, "no pod is left"},
    {{"Drain", "Setup"}, "and no backup is asked for"},
    {{"Drain", "Start"}, "taken back"},
    {{"Drain", "Failed"}, "taken back, and an earlier setup was not completed"},
    {{"Backup", "Idle"}, "it failed or is taken back, and nothing was set up before"},
    {{"Backup", "Pull"}, "another image"},
    {{"Backup", "Setup"}, "the Job succeeded"},
    {{"Backup", "Start"}, "it failed or is taken back, the old version comes back"},
    {{"Backup", "Failed"}, "the same, and an earlier setup was not completed"},
    {{"Setup", "Idle"}, "taken back, and nothing was set up before"},
    {{"Setup", "Pull"}, "another image"},
    {{"Setup", "Setup"}, "which setup Pod may start is noted, or another image of an installation"},
    {{"Setup", "Migrate"}, "the setup container has started"},
    {{"Setup", "Start"}, "taken back before that"},
    {{"Setup", "Failed"}, "the same, and an earlier setup was not completed"},
    {{"Migrate", "Migrate"}, "it takes too long"},
    {{"Migrate", "Verify"}, "the setup Pod is Ready"},
    {{"Migrate", "Finish"}, "and no verification is asked for"},
    {{"Migrate", "Failed"}, "its container ended, or it vanished"},
    {{"Verify", "Finish"}, "the Job succeeded"},
    {{"Verify", "Failed"}, "it failed, or the setup Pod vanished"},
    {{"Finish", "Start"}, "the record is written, the setup Pod is gone"},
    {{"Start", "Idle"}, "every role has its pods"},
    {{"Start", "Pull"}, "another image, setup.revision or database"},
    {{"Start", "Migrate"}, "a setup was found at work"},
    {{"Start", "Start"}, "what failed is no longer asked for"},
    {{"Failed", "Pull"}, "spec.upgrade.retry, the image or the setup changed"},
};

SetupRecord record(const std::string& image) {
  return {.image = image, .runs = image, .revision = "", .database = "db", .keys = "k", .started = ""};
}

// Operations that decide the same are the same: times and numbers do not count.
Operation normal(Operation operation) {
  operation.epoch = 1;
  operation.since = operation.down_since = {};
  operation.seconds.clear();
  if (operation.failed) {
    operation.failed->image = operation.failed->reason = operation.failed->message = "";
  }
  return operation;
}

std::string text_of(const SetupRecord& record) {
  return record.image + "|" + record.runs + "|" + record.revision + "|" + record.database + "|" + record.keys + "|" +
         record.started + "|";
}

std::string key_of(const Operation& operation) {
  std::string key = std::string(name_of(operation.step)) + (operation.install ? "+i" : "") +
                    (operation.down ? "+d" : "") + "|" + operation.attempt + "|" + operation.setup_uid + "|";
  key += text_of(operation.target);
  key += operation.failed ? "failed " + operation.failed->attempt + "|" : "";
  return key + (operation.record ? "record " + text_of(*operation.record) : "");
}

// The choices of everything that a decision looks at and that can change it.
struct Choices {
  std::vector<std::string> wanted = {old_image, new_image};
  std::vector<SetupPod> setups = {SetupPod::absent, SetupPod::foreign, SetupPod::waiting,    SetupPod::started,
                                  SetupPod::ready,  SetupPod::ended,   SetupPod::terminating};
  std::vector<JobState> jobs = {JobState::running, JobState::succeeded, JobState::failed};
};

// Steps that have no Job are not shown one at three states.
bool has_job(Step step) {
  return step == Step::pull || step == Step::backup || step == Step::verify;
}

// Calls `visit` with everything that there may be to see of an operation.
void each_view(const Operation& operation, const std::function<void(const Lifecycle&)>& visit) {
  const Choices choices;
  const bool fresh = !operation.record || operation.record->image.empty();
  Lifecycle v;
  v.operation = operation;
  v.now = noon;
  v.keys_usable = true;
  const unsigned all = !operation.record ? 512 : fresh ? 256 : 128;
  for (unsigned bits = 0; bits < all; ++bits) {
    const auto bit = [bits](unsigned place) { return (bits >> place & 1U) != 0; };
    v.stopped = bit(0);
    v.is_approved = !bit(1);
    v.allow_downgrade = bit(2);
    v.backs_up = v.verifies = bit(3);
    v.scaled_down = v.proven = bit(4);
    v.pods = bit(4) ? 0 : 3;
    v.others = bit(4) ? 0 : 1;
    v.recorded = v.roles_reached = bit(5);
    v.is_new = bit(7);
    const bool same_pod = bit(6);
    if (v.stopped && !v.is_approved) {
      continue;  // one of them holds it back as well
    }
    for (const std::string& wanted : choices.wanted) {
      v.wanted = {.image = wanted, .runs = "", .revision = "", .database = "db", .keys = "k", .started = ""};
      v.attempt = wanted;
      v.found = bit(8) ? record(old_image) : SetupRecord{};
      for (const SetupPod setup : choices.setups) {
        v.setup = setup;
        v.setup_is_ready = setup == SetupPod::ready;
        v.setup_started =
            setup == SetupPod::started || setup == SetupPod::ready || (setup == SetupPod::terminating && bit(3));
        v.setup_uid = same_pod && !operation.setup_uid.empty() ? operation.setup_uid : "pod";
        v.setup_epoch = same_pod ? operation.epoch : 0;
        v.setup_image = v.setup_runs = same_pod && !operation.target.image.empty() ? operation.target.image : wanted;
        if (same_pod && (setup == SetupPod::absent || setup == SetupPod::foreign)) {
          continue;
        }
        for (const JobState job : choices.jobs) {
          if (job != JobState::running && !has_job(operation.step)) {
            continue;
          }
          v.pull.state = v.backup.state = v.verify.state = job;
          visit(v);
        }
      }
    }
  }
}

std::set<Edge> edges() {
  std::set<Edge> found;
  std::map<std::string, Operation> known;
  std::vector<Operation> open = {normal({})};
  known[key_of(open.front())] = open.front();
  while (!open.empty()) {
    const Operation from = open.back();
    open.pop_back();
    each_view(from, [&](const Lifecycle& view) {
      const Decision decision = decide(view);
      if (!decision.next) {
        return;
      }
      const std::string name = from.record ? std::string(name_of(from.step)) : "[*]";
      found.emplace(name, name_of(decision.next->step));
      Operation next = normal(*decision.next);
      if (known.emplace(key_of(next), next).second) {
        open.push_back(std::move(next));
      }
    });
  }
  return found;
}

std::string diagram() {
  std::string text = "stateDiagram-v2\n";
  const std::set<Edge> found = edges();
  std::vector<std::string> steps = {"[*]"};
  for (int step = 0; step <= static_cast<int>(Step::failed); ++step) {
    steps.emplace_back(name_of(static_cast<Step>(step)));
  }
  for (const std::string& from : steps) {
    for (const std::string& to : steps) {
      const auto label = labels.find({from, to});
      const bool there = found.contains({from, to});
      EXPECT_EQ(there, label != labels.end()) << from << " --> " << to << (there ? " has no label" : " is never made");
      if (there) {
        text += "  " + from + " --> " + to + (label == labels.end() ? "" : ": " + label->second) + "\n";
      }
    }
  }
  return text;
}

TEST(LifecycleDiagram, IsWhatTheCodeDoes) {
  std::ostringstream document;
  document << std::ifstream(std::string(NBO_SOURCE_DIR) + "/docs/lifecycle.md").rdbuf();
  const std::string text = document.str();
  const std::string opening = "```mermaid\n";
  const std::size_t start = text.find(opening);
  ASSERT_NE(start, std::string::npos);
  const std::size_t end = text.find("```", start + opening.size());
  const std::string drawn = text.substr(start + opening.size(), end - start - opening.size());
  const std::string made = diagram();
  EXPECT_EQ(drawn, made) << "docs/lifecycle.md is to have this:\n" << made;
}

}  // namespace
}  // namespace nocobase_operator::app
