#include "simulation/workloads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "kube/json.h"
#include "kube/meta.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

bool condition_is(const Json& object, std::string_view type, std::string_view status) {
  const Json* const conditions = kube::find_path(object, {"status", "conditions"});
  if (conditions == nullptr) {
    return false;
  }
  return std::any_of(conditions->begin(), conditions->end(), [&](const Json& condition) {
    return string_at(condition, {"type"}) == type && string_at(condition, {"status"}) == status;
  });
}

bool is_over(const std::string& phase) {
  return phase == "Succeeded" || phase == "Failed";
}

// A number or a percentage of `of`; a percentage of surge is rounded up, of what may be missing down.
std::int64_t part_of(const Json* value, std::int64_t of, bool up) {
  if (value == nullptr) {
    return up ? (of + 3) / 4 : of / 4;
  }
  if (value->is_number_integer()) {
    return value->get<std::int64_t>();
  }
  const std::int64_t percent = value->is_string() ? std::atoll(value->get<std::string>().c_str()) : 0;
  return up ? (of * percent + 99) / 100 : of * percent / 100;
}

}  // namespace

void Workloads::soon(const Ref& ref) {
  if (due_.insert(ref).second) {
    scene_.after(scene_.pick(scene_.faults.controller), [this, ref] {
      due_.erase(ref);
      reconcile(ref);
    });
  }
}

void Workloads::changed(const Change& change) {
  const Json& object = change.after != nullptr ? *change.after : *change.before;
  const std::string uid = string_at(object, {"metadata", "uid"});
  const Kind kind = change.ref.kind;
  const auto [owner_kind, owner] = owner_of(object);
  if (!owner.empty()) {
    auto& all = dependents_[owner];
    if (change.after != nullptr) {
      all.insert(change.ref);
      if (change.before == nullptr && !scene_.server.has_uid(owner)) {
        soon(change.ref);  // its owner is gone already
      }
    } else {
      all.erase(change.ref);
    }
  }
  if (change.after == nullptr) {
    if (const auto orphans = dependents_.find(uid); orphans != dependents_.end()) {
      for (const Ref& ref : orphans->second) {
        soon(ref);
      }
    }
  }
  if (kind == Kind::deployment || kind == Kind::job) {
    owners_.insert_or_assign(uid, change.ref);
    owned_[uid];
    soon(change.ref);
  } else if (kind == Kind::persistent_volume_claim && change.before == nullptr) {
    soon(change.ref);
  } else if (kind == Kind::pod && owned_.contains(owner)) {
    Owned& of = owned_[owner];
    const std::string phase = string_at(object, {"status", "phase"});
    if (change.after == nullptr) {
      of.lost += of.pods.erase(uid) != 0 && !is_over(phase) ? 1 : 0;
    } else {
      PodState& pod = of.pods[uid];
      pod.ref = change.ref;
      pod.hash = kube::label_of(object, "pod-template-hash");
      pod.phase = phase;
      if (change.before == nullptr) {
        pod.made = scene_.now();
      }
      pod.terminating = kube::find_path(object, {"metadata", "deletionTimestamp"}) != nullptr;
      const bool ready = condition_is(object, "Ready", "True");
      pod.ready_at = !ready ? -1 : pod.ready_at < 0 ? scene_.now() : pod.ready_at;
    }
    soon(owners_.at(owner));
  }
}

void Workloads::reconcile(const Ref& ref) {
  const Json* const object = scene_.server.find(ref);
  if (object == nullptr) {
    return;
  }
  const std::string owner = owner_of(*object).second;
  if (!owner.empty() && !scene_.server.has_uid(owner)) {
    scene_.say("gc", "removes " + kube::to_string(ref));
    scene_.server.remove(ref, "gc");
    return;
  }
  if (ref.kind == Kind::deployment) {
    reconcile_deployment(ref);
  } else if (ref.kind == Kind::job) {
    reconcile_job(ref);
  } else if (ref.kind == Kind::persistent_volume_claim) {
    scene_.server.edit_status(
        ref, [](Json& claim) { claim["status"]["phase"] = "Bound"; }, "volumes");
  }
}

Workloads::Count Workloads::count(const Owned& owned, std::int64_t min_ready, std::int64_t now) {
  Count count;
  for (const auto& [uid, pod] : owned.pods) {
    if (is_over(pod.phase)) {
      continue;
    }
    if (pod.terminating) {
      ++count.terminating;
      continue;
    }
    ++count.all;
    count.fresh += pod.hash == owned.hash ? 1 : 0;
    count.ready += pod.ready_at >= 0 ? 1 : 0;
    count.available += pod.ready_at >= 0 && now - pod.ready_at >= min_ready ? 1 : 0;
  }
  return count;
}

