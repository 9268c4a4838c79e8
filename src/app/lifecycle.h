// The lifecycle: from what is asked for, what is under way and what is there to the next step. Pure, and it sees counts
// and states, never objects; plan makes calls of what it says. docs/lifecycle.md draws it.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "app/operation.h"
#include "app/spec.h"
#include "base/time.h"

namespace nocobase_operator::app {

// The setup Pod as it stands. From `started` on its container has started.
enum class SetupPod : std::uint8_t {
  absent,
  foreign,      // somebody else's Pod has its name
  waiting,      // not started yet
  started,      // runs and is not ready
  ready,        //
  ended,        // its container has ended, or it was evicted
  terminating,  // deleted, and not gone yet
};

struct JobSeen {
  JobState state = JobState::absent;
  std::string message;  // why it failed, or what holds it up
};

// Everything the lifecycle looks at.
struct Lifecycle {
  // What is asked for.
  SetupRecord wanted;       // image, revision and database
  std::string attempt;      // attempt_of() the spec
  bool is_approved = true;  // the image may be brought in
  bool stopped = false;
  bool allow_downgrade = false;
  bool backs_up = false, verifies = false;  // hooks are given
  Seconds setup_timeout{3600};
  Seconds drain_limit{600};

  std::string roles;    // "role web" or "roles web, workflow", for people
  std::string missing;  // what pods refer to and would not start without, with their role; "" when all is there

  Operation operation;  // as the status has it

  // What is there.
  std::optional<SetupRecord> found;  // C-record; nothing: not read yet. Empty when it is not there
  bool is_new = false;               // neither a record nor a claim was there
  std::int32_t pods = 0;             // of the application, without the setup Pod; terminating ones included
  std::int32_t others = 0;           // those of them that do not run record->runs
  std::string last_pod;              // one of them with its node, for people
  bool scaled_down = false;          // every Deployment has been told to have no pods, and has none
  bool raises = false;               // some role is to be given more pods than it has been told
  bool proven = false;               // the API server itself has just said the same of pods as is said here
  bool recorded = false;             // C-record says what record_to_keep() says
  bool roles_reached = false;        // every role has what it is to have
  bool keys_usable = false;
  SetupPod setup = SetupPod::absent;
  bool setup_is_ready = false;  // also while it is terminating
  bool setup_started = false;   // its container runs or has run; also while it is terminating
  std::string setup_uid;
  std::int64_t setup_epoch = 0;  // of the operation that made it
  std::string setup_image;       // of its container
  std::string setup_runs;        // the same by the digest that it runs, where that is known
  std::string setup_message;     // why it is not ready
  std::chrono::sys_seconds setup_created{};
  JobSeen pull, backup, verify;
  std::chrono::sys_seconds now{};
};

// Something that a person has to mend, or is waited for.
struct Told {
  std::string reason;
  std::string message;
};

struct Decision {
  std::optional<Operation> next;  // to be written before anything is done; all below is of no use then
  bool reads_record = false;      // C-record must be read first
  bool reads_pods = false;        // the API server must be asked for the pods first
  bool may_raise = true;          // roles may be given pods
  bool makes_setup = false, removes_setup = false;
  bool makes_pull = false, makes_backup = false, makes_verify = false;
  bool keeps_record = false;  // record_to_keep() must be written
  std::optional<Told> stalled;
  std::optional<Told> awaits;                    // what is waited for; the reason is the step's
  std::optional<std::chrono::sys_seconds> wake;  // when a limit will be over
};

[[nodiscard]] Decision decide(const Lifecycle& view);

// What has to be written down of a cluster that nothing may be done about now, as it is paused or its spec is invalid:
// its setup Pod, and that it has started. By the time it is looked at again the Pod may be gone, and with it the only
// sign that the old version must not come back.
[[nodiscard]] std::optional<Operation> noted_setup(const Lifecycle& view);

}  // namespace nocobase_operator::app
