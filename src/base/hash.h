// A 64-bit content hash for "did this change"; stable over versions of this program (it is stored in annotations).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace nocobase_operator {

// FNV-1a with a final mix. Not for secrets and not against an adversary: see hmac.h.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes);

// 16 lower-case hex digits.
[[nodiscard]] std::string hex64(std::uint64_t value);

// Parses exactly 16 lower-case hex digits; anything else gives 0, which no stored hash has.
[[nodiscard]] std::uint64_t parse_hex64(std::string_view text);

}  // namespace nocobase_operator
