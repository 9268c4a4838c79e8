#include "app/forecast.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/plan.h"
#include "app/secrecy.h"
#include "app/setup.h"
#include "app/status.h"
#include "app/validate.h"

namespace nocobase_operator::app {
namespace {

using kube::FieldChange;
using kube::Kind;
using kube::Ref;
using kube::string_at;
using kube::Verb;

// More passes than any forecast takes: an installation takes about 40.
constexpr int max_passes = 1'000;

const Json hidden = "not shown";

// Fields that tell of the writer and nothing of what is asked for.
bool is_bookkeeping(const std::string& path) {
  return path == "metadata.annotations[" + std::string(annotation_applied) + "]" ||
         path == "metadata.annotations[" + std::string(annotation_epoch) + "]" ||
         path.starts_with("metadata.ownerReferences");
}

// The variable that a path is the value of: "…env[NAME].value".
std::string variable_of(const std::string& path) {
  const std::size_t start = path.rfind(".env[");
  const std::size_t end = path.rfind("].value");
  return start == std::string::npos || end == std::string::npos || end < start + 5
             ? ""
             : path.substr(start + 5, end - start - 5);
}

void hide(std::optional<Json>& value, const std::string& variable) {
  if (!value) {
    return;
  }
  if (value->is_object() && value->contains("value") && value->at("value").is_string()) {
    const std::string name = string_at(*value, {"name"});
    if (is_secret_name(name) || has_password(string_at(*value, {"value"}))) {
      (*value)["value"] = hidden;
    }
  }
  if (value->is_structured()) {
    for (Json& item : *value) {
      std::optional<Json> inner = std::move(item);
      hide(inner, "");
      item = std::move(*inner);
    }
    return;
  }
  if (value->is_string() && (is_secret_name(variable) || has_password(value->get<std::string>()))) {
    value = hidden;
  }
}

std::vector<FieldChange> shown_changes(const Ref& ref, const Json& before, const Json& after) {
  std::vector<FieldChange> changes = kube::field_changes(ref.kind, before, after);
  std::erase_if(changes, [](const FieldChange& change) { return is_bookkeeping(change.path); });
  for (FieldChange& change : changes) {
    const std::string variable = variable_of(change.path);
    hide(change.before, variable);
    hide(change.after, variable);
  }
  return changes;
}

std::string pods_text(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " pod" : " pods");
}

// What a change of a Deployment does to its pods; null is one that is not there.
void tell_pods(const Json& before, const Json& after, ForecastWrite& write) {
  const std::int64_t from = before.is_null() ? 0 : kube::integer_at(before, {"spec", "replicas"});
  const std::int64_t to = after.is_null() ? 0 : kube::integer_at(after, {"spec", "replicas"});
  const bool replaces = from > 0 && to > 0 && template_hash(before) != template_hash(after);
  write.starts = to > from || replaces;
  write.stops = to < from || replaces;
  if (replaces) {
    const bool at_once = string_at(after, {"spec", "strategy", "type"}) == "Recreate";
    const Json* const surge = kube::find_path(after, {"spec", "strategy", "rollingUpdate", "maxSurge"});
    write.gap = at_once || (from == 1 && surge != nullptr && *surge == 0);
    write.effect =
        write.gap   ? (from == 1 ? "stops its pod, then starts it anew" : "stops all its pods, then starts them anew")
        : from == 1 ? "replaces its pod"
                    : "replaces its pods one by one";
    write.effect += from == to ? "" : ", " + std::to_string(from) + " become " + std::to_string(to);
  } else if (write.starts) {
    write.effect = "starts " + pods_text(to - from);
  } else if (write.stops) {
    write.effect = to == 0 ? "stops its " + pods_text(from) : "stops " + pods_text(from - to);
  }
}

void tell_effect(const kube::Call& call, const Json& before, ForecastWrite& write) {
  const bool removes = call.verb == Verb::remove;
  if (call.ref.kind == Kind::deployment) {
    tell_pods(before, removes ? Json() : call.body, write);
  } else if (call.ref.kind == Kind::pod) {
    write.effect = removes ? "ends the setup Pod" : "starts the setup Pod";
  } else if (call.manager == intent_manager) {
    const Json* const wanted = kube::find_path(call.body, {"spec", "replicas"});
    write.effect = wanted == nullptr ? "" : "notes how many pods are wanted: " + wanted->dump();
  }
}

// Runs a model forward, and writes down what happens.
class Run {
 public:
  Run(Model model, Json wanted) : model_(std::move(model)), wanted_(std::move(wanted)) {}

