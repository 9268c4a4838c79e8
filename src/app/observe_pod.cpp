#include <algorithm>
#include <limits>
#include <utility>

#include "app/names.h"
#include "app/observe_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::find_path;
using kube::string_at;

// The list at a chain of members, or an empty one.
const Json& list_at(const Json& value, std::initializer_list<std::string_view> path) {
  static const Json empty = Json::array();
  const Json* const list = find_path(value, path);
  return list != nullptr && list->is_array() ? *list : empty;
}

const Json* named(const Json& list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Json& item) { return string_at(item, {"name"}) == name; });
  return found == list.end() ? nullptr : &*found;
}

struct Cause {
  std::string reason;
  std::string message;
};

// How the container ended last, now or before its restart, or nullptr when it never did.
const Json* last_end(const Json& status) {
  const Json* const now = find_path(status, {"state", "terminated"});
  return now != nullptr ? now : find_path(status, {"lastState", "terminated"});
}

std::string text_of_end(const Json& end) {
  const std::string reason = string_at(end, {"reason"});
  const std::string message = string_at(end, {"message"});
  return message.empty() ? reason : reason + ": " + message;
}

// What keeps one container from being ready. The kubelet's words change with every attempt (back-off 10s, 20s, …;
// ErrImagePull and ImagePullBackOff by turns); what is told here stays the same as long as the cause does.
Cause cause_of_container(const Json& status) {
  const std::string waiting = string_at(status, {"state", "waiting", "reason"});
  const std::string message = string_at(status, {"state", "waiting", "message"});
  if (waiting == "ErrImagePull" || waiting == "ImagePullBackOff") {
    constexpr std::string_view marker = "ErrImagePull: ";
    const std::size_t at = message.find(marker);
    if (at != std::string::npos) {
      return {"ImagePullBackOff", message.substr(at + marker.size())};
    }
    return {"ImagePullBackOff", waiting == "ErrImagePull" ? message : ""};
  }
  const Json* const end = last_end(status);
  const bool restarted = kube::integer_at(status, {"restartCount"}) > 0;
  if (waiting == "CrashLoopBackOff" || (end != nullptr && restarted)) {
    return {"CrashLoopBackOff", end != nullptr ? text_of_end(*end) : ""};
  }
  if (!waiting.empty()) {
    return {waiting, message};
  }
  const Json* const ended = find_path(status, {"state", "terminated"});
  if (ended != nullptr) {
    return {string_at(*ended, {"reason"}), string_at(*ended, {"message"})};
  }
  return {};
}

bool is_benign(const Cause& cause) {
  return cause.reason.empty() || cause.reason == "ContainerCreating" || cause.reason == "PodInitializing" ||
         cause.reason == "Completed";
}

bool is_true(const Json& value, std::string_view key) {
  const Json* const flag = find(value, key);
  return flag != nullptr && *flag == true;
}

// The most telling cause: what failed comes before what is only not done yet.
Cause cause_of(const Json& pod, const SeenPod& seen) {
  const std::string reason = string_at(pod, {"status", "reason"});  // Evicted, NodeLost, …
  if (!reason.empty()) {
    return {reason, string_at(pod, {"status", "message"})};
  }
  if (!seen.scheduled) {
    const Json* const condition = condition_of(pod, "PodScheduled");
    return {string_at(*condition, {"reason"}), string_at(*condition, {"message"})};
  }
  Cause benign;
  for (const char* const list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : list_at(pod, {"status", list})) {
      if (is_true(status, "ready")) {
        continue;
      }
      Cause cause = cause_of_container(status);
      if (!is_benign(cause)) {
        const std::string name = string_at(status, {"name"});
        if (name != container_name) {
          cause.message = "container " + name + (cause.message.empty() ? "" : ": " + cause.message);
        }
        return cause;
      }
      if (benign.reason.empty()) {
        benign = std::move(cause);
      }
    }
  }
  return benign.reason == "Completed" ? Cause{} : benign;
}

std::int32_t int32_at(const Json& value, std::initializer_list<std::string_view> path) {
  using Limits = std::numeric_limits<std::int32_t>;
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(kube::integer_at(value, path), Limits::min(), Limits::max()));
}

}  // namespace

SeenPod prune_pod(const Json& object, kube::Meta meta) {
  SeenPod seen;
  seen.meta = std::move(meta);
  seen.cluster = kube::label_of(object, label_instance);
  seen.role = kube::label_of(object, label_component);
  const Json* const container = named(list_at(object, {"spec", "containers"}), container_name);
  seen.image = container != nullptr ? string_at(*container, {"image"}) : "";
  seen.node = string_at(object, {"spec", "nodeName"});
  seen.phase = string_at(object, {"status", "phase"});
  const Json* const ready = condition_of(object, "Ready");
  seen.ready = ready != nullptr && string_at(*ready, {"status"}) == "True";
  seen.since = time_at(object, {"metadata", "creationTimestamp"});
  if (ready != nullptr) {
    seen.since = std::max(seen.since, time_at(*ready, {"lastTransitionTime"}));
  }
  const Json* const scheduled = condition_of(object, "PodScheduled");
  seen.scheduled = scheduled == nullptr || string_at(*scheduled, {"status"}) != "False";
  const Json* const status = named(list_at(object, {"status", "containerStatuses"}), container_name);
  if (status != nullptr) {
    seen.restarts = int32_at(*status, {"restartCount"});
    const Json* const end = last_end(*status);
    if (end != nullptr) {
      seen.exit_code = int32_at(*end, {"exitCode"});
    }
  }
  if (seen.role == component_setup) {
    const bool runs = status != nullptr && find_path(*status, {"state", "running"}) != nullptr;
    seen.started = runs || (status != nullptr && last_end(*status) != nullptr);
    seen.epoch = parse_epoch(kube::annotation_of(object, annotation_epoch));
    seen.ip = string_at(object, {"status", "podIP"});
    seen.image_id = status != nullptr ? string_at(*status, {"imageID"}) : "";
  }
  if (!seen.ready) {
    Cause cause = cause_of(object, seen);
    seen.reason = shortened(cause.reason);
    seen.message = shortened(cause.message);
  }
  return seen;
}

}  // namespace nocobase_operator::app
