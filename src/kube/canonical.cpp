#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "base/hash.h"
#include "kube/owned.h"
#include "kube/quantity.h"

namespace nocobase_operator::kube {
namespace {

// Where a value is: its member name and those of the objects around it. Items of a list are where the list is.
struct Place {
  std::string_view name;
  std::string_view parent;
  std::string_view grandparent;
};

// A default that the API server writes into a value which has one owner as a whole, so that it cannot be told from
// ours.
struct Default {
  std::optional<Kind> kind;  // nothing: every built-in kind
  std::string_view parent;
  std::string_view name;
  std::string_view json;  // the canonical form of the default
};

constexpr std::array<Default, 21> defaults{{
    {std::nullopt, "fieldRef", "apiVersion", R"("v1")"},
    {std::nullopt, "resourceFieldRef", "divisor", R"("0")"},
    {std::nullopt, "serviceAccountToken", "expirationSeconds", "3600"},
    {Kind::job, "onPodConditions", "status", R"("True")"},
    {Kind::network_policy, "ports", "protocol", R"("TCP")"},
    {Kind::http_route, "parentRefs", "group", R"("gateway.networking.k8s.io")"},
    {Kind::http_route, "parentRefs", "kind", R"("Gateway")"},
    {Kind::http_route, "backendRefs", "group", R"("")"},
    {Kind::http_route, "backendRefs", "kind", R"("Service")"},
    {Kind::http_route, "backendRefs", "weight", "1"},
    {Kind::http_route, "backendRef", "group", R"("")"},
    {Kind::http_route, "backendRef", "kind", R"("Service")"},
    {Kind::http_route, "headers", "type", R"("Exact")"},
    {Kind::http_route, "queryParams", "type", R"("Exact")"},
    {Kind::http_route, "requestRedirect", "statusCode", "302"},
    {Kind::http_route, "path", "type", R"("PathPrefix")"},
    {Kind::http_route, "path", "value", R"("/")"},
    {Kind::http_route, "matches", "path", R"("")"},     // the two above
    {Kind::http_route, "rules", "matches", R"([""])"},  // one match of that path
    {Kind::pod_monitor, "relabelings", "action", R"("replace")"},
    {Kind::pod_monitor, "metricRelabelings", "action", R"("replace")"},
}};

bool is_default(Kind kind, const Place& place, const Json& value) {
  for (const Default& known : defaults) {
    const bool applies = known.kind ? *known.kind == kind : is_built_in(kind);
    if (applies && known.name == place.name && known.parent == place.parent && dump(value) == known.json) {
      return true;
    }
  }
  return false;
}

bool is_quantity(Kind kind, const Place& place) {
  if (!is_built_in(kind)) {
    return false;
  }
  if (place.parent == "limits" || place.parent == "requests") {
    return place.grandparent == "resources";
  }
  const bool metric = kind == Kind::horizontal_pod_autoscaler &&
                      ((place.parent == "target" && (place.name == "value" || place.name == "averageValue")) ||
                       place.name == "tolerance");
  return metric || place.parent == "overhead" || (place.name == "sizeLimit" && place.parent == "emptyDir") ||
         (place.name == "divisor" && place.parent == "resourceFieldRef");
}

Json canonical_number(const Json& value) {
  const auto* const real = value.get_ptr<const double*>();
  static constexpr double exact = 9007199254740992.0;  // 2^53
  if (real != nullptr && std::trunc(*real) == *real && std::fabs(*real) <= exact) {
    return static_cast<std::int64_t>(*real);
  }
  return value;
}

bool is_zero(const Json& value) {
  if (value.is_structured()) {
    return value.empty();
  }
  return value.is_number() ? value == 0 : value == false || value == "";
}

Json canonical_value(Kind kind, const Json& value, const Place& place);

Json canonical_object(Kind kind, const Json& value, const Place& place) {
  Json out = Json::object();
  for (const auto& [name, member] : value.items()) {
    if (member.is_null()) {
      continue;
    }
    const Place inner{name, place.name, place.parent};
    Json canon = canonical_value(kind, member, inner);
    if (!is_default(kind, inner, canon)) {
      out[name] = std::move(canon);
    }
  }
  return out;
}

Json canonical_value(Kind kind, const Json& value, const Place& place) {
  Json out;
  if (is_quantity(kind, place)) {
    const std::optional<std::string> text = quantity_text(value);
    const Result<std::string> quantity = canonical_quantity(text.value_or(""));
    out = quantity.ok() ? Json(quantity.value()) : value;
  } else if (value.is_object()) {
    out = canonical_object(kind, value, place);
  } else if (value.is_array()) {
    out = Json::array();
    for (const Json& item : value) {
      out.push_back(canonical_value(kind, item, place));
    }
  } else {
    out = value.is_number() ? canonical_number(value) : value;
  }
  return is_zero(out) ? Json("") : out;
}

// Erases the member, and then the object when nothing is left of it.
void prune(Json& object, const char* member, std::initializer_list<const char*> names) {
  const auto inner = object.find(member);
  if (inner == object.end() || !inner->is_object()) {
    return;
  }
  for (const char* const name : names) {
    inner->erase(name);
  }
  if (inner->empty()) {
    object.erase(inner);
  }
}

}  // namespace

Json canonical(Kind kind, const Json& object) {
  Json out = object.is_object() ? object : Json::object();
  out.erase("apiVersion");
  out.erase("kind");
  prune(out, "metadata", {"name", "namespace", "uid", "resourceVersion"});
  return canonical_object(kind, out, {});
}

std::uint64_t content_hash(Kind kind, const Json& object, std::string_view skip_annotation) {
  Json out = canonical(kind, object);
  const auto metadata = out.find("metadata");
  if (metadata != out.end() && metadata->is_object()) {
    // The annotation may be the only one: an object before it was added must hash the same.
    const std::string name(skip_annotation);
    prune(*metadata, "annotations", {name.c_str()});
    if (find(*metadata, "annotations") != nullptr && *find(*metadata, "annotations") == "") {
      metadata->erase("annotations");
    }
    prune(out, "metadata", {});
  }
  return hash64(dump(out));
}

}  // namespace nocobase_operator::kube
