// What the lifecycle looks at is gathered here, and what it decides becomes calls.
#include <algorithm>

#include "app/defaults.h"
#include "app/image.h"
#include "app/names.h"
#include "app/plan_parts.h"
#include "app/setup.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

using kube::Call;
using kube::Ref;
using kube::Verb;
using std::chrono::sys_seconds;

bool is_of_job(const SeenPod& pod) {
  return pod.role == component_pull || pod.role == component_backup || pod.role == component_verify;
}

bool is_over(const SeenPod& pod) {
  return pod.phase == "Succeeded" || pod.phase == "Failed";
}

// Pods of the application, without the cluster's own setup Pod.
std::vector<const SeenPod*> application_pods(const Situation& s, const std::vector<SeenPod>& pods) {
  const Ref setup = setup_pod_ref(*s.cluster);
  std::vector<const SeenPod*> found;
  for (const SeenPod& pod : pods) {
    const bool own_setup = pod.meta.ref == setup && pod.meta.owner_uid == s.seen->meta.uid;
    const bool foreign = pod.meta.ref == setup && pod.cluster != s.cluster->name;
    const bool overlooked = is_mutant("terminating-pods-overlooked") && pod.meta.terminating;
    if (!own_setup && !foreign && !is_over(pod) && !is_of_job(pod) && !overlooked) {
      found.push_back(&pod);
    }
  }
  return found;
}

const SeenPod* setup_of(const std::vector<SeenPod>& pods, const Ref& ref) {
  const auto found = std::find_if(pods.begin(), pods.end(), [&](const SeenPod& pod) { return pod.meta.ref == ref; });
  return found == pods.end() ? nullptr : &*found;
}

// The same image by the digest that the container runtime says it runs.
std::string by_digest(const std::string& image, const std::string& image_id) {
  const std::optional<Image> parsed = parse_image(image);
  const std::size_t at = image_id.rfind('@');
  if (!parsed || !parsed->digest.empty() || at == std::string::npos || is_mutant("digest-forgotten")) {
    return image;
  }
  const std::string pinned = image + image_id.substr(at);
  const std::optional<Image> whole = parse_image(pinned);
  return whole && !whole->digest.empty() ? pinned : image;
}

void look_at_setup(const Situation& s, Lifecycle& view) {
  // A list is younger than all that the watch has shown.
  const std::vector<SeenPod>& pods = has_listed_pods(s) ? s.seen->pods_read->pods : s.seen->pods;
  const SeenPod* const pod = setup_of(pods, setup_pod_ref(*s.cluster));
  if (pod == nullptr) {
    return;
  }
  if (pod->meta.owner_uid != s.seen->meta.uid) {
    view.setup = pod->cluster == s.cluster->name ? SetupPod::absent : SetupPod::foreign;
    return;
  }
  view.setup_is_ready = pod->ready && !is_over(*pod);
  view.setup_started = pod->started;
  view.setup = is_over(*pod)           ? SetupPod::ended
               : pod->meta.terminating ? SetupPod::terminating
               : pod->ready            ? SetupPod::ready
               : pod->started          ? SetupPod::started
                                       : SetupPod::waiting;
  view.setup_uid = pod->meta.uid;
  view.setup_epoch = pod->epoch;
  view.setup_image = pod->image;
  view.setup_runs = by_digest(pod->image, pod->image_id);
  view.setup_created = pod->since;
  view.setup_message = pod->reason + (pod->exit_code ? ", exit code " + std::to_string(*pod->exit_code) : "") +
                       (pod->message.empty() ? "" : ": " + pod->message);
}

// The Job of the step under way; what its pod says tells more than the Job does.
JobSeen job_of(const Situation& s, std::string_view component) {
  const Ref ref = job_ref(*s.cluster, component, s.operation.epoch);
  const auto found = s.seen->children.find(ref);
  if (found == s.seen->children.end()) {
    return {};
  }
  if (found->second.meta.owner_uid != s.seen->meta.uid) {
    return {JobState::running, kube::to_string(ref) + " exists and is not this cluster's; remove it"};
  }
  const auto* const job = std::get_if<SeenJob>(&found->second.detail);
  JobSeen seen{job != nullptr ? job->state : JobState::running, job != nullptr ? job->message : ""};
  for (const SeenPod& pod : s.seen->pods) {
    if (pod.role == component && !pod.reason.empty() && seen.state != JobState::succeeded) {
      seen.message += (seen.message.empty() ? "" : "; ") + ("pod " + pod.meta.ref.name) + ": " + pod.reason +
                      (pod.message.empty() ? "" : ": " + pod.message);
      break;
    }
  }
  return seen;
}

