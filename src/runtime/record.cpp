#include "runtime/record.h"

#include <utility>

namespace nocobase_operator::runtime {
namespace {

// How a member is packed where its type alone does not tell.
template <class T>
struct Word {  // one of few different texts
  T& text;
};
template <class T>
struct Name {  // often starts with the cluster's name
  T& text;
};
template <class T>
struct Uid {
  T& text;
};
template <class T>
struct Hash {  // all bits alike: a variable length would be longer
  T& value;
};
template <class T>
struct Mostly {  // a hash that mostly is another one, which was packed before
  T& value;
  std::uint64_t other;
};
template <class T>
Word(T&) -> Word<T>;
template <class T>
Name(T&) -> Name<T>;
template <class T>
Uid(T&) -> Uid<T>;
template <class T>
Hash(T&) -> Hash<T>;
template <class T>
Mostly(T&, std::uint64_t) -> Mostly<T>;

// How a UID is packed.
enum class UidForm : std::uint8_t { text, bytes, owner };

void put_name(std::string& out, std::string_view name, std::string_view cluster) {
  const bool prefixed = !cluster.empty() && name.substr(0, cluster.size()) == cluster;
  const std::string_view rest = prefixed ? name.substr(cluster.size()) : name;
  put_varint(out, rest.size() << 1U | (prefixed ? 1U : 0U));
  out += rest;
}

std::string take_name(std::string_view& in, std::string_view cluster) {
  const std::uint64_t head = take_varint(in);
  std::string name((head & 1U) != 0 ? cluster : std::string_view());
  return name += take_bytes(in, head >> 1U);
}

class Writer {
 public:
  Writer(Words& words, const Shared& shared) : words_(words), shared_(shared) {}

  template <class... T>
  void all(const T&... values) {
    (put(values), ...);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void put(bool value) { out_ += static_cast<char>(value); }
  void put(std::int64_t value) {  // zigzag: small negative numbers are short too
    put_varint(out_, static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63U));
  }
  void put(std::int32_t value) { put(std::int64_t{value}); }
  void put(const std::string& text) {
    put_varint(out_, text.size());
    out_ += text;
  }
  void put(std::chrono::sys_seconds time) { put(std::int64_t{time.time_since_epoch().count()}); }
  void put(Instant time) { put(std::int64_t{time.time_since_epoch().count()}); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) {
      put(*value);
    }
  }
  void put(const app::SeenEntries& entries) {
    put_varint(out_, entries.size());
    for (const auto& [name, hash] : entries) {
      put(Word<const std::string>{name});
      put(Hash<const std::uint64_t>{hash});
    }
  }
  template <class T>
  void put(const Word<T>& word) {
    const std::optional<std::uint64_t> number = words_.number_of(word.text);
    put_varint(out_, (number ? *number : word.text.size()) << 1U | (number ? 1U : 0U));
    if (!number) {
      out_ += word.text;
    }
  }
  template <class T>
  void put(const Name<T>& name) {
    put_name(out_, name.text, shared_.key.name);
  }
  template <class T>
  void put(const Uid<T>& uid) {
    const std::optional<PackedUid> packed = packed_uid(uid.text);
    const bool is_owner = packed && *packed == shared_.owner && shared_.owner != PackedUid{};
    const UidForm form = is_owner ? UidForm::owner : packed ? UidForm::bytes : UidForm::text;
    out_ += static_cast<char>(form);
    if (form == UidForm::text) {
      put(uid.text);
    } else if (form == UidForm::bytes) {
      out_.append(packed->data(), packed->size());
    }
  }
  template <class T>
  void put(const Hash<T>& hash) {
    put_raw(out_, std::uint64_t{hash.value});
  }
  template <class T>
  void put(const Mostly<T>& hash) {
    put(hash.value == hash.other);
    if (hash.value != hash.other) {
      put(Hash{hash.value});
    }
  }

  Words& words_;
  const Shared& shared_;
  std::string out_;
};

class Reader {
 public:
  Reader(std::string_view in, const Words& words, const Shared& shared) : in_(in), words_(words), shared_(shared) {}

  template <class... T>
  void all(T&&... values) {
    (take(values), ...);
  }