  Forecast run() {
    const std::map<Ref, Json> before = model_.bodies();
    if (model_.cluster().is_object()) {
      old_status_ = model_.cluster().value("status", Json());
      if (!may_change()) {
        return std::move(out_);
      }
    }
    model_.ask_for(wanted_);
    cluster_ = decode(model_.cluster()).cluster;
    explain();
    begin_step();
    const bool at_rest = settle();
    if (!out_.unread.empty()) {
      Forecast only;
      only.unread = std::move(out_.unread);
      return only;
    }
    end_step();
    compare(before);
    conclude(at_rest);
    return std::move(out_);
  }

  // The model afterwards.
  [[nodiscard]] Model take_model() { return std::move(model_); }

 private:
  [[nodiscard]] Operation operation() const { return operation_of(model_.cluster().at("status")); }

  // Whether the API server takes the change. What else there is to say of it is kept.
  bool may_change() {
    const Cluster there = decode(model_.cluster()).cluster;
    for (kube::Finding& finding : validate(decode(wanted_).cluster, &there)) {
      if (finding.code >= "NB120" && finding.code < "NB130") {  // see rules.cpp: changes
        out_.changes.push_back(std::move(finding));
      }
    }
    if (!kube::has_errors(out_.changes)) {
      return true;
    }
    out_.end = ForecastEnd::refused;
    out_.message = first_error(out_.changes)->message;
    return false;
  }

  // What is set up anew, and why.
  void explain() {
    const Operation now = operation();
    if (!now.record || (now.record->image.empty() && now.record->started.empty())) {
      return;
    }
    const auto differs = [&](const std::string& what, const std::string& from, const std::string& to) {
      if (from != to) {
        out_.why.push_back(what + (from.empty() ? "" : " was " + from) + (from.empty() ? " is " : ", is ") +
                           (to.empty() ? "absent" : to));
      }
    };
    const SetupRecord& record = *now.record;
    const Spec& spec = cluster_.spec;
    differs("spec.image", record.image, spec.image);
    differs("spec.setup.revision", record.revision, spec.setup ? spec.setup->revision.value_or("") : "");
    if (record.database != database_identity(spec.database)) {
      out_.why.emplace_back("spec.database names another database");
    }
    if (!record.started.empty()) {
      out_.why.push_back("the setup of " + record.started + " was not completed");
    }
  }

  bool settle() {
    for (int passes = 0; passes < max_passes; ++passes) {
      const Plan next = plan(model_.observe(), model_.now());
      for (const kube::Call& call : next.calls) {
        const bool looks = call.verb == Verb::get || call.precondition == kube::must_not_exist;
        if (looks && !model_.knows(call.ref)) {
          out_.unread.push_back(call.ref);
        }
      }
      if (!out_.unread.empty()) {
        return false;
      }
      bool changed = false;
      for (const kube::Call& call : next.calls) {
        // What is there after all is not made, but read.
        const bool clashes = call.precondition == kube::must_not_exist && model_.holds(call.ref);
        changed = perform(clashes ? kube::get_call(call.ref) : call) || changed;
      }
      if (!changed && !model_.tick() && !approve()) {
        return true;
      }
    }
    return false;
  }

