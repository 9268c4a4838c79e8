// HMAC-SHA256 for fingerprints that may be shown: nobody can guess the secret from them offline without the key.
#pragma once
#include <string>
#include <string_view>

namespace nocobase_operator {

// HMAC-SHA256(key, message) as 64 lower-case hex digits.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view message);

}  // namespace nocobase_operator
