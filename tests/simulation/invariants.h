// What must always be true (DESIGN, section 5), each rule with a name, as pure functions of what the API server holds
// and of the change that led there. "" where a rule holds, else what breaks it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "simulation/application.h"
#include "simulation/state.h"

namespace nocobase_operator::simulation {

struct Invariant {
  std::string_view name;
  std::string_view rule;
  std::string (*broken)(const State& state, const Change& change);
};

// Checked after every change; the state is the one after it.
[[nodiscard]] std::span<const Invariant> invariants();

struct Broken {
  std::string_view name;
  std::string what;
};
// The first one that is broken; an empty name when none is.
[[nodiscard]] Broken check(const State& state, const Change& change);

// What of the database's damage must never be: all but interruptions by others, and downgrades that were asked for.
[[nodiscard]] Broken check(const State& state, const Incident& incident);

// In the end: every cluster is as asked for, or says Stalled and why.
[[nodiscard]] Broken check_end(const State& state);

// The longest time for which an operator may act on what it has not yet heard of.
inline constexpr std::int64_t hears_within = 120 * 1'000;

}  // namespace nocobase_operator::simulation