 private:
  void take(bool& value) { value = take_raw<std::uint8_t>(in_) != 0; }
  void take(std::int64_t& value) {
    const std::uint64_t packed = take_varint(in_);
    value = static_cast<std::int64_t>(packed >> 1U ^ (~(packed & 1U) + 1U));
  }
  void take(std::int32_t& value) {
    std::int64_t wide = 0;
    take(wide);
    value = static_cast<std::int32_t>(wide);
  }
  void take(std::string& text) { text = take_bytes(in_, take_varint(in_)); }
  void take(std::chrono::sys_seconds& time) {
    std::int64_t count = 0;
    take(count);
    time = std::chrono::sys_seconds(Seconds(count));
  }
  void take(Instant& time) {
    std::int64_t count = 0;
    take(count);
    time = Instant(Millis(count));
  }
  template <class T>
  void take(std::optional<T>& value) {
    bool has = false;
    take(has);
    value.reset();
    if (has) {
      take(value.emplace());
    }
  }
  void take(app::SeenEntries& entries) {
    for (std::uint64_t left = take_varint(in_); left > 0; --left) {
      std::string name;
      Word<std::string> word{name};
      take(word);
      Hash<std::uint64_t> hash{entries[std::move(name)]};
      take(hash);
    }
  }
  void take(Word<std::string>& word) {
    const std::uint64_t head = take_varint(in_);
    word.text = (head & 1U) != 0 ? words_.at(head >> 1U) : take_bytes(in_, head >> 1U);
  }
  void take(Name<std::string>& name) { name.text = take_name(in_, shared_.key.name); }
  void take(Uid<std::string>& uid) {
    switch (static_cast<UidForm>(take_raw<std::uint8_t>(in_))) {
      case UidForm::text:
        take(uid.text);
        break;
      case UidForm::bytes:
        uid.text = unpacked_uid(take_raw<PackedUid>(in_));
        break;
      case UidForm::owner:
        uid.text = unpacked_uid(shared_.owner);
        break;
    }
  }
  void take(Hash<std::uint64_t>& hash) { hash.value = take_raw<std::uint64_t>(in_); }
  void take(Mostly<std::uint64_t>& hash) {
    bool same = false;
    take(same);
    hash.value = same ? hash.other : take_raw<std::uint64_t>(in_);
  }

