#include "simulation/nodes.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "kube/json.h"
#include "kube/meta.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

bool is_job_part(const std::string& component) {
  return component == "pull" || component == "backup" || component == "verify";
}

}  // namespace

Nodes::Nodes(Scene& scene, Databases& databases) : scene_(scene), databases_(databases) {
  for (int i = 0; i < scene.faults.nodes; ++i) {
    nodes_.emplace_back().name = "node-" + std::to_string(i);
  }
}

// Runs `what` after the delay, unless the container has ended by then.
template <class F>
void Nodes::later(const Run& run, std::int64_t delay, F what) {
  scene_.after(delay, [this, uid = run.uid, life = run.life, what] {
    const auto it = runs_.find(uid);
    if (it != runs_.end() && it->second.life == life) {
      what(it->second);
    }
  });
}

void Nodes::changed(const Change& change) {
  if (change.ref.kind != Kind::pod) {
    return;
  }
  if (change.before == nullptr) {
    take(change);
    return;
  }
  const std::string uid = string_at(*change.before, {"metadata", "uid"});
  const auto it = runs_.find(uid);
  if (it == runs_.end()) {
    return;
  }
  if (change.after == nullptr) {
    forget(uid, change.actor);
  } else if (!it->second.deleted && kube::find_path(*change.after, {"metadata", "deletionTimestamp"}) != nullptr) {
    it->second.deleted = true;
    scene_.say(change.actor, "deletes pod " + change.ref.name);
    scene_.after(scene_.pick(scene_.faults.controller), [this, uid] { terminate(uid); });
  }
}

void Nodes::take(const Change& change) {
  const Json& pod = *change.after;
  Run run;
  run.ref = change.ref;
  run.uid = string_at(pod, {"metadata", "uid"});
  run.cluster = change.ref.ns + "/" + kube::label_of(pod, app::label_instance);
  run.component = kube::label_of(pod, app::label_component);
  run.is_job = is_job_part(run.component);
  run.restarts_always = string_at(pod, {"spec", "restartPolicy"}) != "Never";
  run.grace = kube::integer_at(pod, {"spec", "terminationGracePeriodSeconds"}, 30) * seconds;
  const Json* const containers = kube::find_path(pod, {"spec", "containers"});
  for (const Json& container : containers != nullptr ? *containers : Json::array()) {
    if (!run.container.empty() && container.value("name", "") != app::container_name) {
      continue;
    }
    run.container = container.value("name", "");
    run.image = container.value("image", "");
    for (const Json& entry : container.value("env", Json::array())) {
      run.skips = run.skips ||
                  (entry.value("name", "") == "SKIP_SAME_VERSION_UPGRADE" && string_at(entry, {"value"}) == "true");
    }
  }
  scene_.say(change.actor, "makes pod " + run.ref.name + " of " + run.image);
  const std::string uid = run.uid;
  runs_.emplace(uid, std::move(run));
  scene_.after(scene_.pick(scene_.faults.schedule), [this, uid] { schedule(uid); });
}

void Nodes::schedule(const std::string& uid) {
  const auto it = runs_.find(uid);
  if (it == runs_.end() || it->second.stage != Stage::unscheduled) {
    return;
  }
  Run& run = it->second;
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].lost && !nodes_[i].cordoned) {
      open.push_back(i);
    }
  }
  if (open.empty()) {
    scene_.happened("a pod that no node takes");
    show(run);
    return;
  }
  run.node = open[scene_.rng.below(open.size())];
  run.stage = Stage::waiting;
  scene_.server.edit_status(
      run.ref, [&](Json& pod) { pod["spec"]["nodeName"] = nodes_[run.node].name; }, "scheduler");
  scene_.after(scene_.pick(scene_.faults.schedule), [this, uid] { prepare(uid); });
}

void Nodes::schedule_all() {
  std::vector<std::string> waiting;
  for (const auto& [uid, run] : runs_) {
    if (run.stage == Stage::unscheduled) {
      waiting.push_back(uid);
    }
  }
  for (const std::string& uid : waiting) {
    schedule(uid);
  }
}

