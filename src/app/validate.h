// Everything that can be said of a NocoBaseCluster without a cluster: errors that stop it, warnings, advice.
#pragma once
#include <optional>

#include "app/spec.h"
#include "kube/finding.h"
#include "kube/source.h"

namespace nocobase_operator::app {

// Judges a decoded cluster. `before` is the stored version an update starts from: it switches on the transition rules.
// Findings come in the order of the spec.
[[nodiscard]] kube::Findings validate(const Cluster& cluster, const Cluster* before = nullptr);

// decode + validate + what only the text shows (an unquoted `!`, `*` or `-` where a service key belongs, duplicate
// keys): what `validate` on the command line reports for one document that is a NocoBaseCluster.
[[nodiscard]] kube::Findings check(const kube::SourceDocument& document);

// The same, for a cluster that may have been another before, with what was decoded where it says what was meant.
struct Inspected {
  kube::Findings findings;
  std::optional<Cluster> cluster;
};
[[nodiscard]] Inspected inspect(const kube::SourceDocument& document, const Cluster* before);

// The error that keeps the operator from acting on a cluster at all, if there is one: the first finding of severity
// error whose rule is not for the offline commands alone (Enforcer::validate).
[[nodiscard]] const kube::Finding* first_error(const kube::Findings& findings);

}  // namespace nocobase_operator::app
