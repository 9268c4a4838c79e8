// What the controller counts, as plain numbers; whoever serves metrics gives them names and units.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "kube/call.h"

namespace nocobase_operator::runtime {

inline constexpr std::size_t verb_count = static_cast<std::size_t>(kube::Verb::remove) + 1;
inline constexpr std::size_t code_count = static_cast<std::size_t>(Code::unknown_outcome) + 1;

// Durations in buckets: how many were at most as long as each bound, as a Prometheus histogram counts them.
struct Durations {
  static constexpr std::array<Millis, 12> bounds = {Millis(5),     Millis(10),     Millis(25),     Millis(50),
                                                    Millis(100),   Millis(250),    Millis(500),    Millis(1'000),
                                                    Millis(5'000), Millis(10'000), Millis(30'000), Millis(60'000)};
  std::array<std::uint64_t, bounds.size()> at_most{};
  std::uint64_t count = 0;
  Millis sum{0};

  void add(Millis duration) {
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      at_most.at(i) += duration <= bounds.at(i) ? 1U : 0U;
    }
    ++count;
    sum += duration;
  }
  friend bool operator==(const Durations&, const Durations&) = default;
};

// Since the start.
struct Counters {
  std::uint64_t plans = 0;      // decisions made
  std::uint64_t settled = 0;    // of those, with nothing to do
  std::uint64_t passes_ok = 0;  // plans whose calls all succeeded
  std::uint64_t passes_failed = 0;
  std::uint64_t passes_cut = 0;  // ended early: the lead was lost, the spec is another, or too long ago decided
  std::uint64_t loops = 0;       // the same plan again and again: backed off
  std::uint64_t held_back = 0;   // passes put off because a cluster had used up its budget of writes
  std::uint64_t unreadable = 0;  // objects that could not be read
  std::array<std::uint64_t, verb_count> calls_ok{};
  std::array<std::array<std::uint64_t, code_count>, verb_count> calls_failed{};
  Durations passes;                                      // from the decision to the last reply
  std::map<std::string, std::uint64_t> upgrades;         // that were brought to an end, by app::UpgradeTimes::result
  std::uint64_t upgrade_down = 0;                        // seconds without pods, of all of them
  std::map<std::string, std::uint64_t> upgrade_seconds;  // of all of them, by step
  friend bool operator==(const Counters&, const Counters&) = default;
};

}  // namespace nocobase_operator::runtime
