// One request to the API server as a value: what a plan is made of. http.h turns it into bytes.
#pragma once
#include <cstdint>
#include <string>

#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

enum class Verb : std::uint8_t {
  get,           // read one object
  list,          // read, from etcd, all objects of the ref's kind and namespace that the selector names
  apply,         // server-side apply as `manager`, with force unless it is to make (see must_not_exist)
  apply_status,  // the same on the status subresource
  create,        // POST: for what must exist once only and is never applied
  update,        // PUT with the body's resourceVersion (leases)
  remove,        // DELETE with preconditions
};

// What must still be so for the write to happen. Empty fields are not checked.
// A resourceVersion without a uid lets an apply create an object that is gone: set both, only the uid, or
// must_not_exist.
struct Precondition {
  std::string uid;
  std::string resource_version;

  friend bool operator==(const Precondition&, const Precondition&) = default;
};

// For an apply that is to create and never to take over. No object ever has this version, so it is a conflict where one
// is there, as any write with another version is (Kubernetes, "API concepts", on conditional requests); and such an
// apply goes without force, so that fields of somebody else's are a second conflict. That it makes what is absent is
// documented nowhere; a kube-apiserver 1.37 does, and where one did not, nothing would be made and nothing lost.
inline const Precondition must_not_exist{"", "1"};

// How a delete treats dependents.
enum class Propagation : std::uint8_t { background, foreground, orphan };

struct Call {
  Verb verb = Verb::get;
  Ref ref;
  Json body;                  // apply, apply_status, create, update: the object without its precondition
  std::string manager;        // field manager of apply, apply_status, create, update
  Precondition precondition;  // apply, apply_status, remove
  Propagation propagation = Propagation::background;
  std::string selector{};  // list: a label selector

  friend bool operator==(const Call&, const Call&) = default;
};

// A read of one object.
[[nodiscard]] inline Call get_call(const Ref& ref) {
  Call call;
  call.verb = Verb::get;
  call.ref = ref;
  return call;
}

// Whether the call changes anything on the server.
[[nodiscard]] bool is_write(Verb verb);
// "apply", "apply_status", … for logs and metrics.
[[nodiscard]] std::string_view name_of(Verb verb);

}  // namespace nocobase_operator::kube
