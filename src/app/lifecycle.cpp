#include "app/lifecycle.h"

#include <algorithm>
#include <utility>

#include "app/downgrade.h"
#include "app/lifecycle_waits.h"
#include "base/check.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

using std::chrono::sys_seconds;

constexpr Seconds pull_limit{600};  // the Job ends itself after five minutes

// One decision: each function is a step's.
class Decider : Waits {
 public:
  explicit Decider(const Lifecycle& view) : Waits(view) {}

  Decision decide() {
    if (!op_.record) {
      if (!v_.found) {
        out_.reads_record = true;
        return std::move(out_);
      }
      op_.record = *v_.found;
      op_.install = v_.is_new;  // its claim is made from here on, though it may not be begun for long
    }
    step();
    if (!(op_ == v_.operation)) {
      // What is noted of the setup Pod while it is waited for is no step: the Pod carries the epoch of this one.
      Operation noted = v_.operation;
      noted.setup_uid = op_.setup_uid;
      noted.record = op_.record;
      const bool only_noted = op_.step == Step::setup && op_ == noted;
      op_.epoch = v_.operation.epoch + (only_noted || is_mutant("epoch-stands-still") ? 0 : 1);
      out_.next = std::move(op_);
    }
    return std::move(out_);
  }

 private:
  void step() {
    switch (op_.step) {
      case Step::idle:
        return idle();
      case Step::pull:
        return pull();
      case Step::drain:
        return drain();
      case Step::backup:
        return backup();
      case Step::setup:
        return setup();
      case Step::migrate:
        return is_ours() || v_.proven ? migrate() : look_for_setup("SettingUp");
      case Step::verify:
        return is_ours() || v_.proven ? verify() : look_for_setup("Verifying");
      case Step::finish:
        return finish();
      case Step::start:
        return start();
      case Step::failed:
        return failed();
    }
  }

  // --- what is asked for ---------------------------------------------------------------------------------------------

  [[nodiscard]] bool is_set_up() const {
    const SetupRecord& record = *op_.record;
    return record.image == v_.wanted.image && record.revision == v_.wanted.revision &&
           record.database == v_.wanted.database && record.started.empty();
  }
  [[nodiscard]] bool has_changed() const {
    return v_.attempt != op_.attempt || v_.wanted.image != op_.target.image ||
           v_.wanted.revision != op_.target.revision || v_.wanted.database != op_.target.database || v_.stopped ||
           !v_.is_approved;
  }

  // Why what is asked for is not begun, though it is not set up; nothing: it may be.
  [[nodiscard]] std::optional<Told> obstacle() const {
    if (op_.failed && op_.failed->attempt == v_.attempt && !is_mutant("latch-dropped")) {
      return Told{op_.failed->reason, op_.failed->message};
    }
    return downgrade(v_, *op_.record);
  }

  // --- changes of the operation --------------------------------------------------------------------------------------

  void enter(Step next) {
    if (op_.step != Step::idle && op_.since != sys_seconds{} && v_.now >= op_.since) {
      op_.seconds[std::string(name_of(op_.step))] += (v_.now - op_.since).count();
    }
    if (next == Step::drain && !op_.down) {
      op_.down = true;
      op_.down_since = v_.now;
    }
    op_.step = next;
    op_.since = v_.now;
  }

  void begin() {
    const bool empty = op_.record->image.empty() && op_.record->started.empty();
    op_.install = empty && (op_.install || v_.is_new);
    op_.target = v_.wanted;
    op_.target.runs = op_.target.keys = op_.target.started = "";
    op_.attempt = v_.attempt;
    op_.setup_uid = "";
    op_.failed.reset();
    if (!op_.down) {  // a further attempt adds to the time that the first one has taken
      op_.seconds.clear();
      op_.since = {};
    }
    enter(op_.install ? Step::setup : Step::pull);
  }

  // Leaves what was begun. Where an earlier setup has started and was not completed, the old version cannot come back.
  void withdraw() {
    op_.setup_uid = "";
    if (!op_.record->started.empty()) {
      op_.target.image = op_.record->started;
      op_.failed = op_.failed.value_or(
          Failure{.attempt = "", .image = op_.target.image, .reason = "SetupFailed", .message = unfinished()});
      return enter(Step::failed);
    }
    op_.target = {};
    enter(op_.down && !op_.record->image.empty() ? Step::start : Step::idle);
    op_.down = false;
  }

