// What the definitions of our kinds must have: the fields of the CRDs that this program was built with. The source is
// made by crd_fields.cpp.
#pragma once
#include <map>

#include "kube/schema.h"

namespace nocobase_operator::program {

[[nodiscard]] std::map<kube::Kind, kube::Fields> needed_fields();

}  // namespace nocobase_operator::program
