// What the controllers and nodes of a model do in a second, all of it well.
#include <algorithm>
#include <utility>

#include "app/image.h"
#include "app/model.h"
#include "app/names.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

bool is_over(const SeenPod& pod) {
  return pod.phase == "Succeeded" || pod.phase == "Failed";
}

}  // namespace

SeenPod* Model::setup_pod() {
  const std::string uid = string_at(cluster_, {"metadata", "uid"});
  const auto found = std::find_if(pods_.begin(), pods_.end(), [&](const SeenPod& pod) {
    return pod.role == component_setup && pod.meta.owner_uid == uid;
  });
  return found == pods_.end() ? nullptr : &*found;
}

// It starts, works, and is ready; or goes.
bool Model::tick_setup() {
  SeenPod* const pod = setup_pod();
  if (pod == nullptr || (is_over(*pod) && !pod->meta.terminating)) {
    return false;
  }
  if (pod->meta.terminating) {
    const Ref ref = pod->meta.ref;
    std::erase_if(pods_, [&](const SeenPod& each) { return each.meta.ref == ref; });
    not_there_.insert(ref);
    return true;
  }
  if (pod->ready) {
    return false;
  }
  if (!pod->started) {
    // The image that was set up last is still the same, unless its tag moves.
    const SetupRecord record = operation_of(cluster_.at("status")).record.value_or(SetupRecord{});
    const std::optional<Image> image = parse_image(pod->image);
    const std::size_t at = record.runs.rfind('@');
    const bool known = image && !image->moves() && record.image == pod->image && at != std::string::npos;
    pod->image_id = "image@" + (known ? record.runs.substr(at + 1) : std::string(unknown_digest));
    pod->started = true;
    pod->phase = "Running";
    pod->ip = "192.0.2.1";  // an address for documents (RFC 5737)
  } else {
    pod->ready = true;
  }
  pod->reason = pod->message = "";
  pod->since = now_.wall;
  touch(pod->meta);
  return true;
}

// The pods that a Deployment is told to have, and no others of its role. Whether any came or went.
bool Model::replace_pods(const Held& held, bool all) {
  const std::string& role = held.role;
  const auto wanted = std::get<SeenDeployment>(held.seen.detail).spec_replicas;
  std::int32_t kept = 0;
  const auto gone = std::erase_if(pods_, [&](const SeenPod& pod) {
    if (pod.role != role) {
      return false;
    }
    const bool stays = !all && pod.ready && !pod.meta.terminating && pod.image == held.image && kept < wanted;
    kept += stays ? 1 : 0;
    return !stays;
  });
  const bool changed = gone > 0 || kept < wanted;
  for (; kept < wanted; ++kept) {
    SeenPod pod;
    pod.meta.ref = {Kind::pod, held.seen.meta.ref.ns, held.seen.meta.ref.name + "-" + std::to_string(++made_)};
    touch(pod.meta);
    pod.cluster = string_at(cluster_, {"metadata", "name"});
    pod.role = role;
    pod.image = held.image;
    pod.phase = "Running";
    pod.ready = true;
    pod.since = now_.wall;
    pods_.push_back(std::move(pod));
  }
  return changed;
}

// Pods of an older template are replaced in two steps, so that a plan sees that it is under way.
bool Model::tick_deployment(Held& held) {
  auto& seen = std::get<SeenDeployment>(held.seen.detail);
  SeenDeployment next = seen;
  next.observed_generation = held.seen.meta.generation;
  const bool other = held.pods_template != seen.template_hash;
  const bool replaces = other && held.pods_template != 0 && seen.replicas > 0 && seen.spec_replicas > 0;
  bool changed = false;
  if (replaces) {
    next.updated = 0;
    next.ready = next.available = std::max(0, seen.ready - 1);
    next.progress = "ReplicaSetUpdated";
    next.progressed_at = now_.wall;
    held.pods_template = 0;
  } else {
    next.replicas = next.updated = next.ready = next.available = seen.spec_replicas;
    next.progress = "NewReplicaSetAvailable";
    next.failure = "";
    changed = replace_pods(held, other);
    held.pods_template = seen.template_hash;
  }
  changed = changed || next != seen;
  seen = next;
  if (changed) {
    touch(held.seen.meta);
  }
  return changed;
}

bool Model::tick() {
  now_.mono += Seconds(1);
  now_.wall += Seconds(1);
  bool changed = tick_setup();
  const std::string name = string_at(cluster_, {"metadata", "name"});
  const std::string uid = string_at(cluster_, {"metadata", "uid"});
  std::set<std::string> roles;
  for (auto it = held_.begin(); it != held_.end();) {
    Held& held = it->second;
    const kube::Meta& meta = held.seen.meta;
    const bool of_older =
        meta.owner_kind == kube::info(Kind::nocobase_cluster).kind && meta.owner_name == name && meta.owner_uid != uid;
    if (meta.terminating || of_older) {
      not_there_.insert(it->first);
      it = held_.erase(it);
      changed = true;
      continue;
    }
    auto* const job = std::get_if<SeenJob>(&held.seen.detail);
    if (job != nullptr && job->state == JobState::running) {
      *job = {JobState::succeeded, ""};
      touch(held.seen.meta);
      changed = true;
    }
    if (std::holds_alternative<SeenDeployment>(held.seen.detail)) {
      roles.insert(held.role);
      changed = tick_deployment(held) || changed;
    }
    ++it;
  }
  // What is left of Deployments that are gone, and of Jobs.
  changed =
      std::erase_if(pods_,
                    [&](const SeenPod& pod) { return pod.role != component_setup && !roles.contains(pod.role); }) > 0 ||
      changed;
  if (changed) {
    pods_read_.reset();
  }
  return changed;
}

}  // namespace nocobase_operator::app
