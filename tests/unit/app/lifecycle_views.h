// What decide() is asked about, for tests of its steps.
#pragma once
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "app/lifecycle.h"

namespace nocobase_operator::app {

inline const std::string old_image = "nocobase/nocobase:2.2.15";
inline const std::string new_image = "nocobase/nocobase:2.2.16";
inline const std::chrono::sys_seconds noon{Seconds(1'767'268'800)};

inline SetupRecord record(const std::string& image) {
  return {.image = image, .runs = image, .revision = "", .database = "db", .keys = "k", .started = ""};
}

// A cluster that runs the old image, with nothing to do.
inline Lifecycle settled() {
  Lifecycle v;
  v.wanted = {.image = old_image, .runs = "", .revision = "", .database = "db", .keys = "k", .started = ""};
  v.attempt = "a1";
  v.operation.epoch = 5;
  v.operation.record = record(old_image);
  v.found = record(old_image);
  v.pods = 3;
  v.last_pod = "pod crm-web-1 on node n1";
  v.roles_reached = v.recorded = v.keys_usable = true;
  v.now = noon;
  return v;
}

// One that is asked for the new image and is at a step of bringing it in.
inline Lifecycle upgrading(Step step) {
  Lifecycle v = settled();
  v.wanted.image = new_image;
  v.attempt = "a2";
  v.operation.step = step;
  v.operation.target = {.image = new_image, .runs = "", .revision = "", .database = "db", .keys = "", .started = ""};
  v.operation.attempt = "a2";
  v.operation.since = noon;
  v.roles_reached = false;
  if (step != Step::pull) {
    v.operation.down = true;
    v.operation.down_since = noon;
    v.pods = 0;
    v.scaled_down = v.proven = true;
  }
  if (step == Step::migrate || step == Step::verify) {
    v.operation.setup_uid = "s1";
    v.operation.record->started = new_image;
    v.setup = SetupPod::started;
    v.setup_uid = "s1";
    v.setup_image = v.setup_runs = new_image;
  }
  return v;
}

inline Step next_of(const Lifecycle& v) {
  const Decision d = decide(v);
  EXPECT_TRUE(d.next.has_value());
  if (!d.next) {
    return v.operation.step;
  }
  EXPECT_EQ(d.next->epoch, v.operation.epoch + 1);
  return d.next->step;
}

inline void expect_stays(const Lifecycle& v) {
  EXPECT_EQ(decide(v).next, std::nullopt);
}

}  // namespace nocobase_operator::app
