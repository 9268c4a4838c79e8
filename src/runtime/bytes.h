// Numbers and UIDs as few bytes. For memory only: what is written here is never read by another process or machine.
// Reading what was not written so ends the process.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"

namespace nocobase_operator::runtime {

// Appends the bytes of a number as this machine has them.
template <class T>
void put_raw(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

// Takes such a number from the front of `in`.
template <class T>
[[nodiscard]] T take_raw(std::string_view& in) {
  CHECK(in.size() >= sizeof(T));
  T value{};
  std::memcpy(&value, in.data(), sizeof(T));
  in.remove_prefix(sizeof(T));
  return value;
}

// Appends a number in as many bytes as it needs, seven bits each.
void put_varint(std::string& out, std::uint64_t value);
// Takes such a number from the front of `in`.
[[nodiscard]] std::uint64_t take_varint(std::string_view& in);
// Takes `size` bytes from the front of `in`, which has them.
[[nodiscard]] std::string_view take_bytes(std::string_view& in, std::uint64_t size);
// A UID in 16 bytes.
using PackedUid = std::array<char, 16>;
// The bytes of a UID in the form that Kubernetes writes, or nothing for any other text.
[[nodiscard]] std::optional<PackedUid> packed_uid(std::string_view text);
// The UID of those bytes.
[[nodiscard]] std::string unpacked_uid(const PackedUid& bytes);

}  // namespace nocobase_operator::runtime
