// What a role lacks, in the words a person needs: role, pod, container state, exit code, image, the server's own text.
#include <algorithm>

#include "app/defaults.h"
#include "app/plan_parts.h"
#include "app/pod_words.h"

namespace nocobase_operator::app {
namespace {

// The pods of a role that have not ended.
std::vector<const SeenPod*> pods_of(const Situation& s, const std::string& role) {
  std::vector<const SeenPod*> pods;
  for (const SeenPod& pod : s.seen->pods) {
    if (pod.role == role && pod.phase != "Succeeded" && pod.phase != "Failed") {
      pods.push_back(&pod);
    }
  }
  std::sort(pods.begin(), pods.end(), [](const SeenPod* a, const SeenPod* b) { return a->meta.ref < b->meta.ref; });
  return pods;
}

Seconds limit_of(const Situation& s, const Role& role, bool draining) {
  const Seconds limit(progress_deadline_seconds(s.cluster->spec));
  return draining ? limit + Seconds(grace_period_seconds(role)) : limit;
}

// Pods that a hold takes away, terminating ones included.
std::optional<Unmet> draining(const Situation& s, std::size_t role) {
  const Role& spec = s.cluster->spec.roles[role];
  const std::vector<const SeenPod*> pods = pods_of(s, spec.name);
  const std::int32_t effect = s.roles[role].effect.count.effect;
  if (s.hold == Hold::none || static_cast<std::int32_t>(pods.size()) <= effect) {
    return std::nullopt;
  }
  const auto leaving = std::find_if(pods.begin(), pods.end(), [](const SeenPod* pod) { return pod->meta.terminating; });
  const SeenPod& pod = leaving != pods.end() ? **leaving : *pods.front();
  Unmet unmet;
  unmet.message = "role " + spec.name + ": " + std::to_string(pods.size()) + " pods, to be " + std::to_string(effect) +
                  "; waiting for pod " + pod.meta.ref.name + (pod.node.empty() ? "" : " on node " + pod.node);
  unmet.draining = true;
  unmet.limit = limit_of(s, spec, true);
  return unmet;
}

// The last time that one of the role's pods became ready or its roll-out got on. That Kubernetes has given up on it is
// no progress, though it moves the same time.
std::chrono::sys_seconds progress_of(const SeenDeployment& seen, const std::vector<const SeenPod*>& pods) {
  std::chrono::sys_seconds progress{};
  if (seen.progress != "ProgressDeadlineExceeded") {
    progress = seen.progressed_at;
  }
  for (const SeenPod* const pod : pods) {
    if (pod->ready) {
      progress = std::max(progress, pod->since);
    }
  }
  return progress;
}

// The role's pods are not all there, of the newest template and ready.
Unmet lacking(const Situation& s, std::size_t role, const SeenDeployment& seen) {
  const Role& spec = s.cluster->spec.roles[role];
  const std::vector<const SeenPod*> pods = pods_of(s, spec.name);
  Unmet unmet;
  const std::int32_t effect = s.roles[role].effect.count.effect;
  const bool old = seen.updated < std::min(effect, seen.replicas);
  unmet.message = "role " + spec.name + ": " + std::to_string(old ? seen.updated : seen.ready) + " of " +
                  std::to_string(effect) + (old ? " pods replaced" : " pods ready");
  const SeenPod* worst = nullptr;
  for (const SeenPod* const pod : pods) {
    if (!pod->ready && !pod->meta.terminating && (worst == nullptr || (!is_failing(*worst) && is_failing(*pod)))) {
      worst = pod;
    }
  }
  if (!seen.failure.empty()) {
    unmet.failing = true;
    unmet.message += "; no more can be made: " + seen.failure;
  } else if (worst != nullptr) {
    unmet.failing = is_failing(*worst);
    unmet.message += "; " + describe(*worst);
  }
  unmet.limit = limit_of(s, spec, false);
  unmet.progress = progress_of(seen, pods);
  return unmet;
}

// Pods are to start that would not, for something is missing that they refer to.
Unmet waiting_for_content(const Situation& s, std::size_t role) {
  const std::vector<std::string>& missing = s.roles[role].content.missing;
  Unmet unmet;
  unmet.message = "role " + s.cluster->spec.roles[role].name + ": " + missing.front();
  if (missing.size() > 1) {
    unmet.message += " and " + std::to_string(missing.size() - 1) + " more";
  }
  unmet.message += "; its pods need it to start";
  unmet.reason = "ReferenceMissing";
  unmet.limit = limit_of(s, s.cluster->spec.roles[role], false);
  return unmet;
}

Unmet simply(std::string message) {
  Unmet unmet;
  unmet.message = std::move(message);
  return unmet;
}

}  // namespace

std::optional<Unmet> unmet_of(const Situation& s, std::size_t role) {
  const RoleState& state = s.roles[role];
  const std::string name = "role " + s.cluster->spec.roles[role].name;
  const SeenDeployment* const seen = deployment_of(state.deployment);
  if (lacks_content(state) && !state.content.missing.empty()) {
    return waiting_for_content(s, role);
  }
  if (seen == nullptr || state.deployment.standing != Standing::ours) {
    return simply(name + ": its Deployment is not there yet");
  }
  if (std::optional<Unmet> left = draining(s, role)) {
    return left;
  }
  const std::int32_t effect = state.effect.count.effect;
  const bool told = state.deployment.in_sync && seen->observed_generation >= state.deployment.seen->meta.generation;
  const bool complete = seen->replicas == effect && seen->updated == effect && seen->ready == effect;
  if (told && complete) {
    return std::nullopt;
  }
  Unmet unmet = lacking(s, role, *seen);
  if (!told && !unmet.failing) {
    return simply(name + (state.deployment.rolls ? ": its pods are to be replaced" : ": its Deployment is changing"));
  }
  return unmet;
}

}  // namespace nocobase_operator::app
