// What can be said of several clusters in one input: what only one of them may have.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "app/spec.h"
#include "app/validate_given.h"
#include "kube/source.h"

namespace nocobase_operator::app {

// What is kept of a cluster until the whole input has been read: what it takes for itself alone.
struct Belongings {
  struct Belonging {
    std::string_view code;  // of the rule that another owner breaks
    std::string thing;      // "database nocobase on pg:5432 of namespace apps"
    std::string path;
    kube::Mark mark;
  };
  std::string file;
  std::string name;  // "apps/crm"
  kube::Mark mark;   // of the name
  std::vector<Belonging> all;
};

[[nodiscard]] Belongings belongings_of(const kube::SourceDocument& document, const Cluster& cluster);

// Findings at each cluster that takes what an earlier one has. One that is in several files is the same cluster in
// several overlays; twice in one file, it is a mistake.
[[nodiscard]] std::vector<Placed> judge_several(const std::vector<Belongings>& clusters);

}  // namespace nocobase_operator::app
