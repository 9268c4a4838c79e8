// Any JSON through everything that reads foreign JSON: no crash, and the canonical form is its own canonical form.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"
#include "kube/http.h"
#include "kube/json_tape.h"
#include "kube/live.h"
#include "kube/meta.h"
#include "kube/owned.h"
#include "kube/reader.h"

namespace nocobase_operator::kube {
namespace {

void read(const Json& value) {
  static const ReaderCodes codes{"unknown", "type", "range", "missing"};
  Findings findings;
  Reader reader(value, "spec", codes, findings);
  (void)reader.string("name");
  (void)reader.boolean("b");
  (void)reader.integer("replicas", 0, 32);
  (void)reader.strings("services");
  (void)reader.int_or_string("port");
  (void)reader.quantity("size");
  (void)reader.object("o");
  (void)reader.array("a");
  (void)reader.string_map("labels");
  reader.require("image", "");
  reader.nested("spec", [](Reader& inner) { (void)inner.string_map("labels"); });
  reader.each("roles", [](Reader& inner) { (void)inner.integer("replicas", 0, 32); });
  reader.finish();
  for (const Finding& finding : findings) {
    CHECK(finding.message.size() < 512);
  }
}

// The quick way gives what the close one does, and the excerpt what is made of the whole.
void check_quick(std::string_view text) {
  constexpr std::string_view manager = "nocobase-operator";
  const auto whole = parse_closely(text);
  if (const auto quick = parse_quickly(text, JsonLimits{}.max_depth)) {
    CHECK(whole.ok() && whole.value() == *quick && dump(whole.value()) == dump(*quick));
  }
  const Excerpt excerpt{.kind = Kind::deployment, .owned_by = manager, .managed_fields = false, .pod_template = false};
  const auto live = read_live(text, excerpt);
  CHECK(live.ok() || !whole.ok());
  if (!live.ok() || !live.value().owned || !whole.ok()) {
    return;
  }
  Json all = whole.value();
  if (find(all, "apiVersion") == nullptr && find(all, "kind") == nullptr) {
    all["apiVersion"] = "apps/v1";
    all["kind"] = "Deployment";
  }
  CHECK(*live.value().owned == owned_part(all, manager));
}

void check_all(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(text);
  (void)decode({text.size() % 2 == 0 ? 200 : 409, "", std::string(text)});
  check_quick(text);
  if (!value.ok()) {
    return;
  }
  const Json& object = value.value();
  CHECK(parse_json(dump(object)).value() == object);
  read(object);
  (void)read_meta(object, Kind::pod);
  (void)owns_field(object, "nocobase-operator", {"spec", "replicas"});
  for (const Kind kind : {Kind::deployment, Kind::http_route, Kind::horizontal_pod_autoscaler, Kind::nocobase_role}) {
    const Json once = canonical(kind, object);
    const Json again = canonical(kind, once);
    // Not a fixed point of the quantities that apimachinery itself does not keep ("1000E" is stored as "1").
    CHECK(kind == Kind::deployment || kind == Kind::horizontal_pod_autoscaler || once == again);
    CHECK(content_hash(kind, object, "") == hash64(dump(once)));
    (void)content_hash(kind, object, "a");
  }
  for (const std::string_view subresource : {"", "status"}) {
    const Json owned = owned_part(object, "nocobase-operator", subresource);
    CHECK(owned.is_null() || owned.is_object());
    (void)content_hash(Kind::deployment, owned, "a");
  }
}

}  // namespace
}  // namespace nocobase_operator::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nocobase_operator::kube::check_all(data, size);
  return 0;
}
