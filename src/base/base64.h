// Base64 as Kubernetes writes the data of a Secret.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace nocobase_operator {

// The bytes of a base64 text (RFC 4648, section 4: padded, no white space); nothing when it is none.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// The base64 text of some bytes (less than 1 GiB), padded.
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace nocobase_operator
