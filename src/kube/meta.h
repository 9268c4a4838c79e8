// The metadata every layer needs of an object, read once and kept instead of the whole.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

struct Meta {
  Ref ref;
  std::string uid;
  std::uint64_t version = 0;  // resourceVersion; comparable as a number (KEP-5504)
  std::int64_t generation = 0;
  bool terminating = false;  // has a deletionTimestamp
  // The controlling ownerReference, if there is one.
  std::string owner_kind;
  std::string owner_name;
  std::string owner_uid;

  friend bool operator==(const Meta&, const Meta&) = default;
};

// Reads apiVersion, kind and metadata. `fallback` gives the kind where a list item carries none. Error (invalid) when
// the object has no name or is of a kind that is not ours.
[[nodiscard]] Result<Meta> read_meta(const Json& object, std::optional<Kind> fallback = std::nullopt);

// A label or annotation, "" when absent.
[[nodiscard]] std::string label_of(const Json& object, std::string_view key);
[[nodiscard]] std::string annotation_of(const Json& object, std::string_view key);

}  // namespace nocobase_operator::kube
