// The parts of validate(), one per group of the spec's fields, and the counting that several of them share.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/report.h"
#include "app/spec.h"

namespace nocobase_operator::app {

// How many pods the roles ask for at most.
struct PodCount {
  std::int32_t bounded = 0;  // replicas and maxReplicas together
  std::int32_t open = 0;     // roles that are scaled from outside: one pod each, or more
};

[[nodiscard]] PodCount pod_count(const Spec& spec);
// The most pods a role may have; nothing when it is scaled from outside.
[[nodiscard]] std::optional<std::int32_t> most_pods(const Role& role);
// Whether there will be more than one pod, and whether there may be.
[[nodiscard]] bool has_several_pods(const Spec& spec);
[[nodiscard]] bool may_have_several_pods(const Spec& spec);
// Whether some pod does not do everything.
[[nodiscard]] bool is_split(const Spec& spec);
[[nodiscard]] bool serves(const Role& role, std::string_view key);

// The variable that counts in a role, with the place of its value; nullptr where neither the role nor the spec has it.
struct VariableAt {
  const EnvVar* variable = nullptr;
  std::string path;
};
[[nodiscard]] VariableAt variable_of(const Spec& spec, std::size_t role, std::string_view name);
// The whole number that a variable of a role says, or `fallback` where it says none.
[[nodiscard]] std::int32_t number_of(const Spec& spec, std::size_t role, std::string_view name, std::int32_t fallback);

// "spec.roles[3]"
[[nodiscard]] std::string role_path(std::size_t index);
// A text of the spec in quotes, shortened.
[[nodiscard]] std::string in_quotes(std::string_view text);

void judge_image(const Spec& spec, Report& report);
void judge_roles(const Spec& spec, Report& report);
void judge_coverage(const Spec& spec, Report& report);
void judge_database(const Spec& spec, Report& report);
void judge_coordination(const Spec& spec, Report& report);
void judge_storage(const Spec& spec, Report& report);
void judge_environment(const Spec& spec, Report& report);
// Variables that contradict each other.
void judge_variables_together(const Spec& spec, Report& report);
void judge_pod_templates(const Spec& spec, Report& report);
void judge_lifecycle(const Spec& spec, Report& report);
void judge_changes(const Spec& spec, const Spec& before, Report& report);

// What to write instead of a variable of the operator.
[[nodiscard]] std::string reserved_advice(std::string_view name, const std::optional<std::string>& value);

}  // namespace nocobase_operator::app
