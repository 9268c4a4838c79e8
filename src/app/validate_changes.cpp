#include <algorithm>

#include "app/defaults.h"
#include "app/image.h"
#include "app/validate_parts.h"
#include "kube/quantity.h"

namespace nocobase_operator::app {
namespace {

std::string shown(const std::optional<std::string>& value) {
  return value ? in_quotes(*value) : "absent";
}

// The part of the spec where a change of a member of storage is shown: an absent one is shown at its parent.
std::string storage_path(const Spec& spec, bool given, std::string_view field) {
  if (!spec.storage) {
    return "spec";
  }
  return given ? "spec.storage." + std::string(field) : "spec.storage";
}

void judge_storage_changes(const Spec& spec, const Spec& before, Report& report) {
  const Storage now = spec.storage.value_or(Storage());
  const Storage then = before.storage.value_or(Storage());
  if (kube::compare_quantities(storage_size(spec), storage_size(before)) == -1) {
    report.add("NB120", storage_path(spec, now.size.has_value(), "size"),
               "storage shrinks from " + storage_size(before) + " to " + storage_size(spec),
               "keep " + storage_size(before) + " or more");
  }
  const auto fixed = [&](std::string_view field, const std::optional<std::string>& a,
                         const std::optional<std::string>& b) {
    if (a != b) {
      report.add("NB121", storage_path(spec, a.has_value(), field),
                 std::string(field) + " changes from " + shown(b) + " to " + shown(a),
                 "make another cluster and move the data");
    }
  };
  fixed("storageClassName", now.storage_class_name, then.storage_class_name);
  std::vector<std::string> modes = access_modes(spec);
  std::vector<std::string> old_modes = access_modes(before);
  std::sort(modes.begin(), modes.end());
  std::sort(old_modes.begin(), old_modes.end());
  if (modes != old_modes) {
    report.add("NB121", storage_path(spec, !now.access_modes.empty(), "accessModes"), "accessModes change",
               "make another cluster and move the data");
  }
  fixed("existingClaim", now.existing_claim, then.existing_claim);
}

void judge_database_changes(const Database& now, const Database& then, Report& report) {
  const std::string advice = "write it as it was, or make another cluster and move the data";
  const auto fixed = [&](std::string_view field, const std::optional<std::string>& a,
                         const std::optional<std::string>& b) {
    if (a != b) {
      report.add("NB122", a ? "spec.database." + std::string(field) : "spec.database",
                 std::string(field) + " changes from " + shown(b) + " to " + shown(a), advice);
    }
  };
  fixed("dialect", std::string(name_of(now.dialect)), std::string(name_of(then.dialect)));
  fixed("schema", now.schema, then.schema);
  fixed("tablePrefix", now.table_prefix, then.table_prefix);
  if (now.underscored.value_or(false) != then.underscored.value_or(false)) {
    report.add("NB122", now.underscored ? "spec.database.underscored" : "spec.database", "underscored changes", advice);
  }
}

}  // namespace

void judge_changes(const Spec& spec, const Spec& before, Report& report) {
  const std::optional<Image> image = parse_image(spec.image);
  const std::optional<Image> old_image = parse_image(before.image);
  if (image && old_image && image->version && old_image->version && *image->version < *old_image->version &&
      !(spec.upgrade && spec.upgrade->allow_downgrade)) {
    report.add("NB123", "spec.image",
               "the image goes back from " + to_string(*old_image->version) + " to " + to_string(*image->version),
               "going back is free until the setup has started; after that it takes allowDowngrade and a backup");
  }
  judge_database_changes(spec.database, before.database, report);
  judge_storage_changes(spec, before, report);
  const auto secret = [](const Spec& of) { return of.keys ? of.keys->secret : std::nullopt; };
  if (secret(spec) != secret(before)) {
    report.add("NB124", spec.keys ? "spec.keys" : "spec", "the keys come from another Secret",
               "if its content differs, the change waits for keys.acceptedFingerprint");
  }
}

}  // namespace nocobase_operator::app
