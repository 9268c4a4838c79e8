// What is wrong with an input, where, and what to do: the common currency of decoding, validation and linting.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace nocobase_operator::kube {

enum class Severity : std::uint8_t { error, warning, info };

struct Finding {
  std::string code;  // stable: "NB001"; the table is in app/rules.h
  Severity severity = Severity::error;
  std::string path;     // "spec.roles[1].replicas"; "" for the whole document
  std::string message;  // one sentence: what is wrong, with the value
  std::string advice;   // one sentence: what to write instead; "" when the message says it

  friend bool operator==(const Finding&, const Finding&) = default;
};

using Findings = std::vector<Finding>;

[[nodiscard]] bool has_errors(const Findings& findings);

}  // namespace nocobase_operator::kube
