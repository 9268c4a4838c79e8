// What can be said of a cluster and of the Secrets and ConfigMaps that stand in the same input: entries that are
// missing, and values that NocoBase could not use. Values of Secrets are never told.
#pragma once
#include <string>
#include <vector>

#include "app/given.h"
#include "app/spec.h"
#include "app/uses.h"
#include "kube/source.h"

namespace nocobase_operator::app {

// A finding with its place, which may be in another file than the cluster's.
struct Placed {
  std::string file;
  kube::Mark mark;
  kube::Finding finding;
};

// What is kept of a cluster until the whole input has been read: what it takes, and where its spec says so.
struct Referrer {
  std::string file;
  std::vector<Use> uses;
  std::vector<kube::Mark> marks;             // of the uses' paths
  std::vector<std::string> set_by_operator;  // variables of its containers, sorted; where it takes whole objects
};

[[nodiscard]] Referrer referrer_of(const kube::SourceDocument& document, const Cluster& cluster);

// Nothing is said of an object that is not in the input.
[[nodiscard]] std::vector<Placed> judge_given(const Referrer& referrer, const Given& given);

}  // namespace nocobase_operator::app
