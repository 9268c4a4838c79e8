#include "kube/call.h"

#include "base/check.h"

namespace nocobase_operator::kube {

bool is_write(Verb verb) {
  return verb != Verb::get && verb != Verb::list;
}

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::get:
      return "get";
    case Verb::list:
      return "list";
    case Verb::apply:
      return "apply";
    case Verb::apply_status:
      return "apply_status";
    case Verb::create:
      return "create";
    case Verb::update:
      return "update";
    case Verb::remove:
      return "remove";
  }
  CHECK(false);
}

}  // namespace nocobase_operator::kube
