// What differs between two states of an object, field by field, for people.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

// A field that is not the same on both sides.
struct FieldChange {
  std::string path;            // "spec.template.spec.containers[app].image": items of a list by their name
  std::optional<Json> before;  // nothing: it was not there
  std::optional<Json> after;   // nothing: it goes

  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

// The fields in which two objects of a kind differ, in the order of their paths. What is the same in another spelling
// (canonical() of owned.h) is no difference; neither are names, uids and versions. A list whose items have names of
// their own is compared by name, another one of the same length item by item, and the rest as a whole.
[[nodiscard]] std::vector<FieldChange> field_changes(Kind kind, const Json& before, const Json& after);

}  // namespace nocobase_operator::kube
