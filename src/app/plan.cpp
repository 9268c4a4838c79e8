#include "app/plan.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "app/plan_parts.h"
#include "app/validate.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

constexpr Millis behind_recheck{5'000};

Json live_status(const Observed& seen) {
  const Json* const status = kube::find(seen.cluster, "status");
  return status != nullptr && status->is_object() ? *status : Json::object();
}

// The status of a cluster that nothing is done about.
Json untouched(const Observed& seen, Phase phase, std::int64_t generation, const std::vector<Condition>& conditions,
               const Now& now) {
  Json status = amended(live_status(seen), phase, generation, conditions, now);
  note_setup(seen, now, status);
  return status;
}

// Adds the one status write, if it would say anything new. Where a server drops a part of what was written, what is
// there never equals what was said: it is not said twice of the same version.
void add_status(const Observed& seen, Json status, Plan& plan) {
  const kube::Meta& meta = seen.meta;
  const std::uint64_t hash = status_hash(status);
  const auto written = seen.statuses.find(meta.ref);
  const bool is_out =
      written != seen.statuses.end() && written->second.hash == hash && meta.version <= written->second.version;
  if (is_out || hash == status_hash(live_status(seen))) {
    return;
  }
  Json body = {{"apiVersion", kube::api_version(meta.ref.kind)},
               {"kind", kube::info(meta.ref.kind).kind},
               {"metadata", {{"name", meta.ref.name}, {"namespace", meta.ref.ns}}},
               {"status", std::move(status)}};
  kube::Call call = apply_call(meta.ref, std::move(body), manager, {meta.uid, std::to_string(meta.version)});
  call.verb = kube::Verb::apply_status;
  plan.calls.push_back(std::move(call));
}

// A child that a later plan made: this copy of the cluster is too old to decide from.
const SeenChild* later_child(const Observed& seen) {
  const std::int64_t epoch = kube::integer_at(seen.cluster, {"status", "operation", "epoch"});
  for (const auto& [ref, child] : seen.children) {
    if (child.meta.owner_uid == seen.meta.uid && child.epoch > epoch && !is_mutant("epoch-ignored")) {
      return &child;
    }
  }
  return nullptr;
}

// The same of the setup Pod.
const SeenPod* later_setup(const Observed& seen) {
  const std::int64_t epoch = kube::integer_at(seen.cluster, {"status", "operation", "epoch"});
  const auto found = std::find_if(seen.pods.begin(), seen.pods.end(), [&](const SeenPod& pod) {
    return pod.meta.owner_uid == seen.meta.uid && pod.epoch > epoch;
  });
  return found == seen.pods.end() ? nullptr : &*found;
}

// Says why nothing is done, and leaves all else in the status as it was.
Plan blocked(const Observed& seen, std::int64_t generation, const Trouble& trouble, const Now& now) {
  const Json live = live_status(seen);
  std::vector<Condition> conditions;
  if (find_condition(live, condition_ready) == nullptr) {
    conditions.push_back({std::string(condition_ready), "False", trouble.reason, trouble.message});
  }
  conditions.push_back({std::string(condition_reconciling), "False", "Stalled", ""});
  conditions.push_back({std::string(condition_stalled), "True", trouble.reason, trouble.message});
  Plan plan;
  plan.reread.emplace();
  plan.why = trouble.reason + ": " + trouble.message;
  add_status(seen, untouched(seen, Phase::blocked, generation, conditions, now), plan);
  return plan;
}

Plan paused(const Observed& seen, std::int64_t generation, const Now& now) {
  const Json live = live_status(seen);
  std::vector<Condition> conditions;
  if (find_condition(live, condition_ready) == nullptr) {
    conditions.push_back({std::string(condition_ready), "Unknown", "Paused", "paused before anything was made"});
  }
  conditions.push_back({std::string(condition_reconciling), "False", "Paused", ""});
  conditions.push_back({std::string(condition_stalled), "False", "Paused", ""});
  Plan plan;
  plan.reread.emplace();
  plan.why = "paused by spec.paused";
  add_status(seen, untouched(seen, Phase::paused, generation, conditions, now), plan);
  return plan;
}

// The first error with its place, and how many more there are.
Trouble invalid_spec(const kube::Findings& findings) {
  const kube::Finding& first = *first_error(findings);
  const auto errors = std::count_if(findings.begin(), findings.end(), [](const kube::Finding& finding) {
    return finding.severity == kube::Severity::error;
  });
  const bool reserved = first.code == "NB050" || first.code == "NB051" || first.code == "NB059";
  Trouble trouble{reserved ? "ReservedVariable" : "InvalidSpec", first.path};
  trouble.message += (first.path.empty() ? "" : ": ") + first.message + " (" + first.code + ")";
  if (!first.advice.empty()) {
    trouble.message += "; " + first.advice;
  }
  if (errors > 1) {
    trouble.message += "; and " + std::to_string(errors - 1) + " more";
  }
  return trouble;
}

std::string names_of(const std::vector<kube::Call>& calls) {
  std::string text(kube::name_of(calls.front().verb));
  text += " " + kube::to_string(calls.front().ref);
  return calls.size() == 1 ? text : text + " and " + std::to_string(calls.size() - 1) + " more";
}

std::string why_of(const Draft& draft, const Plan& plan) {
  if (draft.trouble) {
    return draft.trouble->reason + ": " + draft.trouble->message;
  }
  if (!plan.calls.empty()) {
    return names_of(plan.calls);
  }
  return draft.waits.empty() ? "nothing to do" : draft.waits.front().message;
}

Plan plan_for(const Situation& s) {
  Draft draft;
  draft_reads(s, draft);
  Plan plan;
  const bool only_reads = !draft.reads.empty();
  if (!only_reads && draft.next_status) {
    add_status(*s.seen, *draft.next_status, plan);
    plan.why = "next step: " + std::string(name_of(draft.lifecycle.next->step));
    return plan;
  }
  if (only_reads) {
    plan.calls = draft.reads;
  } else if (draft.alone) {
    plan.calls = draft.writes;
  } else {
    draft_children(s, draft);
    draft_removals(s, draft);
    plan.calls = draft.writes;
    plan.reread = draft.reread;
  }
  // While something has to come first there is nothing to say, unless that is what is refused.
  if ((!only_reads && !draft.alone) || draft.refused) {
    add_status(*s.seen, draft_status(s, draft), plan);
    // The first one. Later ones tell of what is undone by the time of the next plan, such as that a number is
    // contested.
    const bool says = !plan.calls.empty() && plan.calls.back().verb == kube::Verb::apply_status;
    plan.status_waits = says && kube::find(s.live, "roles") == nullptr && !draft.trouble;
  }
  plan.recheck = draft.recheck;
  plan.why = why_of(draft, plan);
  return plan;
}

}  // namespace

