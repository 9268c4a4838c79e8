#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "app/observe_parts.h"
#include "base/base64.h"
#include "base/hmac.h"

namespace nocobase_operator::app {
namespace {

// Values from upstream's own examples (.env.example, docker-compose files): everybody knows them.
constexpr std::array<std::string_view, 2> placeholders = {"your-secret-key", "test-key"};

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
  if (std::find(placeholders.begin(), placeholders.end(), value) != placeholders.end()) {
    return key + " is the placeholder of an example";
  }
  // packages/core/server/src/aes-encryptor.ts: 32 bytes as hexadecimal digits.
  if (name == "APP_AES_SECRET_KEY" && !is_hex_of(value, 64)) {
    return key + " is not 64 hexadecimal digits";
  }
  return "";
}

}  // namespace

SeenSecret prune_secret(const Json& object) {
  SeenSecret seen;
  std::map<std::string, std::string, std::less<>> values;
  const Json* const data = kube::find(object, "data");
  if (data == nullptr || !data->is_object()) {
    return seen;
  }
  for (const auto& [name, encoded] : data->items()) {
    const std::string* const text = encoded.get_ptr<const std::string*>();
    const std::optional<std::string> value = text != nullptr ? decode_base64(*text) : std::nullopt;
    if (value && !value->empty()) {
      seen.keys.insert(name);
      if (name == "APP_KEY" || name == "APP_AES_SECRET_KEY") {
        values[name] = *value;
      }
    }
  }
  for (const auto& [name, value] : values) {
    if (seen.problem.empty()) {
      seen.problem = problem_of(name, value);
    }
  }
  if (values.size() == 2) {
    // Keyed with one of the values themselves, so that a weak APP_KEY cannot be guessed from a status.
    const std::string key = hmac_sha256_hex(values["APP_AES_SECRET_KEY"], "nocobase.com/fingerprint");
    const std::string material = values["APP_KEY"] + '\0' + values["APP_AES_SECRET_KEY"];
    seen.fingerprint = hmac_sha256_hex(key, material).substr(0, 16);
  }
  return seen;
}

}  // namespace nocobase_operator::app
