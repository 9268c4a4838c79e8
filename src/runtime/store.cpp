#include "runtime/store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/mutant.h"

namespace nocobase_operator::runtime {
namespace {

constexpr std::size_t max_unwatched = 256;  // per cluster
constexpr std::size_t max_notes = 256;      // of each sort, per cluster
constexpr std::size_t max_refusal = 512;    // bytes of a message

kube::Meta& meta_of(app::Seen& seen) {
  return std::visit([](auto& of) -> kube::Meta& { return of.meta; }, seen);
}

// Whether the object is one that our watches show.
bool is_shown(const app::Seen& seen) {
  const auto* const child = std::get_if<app::SeenChild>(&seen);
  return is_watched(app::meta_of(seen).ref.kind) && (child == nullptr || child->watched);
}

// Whether a watch keeps a child current. If one does, when it was read means nothing, and must not make it look
// different.
void mark_child(app::Seen& seen, bool watched) {
  if (auto* const child = std::get_if<app::SeenChild>(&seen)) {
    child->watched = watched;
    if (watched) {
      child->read_at = {};
    }
  }
}

// Cuts at a character's start.
std::string_view shortened(std::string_view text) {
  if (text.size() <= max_refusal) {
    return text;
  }
  std::size_t end = max_refusal;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

bool is_watched(kube::Kind kind) {
  return std::find(watched_kinds.begin(), watched_kinds.end(), kind) != watched_kinds.end();
}

std::optional<RecordView> Store::find_record(const Node& node, const kube::Ref& ref) {
  const std::string name = pack_name(ref.name, node.first);
  std::optional<RecordView> found;
  each_record(node.second.records, [&](const RecordView& record) {
    if (record.head.kind == ref.kind && record.name == name) {
      found = record;
    }
    return !found;
  });
  return found;
}

Store::Node* Store::live_node(const app::ClusterKey& key) {
  const auto it = buckets_.find(key);
  const bool exists =
      it != buckets_.end() && find_record(*it, {kube::Kind::nocobase_cluster, key.ns, key.name}).has_value();
  return exists ? &*it : nullptr;
}

void Store::replace(Node& node, std::string_view whole, std::string_view with) {
  std::string& records = node.second.records;
  const std::size_t begin = whole.empty() ? records.size() : static_cast<std::size_t>(whole.data() - records.data());
  std::string next;
  next.reserve(records.size() - whole.size() + with.size());  // exactly: there are many of these
  next.append(records, 0, begin).append(with).append(records, begin + whole.size());
  record_bytes_ += with.size();
  record_bytes_ -= whole.size();
  records = std::move(next);
}

// Writes the object into the node's block. `head` gives all but what is remembered of our own writes, which stays.
// Returns whether anything but the version has become different.
bool Store::put(Node& node, const app::Seen& seen, RecordHead head) {
  const kube::Ref& ref = app::meta_of(seen).ref;
  Bucket& bucket = node.second;
  if (bucket.records.empty() || bucket.owner == PackedUid{}) {
    bucket.owner = owner_of(seen);
  }
  const std::string body = codec_.pack(seen, shared(node));
  const std::optional<RecordView> old = find_record(node, ref);
  const bool different = !old || old->body != body || old->head.watched != head.watched;
  if (old) {
    head.accepted = old->head.accepted;
    head.status = old->head.status;
  } else if (ref.kind == kube::Kind::nocobase_cluster) {
    ++clusters_;
  }
  const std::string record = join(head, pack_name(ref.name, node.first), body);
  if (old && !head.watched) {
    replace(node, old->whole, {});  // and to the end: the longest unread one is the first
    replace(node, {}, record);
  } else {
    replace(node, old ? old->whole : std::string_view(), record);
  }
  if (head.watched) {
    index_.set(index_.hash_of(ref), &node);
  } else {
    drop_surplus(node);
  }
  if (different) {
    forget_pods_read(node);
  }
  if (node.second.notes != nullptr) {
    node.second.notes->absent.erase(ref);
    tidy(node);
  }
  return different;
}

// What a list said of pods is true of the cluster as it was then.
void Store::forget_pods_read(Node& node) {
  if (node.second.notes != nullptr) {
    node.second.notes->pods.reset();
  }
}

void Store::tidy(Node& node) {
  if (node.second.notes != nullptr && node.second.notes->absent.empty() && node.second.notes->refusals.empty() &&
      !node.second.notes->pods) {
    node.second.notes = nullptr;
  }
}

// An object whose labels now name another cluster is no longer the old one's.
void Store::leave_old_bucket(const kube::Ref& ref, const Node& now_in, Keys& touched) {
  Node* const old = index_.find(index_.hash_of(ref));
  if (old != nullptr && old != &now_in && find_record(*old, ref)) {
    touched.push_back(old->first);
    drop(*old, ref);
  }
}

// The node may be gone afterwards.
void Store::drop(Node& node, const kube::Ref& ref) {
  const std::optional<RecordView> record = find_record(node, ref);
  if (!record) {
    return;
  }
  if (record->head.watched) {
    index_.erase(index_.hash_of(ref));
  }
  replace(node, record->whole, {});
  forget_pods_read(node);
  if (ref.kind == kube::Kind::nocobase_cluster) {
    --clusters_;
    forget_cluster(node);
  }
  drop_if_empty(node);
}

void Store::drop_surplus(Node& node) {
  std::size_t count = 0;
  std::string_view oldest;
  each_record(node.second.records, [&](const RecordView& record) {
    if (!record.head.watched && ++count == 1) {
      oldest = record.whole;
    }
    return true;
  });
  if (count > max_unwatched) {
    replace(node, oldest, {});
  }
}

// What was read or noted for a cluster is of no use without it; what a watch shows stays.
void Store::forget_cluster(Node& node) {
  node.second.notes = nullptr;
  std::string kept;
  each_record(node.second.records, [&](const RecordView& record) {
    if (record.head.watched) {
      RecordHead head = record.head;
      head.accepted.reset();
      head.status.reset();
      kept += join(head, record.name, record.body);
    }
    return true;
  });
  replace(node, node.second.records, kept);
}

void Store::drop_if_empty(const Node& node) {
  if (node.second.records.empty() && node.second.notes == nullptr) {
    buckets_.erase(app::ClusterKey(node.first));  // a copy: the key goes with the node
  }
}

// Whose state has become different: of an autoscaler that is of no cluster, that of the cluster whose object it scales.
void Store::touch(const Node& node, const app::Seen& seen, Keys& touched) const {
  const Node* whose = &node;
  if (node.first.name.empty()) {
    const std::optional<kube::Ref> target = app::scaled_by(seen);
    whose = target ? index_.find(index_.hash_of(*target)) : nullptr;
  }
  if (whose != nullptr && (touched.empty() || !(touched.back() == whose->first))) {
    touched.push_back(whose->first);
  }
}

void Store::list_began(kube::Kind kind) {
  KindState& state = kinds_[kind];
  state.listing = true;
  ++state.mark;
}

Store::Keys Store::changed(app::Seen seen) {
  const kube::Meta meta = app::meta_of(seen);
  mark_child(seen, true);
  KindState& state = kinds_[meta.ref.kind];
  if (!state.listing) {
    state.told = std::max(state.told, meta.version);
  }
  Keys touched;
  Node& node = *buckets_.try_emplace(app::key_of(seen)).first;
  leave_old_bucket(meta.ref, node, touched);
  const auto old = find_record(node, meta.ref);
  if (old && old->head.watched && old->head.version >= meta.version && !is_mutant("older-version-accepted")) {
    RecordHead head = old->head;
    head.mark = state.mark;
    if (!(head == old->head)) {
      replace(node, old->whole, join(head, old->name, old->body));
    }
    return touched;
  }
  const bool of_no_cluster = node.first.name.empty();
  const std::optional<app::Seen> before =
      old && of_no_cluster ? std::optional(codec_.unpack(*old, shared(node))) : std::nullopt;
  if (put(node, seen,
          {.kind = meta.ref.kind,
           .mark = state.mark,
           .watched = true,
           .version = meta.version,
           .accepted = {},
           .status = {}})) {
    touch(node, seen, touched);
    if (before) {
      touch(node, *before, touched);  // a foreign autoscaler may have scaled another cluster's
    }
  }
  return touched;
}

Store::Keys Store::removed(const kube::Meta& meta) {
  KindState& state = kinds_[meta.ref.kind];
  if (!state.listing) {
    state.told = std::max(state.told, meta.version);
  }
  Node* const node = index_.find(index_.hash_of(meta.ref));
  const auto record = node != nullptr ? find_record(*node, meta.ref) : std::nullopt;
  if (!record || record->head.version > meta.version) {
    return {};  // it was made again, and we have seen that already
  }
  Keys touched;
  touch(*node, codec_.unpack(*record, shared(*node)), touched);
  drop(*node, meta.ref);
  return touched;
}

void Store::progressed(kube::Kind kind, std::uint64_t version) {
  KindState& state = kinds_[kind];
  state.told = std::max(state.told, version);
}

std::optional<Store::Keys> Store::list_ended(kube::Kind kind, std::uint64_t version) {
  KindState& state = kinds_[kind];
  state.listing = false;
  if (version < state.told) {
    state = {.told = 0, .mark = state.mark, .listing = false, .listed = false};
    ++state.mark;
    static_cast<void>(drop_unmarked(kind, ~std::uint64_t{0}));
    return std::nullopt;
  }
  state.told = version;
  state.listed = true;
  return drop_unmarked(kind, version);
}

Store::Keys Store::kind_missing(kube::Kind kind) {
  KindState& state = kinds_[kind];
  state = {.told = 0, .mark = static_cast<std::uint8_t>(state.mark + 1), .listing = false, .listed = true};
  return drop_unmarked(kind, ~std::uint64_t{0});
}

Store::Keys Store::drop_unmarked(kube::Kind kind, std::uint64_t version) {
  const std::uint8_t mark = kinds_[kind].mark;
  std::vector<std::pair<Node*, kube::Ref>> gone;
  Keys touched;
  for (Node& node : buckets_) {
    each_record(node.second.records, [&](const RecordView& record) {
      if (record.head.kind == kind && record.head.watched && record.head.mark != mark &&
          record.head.version <= version) {
        const app::Seen seen = codec_.unpack(record, shared(node));
        gone.emplace_back(&node, app::meta_of(seen).ref);
        touch(node, seen, touched);
      }
      return true;
    });
  }
  for (const auto& [node, ref] : gone) {  // the last drop of a node may free it, so its key was read before
    drop(*node, ref);
  }
  return touched;
}

void Store::replied(const app::ClusterKey& key, app::Seen seen) {
  const kube::Meta meta = app::meta_of(seen);
  const bool shown = is_shown(seen) && app::key_of(seen) == key;
  const KindState& state = kinds_[meta.ref.kind];
  const auto it = buckets_.find(key);
  const auto old = it != buckets_.end() ? find_record(*it, meta.ref) : std::nullopt;
  if (old && old->head.watched && old->head.version >= meta.version) {
    return;
  }
  // The watch is past that version and shows no such object: it has gone since.
  if (shown && !(old && old->head.watched) && state.listed && !state.listing && meta.version <= state.told) {
    return;
  }
  if (!shown && live_node(key) == nullptr) {
    return;  // read for a cluster that has gone
  }
  Node& node = *buckets_.try_emplace(key).first;
  Keys touched;
  if (shown) {
    leave_old_bucket(meta.ref, node, touched);
  } else if (old && old->head.watched) {
    index_.erase(index_.hash_of(meta.ref));  // it has lost our label
  }
  mark_child(seen, shown);
  // A new one has not been seen by the listing under way, if any: only its version can keep it.
  const auto mark = static_cast<std::uint8_t>(old ? old->head.mark : state.mark - 1);
  put(node, seen,
      {.kind = meta.ref.kind, .mark = mark, .watched = shown, .version = meta.version, .accepted = {}, .status = {}});
}

void Store::absent(const app::ClusterKey& key, const kube::Ref& ref, Instant now) {
  Node* const node = live_node(key);
  if (node == nullptr) {
    return;
  }
  if (const auto record = find_record(*node, ref)) {
    if (record->head.watched) {
      return;  // the watch will tell
    }
    replace(*node, record->whole, {});
  }
  if (node->second.notes == nullptr) {
    node->second.notes = std::make_unique<Notes>();
  }
  auto& absent = node->second.notes->absent;
  if (absent.size() >= max_notes && !absent.contains(ref)) {
    absent.erase(std::min_element(absent.begin(), absent.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  absent.insert_or_assign(ref, now);
}

void Store::deleting(const app::ClusterKey& key, const kube::Ref& ref, std::string_view uid) {
  const auto it = buckets_.find(key);
  const auto record = it != buckets_.end() ? find_record(*it, ref) : std::nullopt;
  if (!record) {
    return;
  }
  app::Seen seen = codec_.unpack(*record, shared(*it));
  kube::Meta& meta = meta_of(seen);
  if (meta.uid != uid) {
    return;  // another object of that name, made since
  }
  if (!record->head.watched) {
    drop(*it, ref);
    return;
  }
  meta.terminating = true;
  put(*it, seen, record->head);
}

void Store::accepted(const app::ClusterKey& key, const kube::Ref& ref, std::uint64_t owned) {
  const auto it = buckets_.find(key);
  if (const auto record = it != buckets_.end() ? find_record(*it, ref) : std::nullopt) {
    RecordHead head = record->head;
    head.accepted = owned;
    replace(*it, record->whole, join(head, record->name, record->body));
  }
}

void Store::status_written(const app::ClusterKey& key, const kube::Ref& ref, app::StatusWritten status) {
  const auto it = buckets_.find(key);
  if (const auto record = it != buckets_.end() ? find_record(*it, ref) : std::nullopt) {
    RecordHead head = record->head;
    head.status = status;
    replace(*it, record->whole, join(head, record->name, record->body));
  }
}

void Store::pods_read(const app::ClusterKey& key, std::vector<app::SeenPod> pods, Instant now) {
  if (Node* const node = live_node(key)) {
    if (node->second.notes == nullptr) {
      node->second.notes = std::make_unique<Notes>();
    }
    node->second.notes->pods = app::PodsRead{std::move(pods), now};
  }
}

void Store::refused(const app::ClusterKey& key, const kube::Ref& ref, std::string_view message) {
  Node* const node = live_node(key);
  if (node == nullptr) {
    return;
  }
  std::unique_ptr<Notes>& notes = node->second.notes;
  if (message.empty()) {
    if (notes != nullptr) {
      notes->refusals.erase(ref);
      tidy(*node);
    }
    return;
  }
  if (notes == nullptr) {
    notes = std::make_unique<Notes>();
  }
  if (notes->refusals.size() < max_notes || notes->refusals.contains(ref)) {
    notes->refusals.insert_or_assign(ref, std::string(shortened(message)));
  }
}

}  // namespace nocobase_operator::runtime