  bool perform(const kube::Call& call) {
    const bool steps = call.verb == Verb::apply_status && call.ref.kind == Kind::nocobase_cluster;
    const Json before = model_.body_of(call.ref);
    const Operation was = steps ? operation() : Operation{};
    if (!model_.execute(call)) {
      return false;
    }
    if (steps && operation().epoch != was.epoch) {
      end_step();
      begin_step();
    }
    if (!kube::is_write(call.verb) || call.verb == Verb::apply_status) {
      return true;
    }
    ForecastWrite write;
    write.verb = call.verb;
    write.ref = call.ref;
    write.makes = call.verb != Verb::remove && before.is_null();
    tell_effect(call, before, write);
    if (call.verb == Verb::apply && !write.makes && call.manager == manager) {
      write.changes = shown_changes(call.ref, before, call.body);
    }
    step_.writes.push_back(std::move(write));
    return true;
  }

  // Goes on as if a person had approved of what is waited for, once.
  bool approve() {
    const Json* const reconciling = find_condition(model_.cluster().at("status"), condition_reconciling);
    if (approved_ || reconciling == nullptr ||
        string_at(*reconciling, {"reason"}) != name_of(Phase::awaiting_approval)) {
      return false;
    }
    end_step();
    approved_ = true;
    Json wanted = model_.cluster();
    wanted["spec"]["upgrade"]["approvedImage"] = cluster_.spec.image;
    model_.ask_for(wanted);
    begin_step();
    return true;
  }

  // --- steps ---------------------------------------------------------------------------------------------------------

  void begin_step() {
    const Operation now = operation();
    step_ = ForecastStep{};
    step_.step = now.step;
    step_.image = now.target.image;
    step_.nothing_serves = holds(now) && now.step != Step::idle;
    step_.after_approval = approved_;
    step_.pods = model_.told();
    step_.duration = duration_of(now.step);
  }

  void end_step() {
    step_.after = model_.told();
    if (step_.step == Step::idle) {
      step_.duration = duration_of_writes();
    }
    const bool empty = step_.step == Step::idle && step_.writes.empty();
    if (!empty) {
      out_.steps.push_back(std::move(step_));
    }
    step_ = ForecastStep{};
  }

  // How long pods take to come and go while what runs is changed.
  [[nodiscard]] Duration duration_of_writes() const {
    const auto any = [&](bool ForecastWrite::*what) {
      return std::any_of(step_.writes.begin(), step_.writes.end(),
                         [&](const ForecastWrite& write) { return write.*what; });
    };
    Duration duration;
    if (any(&ForecastWrite::starts)) {
      duration.limit = Seconds(progress_deadline_seconds(cluster_.spec));
      duration.why = "one start of the application for each pod that comes";
    } else if (any(&ForecastWrite::stops)) {
      duration.at_most = longest_grace();
      duration.why = "the longest grace period of a role";
    }
    return duration;
  }

  [[nodiscard]] Seconds longest_grace() const {
    std::int64_t longest = 0;
    for (const Role& role : cluster_.spec.roles) {
      longest = std::max(longest, grace_period_seconds(role));
    }
    return Seconds(longest);
  }

