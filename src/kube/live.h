// JSON of live objects, read fast: of an API server's answer only what is looked at becomes values. Which fields are
// ours, by managedFields, is taken out of the text, so that neither those nor the fields themselves are ever built.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "kube/json.h"
#include "kube/kind.h"

namespace nocobase_operator::kube {

// What of a live object becomes values. By default all.
struct Excerpt {
  Kind kind = Kind::nocobase_cluster;  // of an object that does not say
  std::string_view owned_by;           // the part that this manager has applied is taken out; "": none. Not owned
  bool managed_fields = true;          // whether they are kept
  bool pod_template = true;            // whether spec.template is
};

struct Live {
  // NOLINTNEXTLINE(google-explicit-constructor) a whole object is one
  Live(Json all, std::optional<Json> part = std::nullopt) : object(std::move(all)), owned(std::move(part)) {}

  Json object;
  // owned_part() of it for Excerpt::owned_by, if that was asked for and the text could be read so: nothing means that
  // the object is whole and the caller makes it.
  std::optional<Json> owned;
};

// Like parse_json(), with the same limits, errors and values. Where a part is left out, members that occur twice in it
// are not noticed. `member` is the one of the text's members that the excerpt is made of (the object of a watch event);
// "": the text itself. Thread-safe: each thread keeps a parser of its own, of a bounded size.
[[nodiscard]] Result<Live> read_live(std::string_view text, const Excerpt& excerpt, std::string_view member = "",
                                     const JsonLimits& limits = {});

}  // namespace nocobase_operator::kube
