#include "app/events.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "app/names.h"
#include "app/status.h"

namespace nocobase_operator::app {
namespace {

using kube::string_at;

std::string pods(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " pod" : " pods");
}

const SeenChild* seen_of(const Observed& observed, const kube::Ref& ref) {
  const auto found = observed.children.find(ref);
  return found == observed.children.end() ? nullptr : &found->second;
}

std::optional<Event> of_deployment(const Observed& observed, const kube::Call& call) {
  const std::string role = "role " + string_at(call.body, {"metadata", "labels", std::string(label_component)});
  const std::int64_t want = kube::integer_at(call.body, {"spec", "replicas"});
  const SeenChild* const seen = seen_of(observed, call.ref);
  if (seen == nullptr) {
    return Event{EventType::normal, "RoleCreated", "CreateRole", role + " with " + pods(want)};
  }
  const auto* const deployment = std::get_if<SeenDeployment>(&seen->detail);
  if (deployment == nullptr || deployment->spec_replicas == want) {
    return std::nullopt;
  }
  return Event{EventType::normal, "RoleScaled", "ScaleRole",
               role + " from " + std::to_string(deployment->spec_replicas) + " to " + pods(want)};
}

// The condition's reason, where it is True.
std::string reason_if_true(const Json* condition) {
  return condition != nullptr && string_at(*condition, {"status"}) == "True" ? string_at(*condition, {"reason"}) : "";
}

// What of a status tells that somebody else scales a role, or nobody does: the reason, "" when it is as it should be.
// What comes right by itself, such as an autoscaler that is still to be made, is no news.
std::string scaling_trouble(const Json& status) {
  const Json* const ready = find_condition(status, condition_autoscalers_ready);
  const std::string reason =
      ready != nullptr && string_at(*ready, {"status"}) == "False" ? string_at(*ready, {"reason"}) : "";
  return reason == "ForeignAutoscaler" || reason == "KindMissing" ? reason : "";
}

// An upgrade that is through, with its times in the order in which they came.
Event of_upgrade(const Json& last) {
  UpgradeTimes times;
  times.result = string_at(last, {"result"});
  times.down = std::max<std::int64_t>(kube::integer_at(last, {"secondsDown"}), 0);
  std::string note =
      string_at(last, {"image"}) + " runs; the application was down for " + std::to_string(times.down) + " s";
  for (const Step step : {Step::pull, Step::drain, Step::backup, Step::setup, Step::migrate, Step::verify, Step::finish,
                          Step::start, Step::failed}) {
    const std::string name(name_of(step));
    if (const std::int64_t seconds = kube::integer_at(last, {"seconds", name}, -1); seconds >= 0) {
      times.steps[name] = seconds;
      note += (times.steps.size() == 1 ? ": " : ", ") + name + " " + std::to_string(seconds) + " s";
    }
  }
  const bool back = times.result == upgrade_taken_back;
  return {back ? EventType::warning : EventType::normal, back ? "UpgradeTakenBack" : "Upgraded", "Upgrade",
          std::move(note), std::move(times)};
}

// What a status says that the one before did not: that a person is needed, or no longer is.
std::optional<Event> of_status(const Observed& observed, const kube::Call& call) {
  const Json* const now = kube::find(call.body, "status");
  const Json* const before = kube::find(observed.cluster, "status");
  if (now == nullptr) {
    return std::nullopt;
  }
  const Json* const last = kube::find(*now, "lastUpgrade");
  const Json* const last_before = before != nullptr ? kube::find(*before, "lastUpgrade") : nullptr;
  if (last != nullptr && (last_before == nullptr || *last != *last_before)) {
    return of_upgrade(*last);
  }
  const auto newly = [&](std::string_view type) -> const Json* {
    const Json* const condition = find_condition(*now, type);
    const std::string reason = reason_if_true(condition);
    const bool told = reason.empty() || (before != nullptr && reason == reason_if_true(find_condition(*before, type)));
    return told ? nullptr : condition;
  };
  if (const Json* const stalled = newly(condition_stalled)) {
    return Event{EventType::warning, string_at(*stalled, {"reason"}), "Reconcile", string_at(*stalled, {"message"})};
  }
  if (const Json* const contested = newly(condition_intent_contested)) {
    return Event{EventType::warning, std::string(condition_intent_contested), "ScaleRole",
                 string_at(*contested, {"message"})};
  }
  const std::string trouble = scaling_trouble(*now);
  if (!trouble.empty() && (before == nullptr || trouble != scaling_trouble(*before))) {
    return Event{EventType::warning, trouble, "ScaleRole",
                 string_at(*find_condition(*now, condition_autoscalers_ready), {"message"})};
  }
  if (const Json* const ready = newly(condition_ready)) {
    return Event{EventType::normal, string_at(*ready, {"reason"}), "Reconcile", string_at(*ready, {"message"})};
  }
  return std::nullopt;
}

std::optional<Event> of_call(const Observed& observed, const kube::Call& call) {
  switch (call.verb) {
    case kube::Verb::apply:
      return call.ref.kind == kube::Kind::deployment ? of_deployment(observed, call) : std::nullopt;
    case kube::Verb::apply_status:
      return call.ref == observed.meta.ref ? of_status(observed, call) : std::nullopt;
    case kube::Verb::create:
      if (call.ref.kind == kube::Kind::secret) {
        return Event{EventType::normal, "KeysCreated", "CreateKeys",
                     "made Secret " + call.ref.name + "; keep a copy of it, for data cannot be read without it"};
      }
      return std::nullopt;
    case kube::Verb::remove:
      if (call.ref.kind == kube::Kind::deployment) {
        return Event{EventType::normal, "RoleRemoved", "RemoveRole",
                     "removed Deployment " + call.ref.name + ", whose role is no longer asked for"};
      }
      return std::nullopt;
    case kube::Verb::get:
    case kube::Verb::list:
    case kube::Verb::update:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::vector<EventOfCall> events_of(const Observed& observed, const Plan& plan) {
  std::vector<EventOfCall> out;
  for (std::size_t i = 0; i < plan.calls.size(); ++i) {
    if (std::optional<Event> event = of_call(observed, plan.calls[i])) {
      if (event->note.empty()) {
        event->note = event->reason;
      }
      out.push_back({i, std::move(*event)});
    }
  }
  return out;
}

std::vector<Event> told_together(std::vector<Event> events) {
  std::vector<Event> out;
  for (Event& event : events) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const Event& told) {
      return told.type == event.type && told.reason == event.reason && told.action == event.action && !told.upgrade &&
             !event.upgrade;
    });
    if (same == out.end()) {
      out.push_back(std::move(event));
    } else {
      same->note += "; " + event.note;
    }
  }
  return out;
}

}  // namespace nocobase_operator::app