Plan plan(const Observed& observed, const Now& now) {
  Memo memo(1);
  return plan(observed, now, memo);
}

Plan plan(const Observed& observed, const Now& now, Memo& memo) {
  if (observed.meta.terminating) {
    return {
        .calls = {}, .stop_on_error = false, .recheck = {}, .why = "the cluster is being deleted", .reread = Reread{}};
  }
  Memo::Work& work = memo.of(observed.cluster);
  const std::int64_t generation = observed.meta.generation;
  if (first_error(work.findings()) != nullptr) {
    return blocked(observed, generation, invalid_spec(work.findings()), now);
  }
  if (work.cluster()->spec.paused) {
    return paused(observed, generation, now);
  }
  const SeenChild* const child = later_child(observed);
  const SeenPod* const pod = later_setup(observed);
  if (child != nullptr || pod != nullptr) {
    return {.calls = {},
            .stop_on_error = false,
            .recheck = behind_recheck,
            .why = kube::to_string(child != nullptr ? child->meta.ref : pod->meta.ref) +
                   " is of a later epoch than this copy of the cluster; waiting for the newer one",
            .reread = {}};
  }
  const Result<Situation> situation = assess(observed, work, now);
  if (!situation.ok()) {
    return blocked(observed, generation, {"InvalidSpec", situation.error().what}, now);
  }
  return plan_for(situation.value());
}

}  // namespace nocobase_operator::app
