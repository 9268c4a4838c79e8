// Findings of a run of `validate`, as text for people and JSON for programs.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "kube/finding.h"
#include "kube/source.h"
#include "operator/offline.h"

namespace nocobase_operator::program {

// A finding with its place in a file.
struct Located {
  std::string file;
  kube::Mark mark;
  kube::Finding finding;
};

struct Report {
  std::vector<Located> findings;      // in the order of the input
  std::vector<std::string> unusable;  // inputs that could not be read, one line each
  std::size_t documents = 0;          // YAML documents seen
  std::size_t clusters = 0;           // NocoBaseClusters among them
};

[[nodiscard]] std::size_t count(const Report& report, kube::Severity severity);

// "file:line:column: error NB010 spec.roles[0].name: message", then an indented line with the advice; a summary at the
// end.
void write_text(const Report& report, const Streams& streams);
// One object: findings[], documents, clusters, errors, warnings.
void write_json(const Report& report, const Streams& streams);

// "error", "warning", "info".
[[nodiscard]] std::string_view name_of(kube::Severity severity);

}  // namespace nocobase_operator::program