bool is_fresh(Instant at, const Situation& s) {
  return s.now.mono - at < read_lasts;
}

// Nothing when it has not been read lately.
std::optional<SetupRecord> found_record(const Situation& s, Draft& draft) {
  const Ref ref = record_ref(*s.cluster);
  const auto child = s.seen->children.find(ref);
  if (child != s.seen->children.end() && is_fresh(child->second.read_at, s)) {
    const auto* const config = std::get_if<SeenConfig>(&child->second.detail);
    if (config == nullptr || !config->record) {
      draft.stall({"NameConflict", kube::to_string(ref) + " exists and is not this cluster's; remove it"});
      draft.recheck_in(read_lasts);
      return SetupRecord{.image = {}, .runs = {}, .revision = {}, .database = {}, .keys = {}, .started = "?"};
    }
    return config->record;
  }
  const auto absent = s.seen->absent.find(ref);
  return absent != s.seen->absent.end() && is_fresh(absent->second, s) ? std::optional(SetupRecord{}) : std::nullopt;
}

bool has_no_claim(const Situation& s) {
  return std::any_of(s.children.begin(), s.children.end(), [](const ChildState& state) {
    return state.child->ref.kind == kube::Kind::persistent_volume_claim && state.standing == Standing::absent;
  });
}

// Every Deployment of this name's clusters has been told to have no pods, and says that it has none.
bool is_scaled_down(const Situation& s) {
  return std::all_of(s.seen->children.begin(), s.seen->children.end(), [](const auto& entry) {
    const auto* const deployment = std::get_if<SeenDeployment>(&entry.second.detail);
    return deployment == nullptr || (deployment->spec_replicas == 0 && deployment->replicas == 0 &&
                                     deployment->observed_generation >= entry.second.meta.generation);
  });
}

void look_at_pods(const Situation& s, Lifecycle& view, Draft& draft) {
  std::vector<const SeenPod*> pods = application_pods(s, s.seen->pods);
  const auto& read = s.seen->pods_read;
  view.proven = has_listed_pods(s);
  if (view.proven) {
    const std::vector<const SeenPod*> listed = application_pods(s, read->pods);
    if (listed.size() > pods.size()) {
      pods = listed;  // the watch is late
    }
    draft.recheck_in(proof_lasts - (s.now.mono - read->at));
  }
  view.pods = static_cast<std::int32_t>(pods.size());
  const std::string runs = s.operation.record ? s.operation.record->runs : "";
  for (const SeenPod* const pod : pods) {
    const bool other = pod->image != runs;
    view.others += other ? 1 : 0;
    if (view.last_pod.empty() || other) {
      view.last_pod = "pod " + pod->meta.ref.name + (pod->node.empty() ? "" : " on node " + pod->node);
    }
  }
}

void look_at_roles(const Situation& s, Lifecycle& view) {
  view.roles_reached = true;
  view.roles = s.roles.size() == 1 ? "role " : "roles ";
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const RoleState& role = s.roles[i];
    if (!role.content.missing.empty() && view.missing.empty()) {
      view.missing = "role " + s.cluster->spec.roles[i].name + ": " + role.content.missing.front();
    }
    view.roles += (i == 0 ? "" : ", ") + s.cluster->spec.roles[i].name;
    view.raises = view.raises || role.deployment.starts;
    view.roles_reached = view.roles_reached && !unmet_of(s, i);
    longest = std::max(longest, grace_period_seconds(s.cluster->spec.roles[i]));
  }
  view.drain_limit = Seconds(progress_deadline_seconds(s.cluster->spec) + longest);
}

// What is to be made is looked for first: without our label no watch shows it.
void read_before(const Situation& s, const Ref& ref, Draft& draft) {
  const auto absent = s.seen->absent.find(ref);
  if (absent == s.seen->absent.end() || !is_fresh(absent->second, s)) {
    draft.reads.push_back(kube::get_call(ref));
  }
}