void Workloads::reconcile_deployment(const Ref& ref) {
  const JsonPtr held = scene_.server.get(ref);
  const Json& deployment = *held;
  Owned& owned = owned_[string_at(deployment, {"metadata", "uid"})];
  const std::int64_t generation = kube::integer_at(deployment, {"metadata", "generation"});
  if (owned.generation != generation) {
    owned.generation = generation;
    const Json* const pods = kube::find_path(deployment, {"spec", "template"});
    owned.hash = hex64(hash64(pods != nullptr ? pods->dump() : "")).substr(0, 10);
  }
  const std::int64_t min_ready = kube::integer_at(deployment, {"spec", "minReadySeconds"}) * seconds;
  roll(ref, deployment, owned, count(owned, min_ready, scene_.now()));
  set_deployment_status(ref, deployment, owned);
}

void Workloads::roll(const Ref& ref, const Json& deployment, Owned& owned, Count count) {
  const std::int64_t want = kube::integer_at(deployment, {"spec", "replicas"}, 1);
  const bool recreate = string_at(deployment, {"spec", "strategy", "type"}) == "Recreate";
  const std::int64_t stale = count.all - count.fresh;
  if (recreate && stale > 0) {
    scale_down(owned, stale, false);
    return;
  }
  if (recreate && count.fresh < want) {
    const bool others = std::any_of(owned.pods.begin(), owned.pods.end(), [&](const auto& item) {
      return item.second.hash != owned.hash && !is_over(item.second.phase);
    });
    if (others) {
      return;  // until the last one is gone
    }
  }
  const Json* const rolling = kube::find_path(deployment, {"spec", "strategy", "rollingUpdate"});
  const std::int64_t surge =
      stale == 0 ? 0 : part_of(rolling != nullptr ? kube::find(*rolling, "maxSurge") : nullptr, want, true);
  const std::int64_t missing =
      part_of(rolling != nullptr ? kube::find(*rolling, "maxUnavailable") : nullptr, want, false);
  std::int64_t more = std::min(want - count.fresh, want + surge - count.all);
  for (; more > 0; --more) {
    add_pod(ref, deployment, owned);
    ++count.all;
    ++count.fresh;
  }
  if (count.fresh > want) {
    scale_down(owned, count.fresh - want, true);
  }
  if (stale > 0) {
    // What is not ready goes first and costs no availability.
    const auto unready = std::count_if(owned.pods.begin(), owned.pods.end(), [&](const auto& item) {
      const PodState& pod = item.second;
      return pod.hash != owned.hash && !pod.terminating && !is_over(pod.phase) && pod.ready_at < 0;
    });
    const std::int64_t spare = std::max<std::int64_t>(0, count.available - (want - missing));
    scale_down(owned, want == 0 ? stale : std::min<std::int64_t>(stale, unready + spare), false);
  }
}

// Deletes pods, those that are not ready and the youngest first.
void Workloads::scale_down(Owned& owned, std::int64_t excess, bool fresh) {
  std::vector<PodState> victims;
  for (const auto& [uid, pod] : owned.pods) {
    if (!pod.terminating && !is_over(pod.phase) && (pod.hash == owned.hash) == fresh) {
      victims.push_back(pod);
    }
  }
  std::stable_sort(victims.begin(), victims.end(), [](const PodState& a, const PodState& b) {
    return (a.ready_at < 0) != (b.ready_at < 0) ? a.ready_at < 0 : a.made > b.made;
  });
  for (std::size_t i = 0; i < victims.size() && static_cast<std::int64_t>(i) < excess; ++i) {
    scene_.server.remove(victims[i].ref, "deployments");
  }
}

void Workloads::add_pod(const Ref& ref, const Json& object, const Owned& owned) {
  const bool is_job = ref.kind == Kind::job;
  const Json* const pods = kube::find_path(object, {"spec", "template"});
  Json pod = pod_of(pods != nullptr ? *pods : Json::object());
  const std::string of = is_job ? ref.name : ref.name + "-" + owned.hash;
  const Json uid = object["metadata"]["uid"];
  if (is_job) {
    pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] = ref.name;
    pod["metadata"]["labels"]["job-name"] = ref.name;
  } else {
    pod["metadata"]["labels"]["pod-template-hash"] = owned.hash;
  }
  pod["metadata"]["ownerReferences"] = {{{"apiVersion", is_job ? "batch/v1" : "apps/v1"},
                                         {"kind", is_job ? "Job" : "ReplicaSet"},
                                         {"name", of},
                                         {"uid", uid},  // a ReplicaSet goes by its Deployment's
                                         {"controller", true}}};
  pod["status"] = {{"phase", "Pending"}};
  scene_.server.make({Kind::pod, ref.ns, pod_name(scene_, of)}, std::move(pod), is_job ? "jobs" : "deployments");
}

