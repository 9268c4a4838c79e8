// Every rate, time and choice of a world, in one table. A world is this and a seed.
#pragma once
#include <cstdint>

namespace nocobase_operator::simulation {

// Milliseconds, both ends included.
struct Range {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
constexpr std::int64_t seconds = 1'000;
constexpr std::int64_t minutes = 60 * seconds;

struct Faults {
  // --- how long: faults, then time to settle, then nothing may be written
  std::int64_t faults_for = 25 * minutes;
  std::int64_t settle_within = 4 * 60 * minutes;    // of the end of the faults
  std::int64_t silent_for = 25 * minutes;           // without a write: settled; longer than any limit of a step
  std::int64_t wait_between_edits = 150 * seconds;  // of a user, on average

  // --- between an operator and the API server; percents of calls
  std::uint64_t request_lost = 3;
  std::uint64_t reply_lost = 3;
  std::uint64_t throttled = 1;
  std::uint64_t slow = 3;
  Range latency{1, 20};
  Range slow_latency{20, 15'000};
  std::int64_t call_times_out = 10 * seconds;
  std::uint64_t watch_reset = 2;  // percent of deliveries
  std::uint64_t watch_slow = 4;
  Range hasty{50, 50};      // how long the controller waits for more changes: in one world of four as shipped, in the
  Range patient{800, 800};  // others so long that a pod is not five decisions, which are most of a world's time
  std::uint64_t is_hasty = 25;
  Range slow_watch{20, 40'000};
  std::int64_t bookmarks_every = 5 * minutes;
  std::int64_t rereads_every = 10 * minutes;  // what pods refer to; a plan for each would be most of a world's time

  // --- means of what happens now and then; 0 is never
  std::int64_t crash = 6 * minutes;
  std::int64_t second_operator = 8 * minutes;  // the first goes on for a while
  std::int64_t freeze = 8 * minutes;           // SIGSTOP
  std::int64_t orderly_end = 15 * minutes;
  std::int64_t compaction = 5 * minutes;
  std::int64_t node_lost = 15 * minutes;
  std::int64_t node_drained = 12 * minutes;
  std::int64_t pod_crash = 8 * minutes;    // the application of one pod ends
  std::int64_t pod_deleted = 8 * minutes;  // by a person
  std::int64_t child_deleted = 15 * minutes;
  Range starts_again{1'000, 30'000};  // the operator, after a crash
  Range overlap{1'000, 60'000};       // of two operators
  Range frozen{1'000, 60'000};
  Range node_away{20 * seconds, 12 * minutes};
  std::uint64_t node_powered_off = 40;  // percent of lost nodes; the others are only cut off
  Range drained_for{3 * minutes, 8 * minutes};
  std::uint64_t leases = 50;  // percent of worlds in which operators elect a leader

  // --- the cluster
  int nodes = 3;
  Range controller{20, 300};  // from a change to what a controller does about it
  Range schedule{20, 400};
  Range pull{1'000, 20'000};                    // an image, the first time on a node
  Range start{200, 2'000};                      // of a container
  Range stop{20, 300};                          // from the end of a container to the end of its pod
  std::int64_t not_ready_after = 40 * seconds;  // of a lost node's pods
  std::int64_t evicted_after = 5 * minutes;
  Range drain_patience{2 * minutes, 10 * minutes};  // then pods are deleted, whatever their budget says
  Range job{2'000, 60'000};
  std::uint64_t job_fails = 8;  // percent
  Range autoscaler{30'000, 60'000};
  std::uint64_t autoscaled = 50;  // percent of worlds

  // --- the application (facts/nocobase.md, 9 and 10)
  Range boot{9'500, 44'000};
  Range migrate{5'000, 120'000};
  Range drain{500, 20'000};
  std::uint64_t busy = 10;             // percent of pods that take up to their grace period to drain
  std::uint64_t crashes_in_setup = 5;  // percent of migrations end with the container
  std::uint64_t hangs_in_setup = 3;    // percent never end

  // --- what a user does: weights
  unsigned edit_replicas = 10;
  unsigned edit_scale = 8;  // the intent of an elastic role
  unsigned edit_fixed_or_elastic = 4;
  unsigned edit_env = 4;  // rolls the pods
  unsigned edit_maintenance = 6;
  unsigned edit_stopped = 4;
  unsigned edit_paused = 3;
  unsigned edit_invalid = 4;
  unsigned edit_roles = 2;  // a role comes or goes
  unsigned edit_image = 14;
  unsigned edit_bad_image = 4;
  unsigned edit_image_back = 4;
  unsigned edit_approval = 3;
  unsigned edit_retry = 4;
  unsigned edit_recreate = 0;  // the cluster is deleted and made again

  std::uint64_t many_pods = 10;  // percent of worlds that come near 32 pods

  // Nothing goes wrong and every time is the same: for histories that are told from outside.
  [[nodiscard]] static Faults none() {
    Faults faults;
    faults.faults_for = 0;
    faults.leases = faults.autoscaled = faults.many_pods = 0;
    faults.request_lost = faults.reply_lost = faults.throttled = faults.slow = 0;
    faults.watch_reset = faults.watch_slow = 0;
    faults.latency = {5, 5};
    faults.controller = faults.schedule = faults.start = faults.stop = {200, 200};
    faults.pull = {3'000, 3'000};
    faults.job = {20'000, 20'000};
    faults.boot = {12'000, 12'000};
    faults.migrate = {20'000, 20'000};
    faults.drain = {3'000, 3'000};
    faults.job_fails = faults.busy = faults.crashes_in_setup = faults.hangs_in_setup = 0;
    faults.starts_again = {5'000, 5'000};
    faults.is_hasty = 100;
    return faults;
  }
};

}  // namespace nocobase_operator::simulation