  [[nodiscard]] Duration duration_of(Step step) const {
    Duration duration;
    const auto& setup = cluster_.spec.setup;
    const Seconds setup_limit(setup ? setup->timeout_seconds.value_or(3600) : 3600);
    std::int64_t of_requests = 0;
    for (const Role& role : cluster_.spec.roles) {
      of_requests = role.requests ? std::max(of_requests, grace_period_seconds(role)) : of_requests;
    }
    switch (step) {
      case Step::idle:
        break;
      case Step::pull:
        duration.at_most = Seconds(300);
        duration.why = "the image is pulled once";
        break;
      case Step::drain:
        duration.at_most = longest_grace();
        duration.why = "the longest grace period of a role";
        break;
      case Step::backup:
      case Step::verify:
        duration.limit = setup_limit;
        duration.why = "depends on the Job";
        break;
      case Step::setup:
        duration.limit = setup_limit;
        duration.why = "depends on the scheduler and the registry";
        break;
      case Step::migrate:
        duration.limit = setup_limit;
        duration.why = "depends on the migrations and the size of the database";
        break;
      case Step::finish:
        duration.at_most = Seconds(of_requests);
        duration.why = "the grace period of the setup Pod";
        break;
      case Step::start:
        duration.limit = Seconds(progress_deadline_seconds(cluster_.spec));
        duration.why = "one start of the application";
        break;
      case Step::failed:
        duration.why = "until a person has done something";
        break;
    }
    const std::string name(name_of(step));
    const Json* const seconds = kube::find_path(old_status_, {"lastUpgrade", "seconds", name});
    if (seconds != nullptr && seconds->is_number_integer()) {
      duration.last = Seconds(seconds->get<std::int64_t>());
    }
    return duration;
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  void compare(const std::map<Ref, Json>& before) {
    const std::map<Ref, Json> after = model_.bodies();
    std::set<Ref> refs;
    for (const auto* const side : {&before, &after}) {
      for (const auto& [ref, body] : *side) {
        refs.insert(ref);
      }
    }
    for (const Ref& ref : refs) {
      const auto from = before.find(ref);
      const auto to = after.find(ref);
      ChildChange change{ref, from != before.end(), to != after.end(), {}};
      const bool written = to != after.end() && to->second.is_object() && !to->second.empty();
      if (change.before && change.after) {
        change.changes = shown_changes(ref, from->second, to->second);
      }
      if (change.before != change.after ? change.before || written : !change.changes.empty()) {
        out_.children.push_back(std::move(change));
      }
    }
  }

  void conclude(bool at_rest) {
    const Json& status = model_.cluster().at("status");
    const auto take = [&](std::string_view type) {
      const Json* const condition = find_condition(status, type);
      const bool holds_true = condition != nullptr && string_at(*condition, {"status"}) == "True";
      if (holds_true) {
        out_.reason = string_at(*condition, {"reason"});
        out_.message = string_at(*condition, {"message"});
      }
      return holds_true;
    };
    out_.image = operation().record.value_or(SetupRecord{}).runs;
    if (kube::read_meta(model_.cluster()).value().terminating) {
      out_.end = ForecastEnd::deleting;
    } else if (cluster_.spec.paused) {
      out_.end = ForecastEnd::paused;
    } else if (take(condition_stalled)) {
      out_.end = ForecastEnd::person;
    } else if (!at_rest) {
      out_.end = ForecastEnd::open;
    } else if (!take(condition_ready)) {
      out_.end = ForecastEnd::waits;
    } else {
      out_.end = approved_ ? ForecastEnd::approval : ForecastEnd::done;
    }
    if (out_.end == ForecastEnd::open || out_.end == ForecastEnd::waits) {
      const Json* const ready = find_condition(status, condition_ready);
      out_.reason = ready == nullptr ? "" : string_at(*ready, {"reason"});
      out_.message = ready == nullptr ? "" : string_at(*ready, {"message"});
    }
  }

  Model model_;
  Json wanted_;
  Cluster cluster_;
  Json old_status_;
  bool approved_ = false;
  ForecastStep step_;
  Forecast out_;
};

Json without(const Json& cluster, std::initializer_list<const char*> fields) {
  Json changed = cluster;
  for (const char* const field : fields) {
    changed["spec"].erase(field);
  }
  return changed;
}

}  // namespace

Forecast forecast(const Scene& scene, const Json& wanted) {
  return Run(Model(scene), wanted).run();
}

Result<Forecast> forecast_from(const Json& before, const Json& wanted) {
  Scene scene;
  scene.assumed_for = std::vector<Json>{before, wanted};
  Model model(scene);
  // What is stopped or paused now was not when it was installed.
  for (const Json& each : {without(before, {"stopped", "paused", "maintenance"}), before}) {
    Run run(std::move(model), each);
    const Forecast past = run.run();
    if (past.end == ForecastEnd::person || past.end == ForecastEnd::waits || past.end == ForecastEnd::open) {
      return Error{Code::invalid, past.reason + ": " + past.message};
    }
    model = run.take_model();
  }
  return Run(std::move(model), wanted).run();
}

}  // namespace nocobase_operator::app
