// What pods read of Secrets and ConfigMaps when they start, and a hash of it that may be shown. A running pod does not
// notice when such content changes: the hash stands in its template, so that a change replaces the pods.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "app/observe.h"
#include "kube/kind.h"

namespace nocobase_operator::app {

// Objects beyond that many are not followed.
inline constexpr std::size_t max_references = 128;

// Something that a pod reads of a Secret or ConfigMap.
struct Reference {
  kube::Ref ref;
  std::string key;        // "" is all of it
  bool optional = false;  // a pod starts without it
  friend auto operator<=>(const Reference&, const Reference&) = default;
  friend bool operator==(const Reference&, const Reference&) = default;
};

// The references of a pod template in env and envFrom of all its containers, and to the database's certificates;
// ordered, each once. Volumes that a podTemplate adds are not among them: the kubelet keeps their files current.
[[nodiscard]] std::vector<Reference> references_of(const Json& pod_template, const std::string& ns);

// What is known of what they refer to.
struct Content {
  std::uint64_t hash = 0;            // keyed; 0: not known, as something has not been read or is missing
  std::vector<std::string> missing;  // what pods do not start without: "Secret crm/pg has no key password"
  friend bool operator==(const Content&, const Content&) = default;
};

// `keys` is the Secret with APP_AES_SECRET_KEY, of which the key of the hash is made. That it lacks its keys is not
// among what is missing: the planner speaks of that.
[[nodiscard]] Content content_of(const std::vector<Reference>& references, const Observed& seen, const kube::Ref& keys);

}  // namespace nocobase_operator::app
