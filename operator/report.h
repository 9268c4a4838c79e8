// Findings of a run of `validate`: as text for people, as JSON, and in the forms that code hosts show beside the line.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
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
  std::vector<std::string> unusable;  // why there is nothing to judge, one line each
  std::size_t documents = 0;          // YAML documents seen
  std::size_t clusters = 0;           // NocoBaseClusters among them
  std::size_t unreadable = 0;         // files that end in something that is no YAML; a finding says what
  std::string folder;                 // files in it are named relative to it, where that is asked for
};

[[nodiscard]] std::size_t count(const Report& report, kube::Severity severity);

// "file:line:column: error NB010 spec.roles[0].name: message", then an indented line with the advice; the pages
// about what was found and a summary at the end.
void write_text(const Report& report, const Streams& streams);
// One object: findings[], documents, clusters, errors, warnings.
void write_json(const Report& report, const Streams& streams);
// SARIF 2.1.0, as code scanning reads it: every rule, and a result for each finding.
void write_sarif(const Report& report, const Streams& streams);
// Workflow commands of GitHub Actions, "::error file=…,line=…,title=…::…" for each finding, and a summary.
void write_github(const Report& report, const Streams& streams);
// A Code Quality report, which GitLab shows in a merge request.
void write_gitlab(const Report& report, const Streams& streams);

// "error", "warning", "info".
[[nodiscard]] std::string_view name_of(kube::Severity severity);
// "1 NocoBaseCluster in 2 documents: 0 errors, 1 warning"
[[nodiscard]] std::string summary_of(const Report& report);

}  // namespace nocobase_operator::program
