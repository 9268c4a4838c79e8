// Where each watched object is kept, in 18 to 23 bytes: the bucket of a cluster under a hash of kind, namespace and
// name. It holds pointers to what others own and never looks into them.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/kind.h"

namespace nocobase_operator::runtime {

// `T` is what an object is kept in. Objects whose hashes are equal are taken for one another, so whoever asks must
// check what it finds; of 64-bit hashes that is a matter of form.
template <class T>
class RefIndex {
 public:
  [[nodiscard]] static std::uint64_t hash_of(const kube::Ref& ref) {
    std::uint64_t hash = std::hash<std::string_view>{}(ref.name);
    hash = mix(hash + static_cast<std::uint64_t>(ref.kind));
    return mix(hash ^ std::hash<std::string_view>{}(ref.ns)) | 1U;  // 0 marks a free slot
  }

  [[nodiscard]] T* find(std::uint64_t hash) const {
    if (slots_.empty()) {
      return nullptr;
    }
    const Slot& slot = slots_[place(hash)];
    return slot.hash == hash ? slot.value : nullptr;
  }

  void set(std::uint64_t hash, T* value) {
    if (size_ + 1 > slots_.size() - slots_.size() / 8) {
      grow();
    }
    Slot& slot = slots_[place(hash)];
    size_ += slot.hash == hash ? 0 : 1;
    slot = {hash, value};
  }

  void erase(std::uint64_t hash) {
    if (find(hash) == nullptr) {
      return;
    }
    // Entries behind the hole that would have been put there move up, so that no search ends too early.
    std::size_t hole = place(hash);
    slots_[hole] = {};
    --size_;
    for (std::size_t i = next(hole); slots_[i].hash != 0; i = next(i)) {
      const std::size_t home = home_of(slots_[i].hash);
      const bool reachable = hole < i ? hole < home && home <= i : hole < home || home <= i;
      if (!reachable) {
        slots_[hole] = std::exchange(slots_[i], {});
        hole = i;
      }
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    T* value = nullptr;
  };

  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31U);
  }
  [[nodiscard]] std::size_t next(std::size_t i) const { return i + 1 == slots_.size() ? 0 : i + 1; }
  // The upper half of the hash as a share of all slots, of which there may be any number below 2^32.
  [[nodiscard]] std::size_t home_of(std::uint64_t hash) const { return ((hash >> 32U) * slots_.size()) >> 32U; }
  // The slot of the hash, or the free one where it would go.
  [[nodiscard]] std::size_t place(std::uint64_t hash) const {
    std::size_t i = home_of(hash);
    while (slots_[i].hash != 0 && slots_[i].hash != hash) {
      i = next(i);
    }
    return i;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : slots_.size() + slots_.size() / 4);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.hash != 0) {
        slots_[place(slot.hash)] = slot;
      }
    }
  }

  std::vector<Slot> slots_;  // at most seven eighths full
  std::size_t size_ = 0;
};

}  // namespace nocobase_operator::runtime
