// What is under way with a cluster, as its status keeps it: written before each step, alone, so that an operator that
// dies between any two writes goes on where it was.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "app/spec.h"

namespace nocobase_operator::app {

// The steps of an installation or upgrade. From `drain` to `finish`, and in `failed`, no role has pods.
enum class Step : std::uint8_t {
  idle,     // nothing is under way
  pull,     // a Job tries whether the image can be pulled; what runs goes on
  drain,    // pods are going
  backup,   // the Job of spec.upgrade.backup runs
  setup,    // the setup Pod is to be made, or has not started yet
  migrate,  // its container has started: from here on the database may have changed, and nothing breaks it off
  verify,   // the Job of spec.upgrade.verify runs
  finish,   // the record is written and the setup Pod is going
  start,    // the roles come up
  failed,   // a setup failed: nothing runs until a person has done something
};
[[nodiscard]] std::string_view name_of(Step step);  // "Idle", "Pull", …

enum class JobState : std::uint8_t { absent, running, succeeded, failed };

// What was last set up. The ConfigMap C-record holds it too, and outlives the cluster.
struct SetupRecord {
  std::string image;     // spec.image as it was written; "" when nothing has been set up
  std::string runs;      // the reference that the roles run: by the digest that setup ran, where that is known
  std::string revision;  // spec.setup.revision
  std::string database;  // database_identity()
  std::string keys;      // fingerprint of the keys
  std::string started;   // an image whose setup has started since and was not completed: the database may be its
  friend bool operator==(const SetupRecord&, const SetupRecord&) = default;
};

// An attempt that failed. It is not made again until what it was made from changes.
struct Failure {
  std::string attempt;  // attempt_of() of the spec that it was made from
  std::string image;
  std::string reason;  // CamelCase
  std::string message;
  friend bool operator==(const Failure&, const Failure&) = default;
};

struct Operation {
  // Grows with each change, but for what is noted of the setup Pod in step `setup`; what is made carries it.
  std::int64_t epoch = 0;
  Step step = Step::idle;
  bool install = false;                   // of something that has never been there
  bool down = false;                      // no role has had pods since it began to drain
  SetupRecord target;                     // image, revision and database that are being set up
  std::string attempt;                    // attempt_of() of the spec that it was begun from
  std::string setup_uid;                  // of the setup Pod: in `setup` of one that may start, then of one that has
  std::chrono::sys_seconds since{};       // when the step began
  std::chrono::sys_seconds down_since{};  // when it began to drain
  std::map<std::string, std::int64_t> seconds;  // that each step took
  std::optional<Failure> failed;
  std::optional<SetupRecord> record;  // nothing: not known yet
  friend bool operator==(const Operation&, const Operation&) = default;
};

// Whether no role may have pods.
[[nodiscard]] bool holds(const Operation& operation);

// From and to status.operation. What is missing or unreadable is as in a new one.
[[nodiscard]] Operation operation_of(const Json& status);
[[nodiscard]] Json to_json(const Operation& operation);

// From and to the data of C-record.
[[nodiscard]] SetupRecord record_of(const Json& data);
[[nodiscard]] Json to_json(const SetupRecord& record);

// What C-record is to say: what was last set up, and whether another setup has started since.
[[nodiscard]] SetupRecord record_to_keep(const Operation& operation);

// Tells whether two specs mean the same database; nothing of it can be read.
[[nodiscard]] std::string database_identity(const Database& database);
// Tells whether a failed attempt may be made again: a hash of image, upgrade and setup.
[[nodiscard]] std::string attempt_of(const Json& cluster);

}  // namespace nocobase_operator::app
