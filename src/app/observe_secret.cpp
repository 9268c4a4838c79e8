// Secrets and ConfigMaps: which entries they have, and whether the keys among them can be used. No value is kept.
#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "app/names.h"
#include "app/observe_parts.h"
#include "app/secrecy.h"
#include "base/base64.h"
#include "base/hash.h"
#include "base/hmac.h"

namespace nocobase_operator::app {
namespace {

bool is_hex_of(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string problem_of(std::string_view name, std::string_view value) {
  const std::string key(name);
  if (value.empty()) {
    return "";  // counts as missing
  }
  if (value.ends_with('\n') || value.ends_with('\r')) {
    return key + " ends with a line break";
  }
  if (is_public_app_key(value)) {
    return key + " is the placeholder of an example";
  }
  // packages/core/server/src/aes-encryptor.ts: 32 bytes as hexadecimal digits.
  if (name == "APP_AES_SECRET_KEY" && !is_hex_of(value, 64)) {
    return key + " is not 64 hexadecimal digits";
  }
  return "";
}

// 64 bits of a SHA-256: enough to tell that a value changed. 0 for an empty one, and for no other.
std::uint64_t hash_of(std::string_view value) {
  if (value.empty()) {
    return 0;
  }
  return std::max<std::uint64_t>(parse_hex64(hmac_sha256_hex("nocobase.com/entry", value).substr(0, 16)), 1);
}

// Calls `visit` with the name and the value of each entry of a Secret's data or a ConfigMap's binaryData.
void each_encoded(const Json* data, const std::function<void(const std::string&, const std::string&)>& visit) {
  if (data == nullptr || !data->is_object()) {
    return;
  }
  for (const auto& [name, encoded] : data->items()) {
    const std::string* const text = encoded.get_ptr<const std::string*>();
    if (const std::optional<std::string> value = text != nullptr ? decode_base64(*text) : std::nullopt) {
      visit(name, *value);
    }
  }
}

}  // namespace

SeenSecret prune_secret(const Json& object) {
  SeenSecret seen;
  std::map<std::string, std::string, std::less<>> values;
  each_encoded(kube::find(object, "data"), [&](const std::string& name, const std::string& value) {
    seen.entries[name] = hash_of(value);
    if (!value.empty() && (name == key_app || name == key_aes)) {
      values[name] = value;
    }
  });
  for (const auto& [name, value] : values) {
    if (seen.problem.empty()) {
      seen.problem = problem_of(name, value);
    }
  }
  const auto aes = values.find(key_aes);
  if (aes != values.end()) {
    seen.content_key = hmac_sha256_hex(aes->second, "nocobase.com/content").substr(0, 32);
  }
  if (values.size() == 2) {
    // Keyed with one of the values themselves, so that a weak APP_KEY cannot be guessed from a status.
    const std::string key = hmac_sha256_hex(aes->second, "nocobase.com/fingerprint");
    const std::string material = values.find(key_app)->second + '\0' + aes->second;
    seen.fingerprint = hmac_sha256_hex(key, material).substr(0, 16);
  }
  return seen;
}

SeenConfig prune_config(const Json& object) {
  SeenConfig seen;
  const Json* const data = kube::find(object, "data");
  if (data != nullptr && data->is_object()) {
    for (const auto& [name, value] : data->items()) {
      const std::string* const text = value.get_ptr<const std::string*>();
      if (text != nullptr) {
        seen.entries[name] = hash_of(*text);
      }
    }
    if (kube::label_of(object, label_component) == component_record &&
        kube::label_of(object, label_managed_by) == manager) {
      seen.record = record_of(*data);
    }
  }
  each_encoded(kube::find(object, "binaryData"),
               [&](const std::string& name, const std::string& value) { seen.entries[name] = hash_of(value); });
  return seen;
}

}  // namespace nocobase_operator::app