Json with_operation(const Situation& s, const Operation& next, const Draft& draft) {
  if (next.epoch == s.operation.epoch) {  // something is noted of the step that it is at
    Json status = s.live;
    status["operation"] = to_json(next);
    return status;
  }
  const Phase phase = phase_of_step(next, s.cluster->spec);
  const bool held = holds(next);
  std::vector<Condition> conditions;
  if (held || find_condition(s.live, condition_ready) == nullptr) {
    conditions.push_back({std::string(condition_ready), "False", std::string(name_of(phase)),
                          "step " + std::string(name_of(next.step)) + " has begun"});
  }
  const bool stalled =
      draft.trouble.has_value() || next.step == Step::failed || (next.step == Step::migrate && next.failed);
  if (!stalled) {
    conditions.push_back({std::string(condition_reconciling), "True", std::string(name_of(phase)),
                          "step " + std::string(name_of(next.step)) + " has begun"});
    conditions.push_back({std::string(condition_stalled), "False", "AsExpected", ""});
  }
  if (next.step == Step::migrate && next.failed) {
    conditions.push_back({std::string(condition_stalled), "True", next.failed->reason, next.failed->message});
  }
  Json status = amended(s.live, stalled ? Phase::blocked : phase, s.cluster->generation, conditions, s.now);
  status["operation"] = to_json(next);
  const bool upgraded = s.operation.step == Step::start && next.step == Step::idle && !s.operation.install;
  if (upgraded && s.operation.down_since != sys_seconds{}) {
    const bool back = s.operation.target.image.empty();
    status["lastUpgrade"] = {{"image", next.record->image},
                             {"result", back ? upgrade_taken_back : upgrade_completed},
                             {"completionTime", to_rfc3339(s.now.wall)},
                             {"secondsDown", (s.now.wall - s.operation.down_since).count()},
                             {"seconds", next.seconds}};
  }
  return status;
}

// --- calls -----------------------------------------------------------------------------------------------------------

Call create_call(const Ref& ref, Json body) {
  Call call = apply_call(ref, std::move(body), manager, {});
  call.verb = Verb::create;
  return call;
}

Call remove_call(const Ref& ref, kube::Precondition precondition) {
  Call call;
  call.verb = Verb::remove;
  call.ref = ref;
  call.precondition = std::move(precondition);
  call.propagation = kube::Propagation::background;
  return call;
}

// Jobs of steps that are over. The one that failed is kept for its logs until the next attempt.
void remove_jobs(const Situation& s, Draft& draft) {
  for (const auto& [ref, child] : s.seen->children) {
    const auto* const job = std::get_if<SeenJob>(&child.detail);
    const bool ours = child.watched && child.meta.owner_uid == s.seen->meta.uid && !child.meta.terminating;
    if (job == nullptr || !ours || child.epoch == s.operation.epoch ||
        (job->state == JobState::failed && s.operation.failed)) {
      continue;
    }
    push(s, remove_call(ref, {child.meta.uid, ""}), draft);
  }
}

void remove_setup(const Situation& s, Draft& draft) {
  const SeenPod* const pod = setup_of(s.seen->pods, setup_pod_ref(*s.cluster));
  if (pod == nullptr || pod->meta.terminating) {
    return;
  }
  // One that has not started may start while this is decided; then its version has changed, and it stays.
  const bool waits = !pod->started && !is_over(*pod) && !is_mutant("precondition-dropped");
  push(s, remove_call(pod->meta.ref, {pod->meta.uid, waits ? std::to_string(pod->meta.version) : ""}), draft);
}

}  // namespace

Phase phase_of_step(const Operation& operation, const Spec& spec) {
  const bool install = operation.install;
  switch (operation.step) {
    case Step::drain:
      return Phase::draining;
    case Step::backup:
      return Phase::backing_up;
    case Step::setup:
    case Step::migrate:
    case Step::finish:
      return install ? Phase::installing : Phase::setting_up;
    case Step::verify:
      return install ? Phase::installing : Phase::verifying;
    case Step::start:
      return install ? Phase::installing : Phase::starting;
    case Step::failed:
      return Phase::blocked;
    case Step::pull:
      return operation.down ? Phase::draining : Phase::running;
    case Step::idle:
      break;
  }
  return spec.stopped ? Phase::stopped : holds(operation) ? Phase::installing : Phase::running;
}

