// What the operator needs to be allowed to do at the API server, permission by permission, each with its reason. The
// chart, operator/rbac.yaml and docs/install.md grant and list exactly this; tests hold all four, and the calls that
// this code makes, to each other.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "kube/call.h"
#include "kube/kind.h"

namespace nocobase_operator::app {

// In which namespaces a permission is needed.
enum class Reach : std::uint8_t {
  watched,  // where clusters live: one namespace or all of them
  own,      // where the operator's Lease is
};

struct Permission {
  Reach reach = Reach::watched;
  kube::Kind kind = kube::Kind::nocobase_cluster;
  std::string_view subresource;  // "" is the object itself
  std::string_view verbs;        // RBAC's names, separated by a blank
  std::string_view why;          // one sentence for people
};

// All of them, ordered as people read them.
[[nodiscard]] std::span<const Permission> permissions();

// The RBAC verbs that a call is checked for, separated by a blank. An apply also creates what is not there.
[[nodiscard]] std::string_view rbac_verbs(kube::Verb verb);

}  // namespace nocobase_operator::app