// The kubelet sees a pod of its own.
void Nodes::prepare(const std::string& uid) {
  const auto it = runs_.find(uid);
  if (it == runs_.end() || it->second.stage != Stage::waiting || nodes_[it->second.node].lost || it->second.deleted) {
    return;
  }
  Run& run = it->second;
  if (cannot_be_pulled(run.image)) {
    run.stage = Stage::bad_image;
    scene_.happened("an image that cannot be pulled");
    show(run);
    return;
  }
  run.stage = Stage::pulling;
  const bool is_new = nodes_[run.node].images.insert(run.image).second;
  const std::int64_t pull = is_new ? scene_.pick(scene_.faults.pull) : 0;
  later(run, pull + scene_.pick(scene_.faults.start), [this](Run& of) {
    if (!nodes_[of.node].lost && !of.deleted) {
      start(of.uid);
    } else {
      of.stage = Stage::waiting;
    }
  });
}

void Nodes::start(const std::string& uid) {
  Run& run = runs_.at(uid);
  run.stage = Stage::running;
  ++run.life;
  run.ready = false;
  run.changed = scene_.now();
  show(run);
  if (run.is_job) {
    run_job(run);
  } else {
    run_application(run);
  }
}

void Nodes::run_job(Run& run) {
  const std::int64_t takes = scene_.pick(scene_.faults.job);
  const bool fails = run.component != "pull" && !scene_.quiet && scene_.rng.chance(scene_.faults.job_fails);
  later(run, takes, [this, fails](Run& of) {
    if (fails) {
      scene_.happened(of.component == "backup" ? "a backup that fails" : "a verification that fails");
    }
    end_container(of, fails ? 1 : 0, "it is done");
  });
}

void Nodes::run_application(Run& run) {
  const Databases::Start how =
      databases_.start(run.cluster, {run.uid, run.ref.name, run.image, run.skips, run.component == "setup"});
  if (how.crashes_in >= 0) {
    later(run, how.crashes_in, [this](Run& of) {
      scene_.happened("a container that ends in its migration");
      end_container(of, 1, "the migration of " + of.ref.name + " fails");
    });
  } else if (how.ready_in >= 0) {
    later(run, how.ready_in, [this](Run& of) {
      databases_.ready(of.cluster, of.uid);
      of.ready = true;
      of.changed = scene_.now();
      show(of);
    });
  }
}

void Nodes::end_container(Run& run, int exit_code, const std::string& why) {
  if (!run.is_job) {
    databases_.ended(run.cluster, run.uid, why);
  }
  ++run.life;
  run.stage = Stage::ended;
  run.ready = false;
  run.changed = scene_.now();
  run.exit_code = exit_code;
  run.failed = exit_code != 0;
  if (run.stopping) {
    later(run, scene_.pick(scene_.faults.stop), [this](Run& of) { gone(of.uid); });
    return;
  }
  scene_.say("kubelet", "the container of " + run.ref.name + " ends with " + std::to_string(exit_code) + ": " + why);
  if (run.restarts_always) {
    const std::int64_t wait = 10 * seconds * (std::int64_t{1} << std::min(run.restarts, 5));
    later(run, std::min<std::int64_t>(wait, 5 * minutes), [this](Run& of) { restart(of.uid); });
  }
  show(run);
}

void Nodes::restart(const std::string& uid) {
  Run& run = runs_.at(uid);
  if (nodes_[run.node].lost || run.deleted) {
    return;
  }
  ++run.restarts;
  start(uid);
}

// The kubelet ends a pod that has been deleted.
void Nodes::terminate(const std::string& uid) {
  const auto it = runs_.find(uid);
  if (it == runs_.end() || !it->second.deleted || it->second.stopping || nodes_[it->second.node].lost) {
    return;
  }
  Run& run = it->second;
  run.stopping = true;
  if (run.stage != Stage::running) {
    ++run.life;
    later(run, scene_.pick(scene_.faults.stop), [this](Run& of) { gone(of.uid); });
    return;
  }
  // A migration does not end for SIGTERM: its server has no handler yet.
  const bool deaf = databases_.migrates(run.cluster) && !run.ready;
  const bool busy = scene_.rng.chance(scene_.faults.busy);
  std::int64_t drain = scene_.pick(scene_.faults.drain);
  if (deaf) {
    drain = run.grace;
  } else if (busy) {
    drain = static_cast<std::int64_t>(scene_.rng.below(static_cast<std::uint64_t>(run.grace) + 1));
  }
  later(run, std::min(drain, run.grace), [this](Run& of) { end_container(of, 0, of.ref.name + " was deleted"); });
}

