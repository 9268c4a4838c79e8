#include "runtime/bytes.h"

namespace nocobase_operator::runtime {

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) {
    out += static_cast<char>((value & 0x7FU) | 0x80U);
  }
  out += static_cast<char>(value);
}

std::uint64_t take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = take_raw<std::uint8_t>(in);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80U) {
      return value;
    }
  }
}

std::string_view take_bytes(std::string_view& in, std::uint64_t size) {
  CHECK(size <= in.size());
  const std::string_view bytes = in.substr(0, size);
  in.remove_prefix(size);
  return bytes;
}

std::optional<PackedUid> packed_uid(std::string_view text) {
  if (text.size() != 36) {
    return std::nullopt;
  }
  PackedUid out{};
  std::size_t size = 0;
  unsigned high = 16;  // no digit is pending
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') {
        return std::nullopt;
      }
      continue;
    }
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
      return std::nullopt;
    }
    const unsigned digit = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (high == 16) {
      high = digit;
    } else {
      out.at(size++) = static_cast<char>(high << 4U | digit);
      high = 16;
    }
  }
  return out;
}

std::string unpacked_uid(const PackedUid& bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      out += '-';
    }
    const auto byte = static_cast<unsigned char>(bytes.at(i));
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

}  // namespace nocobase_operator::runtime
