#include "app/status.h"

#include <algorithm>
#include <utility>

#include "app/defaults.h"
#include "app/observe_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::string_at;

std::string last_transition(const Condition& condition, const Json& live, const Now& now) {
  const Json* const before = find_condition(live, condition.type);
  const std::string time = before != nullptr ? string_at(*before, {"lastTransitionTime"}) : "";
  const bool same = before != nullptr && string_at(*before, {"status"}) == condition.status;
  return same && from_rfc3339(time) ? time : to_rfc3339(now.wall);
}

Json condition_json(const Condition& condition, std::int64_t generation, const Json& live, const Now& now) {
  return {{"type", condition.type},           {"status", condition.status},
          {"reason", condition.reason},       {"message", shortened(condition.message, max_condition_message)},
          {"observedGeneration", generation}, {"lastTransitionTime", last_transition(condition, live, now)}};
}

Json roles_json(const std::vector<RoleStatus>& roles) {
  Json list = Json::array();
  for (const RoleStatus& role : roles) {
    list.push_back({{"name", role.name},
                    {"workerMode", role.worker_mode},
                    {"desired", role.desired},
                    {"effective", role.effective},
                    {"ready", role.ready},
                    {"updated", role.updated},
                    {"why", name_of(role.why)}});
  }
  return list;
}

void put_text(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) {
    json[key] = text;
  }
}

}  // namespace

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::installing:
      return "Installing";
    case Phase::running:
      return "Running";
    case Phase::awaiting_approval:
      return "AwaitingApproval";
    case Phase::draining:
      return "Draining";
    case Phase::backing_up:
      return "BackingUp";
    case Phase::setting_up:
      return "SettingUp";
    case Phase::verifying:
      return "Verifying";
    case Phase::starting:
      return "Starting";
    case Phase::maintenance:
      return "Maintenance";
    case Phase::stopped:
      return "Stopped";
    case Phase::paused:
      return "Paused";
    case Phase::blocked:
      return "Blocked";
  }
  return "";
}

std::string_view name_of(Why why) {
  switch (why) {
    case Why::spec:
      return "spec";
    case Why::autoscaler:
      return "autoscaler";
    case Why::keda_missing:
      return "kedaMissing";
    case Why::outside:
      return "outside";
    case Why::maintenance:
      return "maintenance";
    case Why::stopped:
      return "stopped";
    case Why::upgrade:
      return "upgrade";
    case Why::worker_id_limit:
      return "workerIdLimit";
  }
  return "";
}

const Json* find_condition(const Json& status, std::string_view type) {
  const Json* const conditions = find(status, "conditions");
  if (conditions == nullptr || !conditions->is_array()) {
    return nullptr;
  }
  const auto found = std::find_if(conditions->begin(), conditions->end(),
                                  [&](const Json& condition) { return string_at(condition, {"type"}) == type; });
  return found == conditions->end() ? nullptr : &*found;
}

Json to_json(const Status& status, const Json& live, const Now& now) {
  Json json = {
      {"phase", name_of(status.phase)}, {"observedGeneration", status.observed_generation},
      {"conditions", Json::array()},    {"roles", roles_json(status.roles)},
      {"services", Json::array()},      {"workerIds", {{"limit", max_worker_ids}, {"worst", status.worker_ids_worst}}}};
  for (const Condition& condition : status.conditions) {
    json["conditions"].push_back(condition_json(condition, status.observed_generation, live, now));
  }
  for (const auto& [key, roles] : status.services) {
    json["services"].push_back({{"key", key}, {"roles", roles}});
  }
  put_text(json, "image", status.image);
  put_text(json, "version", status.version);
  put_text(json, "keyFingerprint", status.key_fingerprint);
  for (const char* const key : {"operation", "lastUpgrade"}) {
    const Json* const kept = find(live, key);
    if (kept != nullptr) {
      json[key] = *kept;
    }
  }
  return json;
}

Json amended(const Json& live, Phase phase, std::int64_t generation, const std::vector<Condition>& conditions,
             const Now& now) {
  Json json = live.is_object() ? live : Json::object();
  json["phase"] = name_of(phase);
  json["observedGeneration"] = generation;
  Json list = Json::array();
  for (const Condition& condition : conditions) {
    list.push_back(condition_json(condition, generation, live, now));
  }
  const Json* const before = find(live, "conditions");
  if (before != nullptr && before->is_array()) {
    for (const Json& condition : *before) {
      const std::string type = string_at(condition, {"type"});
      const bool given =
          std::any_of(conditions.begin(), conditions.end(), [&](const Condition& item) { return item.type == type; });
      if (!given && !type.empty()) {
        list.push_back(condition);
      }
    }
  }
  json["conditions"] = std::move(list);
  return json;
}

Json to_json(const RoleReport& report) {
  return {{"workerMode", report.worker_mode}, {"replicas", report.replicas},
          {"readyReplicas", report.ready},    {"selector", report.selector},
          {"why", name_of(report.why)},       {"observedGeneration", report.observed_generation}};
}

}  // namespace nocobase_operator::app
