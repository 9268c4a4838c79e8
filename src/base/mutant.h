// Faults that a test build switches on by name, to show that the tests would notice them (tests/simulation/mutants.sh).
// In every other build there are none, and nothing of them is left.
#pragma once
#ifdef NBO_MUTANTS
#include <cstdlib>
#include <string_view>
#endif

namespace nocobase_operator {

#ifdef NBO_MUTANTS
// Whether the environment variable NBO_MUTANT names this fault.
[[nodiscard]] inline bool is_mutant(std::string_view name) {
  static const char* const chosen = std::getenv("NBO_MUTANT");
  return chosen != nullptr && name == chosen;
}
#else
[[nodiscard]] constexpr bool is_mutant(const char* /*name*/) {
  return false;
}
#endif

}  // namespace nocobase_operator
