// What only the text of a document shows: signs of WORKER_MODE that YAML reads as something else where nobody quoted
// them.
#pragma once
#include "kube/finding.h"
#include "kube/source.h"

namespace nocobase_operator::app {

// Findings (NB012) for an unquoted !, * or - in roles[].services, and for a tagged value of WORKER_MODE in env; NB015
// for numbers that YAML 1.1 reads otherwise than people.
[[nodiscard]] kube::Findings lint_source(const kube::SourceDocument& document);

}  // namespace nocobase_operator::app