void draft_lifecycle(const Situation& s, Draft& draft) {
  const Spec& spec = s.cluster->spec;
  Lifecycle view;
  view.wanted.image = spec.image;
  view.wanted.revision = spec.setup ? spec.setup->revision.value_or("") : "";
  view.wanted.database = database_identity(spec.database);
  view.wanted.keys =
      draft.keys.fingerprint.empty() ? kube::string_at(s.live, {"keyFingerprint"}) : draft.keys.fingerprint;
  view.attempt = attempt_of(s.seen->cluster);
  if (spec.upgrade) {
    const Upgrade& upgrade = *spec.upgrade;
    view.allow_downgrade = upgrade.allow_downgrade;
    view.backs_up = upgrade.backup_job_template.has_value();
    view.verifies = upgrade.verify_job_template.has_value();
    const bool first =
        !s.operation.record || (s.operation.record->image.empty() && s.operation.record->started.empty());
    const bool needs = upgrade.approval == Approval::manual && !(first && (s.operation.install || has_no_claim(s)));
    view.is_approved = !needs || upgrade.approved_image == spec.image;
  }
  view.stopped = spec.stopped;
  view.setup_timeout = Seconds(spec.setup ? spec.setup->timeout_seconds.value_or(3600) : 3600);
  view.operation = s.operation;
  view.found = found_record(s, draft);
  view.is_new = has_no_claim(s) && view.found == SetupRecord{};
  view.scaled_down = is_scaled_down(s);
  view.recorded = view.found == record_to_keep(s.operation);
  view.keys_usable = draft.keys.state == KeysState::usable;
  look_at_setup(s, view);
  look_at_pods(s, view, draft);
  look_at_roles(s, view);
  view.pull = job_of(s, component_pull);
  view.backup = job_of(s, component_backup);
  view.verify = job_of(s, component_verify);
  view.now = s.now.wall;
  draft.lifecycle = decide(view);
  Decision& decision = draft.lifecycle;
  if (decision.reads_record || (decision.keeps_record && !view.found)) {
    draft.reads.push_back(kube::get_call(record_ref(*s.cluster)));
  } else if (decision.reads_pods) {
    // With the cluster itself: a copy that is too old must not make a second setup Pod.
    draft.reads.push_back(kube::get_call(s.seen->meta.ref));
    draft.reads.push_back(list_pods(s));
  } else if (decision.makes_setup && view.setup != SetupPod::foreign) {
    read_before(s, setup_pod_ref(*s.cluster), draft);
  } else if (decision.makes_pull) {
    read_before(s, job_ref(*s.cluster, component_pull, s.operation.epoch), draft);
  } else if (decision.makes_backup) {
    read_before(s, job_ref(*s.cluster, component_backup, s.operation.epoch), draft);
  } else if (decision.makes_verify) {
    read_before(s, job_ref(*s.cluster, component_verify, s.operation.epoch), draft);
  }
  if (decision.stalled) {
    draft.stall({decision.stalled->reason, decision.stalled->message});
  }
  if (decision.wake) {
    draft.recheck_in(std::chrono::duration_cast<Millis>(*decision.wake - s.now.wall));
  }
  if (decision.next) {
    draft.next_status = with_operation(s, *decision.next, draft);
  }
}

void note_setup(const Observed& seen, const Now& now, Json& status) {
  Situation s;
  s.seen = &seen;
  s.now = now;
  Cluster named;
  named.ns = seen.meta.ref.ns;
  named.name = seen.meta.ref.name;
  s.cluster = std::make_shared<const Cluster>(std::move(named));
  Lifecycle view;
  view.operation = operation_of(status);
  view.now = now.wall;
  look_at_setup(s, view);
  if (const std::optional<Operation> next = noted_setup(view); next && !is_mutant("paused-setup-unseen")) {
    status["operation"] = to_json(*next);
  }
}

void draft_setup(const Situation& s, Draft& draft) {
  const Decision& decision = draft.lifecycle;
  const std::int64_t epoch = s.operation.epoch;
  const std::string& image = s.operation.target.image;
  if (decision.keeps_record) {
    push(s, apply_call(record_ref(*s.cluster), record_config(*s.cluster, record_to_keep(s.operation)), manager, {}),
         draft);
  }
  remove_jobs(s, draft);
  if (decision.removes_setup) {
    remove_setup(s, draft);
  }
  if (decision.makes_pull) {
    push(s, create_call(job_ref(*s.cluster, component_pull, epoch), pull_job(*s.cluster, image, epoch)), draft);
  }
  if (decision.makes_backup) {
    push(s, create_call(job_ref(*s.cluster, component_backup, epoch), backup_job(*s.cluster, epoch)), draft);
  }
  if (decision.makes_verify) {
    const SeenPod* const pod = setup_of(s.seen->pods, setup_pod_ref(*s.cluster));
    if (pod != nullptr && !pod->ip.empty()) {
      push(s, create_call(job_ref(*s.cluster, component_verify, epoch), verify_job(*s.cluster, pod->ip, epoch)), draft);
    }
  }
  if (decision.makes_setup) {
    Result<Json> pod = setup_pod(*s.cluster, image, epoch);
    if (pod.ok()) {
      push(s, create_call(setup_pod_ref(*s.cluster), std::move(pod).value()), draft);
    } else {
      draft.stall({"InvalidSpec", pod.error().what});
    }
  }
}

}  // namespace nocobase_operator::app
