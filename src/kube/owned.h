// Which part of a live object is ours, by its managedFields, in a form that compares equal to what was applied.
// This is how "nothing differs" is known without a write and without keeping whole objects in memory.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

// The part of `live` that `manager` owns through server-side apply on the main resource (subresource "" or the one
// given), with apiVersion, kind and metadata.name and namespace left out. null when the manager owns nothing.
// A list whose items are identified by keys is reduced to the owned items, in live order. An owned field that the live
// object lacks is one whose zero value the API server does not store (env value "", hostNetwork false, labels {}): it
// comes out as "", which is what canonical() makes of every zero value.
[[nodiscard]] Json owned_part(const Json& live, std::string_view manager, std::string_view subresource = "");

// Whether `manager` owns the field at the chain of members (for example spec, replicas), or the atomic value that holds
// it, through server-side apply on the main resource.
[[nodiscard]] bool owns_field(const Json& live, std::string_view manager, std::initializer_list<std::string_view> path);

// A field manager by whatever operation, and when it last wrote any of its fields (RFC 3339).
struct FieldOwner {
  std::string manager;
  std::string time;
  friend bool operator==(const FieldOwner&, const FieldOwner&) = default;
};
// Everybody who owns the field, in the order of managedFields.
[[nodiscard]] std::vector<FieldOwner> owners_of(const Json& live, std::initializer_list<std::string_view> path);

// The form in which a wanted object and its owned part compare equal:
// - apiVersion, kind, metadata.name, namespace, uid, resourceVersion and nulls dropped;
// - quantities canonical (0.5 -> 500m) where a built-in kind holds them; 3.0 -> 3; IntOrString "80" and 80 differ;
// - false, 0, "", [] and {} all become "": the API server drops some of them, and a field has one type anyway;
// - what the API server adds inside values that have one owner as a whole (fieldRef.apiVersion, a NetworkPolicy port's
//   protocol, an HTTPRoute parentRef's group, …) dropped when it is the default.
// What cannot be known here, and makes wanted and owned differ for ever: a field that a disabled feature gate or a CRD
// schema drops, and a field that an admission webhook rewrites in our own apply. Whoever compares must not apply again
// in a tight loop.
[[nodiscard]] Json canonical(Kind kind, const Json& object);

// hash64 of the canonical form without the annotation `skip_annotation`.
[[nodiscard]] std::uint64_t content_hash(Kind kind, const Json& object, std::string_view skip_annotation);
// The same of an object in which there is nothing but `value` at a chain of members; it is no null.
[[nodiscard]] std::uint64_t content_hash_at(Kind kind, std::initializer_list<std::string_view> path, const Json& value,
                                            std::string_view skip_annotation);
// Both at once, of an object and of its member at a chain of at most three members.
struct ContentHashes {
  std::uint64_t whole = 0;
  std::uint64_t part = 0;  // 0: the object has no such member, or a null
};
[[nodiscard]] ContentHashes content_hashes(Kind kind, const Json& object, std::initializer_list<std::string_view> path,
                                           std::string_view skip_annotation);

}  // namespace nocobase_operator::kube