  // The newest spec wins: on to another image, or back to the one that was there.
  void retarget() {
    if (is_set_up() || v_.stopped || !v_.is_approved || obstacle()) {
      withdraw();
    } else {
      begin();
    }
  }

  [[nodiscard]] std::string unfinished() const {
    return "a setup of " + op_.record->started +
           " has or may have started and was not completed; nothing runs until one is";
  }
  [[nodiscard]] Failure failure(std::string reason, const std::string& what) const {
    return {.attempt = op_.attempt, .image = op_.target.image, .reason = std::move(reason), .message = what};
  }
  void fail_before(std::string reason, const std::string& what) {
    const std::string state = op_.record->started.empty() ? "nothing was changed" : unfinished();
    op_.failed = failure(std::move(reason), what + "; " + state +
                                                ". It is tried again when spec.image, spec.upgrade (retry) or "
                                                "spec.setup changes");
    withdraw();
  }
  void fail_after(std::string reason, const std::string& what) {
    op_.failed = failure(std::move(reason),
                         what +
                             "; the database may have changed, so nothing runs. Mend the cause and change "
                             "spec.upgrade.retry to set up again, or restore the backup, set the image it was made "
                             "with and spec.upgrade.allowDowngrade");
    enter(Step::failed);
  }

  void complete() {
    op_.record = SetupRecord{.image = op_.target.image,
                             .runs = v_.setup_runs.empty() ? op_.target.image : v_.setup_runs,
                             .revision = op_.target.revision,
                             .database = op_.target.database,
                             .keys = v_.wanted.keys,
                             .started = ""};
    enter(Step::finish);
  }

  // --- the setup Pod ------------------------------------------------------------------------------------------------

  [[nodiscard]] bool is_setup_there() const { return v_.setup != SetupPod::absent && v_.setup != SetupPod::foreign; }
  [[nodiscard]] bool is_setup_running() const { return v_.setup == SetupPod::started || v_.setup == SetupPod::ready; }

  // Waits until the setup Pod is gone, and deletes it if nobody has.
  void remove_setup(const char* reason) {
    out_.removes_setup = v_.setup != SetupPod::terminating;
    await(reason, "the setup Pod is going");
  }

  // A setup that has started is never left alone, whatever has been decided meanwhile.
  bool takes_over_setup() {
    if (!is_setup_running()) {
      return false;
    }
    op_.target = v_.wanted;
    op_.target.image = v_.setup_image;
    op_.target.runs = op_.target.keys = op_.target.started = "";
    op_.attempt = v_.attempt;
    migrating();
    return true;
  }
  void migrating() {
    op_.setup_uid = v_.setup_uid;
    op_.record->started = op_.target.image;
    op_.down = true;
    op_.failed.reset();
    enter(Step::migrate);
  }

  // --- the steps -----------------------------------------------------------------------------------------------------

  // Whether something else is to be begun, which has been noted then.
  bool begins() {
    if (is_set_up()) {
      op_.failed.reset();
      return false;
    }
    if (v_.stopped) {
      return false;
    }
    if (const std::optional<Told> told = obstacle()) {
      out_.stalled = told;
      return false;
    }
    if (!v_.is_approved) {
      await("AwaitingApproval", "spec.upgrade.approvedImage is to be " + v_.wanted.image + " before it is brought in");
      return false;
    }
    begin();
    return true;
  }

  void idle() {
    if (takes_over_setup()) {
      return;
    }
    if (is_setup_there()) {
      remove_setup("SetupPodLeft");
      out_.may_raise = v_.setup == SetupPod::ended;
    }
    begins();
  }

