#include "plan_world.h"

#include <algorithm>
#include <utility>

#include "app/children.h"
#include "app/defaults.h"
#include "app/names.h"
#include "app/references.h"
#include "app/status.h"

namespace nocobase_operator::app {

using kube::Kind;
using kube::Ref;
using kube::string_at;

Json settled_operation(const Json& cluster) {
  const Cluster decoded = decode(cluster).cluster;
  Operation operation;
  operation.epoch = 1;
  operation.record = SetupRecord{.image = decoded.spec.image,
                                 .runs = decoded.spec.image,
                                 .revision = decoded.spec.setup ? decoded.spec.setup->revision.value_or("") : "",
                                 .database = database_identity(decoded.spec.database),
                                 .keys = "",
                                 .started = ""};
  return to_json(operation);
}

Json fresh_cluster() {
  return {{"apiVersion", "nocobase.com/v1alpha1"},
          {"kind", "NocoBaseCluster"},
          {"metadata",
           {{"name", "crm"}, {"namespace", "apps"}, {"uid", sample_uid}, {"generation", 1}, {"resourceVersion", "10"}}},
          {"spec",
           {{"image", "nocobase/nocobase:2.2.15-full"},
            {"roles",
             {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
              {{"name", "workflow"}, {"services", {"workflow:process"}}},
              {{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", 1}}}},
            {"database",
             {{"dialect", "postgres"},
              {"host", "pg-rw"},
              {"name", "nocobase"},
              {"user", "nocobase"},
              {"passwordSecretRef", {{"name", "pg"}, {"key", "password"}}}}},
            {"coordination", {{"redis", {{"host", "redis"}}}}}}},
          {"status", {{"observedGeneration", -1}}}};
}

Json sample_cluster() {
  Json cluster = fresh_cluster();
  cluster["status"]["operation"] = settled_operation(cluster);
  return cluster;
}

SeenSecret sample_keys() {
  return {{{"APP_AES_SECRET_KEY", 1}, {"APP_KEY", 2}, {"INIT_ROOT_EMAIL", 3}, {"INIT_ROOT_PASSWORD", 4}},
          "",
          "00000000000000aa",
          "content-key"};
}

Ref ref_of(Kind kind, const std::string& name) {
  return {kind, "apps", name};
}

World::World(Json cluster)
    : cluster_(std::move(cluster)), now_{Instant(Millis(1'000'000)), std::chrono::sys_seconds(Seconds(1'767'225'600))} {
  put_data(Kind::secret, "pg", {{"password", 1}});
}

void World::restart() {
  read_.clear();
  absent_.clear();
  accepted_.clear();
  statuses_.clear();
  refusals_.clear();
  pods_read_.reset();
}

void World::advance(Seconds time) {
  now_.mono += time;
  now_.wall += time;
}

void World::edit_spec(const std::function<void(Json&)>& edit) {
  edit(cluster_["spec"]);
  cluster_["metadata"]["generation"] = cluster_["metadata"]["generation"].get<std::int64_t>() + 1;
  cluster_["metadata"]["resourceVersion"] = std::to_string(++version_);
}

void World::scale(const std::string& role, std::int32_t replicas) {
  const Ref ref = ref_of(Kind::nocobase_role, "crm-" + role);
  SeenChild& child = at(ref);
  auto& seen = std::get<SeenRole>(child.detail);
  if (seen.intent == replicas) {
    return;  // an equal value takes no ownership
  }
  if (seen.main_owns_intent) {
    child.owned ^= 2U;  // the field is no longer in the part that is the main manager's
  }
  seen.intent = replicas;
  seen.main_owns_intent = seen.intent_manager_owns = false;
  intent_owners_[ref] = {"autoscaler"};
  seen.intent_by = "autoscaler";
  seen.intent_at = now_.wall;
  ++child.meta.generation;
  touch(child);
}

void World::put(SeenChild child) {
  touch(child);
  if (const auto* const role = std::get_if<SeenRole>(&child.detail)) {
    auto& owners = intent_owners_[child.meta.ref];
    if (role->main_owns_intent) {
      owners.insert(std::string(manager));
    }
    if (role->intent_manager_owns) {
      owners.insert(std::string(intent_manager));
    }
  }
  children_[child.meta.ref] = std::move(child);
}

void World::remove(const Ref& ref) {
  children_.erase(ref);
  images_.erase(ref);
  image_of_pods_.erase(ref);
  intent_owners_.erase(ref);
  template_of_pods_.erase(ref);
}

void World::put_data(Kind kind, const std::string& name, SeenEntries entries) {
  SeenChild child;
  child.meta.ref = ref_of(kind, name);
  child.meta.uid = "uid-" + std::to_string(++uids_);
  if (kind == Kind::secret) {
    child.detail = SeenSecret{std::move(entries), "", "", ""};
  } else {
    child.detail = SeenConfig{std::move(entries), {}};
  }
  put(std::move(child));
}

void World::put_references() {
  const Cluster cluster = decode(cluster_).cluster;
  std::map<Ref, SeenEntries> wanted;
  const std::vector<Child> children = render({&cluster, initial_counts(cluster), 0}).value();
  for (const Child& child : children) {
    const Json* const pods = kube::find_path(child.body, {"spec", "template"});
    const std::vector<Reference> references = references_of(pods != nullptr ? *pods : Json(), cluster.ns);
    for (const Reference& reference : references) {
      wanted[reference.ref][reference.key.empty() ? "any" : reference.key] = 1;
    }
  }
  for (auto& [ref, entries] : wanted) {
    if (ref.name != child_name(cluster, "keys")) {
      put_data(ref.kind, ref.name, std::move(entries));
    }
    if (ref.name == keys_secret_name(cluster) && ref.name != child_name(cluster, "keys")) {
      at(ref).detail = sample_keys();
    }
  }
}

void World::add_pod(SeenPod pod) {
  extra_pods_.push_back(std::move(pod));
}

void World::remove_pod(const std::string& name) {
  std::erase_if(extra_pods_, [&](const SeenPod& pod) { return pod.meta.ref.name == name; });
  pods_read_.reset();
}

SeenPod* World::setup_pod() {
  const auto found = std::find_if(extra_pods_.begin(), extra_pods_.end(),
                                  [](const SeenPod& pod) { return pod.meta.ref.name == "crm-setup"; });
  return found == extra_pods_.end() ? nullptr : &*found;
}

std::vector<std::string> World::jobs() const {
  std::vector<std::string> names;
  for (const auto& [ref, child] : children_) {
    if (ref.kind == Kind::job) {
      names.push_back(ref.name);
    }
  }
  return names;
}

const SeenChild* World::find(const Ref& ref) const {
  const auto found = children_.find(ref);
  return found == children_.end() ? nullptr : &found->second;
}

SeenChild& World::at(const Ref& ref) {
  const auto found = children_.find(ref);
  CHECK(found != children_.end());
  return found->second;
}

std::string World::condition(std::string_view type) const {
  const Json* const found = find_condition(cluster_.at("status"), type);
  return found == nullptr ? "" : string_at(*found, {"status"}) + " " + string_at(*found, {"reason"});
}

Observed World::observe() const {
  Observed seen;
  seen.meta = kube::read_meta(cluster_).value();
  seen.cluster = cluster_;
  for (const auto& [ref, child] : children_) {
    if (!child.watched) {
      continue;
    }
    seen.children.emplace(ref, child);
    const auto* const deployment = std::get_if<SeenDeployment>(&child.detail);
    for (std::int32_t i = 0; deployment != nullptr && i < deployment->replicas; ++i) {
      SeenPod pod;
      pod.meta.ref = {Kind::pod, ref.ns, ref.name + "-" + std::to_string(i)};
      pod.cluster = "crm";
      pod.role = ref.name.substr(4);
      const auto image = image_of_pods_.find(ref);
      pod.image = image != image_of_pods_.end() ? image->second : "";
      pod.phase = "Running";
      pod.ready = i < deployment->ready;
      pod.since = now_.wall;
      seen.pods.push_back(std::move(pod));
    }
  }
  for (const auto& [ref, child] : read_) {
    seen.children.emplace(ref, child);
  }
  seen.pods.insert(seen.pods.end(), extra_pods_.begin(), extra_pods_.end());
  seen.pods_read = pods_read_;
  seen.missing_kinds = missing_kinds;
  seen.absent = absent_;
  seen.entropy = std::string(keys_entropy_bytes, 'e');
  seen.accepted = accepted_;
  seen.statuses = statuses_;
  seen.refusals = refusals_;
  seen.scalers = scalers;
  return seen;
}

// The setup Pod starts, works, and is ready; or goes.
bool World::tick_setup() {
  SeenPod* const pod = setup_pod();
  if (pod == nullptr) {
    return false;
  }
  if (pod->meta.terminating) {
    remove_pod("crm-setup");
    return true;
  }
  if (!pod->started) {
    pod->started = true;
    pod->phase = "Running";
    pod->ip = "10.0.0.9";
    pod->image_id = "docker.io/nocobase/nocobase@sha256:" + std::string(64, 'd');
  } else if (setup_fails && pod->phase == "Running") {
    pod->phase = "Failed";
    pod->reason = "Error";
    pod->exit_code = 1;
  } else if (!setup_fails && !setup_hangs && !pod->ready) {
    pod->ready = true;
  } else {
    return false;
  }
  pod->meta.version = ++version_;
  return true;
}

bool World::tick_jobs() {
  bool changed = false;
  for (auto& [ref, child] : children_) {
    auto* const job = std::get_if<SeenJob>(&child.detail);
    if (job == nullptr || job->state != JobState::running) {
      continue;
    }
    const std::string component = ref.name.substr(4, ref.name.rfind('-') - 4);
    *job = failing_jobs.contains(component) ? SeenJob{JobState::failed, "BackoffLimitExceeded: it has failed"}
                                            : SeenJob{JobState::succeeded, ""};
    touch(child);
    changed = true;
  }
  return changed;
}

bool World::tick() {
  advance(Seconds(1));
  const bool setup_changed = tick_setup();
  bool changed = tick_jobs() || setup_changed;
  for (auto it = children_.begin(); it != children_.end();) {
    SeenChild& child = it->second;
    const bool gone =
        child.meta.terminating || (child.meta.owner_kind == "NocoBaseCluster" && child.meta.owner_uid == "uid-older");
    if (gone) {
      const Ref ref = it->first;
      ++it;
      remove(ref);
      changed = true;
      continue;
    }
    ++it;
    auto* const seen = std::get_if<SeenDeployment>(&child.detail);
    if (seen == nullptr) {
      continue;
    }
    SeenDeployment next = *seen;
    std::uint64_t& pods = template_of_pods_[child.meta.ref];
    next.observed_generation = child.meta.generation;
    if (pods != 0 && pods != seen->template_hash && seen->spec_replicas > 0 && seen->replicas > 0) {
      next.updated = 0;  // the old pods go first
      next.ready = std::max(0, seen->ready - 1);
      next.progress = "ReplicaSetUpdated";
      next.progressed_at = now_.wall;
    } else {
      next.replicas = next.updated = next.ready = next.available = seen->spec_replicas;
      next.progress = "NewReplicaSetAvailable";
      image_of_pods_[child.meta.ref] = images_[child.meta.ref];
    }
    pods = seen->template_hash;
    if (next != *seen) {
      *seen = next;
      touch(child);
      changed = true;
    }
  }
  return changed;
}

bool World::read_again(const Plan& plan) {
  const bool due = plan.reread && !plan.reread->refs.empty() && plan.reread->in == Millis(0);
  bool changed = false;
  for (const Ref& ref : due ? plan.reread->refs : std::vector<Ref>()) {
    const auto child = read_.find(ref);
    const auto absent = absent_.find(ref);
    const bool known = (child != read_.end() && child->second.read_at == now_.mono) ||
                       (absent != absent_.end() && absent->second == now_.mono) || refusals_.contains(ref);
    changed = !known || changed;
    call(kube::get_call(ref));
  }
  return changed;
}

int World::settle(const std::function<void(const World&, const Plan&)>& check) {
  constexpr int limit = 400;
  for (int passes = 1; passes < limit; ++passes) {
    static Memo memo(4);  // of several worlds, as of several clusters
    const Plan next = plan(observe(), now_, memo);
    CHECK(next == plan(observe(), now_));
    if (check) {
      check(*this, next);
    }
    bool changed = read_again(next);
    for (const kube::Call& item : next.calls) {
      const bool done = call(item).empty();
      changed = changed || done;
      if (!done && next.stop_on_error) {
        break;
      }
    }
    if (!changed && !tick()) {
      return passes;
    }
  }
  return 0;
}

std::string World::digest() const {
  Json all = Json::object();
  for (const auto& [ref, child] : children_) {
    Json entry = {{"applied", child.applied},
                  {"owned", child.owned},
                  {"epoch", child.epoch},
                  {"owner", child.meta.owner_uid},
                  {"cluster", child.cluster}};
    if (const auto* const deployment = std::get_if<SeenDeployment>(&child.detail)) {
      entry["replicas"] = deployment->spec_replicas;
    } else if (const auto* const role = std::get_if<SeenRole>(&child.detail)) {
      entry["intent"] = role->intent ? Json(*role->intent) : Json();
      entry["owners"] = intent_owners_.contains(ref) ? Json(intent_owners_.at(ref)) : Json();
    } else if (const auto* const claim = std::get_if<SeenClaim>(&child.detail)) {
      entry["requested"] = claim->requested;
    }
    all[kube::to_string(ref)] = std::move(entry);
  }
  Json status = cluster_.at("status");
  for (Json& condition : status["conditions"]) {
    condition.erase("lastTransitionTime");
  }
  if (status.contains("operation")) {
    for (const char* const key : {"since", "downSince", "seconds", "setupUID"}) {
      status["operation"].erase(key);
    }
  }
  status.erase("lastUpgrade");  // tells times
  all["status"] = std::move(status);
  return all.dump(1);
}

std::set<std::string> World::images() const {
  std::set<std::string> all;
  for (const SeenPod& pod : observe().pods) {
    if (pod.phase != "Failed" && pod.phase != "Succeeded") {
      all.insert(pod.image);
    }
  }
  return all;
}

int World::rolling() const {
  int count = 0;
  for (const auto& [ref, child] : children_) {
    const auto* const seen = std::get_if<SeenDeployment>(&child.detail);
    const auto pods = template_of_pods_.find(ref);
    const bool old_pods = pods != template_of_pods_.end() && pods->second != 0;
    if (seen != nullptr && old_pods && seen->replicas > 0 && seen->spec_replicas > 0 &&
        (pods->second != seen->template_hash || seen->updated < seen->replicas)) {
      ++count;
    }
  }
  return count;
}

std::vector<std::string> lines(const Plan& plan) {
  std::vector<std::string> out;
  for (const kube::Call& call : plan.calls) {
    std::string line = std::string(kube::name_of(call.verb)) + " " + kube::to_string(call.ref);
    if (call.manager == intent_manager) {
      line += " as intent";
    }
    if (!call.precondition.uid.empty()) {
      line += " uid";
    }
    if (!call.precondition.resource_version.empty()) {
      line += call.precondition.resource_version == "1" ? " absent" : " version";
    }
    const Json* const replicas = kube::find_path(call.body, {"spec", "replicas"});
    if (replicas != nullptr) {
      line += " replicas=" + replicas->dump();
    }
    const Json* const status = kube::find(call.body, "status");
    if (status != nullptr && call.ref.kind == Kind::nocobase_cluster) {
      line += " " + string_at(*status, {"phase"});
      for (const std::string_view type : {condition_ready, condition_reconciling, condition_stalled}) {
        const Json* const condition = find_condition(*status, type);
        line += condition == nullptr ? " -" : " " + string_at(*condition, {"status"});
      }
    } else if (status != nullptr) {
      line += " " + string_at(*status, {"why"}) + " [" + string_at(*status, {"selector"}) + "]";
    }
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace nocobase_operator::app
