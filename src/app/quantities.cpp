#include "app/quantities.h"

#include <string>
#include <utility>

#include "kube/quantity.h"

namespace nocobase_operator::app {

namespace {

Result<Unit> canonise(Json& value, const std::string& path) {
  const auto text = kube::quantity_text(value);
  if (!text) {
    return Error{Code::invalid, path + ": no quantity"};
  }
  auto canonical = kube::canonical_quantity(*text);
  if (!canonical.ok()) {
    return Error{Code::invalid, path + ": " + canonical.error().what};
  }
  value = std::move(canonical).value();
  return Unit{};
}

// A ResourceList: each member is a quantity.
Result<Unit> canonise_list(Json& parent, const char* key, const std::string& path) {
  const auto list = parent.find(key);
  if (list == parent.end() || !list->is_object()) {
    return Unit{};
  }
  for (auto item = list->begin(); item != list->end(); ++item) {
    TRY(canonise(item.value(), path + "." + key + "." + item.key()));
  }
  return Unit{};
}

// A ResourceRequirements at `key`.
Result<Unit> canonise_resources(Json& parent, const std::string& path) {
  const auto resources = parent.find("resources");
  if (resources == parent.end() || !resources->is_object()) {
    return Unit{};
  }
  for (const char* key : {"requests", "limits"}) {
    TRY(canonise_list(*resources, key, path + "resources"));
  }
  return Unit{};
}

Result<Unit> canonise_volume(Json& volume, const std::string& path) {
  const auto empty_dir = volume.find("emptyDir");
  if (empty_dir == volume.end() || !empty_dir->is_object()) {
    return Unit{};
  }
  const auto limit = empty_dir->find("sizeLimit");
  return limit == empty_dir->end() ? Unit{} : canonise(*limit, path + "emptyDir.sizeLimit");
}

// Each item of the list at `key` that is an object.
template <class F>
Result<Unit> for_each_item(Json& parent, const char* key, F&& each) {
  const auto list = parent.find(key);
  if (list == parent.end() || !list->is_array()) {
    return Unit{};
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].is_object()) {
      TRY(each((*list)[i], "spec." + std::string(key) + "[" + std::to_string(i) + "]."));
    }
  }
  return Unit{};
}

}  // namespace

Result<Json> with_canonical_quantities(Json pod_spec) {
  for (const char* key : {"containers", "initContainers"}) {
    TRY(for_each_item(pod_spec, key, canonise_resources));
  }
  TRY(canonise_resources(pod_spec, "spec."));
  TRY(canonise_list(pod_spec, "overhead", "spec"));
  TRY(for_each_item(pod_spec, "volumes", canonise_volume));
  return pod_spec;
}

}  // namespace nocobase_operator::app
