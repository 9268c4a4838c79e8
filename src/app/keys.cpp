#include <string>
#include <string_view>

#include "app/children.h"
#include "app/defaults.h"
#include "app/labels.h"
#include "app/names.h"
#include "base/check.h"

namespace nocobase_operator::app {

namespace {

// RFC 4648, section 4, padded.
std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint32_t byte = i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U;
      group = (group << 8U) | byte;
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? digits[(group >> (18U - 6U * k)) & 63U] : '=';
    }
  }
  return out;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

// A password that people can read out and copy by a double click: 24 of 32 characters that are hard to confuse, 120
// bits.
std::string password(std::string_view bytes) {
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(letters.size() == 32);
  std::string out;
  for (const char c : bytes.substr(0, 24)) {
    out += letters[static_cast<unsigned char>(c) & 31U];
  }
  return out;
}

}  // namespace

Json keys_secret(const Cluster& cluster, std::string_view entropy) {
  CHECK(entropy.size() == keys_entropy_bytes);
  Json body = Json::object();
  body["apiVersion"] = kube::api_version(kube::Kind::secret);
  body["kind"] = kube::info(kube::Kind::secret).kind;
  body["metadata"]["name"] = child_name(cluster, "keys");
  if (!cluster.ns.empty()) {
    body["metadata"]["namespace"] = cluster.ns;
  }
  body["metadata"]["labels"] = cluster_labels(cluster);
  body["type"] = "Opaque";
  // With another APP_KEY every token is void, with another APP_AES_SECRET_KEY data is unreadable; so an edit by mistake
  // is refused by the API server. Other keys are another Secret, named in keys.secretRef.
  body["immutable"] = true;
  Json& data = body["data"];
  data = Json::object();
  if (!cluster.spec.keys || !cluster.spec.keys->secret) {
    data[std::string(key_app)] = base64(hex(entropy.substr(0, 32)));
    data[std::string(key_aes)] = base64(hex(entropy.substr(32, 32)));
  }
  if (!cluster.spec.initial_admin_secret) {
    // A domain that is reserved for examples (RFC 2606): it passes every check of an address, and no mail to it gets
    // anywhere.
    data[std::string(key_admin_email)] = base64("admin@example.com");
    data[std::string(key_admin_password)] = base64(password(entropy.substr(64, 32)));
  }
  return body;
}

}  // namespace nocobase_operator::app
