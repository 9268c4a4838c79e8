// A seen object as a few dozen bytes: what the store keeps of a hundred thousand of them. Numbers are variable-length,
// UIDs binary, names relative to the cluster's, and words that many objects share are numbers of a common list.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/observe.h"
#include "runtime/bytes.h"
#include "runtime/packed_text.h"
#include "runtime/words.h"

namespace nocobase_operator::runtime {

// What a record holds beside the object: where it stands in listings, and what we remember of our own writes to it.
struct RecordHead {
  kube::Kind kind = kube::Kind::nocobase_cluster;
  std::uint8_t mark = 0;  // of the last listing in which it was seen
  bool watched = false;
  std::uint64_t version = 0;
  std::optional<std::uint64_t> accepted;     // see app::Observed::accepted
  std::optional<app::StatusWritten> status;  // see app::Observed::statuses
  friend bool operator==(const RecordHead&, const RecordHead&) = default;
};

// A record in its bytes. `body` is equal for two records exactly if the objects differ in nothing but their version.
struct RecordView {
  std::string_view whole;  // with its length in front: what is copied or dropped
  RecordHead head;
  std::string_view name;  // packed, comparable with pack_name()
  std::string_view body;
};

// What the records of one cluster have in common. They can only be read with that with which they were written.
struct Shared {
  const app::ClusterKey& key;
  const PackedUid& owner;  // that of the cluster, as each of its objects names it; all zero where there is none
};

// The UID of the cluster that an object is or names as its owner; all zero for any other.
[[nodiscard]] PackedUid owner_of(const app::Seen& seen);

// Turns objects into bodies of records and back. One for all, as it holds what they share.
class RecordCodec {
 public:
  // The body of an object.
  [[nodiscard]] std::string pack(const app::Seen& seen, const Shared& shared);
  [[nodiscard]] app::Seen unpack(const RecordView& record, const Shared& shared) const;

 private:
  Words words_;
  PackedTexts texts_;
};

// A name as it stands in a record kept under `key`.
[[nodiscard]] std::string pack_name(std::string_view name, const app::ClusterKey& key);
// A whole record.
[[nodiscard]] std::string join(const RecordHead& head, std::string_view packed_name, std::string_view body);
// The record that `bytes`, which must not be empty, starts with.
[[nodiscard]] RecordView first_record(std::string_view bytes);

// Calls `visit` with each record of a block until it returns false.
template <class Visit>
void each_record(std::string_view records, const Visit& visit) {
  while (!records.empty()) {
    const RecordView record = first_record(records);
    records.remove_prefix(record.whole.size());
    if (!visit(record)) {
      return;
    }
  }
}

}  // namespace nocobase_operator::runtime