  std::string_view in_;
  const Words& words_;
  const Shared& shared_;
};

// What each type consists of, for both directions. The structured bindings make a member that is added and not packed
// an error of the compiler.
template <class Codec, class Meta>
void meta_fields(Codec& codec, Meta& meta) {
  auto& [ref, uid, version, generation, terminating, owner_kind, owner_name, owner_uid] = meta;
  auto& [kind, ns, name] = ref;
  static_cast<void>(kind);  // kind, version and name are in the head
  static_cast<void>(version);
  static_cast<void>(name);
  codec.all(Word{ns}, Uid{uid}, generation, terminating, Word{owner_kind}, Name{owner_name}, Uid{owner_uid});
}

template <class Codec, class Deployment>
void deployment_fields(Codec& codec, Deployment& seen) {
  auto& [spec_replicas, generation, replicas, updated, ready, available, failure, progress, since, hash, content] =
      seen;
  codec.all(spec_replicas, generation, replicas, updated, ready, available, failure, Word{progress}, since, Hash{hash});
  codec.all(Hash{content});
}

template <class Codec, class Role>
void role_fields(Codec& codec, Role& seen) {
  auto& [intent, main_owns_intent, intent_manager_owns, selectable, intent_by, intent_at, status_hash] = seen;
  codec.all(intent, main_owns_intent, intent_manager_owns, selectable, Word{intent_by}, intent_at, Hash{status_hash});
}

template <class Codec, class Scaler>
void scaler_fields(Codec& codec, Scaler& seen) {
  auto& [target_kind, target, problem] = seen;
  codec.all(Word{target_kind}, Name{target}, Word{problem});
}

template <class Codec, class Claim>
void claim_fields(Codec& codec, Claim& seen) {
  auto& [phase, requested] = seen;
  codec.all(Word{phase}, Word{requested});
}

template <class Codec, class Secret>
void secret_fields(Codec& codec, Secret& seen) {
  auto& [entries, problem, fingerprint, content_key] = seen;
  codec.all(entries, problem, fingerprint, content_key);
}

const app::SetupRecord& value_of(const std::optional<app::SetupRecord>& record) {
  return *record;
}
app::SetupRecord& value_of(std::optional<app::SetupRecord>& record) {
  return record.emplace();
}

template <class Codec, class Setup>
void record_fields(Codec& codec, Setup& record) {
  auto& [image, runs, revision, database, keys, started] = record;
  codec.all(image, runs, revision, database, keys, started);
}

template <class Codec, class Config>
void config_fields(Codec& codec, Config& seen) {
  auto& [entries, record] = seen;
  codec.all(entries);
  bool is_record = record.has_value();
  codec.all(is_record);
  if (is_record) {
    record_fields(codec, value_of(record));
  }
}

template <class Codec, class Job>
void job_fields(Codec& codec, Job& seen) {
  auto& [state, message] = seen;
  auto number = static_cast<std::int32_t>(state);
  codec.all(number, message);
  if constexpr (!std::is_const_v<Job>) {
    state = static_cast<app::JobState>(number);
  }
}

template <class Codec, class Pod>
void pod_fields(Codec& codec, Pod& seen) {
  auto& [meta, cluster, role, image, node, phase, ready, since, scheduled, reason, message, restarts, exit_code,
         started, epoch, ip, image_id] = seen;
  meta_fields(codec, meta);
  codec.all(Name{cluster}, Word{role}, Word{image}, Word{node}, Word{phase}, ready, since, scheduled, Word{reason});
  codec.all(message, restarts, exit_code, started, epoch, Word{ip}, Word{image_id});
}

template <class Codec, class Child>
void child_fields(Codec& codec, Child& seen) {
  auto& [meta, cluster, applied, owned, epoch, watched, read_at, detail] = seen;
  static_cast<void>(watched);  // in the head
  static_cast<void>(detail);   // by its type, below
  meta_fields(codec, meta);
  codec.all(Name{cluster}, Hash{applied});
  codec.all(Mostly{owned, applied}, epoch, read_at);  // of what is in sync
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// The first byte of a body.
enum class Shape : std::uint8_t { cluster, pod, plain, deployment, role, scaler, claim, secret, config, job };

Shape shape_of(const app::SeenChild& child) {
  return std::visit(
      Overloaded{[](const std::monostate&) { return Shape::plain; },
                 [](const app::SeenDeployment&) { return Shape::deployment; },
                 [](const app::SeenRole&) { return Shape::role; }, [](const app::SeenScaler&) { return Shape::scaler; },
                 [](const app::SeenClaim&) { return Shape::claim; },
                 [](const app::SeenSecret&) { return Shape::secret; },
                 [](const app::SeenConfig&) { return Shape::config; }, [](const app::SeenJob&) { return Shape::job; }},
      child.detail);
}

void detail_fields(Writer& writer, const app::SeenChild& child) {
  std::visit(Overloaded{[](const std::monostate&) {},
                        [&](const app::SeenDeployment& seen) { deployment_fields(writer, seen); },
                        [&](const app::SeenRole& seen) { role_fields(writer, seen); },
                        [&](const app::SeenScaler& seen) { scaler_fields(writer, seen); },
                        [&](const app::SeenClaim& seen) { claim_fields(writer, seen); },
                        [&](const app::SeenSecret& seen) { secret_fields(writer, seen); },
                        [&](const app::SeenConfig& seen) { config_fields(writer, seen); },
                        [&](const app::SeenJob& seen) { job_fields(writer, seen); }},
             child.detail);
}

app::SeenChild unpack_child(Reader& reader, Shape shape) {
  app::SeenChild child;
  child_fields(reader, child);
  switch (shape) {
    case Shape::cluster:
    case Shape::pod:
    case Shape::plain:
      break;
    case Shape::deployment:
      deployment_fields(reader, child.detail.emplace<app::SeenDeployment>());
      break;
    case Shape::role:
      role_fields(reader, child.detail.emplace<app::SeenRole>());
      break;
    case Shape::scaler:
      scaler_fields(reader, child.detail.emplace<app::SeenScaler>());
      break;
    case Shape::claim:
      claim_fields(reader, child.detail.emplace<app::SeenClaim>());
      break;
    case Shape::secret:
      secret_fields(reader, child.detail.emplace<app::SeenSecret>());
      break;
    case Shape::config:
      config_fields(reader, child.detail.emplace<app::SeenConfig>());
      break;
    case Shape::job:
      job_fields(reader, child.detail.emplace<app::SeenJob>());
      break;
  }
  return child;
}

constexpr std::uint8_t flag_watched = 1;
constexpr std::uint8_t flag_accepted = 2;
constexpr std::uint8_t flag_status = 4;

}  // namespace

PackedUid owner_of(const app::Seen& seen) {
  const kube::Meta& meta = app::meta_of(seen);
  if (std::holds_alternative<app::SeenCluster>(seen)) {
    return packed_uid(meta.uid).value_or(PackedUid{});
  }
  const bool is_of_cluster = meta.owner_kind == kube::info(kube::Kind::nocobase_cluster).kind;
  return is_of_cluster ? packed_uid(meta.owner_uid).value_or(PackedUid{}) : PackedUid{};
}

std::string RecordCodec::pack(const app::Seen& seen, const Shared& shared) {
  Writer writer(words_, shared);
  std::string out;
  std::visit(Overloaded{[&](const app::SeenCluster& cluster) {
                          out += static_cast<char>(Shape::cluster);
                          meta_fields(writer, cluster.meta);
                          writer.all(texts_.pack(cluster.text));
                        },
                        [&](const app::SeenPod& pod) {
                          out += static_cast<char>(Shape::pod);
                          pod_fields(writer, pod);
                        },
                        [&](const app::SeenChild& child) {
                          out += static_cast<char>(shape_of(child));
                          child_fields(writer, child);
                          detail_fields(writer, child);
                        }},
             seen);
  return out += writer.take();
}

app::Seen RecordCodec::unpack(const RecordView& record, const Shared& shared) const {
  std::string_view body = record.body;
  const auto shape = static_cast<Shape>(take_raw<std::uint8_t>(body));
  Reader reader(body, words_, shared);
  std::string_view packed_name = record.name;
  const auto complete = [&](kube::Meta& meta) {
    meta.ref.kind = record.head.kind;
    meta.ref.name = take_name(packed_name, shared.key.name);
    meta.version = record.head.version;
  };
  if (shape == Shape::cluster) {
    app::SeenCluster cluster;
    std::string packed;
    meta_fields(reader, cluster.meta);
    reader.all(packed);
    cluster.text = texts_.unpack(packed);
    complete(cluster.meta);
    return cluster;
  }
  if (shape == Shape::pod) {
    app::SeenPod pod;
    pod_fields(reader, pod);
    complete(pod.meta);
    return pod;
  }
  app::SeenChild child = unpack_child(reader, shape);
  complete(child.meta);
  child.watched = record.head.watched;
  return child;
}

std::string pack_name(std::string_view name, const app::ClusterKey& key) {
  std::string out;
  put_name(out, name, key.name);
  return out;
}

std::string join(const RecordHead& head, std::string_view packed_name, std::string_view body) {
  std::string rest;
  rest += static_cast<char>(head.kind);
  rest += static_cast<char>(head.mark);
  put_varint(rest, head.version);
  rest += static_cast<char>((head.watched ? flag_watched : 0U) | (head.accepted ? flag_accepted : 0U) |
                            (head.status ? flag_status : 0U));
  if (head.accepted) {
    put_raw(rest, *head.accepted);
  }
  if (head.status) {
    put_raw(rest, head.status->hash);
    put_varint(rest, head.status->version);
  }
  put_varint(rest, packed_name.size());
  rest += packed_name;
  rest += body;
  std::string out;
  out.reserve(rest.size() + 2);
  put_varint(out, rest.size());
  return out += rest;
}

RecordView first_record(std::string_view bytes) {
  RecordView record;
  std::string_view in = bytes;
  std::string_view rest = take_bytes(in, take_varint(in));
  record.whole = bytes.substr(0, bytes.size() - in.size());
  record.head.kind = static_cast<kube::Kind>(take_raw<std::uint8_t>(rest));
  record.head.mark = take_raw<std::uint8_t>(rest);
  record.head.version = take_varint(rest);
  const auto flags = take_raw<std::uint8_t>(rest);
  record.head.watched = (flags & flag_watched) != 0;
  if ((flags & flag_accepted) != 0) {
    record.head.accepted = take_raw<std::uint64_t>(rest);
  }
  if ((flags & flag_status) != 0) {
    app::StatusWritten status;
    status.hash = take_raw<std::uint64_t>(rest);
    status.version = take_varint(rest);
    record.head.status = status;
  }
  record.name = take_bytes(rest, take_varint(rest));
  record.body = rest;
  return record;
}

}  // namespace nocobase_operator::runtime
