// What a status tree says of installations and upgrades.
#include "app/names.h"
#include "app/operation.h"
#include "app/status.h"
#include "app/status_tree_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::string_at;

// What is done in a step, and who waits for it.
std::string step_text(const Operation& operation) {
  const std::string image = operation.target.image.empty() ? "the image" : short_image(operation.target.image);
  switch (operation.step) {
    case Step::idle:
      return "";
    case Step::pull:
      return "a Job tries whether " + image + " can be pulled; what runs goes on, and the upgrade waits for it";
    case Step::drain:
      return "every pod goes before " + image + " is set up; the setup waits for the last one";
    case Step::backup:
      return "the backup Job runs, and nothing else; the setup of " + image + " waits for it";
    case Step::setup:
      return "the setup Pod is to start on " + image + "; the roles wait for it";
    case Step::migrate:
      return "the setup Pod sets " + image + " up; the roles wait until it is Ready";
    case Step::verify:
      return "the verification Job looks at " + image + "; the roles wait for it";
    case Step::finish:
      return "what was set up is recorded, and the setup Pod goes; the roles wait for that";
    case Step::start:
      return "the roles come up";
    case Step::failed:
      return "nothing runs until a person has done something";
  }
  return "";
}

Node job_node(const StatusView& view, const SeenChild& job) {
  Node node{Mark::waits, "Job " + job.meta.ref.name};
  if (const auto* const seen = std::get_if<SeenJob>(&job.detail)) {
    switch (seen->state) {
      case JobState::absent:
      case JobState::running:
        node.text += " runs";
        break;
      case JobState::succeeded:
        node.mark = Mark::good;
        node.text += " has succeeded";
        break;
      case JobState::failed:
        node.mark = Mark::bad;
        node.text += " has failed" + (seen->message.empty() ? "" : ": " + seen->message);
        break;
    }
  }
  for (const SeenPod& pod : view.pods) {
    if (pod.meta.owner_name == job.meta.ref.name && pod.role != component_setup) {
      node.branches.push_back(pod_node(view, pod, ""));
    }
  }
  return node;
}

}  // namespace

bool is_of_operation(const SeenPod& pod) {
  return pod.role == component_setup || pod.role == component_pull || pod.role == component_backup ||
         pod.role == component_verify;
}

Node operation_node(const StatusView& view) {
  const Operation operation = operation_of(view.status);
  Node node;
  if (operation.step != Step::idle) {
    node.mark = operation.step == Step::failed ? Mark::bad : Mark::waits;
    node.text = operation.install ? "installation" : operation.target.image.empty() ? "start" : "upgrade";
    node.text += ", step " + std::string(name_of(operation.step));
    if (operation.since != std::chrono::sys_seconds{}) {
      node.text += " for " + span_text(view.scene->now - operation.since);
    }
    node.text += ": " + step_text(operation);
  }
  for (const SeenPod& pod : view.pods) {
    if (pod.role == component_setup) {
      Node setup = pod_node(view, pod, "");
      setup.text = "setup " + setup.text;
      node.branches.push_back(std::move(setup));
    }
  }
  for (const SeenChild& job : view.jobs) {
    node.branches.push_back(job_node(view, job));
  }
  if (node.text.empty() && !node.branches.empty()) {
    node.text = "left of an installation or upgrade";
  }
  return node;
}

Node last_upgrade_node(const StatusView& view) {
  const Json* const last = find(view.status, "lastUpgrade");
  if (last == nullptr || !last->is_object()) {
    return {};
  }
  const std::string result = string_at(*last, {"result"});
  Node node{Mark::none, "last upgrade: "};
  node.text += result == upgrade_taken_back ? "taken back, to " : "to ";
  node.text += short_image(string_at(*last, {"image"}));
  if (const std::string ago = since_text(view, string_at(*last, {"completionTime"})); !ago.empty()) {
    node.text += ", " + ago + " ago";
  }
  node.text += ", " + std::to_string(kube::integer_at(*last, {"secondsDown"})) + " s down";
  std::string steps;
  for (int step = 0; step <= static_cast<int>(Step::failed); ++step) {
    const std::string name(name_of(static_cast<Step>(step)));
    const std::int64_t seconds = kube::integer_at(*last, {"seconds", name}, -1);
    if (seconds >= 0) {
      steps += (steps.empty() ? "" : ", ") + name + " " + std::to_string(seconds);
    }
  }
  node.text += steps.empty() ? "" : " (" + steps + ")";
  return node;
}

}  // namespace nocobase_operator::app