  void start() {
    if (takes_over_setup() || begins()) {
      return;
    }
    if (is_setup_there()) {
      remove_setup(name_of(Step::start).data());
    }
    out_.keeps_record = !v_.recorded;
    const bool alone = (v_.others == 0 || is_mutant("versions-mixed")) && !is_setup_there();
    out_.may_raise = alone && v_.proven;
    out_.reads_pods = alone && !v_.proven && v_.raises;
    if (!alone && v_.others > 0) {
      await("Starting", "pods of another version are there: " + v_.last_pod);
      limit(op_.since, v_.drain_limit, "PodsOfAnotherVersion", "if their node is lost, delete it or the pods by force");
    }
    if (v_.roles_reached && v_.recorded && alone) {
      enter(Step::idle);
      op_.down = op_.install = false;
      op_.target = {};
      op_.setup_uid = op_.attempt = "";
    }
  }

  void pull() {
    if (has_changed()) {
      return retarget();
    }
    std::optional<std::string> failed;
    if (!v_.keys_usable) {
      return await("KeysMissing", "the keys are to be usable before anything is stopped");
    }
    if (waits_for_references()) {
      return;
    }
    if (passes(v_.pull, out_.makes_pull, "PullingImage", failed)) {
      return enter(is_mutant("phases-swapped") ? Step::backup : Step::drain);
    }
    const std::string image = "the image " + op_.target.image + " for " + v_.roles;
    if (failed) {
      return fail_before("PullFailed", image + " cannot be pulled: " + *failed);
    }
    out_.awaits->message = image + " is being pulled: " + out_.awaits->message;
    limit(op_.since, pull_limit, "PullTimeout", "look at the Job's pod");
  }

  void drain() {
    if (has_changed()) {
      return retarget();
    }
    if (waits_for_pods("Draining")) {
      return;
    }
    if (!v_.proven) {
      out_.reads_pods = true;
      return;
    }
    enter(v_.backs_up && !is_mutant("backup-skipped") ? Step::backup : Step::setup);
  }

  void backup() {
    if (has_changed()) {
      return retarget();
    }
    std::optional<std::string> failed;
    if (passes(v_.backup, out_.makes_backup, "BackingUp", failed)) {
      return enter(Step::setup);
    }
    if (failed) {
      return fail_before("BackupFailed", "the backup failed: " + *failed);
    }
    limit(op_.since, v_.setup_timeout, "BackupTimeout", "look at the Job's pod");
  }

  void setup() {
    const bool ours = v_.setup_epoch == op_.epoch;
    const bool is_going = v_.setup == SetupPod::terminating && v_.setup_started;
    const bool goes_on = (is_setup_running() || is_going) && !(is_mutant("setup-broken-off") && has_changed());
    if (goes_on || (v_.setup == SetupPod::ended && ours)) {
      if (!ours) {
        op_.target.image = v_.setup_image;
      }
      return migrating();
    }
    if (!op_.setup_uid.empty() && !is_ours() && !is_mutant("unseen-setup-made-again")) {
      return lose_unseen();
    }
    if (is_setup_there() && (has_changed() || !ours || v_.setup == SetupPod::terminating)) {
      if (v_.setup == SetupPod::waiting && !op_.setup_uid.empty() && !is_mutant("note-outlives-pod")) {
        op_.setup_uid = "";  // it goes before it starts: the delete is of this version of it
        return;
      }
      return remove_setup("SettingUp");
    }
    if (has_changed()) {
      return retarget();
    }
    if (v_.setup == SetupPod::waiting && op_.setup_uid.empty()) {
      op_.setup_uid = v_.setup_uid;
      return;
    }
    if (v_.setup == SetupPod::foreign) {
      out_.stalled = Told{"NameConflict", "a Pod of the setup Pod's name exists and is not this cluster's; remove it"};
      out_.makes_setup = v_.proven && v_.pods == 0;  // which fails as long as it is there
      return;
    }
    if (v_.setup == SetupPod::waiting) {
      await("SettingUp",
            "the setup Pod has not started" + (v_.setup_message.empty() ? std::string() : ": " + v_.setup_message));
      limit(v_.setup_created, v_.setup_timeout, "SetupTimeout", "look at the setup Pod");
      return;
    }
    make_setup();
  }

  // The setup Pod that might start is gone, and nobody has seen whether it had started: from here on it has.
  void lose_unseen() {
    if (!v_.proven) {
      return look_for_setup("SettingUp");
    }
    op_.setup_uid = "";
    op_.record->started = op_.target.image;
  }

