#include "kube/meta.h"

#include <charconv>

namespace nocobase_operator::kube {
namespace {

// 0 for anything that is not a decimal number of 64 bits, the form KEP-5504 promises.
std::uint64_t parse_version(std::string_view text) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  return error == std::errc() && end == text.data() + text.size() ? version : 0;
}

void read_owner(const Json& object, Meta& meta) {
  const Json* const owners = find_path(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) {
    return;
  }
  for (const Json& owner : *owners) {
    const Json* const controls = find(owner, "controller");
    if (controls != nullptr && *controls == true) {
      meta.owner_kind = string_at(owner, {"kind"});
      meta.owner_name = string_at(owner, {"name"});
      meta.owner_uid = string_at(owner, {"uid"});
      return;  // the API server refuses a second controller
    }
  }
}

std::string string_under_metadata(const Json& object, std::string_view map, std::string_view key) {
  return string_at(object, {"metadata", map, key});
}

}  // namespace

Result<Meta> read_meta(const Json& object, std::optional<Kind> fallback) {
  if (!object.is_object()) {
    return Error{Code::invalid, "want a Kubernetes object"};
  }
  const std::string group_version = string_at(object, {"apiVersion"});
  const std::string kind_name = string_at(object, {"kind"});
  const bool bare = find(object, "apiVersion") == nullptr && find(object, "kind") == nullptr;
  const std::optional<Kind> kind = bare ? fallback : kind_of(group_version, kind_name);
  if (!kind) {
    return Error{Code::invalid, "kind \"" + kind_name + "\" of apiVersion \"" + group_version + "\" is not known here"};
  }
  Meta meta;
  meta.ref = {*kind, string_at(object, {"metadata", "namespace"}), string_at(object, {"metadata", "name"})};
  if (meta.ref.name.empty()) {
    return Error{Code::invalid, std::string(info(*kind).kind) + " has no metadata.name"};
  }
  meta.uid = string_at(object, {"metadata", "uid"});
  meta.version = parse_version(string_at(object, {"metadata", "resourceVersion"}));
  meta.generation = integer_at(object, {"metadata", "generation"});
  const Json* const deleted = find_path(object, {"metadata", "deletionTimestamp"});
  meta.terminating = deleted != nullptr && !deleted->is_null();
  read_owner(object, meta);
  return meta;
}

std::string label_of(const Json& object, std::string_view key) {
  return string_under_metadata(object, "labels", key);
}

std::string annotation_of(const Json& object, std::string_view key) {
  return string_under_metadata(object, "annotations", key);
}

}  // namespace nocobase_operator::kube
