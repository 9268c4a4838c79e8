#include "app/given.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "kube/meta.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

using kube::Json;
using State = GivenEntry::State;

// Whether a tool replaces the values of the whole object: SOPS, the Vault plugin of Argo CD.
bool is_sealed(const Json& object) {
  return kube::find(object, "sops") != nullptr || !kube::annotation_of(object, "avp.kubernetes.io/path").empty();
}

// The same for one value: SOPS, the Vault plugin of Argo CD, substitution by Flux or envsubst.
bool is_sealed_value(std::string_view value) {
  return value.starts_with("ENC[") || value.starts_with("<path:") || value.find("${") != std::string_view::npos;
}

GivenEntry entry_of(const Json& value, bool encoded) {
  const auto* const text = value.get_ptr<const std::string*>();
  if (text == nullptr) {
    return {value.is_null() ? State::readable : State::no_text, "", "", {}};  // null is an empty value
  }
  if (is_sealed_value(*text)) {
    return {State::sealed, "", "", {}};
  }
  if (!encoded) {
    return {State::readable, *text, "", {}};
  }
  std::string unbroken = *text;
  std::erase_if(unbroken, [](char c) { return c == '\n' || c == '\r'; });  // as the API server does
  std::optional<std::string> bytes = decode_base64(unbroken);
  return bytes ? GivenEntry{State::readable, std::move(*bytes), "", {}} : GivenEntry{State::malformed, "", "", {}};
}

void add_entries(const kube::SourceDocument& document, std::string_view field, bool encoded, GivenObject& out) {
  const Json* const map = kube::find(document.value, field);
  if (map == nullptr || !map->is_object()) {
    return;
  }
  const bool sealed = is_sealed(document.value);
  for (const auto& [key, value] : map->items()) {
    GivenEntry entry = sealed ? GivenEntry{State::sealed, "", "", {}} : entry_of(value, encoded);
    entry.path = kube::join_path(field, key);
    entry.mark = kube::mark_of(document, entry.path);
    out.entries.insert_or_assign(key, std::move(entry));
  }
}

}  // namespace

std::optional<GivenObject> given_in(const kube::SourceDocument& document) {
  const std::string kind = kube::string_at(document.value, {"kind"});
  const bool secret = kind == "Secret";
  if ((!secret && kind != "ConfigMap") || kube::string_at(document.value, {"apiVersion"}) != "v1") {
    return std::nullopt;
  }
  GivenObject object{
      {secret ? kube::Kind::secret : kube::Kind::config_map, kube::string_at(document.value, {"metadata", "namespace"}),
       kube::string_at(document.value, {"metadata", "name"})},
      document.file,
      {}};
  add_entries(document, secret ? "data" : "binaryData", true, object);
  add_entries(document, secret ? "stringData" : "data", false, object);  // stringData counts where both are
  return object;
}

void Given::add(GivenObject object) {
  objects_[object.ref].push_back(std::move(object));
}

std::span<const GivenObject> Given::find(const kube::Ref& ref) const {
  const auto found = objects_.find(ref);
  return found == objects_.end() ? std::span<const GivenObject>() : found->second;
}

}  // namespace nocobase_operator::app