void Nodes::gone(const std::string& uid) {
  const Run& run = runs_.at(uid);
  if (!nodes_[run.node].lost) {
    const Ref ref = run.ref;
    scene_.server.remove_now(ref, "kubelet");
  }
}

// The object is gone; a container of it ends at once where a kubelet is there to end it.
void Nodes::forget(const std::string& uid, const std::string& actor) {
  const auto it = runs_.find(uid);
  scene_.say(actor, "pod " + it->second.ref.name + " is gone");
  if (it->second.stage == Stage::running) {
    databases_.ended(it->second.cluster, uid, it->second.ref.name + " was taken away by " + actor);
  }
  runs_.erase(it);
}

Json Nodes::status_of(const Run& run) const {
  Json status = Json::object();
  const bool over = run.stage == Stage::ended && !run.restarts_always;
  status["phase"] = over ? (run.failed ? "Failed" : "Succeeded") : run.stage >= Stage::running ? "Running" : "Pending";
  if (run.stage >= Stage::running) {
    status["podIP"] = "10.0.0.1";
  }
  const std::string since = to_rfc3339(std::chrono::sys_seconds(Seconds(1'700'000'000 + run.changed / 1'000)));
  status["conditions"] = Json::array();
  if (run.stage == Stage::unscheduled) {
    status["conditions"].push_back({{"type", "PodScheduled"},
                                    {"status", "False"},
                                    {"reason", "Unschedulable"},
                                    {"message", "0/3 nodes are available"}});
    return status;
  }
  status["conditions"].push_back({{"type", "PodScheduled"}, {"status", "True"}});
  status["conditions"].push_back(
      {{"type", "Ready"}, {"status", run.ready && !run.hidden ? "True" : "False"}, {"lastTransitionTime", since}});
  Json container = {{"name", run.container},
                    {"image", run.image},
                    {"imageID", ""},
                    {"ready", run.ready},
                    {"started", run.stage == Stage::running},
                    {"restartCount", run.restarts}};
  if (run.stage >= Stage::running) {
    container["imageID"] = run.image.substr(0, run.image.find_first_of(":@")) + "@" + digest_of(run.image);
  }
  const Json end = {{"exitCode", run.exit_code}, {"reason", run.failed ? "Error" : "Completed"}};
  if (run.stage == Stage::running) {
    container["state"]["running"] = {{"startedAt", since}};
    if (run.restarts > 0) {
      container["lastState"]["terminated"] = end;
    }
  } else if (run.stage == Stage::ended) {
    if (over) {
      container["state"]["terminated"] = end;
    } else {
      container["state"]["waiting"] = {{"reason", "CrashLoopBackOff"}};
      container["lastState"]["terminated"] = end;
    }
  } else if (run.stage == Stage::bad_image) {
    container["state"]["waiting"] = {{"reason", "ImagePullBackOff"},
                                     {"message", "Back-off pulling image: ErrImagePull: not found"}};
  } else {
    container["state"]["waiting"] = {{"reason", "ContainerCreating"}};
  }
  status["containerStatuses"].push_back(std::move(container));
  return status;
}

// Tells the API server, unless the node is cut off from it.
void Nodes::show(Run& run) {
  if (run.stage != Stage::unscheduled && nodes_[run.node].lost) {
    return;
  }
  const bool ready = run.ready;
  const Ref ref = run.ref;
  Json status = status_of(run);
  if (ready) {
    scene_.say("kubelet", "pod " + ref.name + " is ready");
  }
  scene_.server.edit_status(
      ref, [&](Json& pod) { pod["status"] = std::move(status); }, "kubelet");
}

void Nodes::crash(const Ref& pod) {
  for (auto& [uid, run] : runs_) {
    if (run.ref == pod && run.stage == Stage::running && !run.stopping) {
      scene_.happened("a pod whose application ends");
      end_container(run, 1, "it crashes");
      return;
    }
  }
}

bool Nodes::runs(std::size_t node, const std::string& component) const {
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto& item) {
    return item.second.node == node && item.second.component == component && item.second.stage == Stage::running;
  });
}

std::vector<Ref> Nodes::running() const {
  std::vector<Ref> out;
  for (const auto& [uid, run] : runs_) {
    if (run.stage == Stage::running && !run.is_job) {
      out.push_back(run.ref);
    }
  }
  return out;
}

}  // namespace nocobase_operator::simulation