void Workloads::set_deployment_status(const Ref& ref, const Json& deployment, Owned& owned) {
  const std::int64_t want = kube::integer_at(deployment, {"spec", "replicas"}, 1);
  const std::int64_t min_ready = kube::integer_at(deployment, {"spec", "minReadySeconds"}) * seconds;
  const std::int64_t limit = kube::integer_at(deployment, {"spec", "progressDeadlineSeconds"}, 600) * seconds;
  const Count now = count(owned, min_ready, scene_.now());
  const bool complete = now.all == want && now.fresh == want && now.available == want;
  const std::string progress = owned.hash + "/" + std::to_string(owned.generation) + "/" + std::to_string(now.fresh) +
                               "/" + std::to_string(now.all) + "/" + std::to_string(now.ready);
  const std::string template_now = owned.hash;
  if (owned.progress != progress) {
    if (!owned.progress.starts_with(template_now)) {
      owned.complete = false;  // a new roll-out
    }
    owned.progress = progress;
    owned.progressed = scene_.now();
  }
  owned.complete = owned.complete || complete;
  const bool late = !owned.complete && scene_.now() - owned.progressed >= limit;
  const auto wall = std::chrono::sys_seconds(Seconds(1'700'000'000 + owned.progressed / 1'000));
  Json status = {{"observedGeneration", owned.generation},
                 {"replicas", now.all},
                 {"updatedReplicas", now.fresh},
                 {"readyReplicas", now.ready},
                 {"availableReplicas", now.available}};
  status["conditions"] = {{{"type", "Progressing"},
                           {"status", late ? "False" : "True"},
                           {"reason", late             ? "ProgressDeadlineExceeded"
                                      : owned.complete ? "NewReplicaSetAvailable"
                                                       : "ReplicaSetUpdated"},
                           {"lastUpdateTime", to_rfc3339(wall)}}};
  const Json* const before = kube::find(deployment, "status");
  if (before == nullptr || *before != status) {
    scene_.server.edit_status(
        ref, [&](Json& object) { object["status"] = std::move(status); }, "deployments");
  }
  if (!owned.complete && !late) {
    scene_.after(limit, [this, ref, at = owned.progressed, uid = string_at(deployment, {"metadata", "uid"})] {
      if (owned_[uid].progressed == at) {
        soon(ref);
      }
    });
  }
  if (min_ready > 0 && now.available < now.ready) {
    scene_.after(min_ready, [this, ref] { soon(ref); });
  }
}

void Workloads::reconcile_job(const Ref& ref) {
  const JsonPtr held = scene_.server.get(ref);
  const Json& job = *held;
  Owned& owned = owned_[string_at(job, {"metadata", "uid"})];
  if (condition_is(job, "Complete", "True") || condition_is(job, "Failed", "True")) {
    return;
  }
  if (owned.started < 0) {
    owned.started = scene_.now();
    scene_.server.edit_status(
        ref, [&](Json& object) { object["status"]["startTime"] = to_rfc3339(scene_.wall()); }, "jobs");
    if (const std::int64_t limit = kube::integer_at(job, {"spec", "activeDeadlineSeconds"}, -1); limit > 0) {
      scene_.after(limit * seconds, [this, ref] { soon(ref); });
    }
  }
  int succeeded = 0;
  int failed = owned.lost;
  std::vector<Ref> active;
  for (const auto& [uid, pod] : owned.pods) {
    succeeded += pod.phase == "Succeeded" ? 1 : 0;
    failed += pod.phase == "Failed" ? 1 : 0;
    if (!is_over(pod.phase)) {
      active.push_back(pod.ref);
    }
  }
  const std::int64_t limit = kube::integer_at(job, {"spec", "activeDeadlineSeconds"}, -1);
  if (succeeded > 0) {
    finish_job(ref, "Complete", "CompletionsReached", succeeded, failed);
  } else if (limit > 0 && scene_.now() - owned.started >= limit * seconds) {
    for (const Ref& pod : active) {
      scene_.server.remove(pod, "jobs");
    }
    finish_job(ref, "Failed", "DeadlineExceeded", 0, failed + static_cast<int>(active.size()));
  } else if (failed > kube::integer_at(job, {"spec", "backoffLimit"}, 6)) {
    finish_job(ref, "Failed", "BackoffLimitExceeded", 0, failed);
  } else if (active.empty()) {
    add_pod(ref, job, owned);
  }
}

void Workloads::finish_job(const Ref& ref, const char* type, const char* reason, int succeeded, int failed) {
  scene_.say("jobs", ref.name + " is " + type + ": " + reason);
  scene_.server.edit_status(
      ref,
      [&](Json& job) {
        Json& status = job["status"];
        status["succeeded"] = succeeded;
        status["failed"] = failed;
        const std::string time = to_rfc3339(scene_.wall());
        if (succeeded > 0) {
          status["completionTime"] = time;
        }
        status["conditions"] = {{{"type", type}, {"status", "True"}, {"reason", reason}, {"lastTransitionTime", time}}};
      },
      "jobs");
}

}  // namespace nocobase_operator::simulation
