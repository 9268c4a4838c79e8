// The objects that both sides judge: a valid one in which every field is set, and its changes, one or two at a time.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "kube/json.h"

namespace nocobase_operator::conformance {

struct Mutation {
  std::string pointer;  // JSON pointer into the object
  kube::Json value;     // what is put there
  bool remove = false;  // take it out instead
};

[[nodiscard]] std::string to_string(const Mutation& mutation);
// Nothing happens where the pointer leads nowhere any more.
void apply(kube::Json& object, const Mutation& mutation);

// Valid, and with a value at every field of the schema.
[[nodiscard]] kube::Json full_object();
// Valid, and with no more than is needed.
[[nodiscard]] kube::Json small_object();

// For every value of `object` below spec: taken out, of every other type, at and beyond its limits, of other forms; for
// every object a member too many; for every list an entry too many.
[[nodiscard]] std::vector<Mutation> single_mutations(const kube::Json& object);

// Changes that speak to the rules between fields, each valid by itself or not.
[[nodiscard]] std::vector<Mutation> rule_mutations();

// Changes of a stored object that speak to the rules on changes.
[[nodiscard]] std::vector<Mutation> transition_mutations();

}  // namespace nocobase_operator::conformance
