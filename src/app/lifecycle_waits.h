// What the steps of the lifecycle wait for, and when that takes too long. Part of lifecycle; nobody else includes it.
#pragma once
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "app/lifecycle.h"
#include "base/mutant.h"

namespace nocobase_operator::app {

inline constexpr const char* lost_node = "if its node is lost, repair it, or delete the Node or, by force, the pod";

// A decision that is being made: what the operation becomes is put into op_, what is to be done into out_.
class Waits {
 protected:
  explicit Waits(const Lifecycle& view) : v_(view), op_(view.operation) {}

  void await(std::string reason, std::string message) { out_.awaits = Told{std::move(reason), std::move(message)}; }

  // A limit that is over is for a person; what is waited for still counts.
  void limit(std::chrono::sys_seconds since, Seconds most, const char* reason, const std::string& remedy) {
    if (v_.now < since + most) {
      if (!is_mutant("wake-up-forgotten")) {
        out_.wake = out_.wake ? std::min(*out_.wake, since + most) : since + most;
      }
      return;
    }
    const std::string what = out_.awaits ? out_.awaits->message : std::string();
    out_.stalled = Told{reason, "no progress for " + std::to_string(most.count()) + " s: " + what + "; " + remedy};
  }

  bool waits_for_pods(const char* reason) {
    if (v_.pods == 0 && v_.scaled_down) {
      return false;
    }
    await(reason, v_.pods > 0 ? "waiting for " + v_.last_pod + " to be gone" : "Deployments are scaled down");
    limit(op_.since, v_.drain_limit, "DrainTimeout", lost_node);
    return true;
  }

  bool waits_for_references() {
    if (v_.missing.empty()) {
      return false;
    }
    await("ReferenceMissing", v_.missing + "; its pods need it to start");
    limit(op_.since, v_.drain_limit, "ReferenceMissing", "make it, or take out what refers to it");
    return true;
  }

  // Whether a Job has succeeded; if not, it is made, waited for, or its failure told.
  bool passes(const JobSeen& job, bool& makes, const char* name, std::optional<std::string>& failed) {
    switch (job.state) {
      case JobState::succeeded:
        return true;
      case JobState::failed:
        failed = job.message;
        return false;
      case JobState::absent:
        makes = true;
        await(name, "the Job is to be made" + (job.message.empty() ? "" : ": " + job.message));
        return false;
      case JobState::running:
        await(name, "the Job is under way" + (job.message.empty() ? "" : ": " + job.message));
        return false;
    }
    return false;
  }

  const Lifecycle& v_;
  Operation op_;
  Decision out_;
};

}  // namespace nocobase_operator::app
