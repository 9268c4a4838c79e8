#include "kube/finding.h"

#include <algorithm>

namespace nocobase_operator::kube {

bool has_errors(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::error; });
}

}  // namespace nocobase_operator::kube
