#include "simulation/world.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "base/hash.h"
#include "kube/json.h"
#include "kube/meta.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

constexpr std::string_view repository = "nocobase/nocobase:2.2.";

// Times, and how long something took.
void drop_times(Json& value) {
  if (value.is_object()) {
    value.erase("seconds");
    for (auto member = value.begin(); member != value.end();) {
      const bool is_time = member->is_string() && from_rfc3339(member->get<std::string>()).has_value();
      if (is_time) {
        member = value.erase(member);
      } else {
        drop_times(*member);
        ++member;
      }
    }
  } else if (value.is_array()) {
    for (Json& item : value) {
      drop_times(item);
    }
  }
}

const Ref pg{Kind::secret, "ns", "pg"};

}  // namespace

Json first_spec(Scene& scene) {
  Rng& rng = scene.rng;
  const bool many = rng.chance(scene.faults.many_pods);
  const auto replicas = [&] { return static_cast<int>(many ? 8 + rng.below(4) : rng.below(4)); };
  Json roles = Json::array();
  roles.push_back({{"name", "web"}, {"requests", true}, {"replicas", 1 + replicas()}});
  roles.push_back({{"name", "flow"}, {"services", {"workflow:process"}}});
  if (rng.chance(50) || many) {
    roles.push_back({{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", replicas()}});
  }
  Json spec = {{"image", std::string(repository) + std::to_string(2 + rng.below(5)) + "-full"},
               {"roles", std::move(roles)},
               {"database",
                {{"dialect", "postgres"},
                 {"host", "pg"},
                 {"name", "nocobase"},
                 {"user", "nocobase"},
                 {"passwordSecretRef", {{"name", "pg"}, {"key", "password"}}}}},
               {"coordination", {{"redis", {{"host", "redis"}}}}},
               {"setup", {{"timeoutSeconds", 900}}}};
  const Json job = {
      {"spec",
       {{"backoffLimit", 0},
        {"template",
         {{"spec", {{"restartPolicy", "Never"}, {"containers", {{{"name", "job"}, {"image", "tools:1"}}}}}}}}}}};
  if (rng.chance(40)) {
    spec["upgrade"]["backup"]["jobTemplate"] = job;
  }
  if (rng.chance(30)) {
    spec["upgrade"]["verify"]["jobTemplate"] = job;
  }
  if (rng.chance(20)) {
    spec["upgrade"]["approval"] = "Manual";
  }
  return spec;
}

World::World(Setting setting)
    : setting_(std::move(setting)),
      scene_(setting_.seed * 0x9E3779B97F4A7C15U + 1, setting_.faults),
      databases_(scene_),
      workloads_(scene_),
      nodes_(scene_, databases_),
      operators_(scene_, scene_.rng.chance(scene_.faults.leases)) {
  scene_.history.on = setting_.tells;
  scene_.server.streaming_lists = setting_.seed % 3 != 0;
  scene_.server.wall = scene_.wall();
  scene_.server.on_change = [this](const Change& change) { take(change); };
  scene_.server.on_read = [this](const Ref& ref, const Json& cluster, const std::string& actor) {
    state_.now = scene_.now();
    state_.read(ref, cluster, actor);
  };
  operators_.strikes = setting_.strikes;
  operators_.frozen = setting_.frozen;
  operators_.on_strike = [this](Strike::How how) { befall(how); };
  if (setting_.only_lists) {
    operators_.only_list();
  }
}

void World::befall(Strike::How how) {
  if (how == Strike::How::node_lost) {
    nodes_.lose(0, false);
    scene_.after(90 * seconds, [this] { nodes_.bring_back(0); });
    return;
  }
  for (const Ref& pod : nodes_.running()) {
    if (!pod.name.ends_with("-setup")) {
      nodes_.crash(pod);
      return;
    }
  }
}

// Names what a crash may come after, and what people are told of.
void World::note(const Change& change) {
  if (!change.by_call || change.after == nullptr) {
    return;
  }
  const Kind kind = change.ref.kind;
  const std::string step = string_at(*change.after, {"status", "operation", "step"});
  if (kind == Kind::pod && change.before == nullptr) {
    last_said_ = "the setup Pod was made";
  } else if (kind == Kind::job && change.before == nullptr) {
    last_said_ = "a Job was made";
  } else if (kind == Kind::config_map) {
    last_said_ = "the record was written";
  } else if (kind == Kind::deployment) {
    last_said_ = "a Deployment was written";
  } else if (kind == Kind::nocobase_cluster &&
             (change.before == nullptr || step != string_at(*change.before, {"status", "operation", "step"}))) {
    last_said_ = "the status said " + step;
  }
  if (kind == Kind::nocobase_cluster) {
    const std::map<std::string, std::string>& conditions = state_.clusters.at(change.ref).conditions;
    const auto stalled = conditions.find("Stalled");
    const std::string now = stalled == conditions.end() ? "" : stalled->second;
    if (now != stalled_ && now.starts_with("True/")) {
      scene_.happened("a person is told: " + now.substr(5));
    }
    stalled_ = now;
  }
}

// Controllers hear of a change at once; it is judged when the event that made it is over.
void World::take(const Change& change) {
  workloads_.changed(change);
  nodes_.changed(change);
  changes_.push_back(change);
}

void World::count(const Change& change) {
  const bool is_counted = change.ref.kind != Kind::lease && change.ref.kind != Kind::event;
  if (!is_counted) {
    return;
  }
  last_change_ = scene_.now();
  if (!setting_.script.empty() && change.after != nullptr) {
    const std::string version = string_at(*change.after, {"metadata", "resourceVersion"});
    kinds_changed_.emplace_back(change.ref.kind, std::stoull(version));
  }
  const auto mix = [this](std::uint64_t what) { trace_ = (trace_ ^ what) * 0x100000001B3U; };
  mix(static_cast<std::uint64_t>(scene_.now()) * 64 + static_cast<std::uint64_t>(change.ref.kind));
  mix(hash64(change.ref.name));
  if (change.by_call) {
    last_write_ = scene_.now();
    ++counts_.writes;
    counts_.creates += change.before == nullptr ? 1U : 0U;
    const bool goes =
        change.before != nullptr &&
        (change.after == nullptr || (kube::find_path(*change.before, {"metadata", "deletionTimestamp"}) == nullptr &&
                                     kube::find_path(*change.after, {"metadata", "deletionTimestamp"}) != nullptr));
    counts_.deletes += goes ? 1U : 0U;
  }
  if (change.ref.kind == Kind::pod) {
    const Json* const before = change.before.get();
    const Json* const after = change.after.get();
    const bool went = before != nullptr && kube::find_path(*before, {"metadata", "deletionTimestamp"}) != nullptr;
    const bool goes = before != nullptr && !went &&
                      (after == nullptr || kube::find_path(*after, {"metadata", "deletionTimestamp"}) != nullptr);
    counts_.pods_made += before == nullptr ? 1U : 0U;
    counts_.pod_stops += goes ? 1U : 0U;
  }
}

void World::broken(Broken what) {
  if (broken_.name.empty() && !what.name.empty()) {
    scene_.say("BROKEN", std::string(what.name) + ": " + what.what);
    broken_ = std::move(what);
    broken_at_ = scene_.now();
  }
}

void World::judge() {
  state_.now = scene_.now();
  for (const Change& change : changes_) {
    state_.take(change);
    count(change);
    note(change);
    const bool counts = change.ref.kind != Kind::lease && change.ref.kind != Kind::event;
    if (change.by_call && counts && settled_at_ >= 0 && setting_.script.empty()) {
      broken({"I7 silent", "a write when all is settled: " + change.actor + " " + kube::to_string(change.ref)});
    }
    broken(check(state_, change));
  }
  changes_.clear();
  for (; incidents_ < databases_.incidents().size(); ++incidents_) {
    broken(check(state_, databases_.incidents()[incidents_]));
  }
  if (!operators_.violation().empty()) {
    broken({"R engine", operators_.violation()});
  }
}

void World::begin() {
  scene_.server.put_data(pg, {{"password", "MQ=="}});
  const Json spec = first_spec(scene_);
  good_spec_ = spec;
  first_image_ = good_image_ = spec["image"].get<std::string>();
  is_autoscaled_ = scene_.rng.chance(scene_.faults.autoscaled);
  operators_.launch();
  if (setting_.script.empty()) {
    scene_.server.put_cluster("crm", spec);
    scene_.say("user", "makes crm: " + spec.dump());
    arrange_faults();
    scene_.after(scene_.faults.faults_for, [this] { end_faults(); });
  } else {
    scene_.quiet = true;
    scene_.after(1'000, [this] { script_step(); });
  }
  if (is_autoscaled_) {
    scene_.after(scene_.pick(scene_.faults.autoscaler), [this] { autoscale(); });
  }
}

bool World::quiet_for(std::int64_t time) const {
  return scene_.now() - last_write_ >= time && scene_.now() - last_change_ >= std::min<std::int64_t>(time, minutes);
}

bool World::settled() const {
  return scene_.quiet && quiet_for(scene_.faults.silent_for);
}

// One thing of the script at a time, each when the last has had its effect.
void World::script_step() {
  const bool rests = scene_.now() - last_change_ >= 2 * minutes;
  if (step_ == 0 || rests) {
    if (step_ == setting_.script.size()) {
      settled_at_ = scene_.now();
      return;
    }
    scene_.say("script", setting_.script[step_].name);
    last_change_ = scene_.now();
    steps_.push_back({operators_.calls(), counts_.writes, scene_.server.version()});
    setting_.script[step_++].act(*this);
  }
  scene_.after(10 * seconds, [this] { script_step(); });
}

Outcome World::run() {
  begin();
  const bool scripted = !setting_.script.empty();
  const std::int64_t end = scene_.faults.faults_for + scene_.faults.settle_within;
  judge();
  operators_.pump();
  while (!scene_.timeline.empty() && broken_.name.empty()) {
    scene_.timeline.run_next();
    scene_.server.wall = scene_.wall();
    judge();
    operators_.pump();
    if (scripted ? settled_at_ >= 0 : settled_at_ >= 0 && scene_.now() - settled_at_ >= scene_.faults.silent_for) {
      break;
    }
    if (!scripted && settled_at_ < 0 && settled()) {
      settled_at_ = scene_.now();
      scene_.say("world", "is settled; from here on nothing is written");
    }
    if (settled_at_ < 0 && scene_.now() >= end) {
      broken({"I7 settles", "writes or changes go on for ever"});
    }
  }
  if (broken_.name.empty()) {
    broken(check_end(state_));
  }
  Outcome outcome;
  outcome.broken = broken_;
  outcome.at = broken_.name.empty() ? scene_.now() : broken_at_;
  outcome.trace = trace_;
  outcome.events = scene_.timeline.count();
  outcome.decisions = operators_.decisions();
  counts_.migrations = databases_.migrations();
  outcome.counts = counts_;
  outcome.situations = scene_.situations;
  outcome.history = scene_.history.lines();
  outcome.calls = operators_.calls();
  outcome.steps = std::move(steps_);
  outcome.changes = std::move(kinds_changed_);
  outcome.digest = digest();
  return outcome;
}

void World::every(std::int64_t mean, const std::function<void()>& what) {
  if (mean <= 0) {
    return;
  }
  scene_.after(scene_.pick({1, 2 * mean}), [this, mean, what] {
    if (!scene_.quiet) {
      what();
      every(mean, what);
    }
  });
}

void World::arrange_faults() {
  const Faults& table = scene_.faults;
  every(table.crash, [this] {
    in_phase("a crash");
    if (!last_said_.empty()) {
      scene_.happened("a crash after " + last_said_);
    }
    operators_.crash_and_restart(scene_.pick(scene_.faults.starts_again));
  });
  every(table.second_operator, [this] {
    in_phase("a second operator");
    operators_.launch_second(scene_.pick(scene_.faults.overlap));
  });
  every(table.freeze, [this] { operators_.freeze(scene_.pick(scene_.faults.frozen)); });
  every(table.orderly_end, [this] { operators_.end_orderly(); });
  every(table.compaction, [this] { scene_.server.compact(); });
  every(table.node_lost, [this] { lose_a_node(); });
  every(table.node_drained, [this] { drain_a_node(); });
  every(table.pod_crash, [this] { crash_a_pod(false); });
  every(table.pod_deleted, [this] { crash_a_pod(true); });
  every(table.child_deleted, [this] { delete_a_child(); });
  every(table.wait_between_edits, [this] { person(); });
}

// People put right what they have broken; nodes come back when their time is over.
void World::end_faults() {
  scene_.quiet = true;
  scene_.say("world", "the faults are over");
  const Json& object = *scene_.server.find(cluster());
  const ClusterView view = view_of_cluster(object);
  if (view.invalid || view.paused) {
    edit_spec("puts the spec right", [this](Json& spec) {
      spec = good_spec_;
      spec.erase("paused");
    });
  }
}

// Counts what happens by what the cluster is doing.
void World::in_phase(const std::string& what) {
  const ClusterView* const view = state_.cluster("ns/crm");
  scene_.happened(what + " while " + (view == nullptr || view->phase.empty() ? "nothing" : view->phase));
}

void World::lose_a_node() {
  const std::size_t node = scene_.rng.below(nodes_.size());
  std::size_t lost = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    lost += nodes_.is_lost(i) ? 1U : 0U;
  }
  if (lost > 0) {
    return;  // one at a time
  }
  in_phase("a node lost");
  if (nodes_.runs(node, "setup")) {
    scene_.happened("a setup Pod lost with its node");
  }
  const std::int64_t away = scene_.pick(scene_.faults.node_away);
  nodes_.lose(node, scene_.rng.chance(scene_.faults.node_powered_off));
  if (away > scene_.faults.evicted_after && scene_.rng.chance(50)) {
    scene_.after(away - 10 * seconds, [this, node] { nodes_.force_delete(node); });
  }
  scene_.after(away, [this, node] { nodes_.bring_back(node); });
}

void World::drain_a_node() {
  const std::size_t node = scene_.rng.below(nodes_.size());
  in_phase("a node drained");
  if (nodes_.runs(node, "setup")) {
    scene_.happened("a node drained while the setup Pod is on it");
  }
  nodes_.drain(node, scene_.pick(scene_.faults.drain_patience));
  scene_.after(scene_.pick(scene_.faults.drained_for), [this, node] { nodes_.uncordon(node); });
}

void World::crash_a_pod(bool deletes) {
  const std::vector<Ref> pods = nodes_.running();
  if (pods.empty()) {
    return;
  }
  const Ref pod = pods[scene_.rng.below(pods.size())];
  if (!deletes) {
    nodes_.crash(pod);
  } else if (!pod.name.ends_with("-setup")) {
    scene_.server.remove(pod, "user");
  }
}

void World::delete_a_child() {
  constexpr std::array kinds = {Kind::deployment, Kind::service, Kind::nocobase_role};
  const std::vector<Ref> refs = scene_.server.refs(kinds[scene_.rng.below(kinds.size())]);
  if (!refs.empty()) {
    const Ref ref = refs[scene_.rng.below(refs.size())];
    scene_.happened("a child that a person deletes");
    scene_.say("user", "deletes " + kube::to_string(ref));
    scene_.server.remove(ref, "user");
  }
}

// What has no name of its own, versions and times is left out; of pods only what they are is told.
std::string World::digest() const {
  Json all = Json::object();
  const auto clean = [](Json object) {
    Json& metadata = object["metadata"];
    for (const char* const key : {"uid", "resourceVersion", "generation", "creationTimestamp"}) {
      metadata.erase(key);
    }
    for (Json& entry : metadata["managedFields"]) {  // an owner's key is its uid
      entry["fieldsV1"].erase("f:metadata");
    }
    for (Json& owner : metadata["ownerReferences"]) {
      owner.erase("uid");
    }
    if (object.contains("status")) {
      Json& status = object["status"];
      for (const char* const key : {"observedGeneration", "lastUpgrade"}) {
        status.erase(key);
      }
      drop_times(status);
      for (Json& condition : status["conditions"]) {
        condition.erase("lastTransitionTime");
        condition.erase("lastUpdateTime");
        condition.erase("observedGeneration");
      }
    }
    return object;
  };
  for (int i = 0; i <= static_cast<int>(Kind::trigger_authentication); ++i) {
    const auto kind = static_cast<Kind>(i);
    for (const Ref& ref : scene_.server.refs(kind)) {
      if (kind == Kind::lease || kind == Kind::event || kind == Kind::secret) {
        continue;
      }
      if (kind == Kind::pod) {
        const PodView& pod = state_.pods.at(ref);
        const std::string what = "pods of " + pod.component + " " + pod.written_image + (pod.ready ? " ready" : "");
        all[what] = all.value(what, 0) + 1;
      } else {
        all[kube::to_string(ref)] = clean(*scene_.server.find(ref));
      }
    }
  }
  all["database"] = databases_.version("ns/crm");
  return all.dump(1);
}

}  // namespace nocobase_operator::simulation
