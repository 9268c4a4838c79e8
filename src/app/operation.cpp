#include "app/operation.h"

#include <algorithm>
#include <array>

#include "app/defaults.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "base/time.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::string_at;

constexpr std::array<std::string_view, 10> step_names = {"Idle",    "Pull",   "Drain",  "Backup", "Setup",
                                                         "Migrate", "Verify", "Finish", "Start",  "Failed"};

Step step_of(std::string_view name) {
  const auto* const found = std::find(step_names.begin(), step_names.end(), name);
  return found == step_names.end() ? Step::idle : static_cast<Step>(found - step_names.begin());
}

bool flag_at(const Json& value, const char* key) {
  const Json* const flag = find(value, key);
  return flag != nullptr && *flag == true;
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) {
    json[key] = text;
  }
}

void put(Json& json, const char* key, std::chrono::sys_seconds time) {
  if (time != std::chrono::sys_seconds{}) {
    json[key] = to_rfc3339(time);
  }
}

std::chrono::sys_seconds time_of(const Json& json, const char* key) {
  return from_rfc3339(string_at(json, {key})).value_or(std::chrono::sys_seconds{});
}

}  // namespace

std::string_view name_of(Step step) {
  return step_names.at(static_cast<std::size_t>(step));
}

bool holds(const Operation& operation) {
  switch (operation.step) {
    case Step::drain:
    case Step::backup:
    case Step::setup:
    case Step::migrate:
    case Step::verify:
    case Step::finish:
    case Step::failed:
      return true;
    case Step::pull:
      return operation.down;
    case Step::idle:
    case Step::start:
      break;
  }
  return !operation.record || operation.record->image.empty();
}

SetupRecord record_of(const Json& data) {
  return {.image = string_at(data, {"image"}),
          .runs = string_at(data, {"runs"}),
          .revision = string_at(data, {"revision"}),
          .database = string_at(data, {"database"}),
          .keys = string_at(data, {"keyFingerprint"}),
          .started = string_at(data, {"started"})};
}

Json to_json(const SetupRecord& record) {
  Json json = Json::object();
  put(json, "image", record.image);
  put(json, "runs", record.runs);
  put(json, "revision", record.revision);
  put(json, "database", record.database);
  put(json, "keyFingerprint", record.keys);
  put(json, "started", record.started);
  return json;
}

Operation operation_of(const Json& status) {
  const Json* const found = find(status, "operation");
  Operation operation;
  if (found == nullptr || !found->is_object()) {
    return operation;
  }
  const Json& json = *found;
  operation.epoch = kube::integer_at(json, {"epoch"});
  operation.step = step_of(string_at(json, {"step"}));
  operation.install = flag_at(json, "install");
  operation.down = flag_at(json, "down");
  if (const Json* const target = find(json, "target")) {
    operation.target = record_of(*target);
  }
  operation.attempt = string_at(json, {"attempt"});
  operation.setup_uid = string_at(json, {"setupUID"});
  operation.since = time_of(json, "since");
  operation.down_since = time_of(json, "downSince");
  if (const Json* const seconds = find(json, "seconds"); seconds != nullptr && seconds->is_object()) {
    for (const auto& [step, value] : seconds->items()) {
      operation.seconds[step] = kube::integer_at(*seconds, {step});
    }
  }
  if (const Json* const failed = find(json, "failed")) {
    operation.failed = Failure{.attempt = string_at(*failed, {"attempt"}),
                               .image = string_at(*failed, {"image"}),
                               .reason = string_at(*failed, {"reason"}),
                               .message = string_at(*failed, {"message"})};
  }
  if (const Json* const record = find(json, "record")) {
    operation.record = record_of(*record);
  }
  return operation;
}

Json to_json(const Operation& operation) {
  Json json = {{"epoch", operation.epoch}, {"step", name_of(operation.step)}};
  if (operation.install) {
    json["install"] = true;
  }
  if (operation.down) {
    json["down"] = true;
  }
  if (operation.target != SetupRecord{}) {
    json["target"] = to_json(operation.target);
  }
  put(json, "attempt", operation.attempt);
  put(json, "setupUID", operation.setup_uid);
  put(json, "since", operation.since);
  put(json, "downSince", operation.down_since);
  if (!operation.seconds.empty()) {
    json["seconds"] = operation.seconds;
  }
  if (operation.failed) {
    Json failed = Json::object();
    put(failed, "attempt", operation.failed->attempt);
    put(failed, "image", operation.failed->image);
    put(failed, "reason", operation.failed->reason);
    put(failed, "message", operation.failed->message);
    json["failed"] = std::move(failed);
  }
  if (operation.record) {
    json["record"] = to_json(*operation.record);
  }
  return json;
}

SetupRecord record_to_keep(const Operation& operation) {
  SetupRecord record = operation.record.value_or(SetupRecord{});
  const bool begun = operation.step == Step::setup || operation.step == Step::migrate ||
                     operation.step == Step::verify || operation.step == Step::failed;
  if (begun && !is_mutant("start-unrecorded")) {
    record.started = operation.target.image;
  }
  return record;
}

std::string database_identity(const Database& database) {
  const Json parts = {name_of(database.dialect),    database.host,
                      database_port(database),      database.name,
                      database.schema.value_or(""), database.table_prefix.value_or("")};
  return hex64(hash64(kube::dump(parts)));
}

std::string attempt_of(const Json& cluster) {
  Json parts = Json::object();
  if (const Json* const spec = find(cluster, "spec")) {
    for (const char* const key : {"image", "upgrade", "setup"}) {
      if (const Json* const part = find(*spec, key)) {
        parts[key] = *part;
      }
    }
  }
  return hex64(hash64(kube::dump(parts)));
}

}  // namespace nocobase_operator::app