  void make_setup() {
    if ((!is_mutant("setup-beside-pods") && waits_for_pods("SettingUp")) || waits_for_references()) {
      return;
    }
    await("SettingUp", "the setup Pod is to be made");
    out_.keeps_record = !v_.recorded;
    if (v_.recorded && v_.keys_usable) {
      out_.makes_setup = v_.proven || is_mutant("setup-unproven");
      out_.reads_pods = !out_.makes_setup;
    }
  }

  [[nodiscard]] bool is_ours() const { return is_setup_there() && v_.setup_uid == op_.setup_uid; }
  // That it is gone is not believed of a cache: another operator may have made it just now.
  void look_for_setup(const char* reason) {
    out_.reads_pods = true;
    await(reason, "the setup Pod is looked for");
  }

  void migrate() {
    if (!is_ours()) {
      return fail_after("SetupLost", "the setup Pod of " + op_.target.image + " went away after it had started");
    }
    if (v_.setup == SetupPod::ended) {
      return fail_after("SetupFailed", "the setup of " + op_.target.image + " failed" +
                                           (v_.setup_message.empty() ? "" : ": " + v_.setup_message));
    }
    if (v_.setup_is_ready) {
      op_.failed.reset();  // late is not failed
      return v_.verifies ? enter(Step::verify) : complete();
    }
    await("SettingUp", v_.setup == SetupPod::terminating ? "the setup Pod is being deleted"
                                                         : "the setup Pod of " + op_.target.image + " is at work");
    limit(op_.since, v_.setup_timeout, "SetupTimeout",
          "if it does become ready the upgrade goes on; a change of spec.upgrade.retry ends it and begins anew");
    if (out_.stalled && !op_.failed) {
      op_.failed = failure(out_.stalled->reason, out_.stalled->message);
      op_.failed->attempt = v_.attempt;  // only what is changed from here on was changed knowing that it takes too long
    } else if (out_.stalled && v_.attempt != op_.failed->attempt && !v_.stopped) {
      out_.removes_setup = v_.setup != SetupPod::terminating;
    }
  }

  void verify() {
    if (!is_ours() || v_.setup == SetupPod::ended) {
      return fail_after("SetupLost", "the setup Pod of " + op_.target.image + " went away before it was verified");
    }
    std::optional<std::string> failed;
    if (passes(v_.verify, out_.makes_verify, "Verifying", failed)) {
      return complete();
    }
    if (failed) {
      return fail_after("VerifyFailed", "the verification of " + op_.target.image + " failed: " + *failed);
    }
    limit(op_.since, v_.setup_timeout, "VerifyTimeout", "look at the Job's pod");
  }

  void finish() {
    out_.keeps_record = !v_.recorded;
    if (v_.recorded && is_setup_there() && !is_mutant("setup-left-behind")) {
      remove_setup("SettingUp");
      limit(op_.since, v_.drain_limit, "DrainTimeout", lost_node);
    } else if (v_.recorded) {
      enter(Step::start);
      op_.down = false;
    }
  }

  void failed() {
    CHECK(op_.failed.has_value());
    if (is_setup_running()) {
      remove_setup("Failed");  // of a verification that failed: nobody has approved of what it runs
    }
    out_.stalled = Told{op_.failed->reason, op_.failed->message};
    if (v_.attempt == op_.failed->attempt || v_.stopped) {
      return;
    }
    if (const std::optional<Told> told = downgrade(v_, *op_.record)) {
      out_.stalled = told;
      return;
    }
    if (!v_.is_approved) {
      return;
    }
    out_.stalled.reset();
    if (is_setup_there()) {
      return remove_setup("SettingUp");
    }
    op_.down = true;
    begin();
  }
};

}  // namespace

Decision decide(const Lifecycle& view) {
  return Decider(view).decide();
}

std::optional<Operation> noted_setup(const Lifecycle& view) {
  if (view.operation.step != Step::setup) {
    return std::nullopt;
  }
  Lifecycle unchanged = view;
  unchanged.wanted = view.operation.target;
  unchanged.attempt = view.operation.attempt;
  Decision decision = decide(unchanged);
  return std::move(decision.next);
}

}  // namespace nocobase_operator::app
