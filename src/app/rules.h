// The table of every rule that can produce a finding. Codes are stable: they are never renumbered or used again.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "kube/finding.h"

namespace nocobase_operator::app {

// Where a rule is enforced besides this program.
enum class Enforcer : std::uint8_t {
  crd,       // the API server refuses it too (schema or CEL): both must agree
  strict,    // the API server refuses it under fieldValidation=Strict only
  program,   // only this program knows
  validate,  // only the offline commands: pods can be made of it, and the operator obeys. An operator that learns such
             // a rule must not stop caring for clusters that have long been running
};

// Whether the API server refuses what breaks such a rule.
[[nodiscard]] constexpr bool is_refused_by_server(Enforcer enforcer) {
  return enforcer == Enforcer::crd || enforcer == Enforcer::strict;
}

struct Rule {
  std::string_view code;
  kube::Severity severity;
  Enforcer enforcer;
  std::string_view title;   // a few words
  std::string_view reason;  // why, with the upstream source where there is one
};

[[nodiscard]] std::span<const Rule> rules();
[[nodiscard]] const Rule& rule(std::string_view code);  // aborts on an unknown code

// What the rules of a range of codes are about: "roles".
[[nodiscard]] std::string_view group_of(std::string_view code);
// The page of this repository about a rule: "docs/rules/NB001.md".
[[nodiscard]] std::string page_of(std::string_view code);

}  // namespace nocobase_operator::app
