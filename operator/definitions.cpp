#include "operator/definitions.h"

#include <utility>

#include "base/check.h"
#include "io/yaml.h"
#include "operator/crds.h"

namespace nocobase_operator::program {

std::map<kube::Kind, kube::Fields> needed_fields() {
  std::map<kube::Kind, kube::Fields> out;
  for (const auto text : crds()) {
    const auto read = io::read_documents(text, "crds", {}, [&out](const kube::SourceDocument& document) {
      for (const kube::Kind kind : {kube::Kind::nocobase_cluster, kube::Kind::nocobase_role}) {
        if (kube::string_at(document.value, {"spec", "names", "kind"}) == kube::info(kind).kind) {
          out[kind] = kube::fields_of_definition(document.value, kube::info(kind).version);
        }
      }
    });
    CHECK(read.ok());
  }
  return out;
}

}  // namespace nocobase_operator::program
