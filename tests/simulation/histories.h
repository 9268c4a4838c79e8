// Histories that are told from outside, without chance: what is done, each thing when the one before has had its
// effect, and how the ends of two of them are compared.
#pragma once
#include <string>
#include <vector>

#include "simulation/world.h"

namespace nocobase_operator::simulation {

[[nodiscard]] Step install();  // two pods that serve requests and an elastic role
[[nodiscard]] Step spec_edit(const std::string& name, const std::function<void(Json&)>& edit);
[[nodiscard]] std::vector<Step> holds();      // scaled, maintenance and stopped, on and off
[[nodiscard]] std::vector<Step> changes();    // of roles
[[nodiscard]] std::vector<Step> hands();      // of who sets the number of a role of four
[[nodiscard]] std::vector<Step> upgrade();    // to another image
[[nodiscard]] std::vector<Step> with_jobs();  // the same with a backup and a verification

// A number from the environment.
[[nodiscard]] std::uint64_t number_from(const char* name, std::uint64_t otherwise);

[[nodiscard]] Setting setting_of(std::vector<Step> script);

// Where two texts differ, for people.
[[nodiscard]] std::string first_difference(const std::string& a, const std::string& b);
[[nodiscard]] std::string counted(const Counts& counts);
// The digest without what tells how many steps led there.
[[nodiscard]] std::string without_epochs(const std::string& digest);
// The history, told; the end of it where it is long.
[[nodiscard]] std::string last_lines(Setting setting);

}  // namespace nocobase_operator::simulation
