#include "app/observe.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "app/names.h"
#include "app/observe_parts.h"
#include "app/status.h"
#include "base/check.h"
#include "base/hash.h"
#include "kube/owned.h"
#include "kube/quantity.h"

namespace nocobase_operator::app {
namespace {

using kube::find_path;
using kube::Kind;
using kube::string_at;

std::int32_t count_at(const Json& value, std::initializer_list<std::string_view> path) {
  const std::int64_t count = kube::integer_at(value, path);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(count, 0, std::numeric_limits<std::int32_t>::max()));
}

SeenDeployment prune_deployment(const Json& object, const Json& owned, std::uint64_t template_hash) {
  SeenDeployment seen;
  seen.spec_replicas = count_at(object, {"spec", "replicas"});
  seen.observed_generation = kube::integer_at(object, {"status", "observedGeneration"});
  seen.replicas = count_at(object, {"status", "replicas"});
  seen.updated = count_at(object, {"status", "updatedReplicas"});
  seen.ready = count_at(object, {"status", "readyReplicas"});
  seen.available = count_at(object, {"status", "availableReplicas"});
  const Json* const failure = condition_of(object, "ReplicaFailure");
  if (failure != nullptr && string_at(*failure, {"status"}) == "True") {
    seen.failure = shortened(string_at(*failure, {"message"}));
  }
  const Json* const progress = condition_of(object, "Progressing");
  if (progress != nullptr) {
    seen.progress = string_at(*progress, {"reason"});
    seen.progressed_at = time_at(*progress, {"lastUpdateTime"});
  }
  seen.template_hash = template_hash;
  seen.content = parse_hex64(string_at(owned, {"spec", "template", "metadata", "annotations", annotation_content}));
  return seen;
}

SeenRole prune_role(const Json& object) {
  SeenRole seen;
  const Json* const replicas = find_path(object, {"spec", "replicas"});
  if (replicas != nullptr && replicas->is_number_integer()) {
    seen.intent = count_at(object, {"spec", "replicas"});
  }
  seen.main_owns_intent = kube::owns_field(object, manager, {"spec", "replicas"});
  seen.intent_manager_owns = kube::owns_field(object, intent_manager, {"spec", "replicas"});
  seen.selectable = !string_at(object, {"status", "selector"}).empty();
  for (const kube::FieldOwner& owner : kube::owners_of(object, {"spec", "replicas"})) {
    if (owner.manager != manager && owner.manager != intent_manager) {
      seen.intent_by = shortened(owner.manager);
      seen.intent_at = from_rfc3339(owner.time).value_or(std::chrono::sys_seconds{});
    }
  }
  const Json* const status = kube::find(object, "status");
  seen.status_hash = status_hash(status != nullptr ? *status : Json());
  return seen;
}

// KEDA takes a target without a kind for a Deployment.
SeenScaler prune_scaler(const Json& object) {
  SeenScaler seen;
  seen.target = string_at(object, {"spec", "scaleTargetRef", "name"});
  seen.target_kind = string_at(object, {"spec", "scaleTargetRef", "kind"});
  if (seen.target_kind.empty()) {
    seen.target_kind = kube::info(Kind::deployment).kind;
  }
  for (const std::string_view type : {"AbleToScale", "ScalingActive", "Ready"}) {
    const Json* const condition = condition_of(object, type);
    if (condition != nullptr && string_at(*condition, {"status"}) == "False") {
      seen.problem = shortened(string_at(*condition, {"reason"}));
    }
  }
  return seen;
}

SeenClaim prune_claim(const Json& object) {
  const std::string requested = string_at(object, {"spec", "resources", "requests", "storage"});
  const Result<std::string> canonical = kube::canonical_quantity(requested);
  return {string_at(object, {"status", "phase"}), canonical.ok() ? canonical.value() : requested};
}

SeenJob prune_job(const Json& object) {
  const auto holds = [&](std::string_view type) {
    const Json* const condition = condition_of(object, type);
    return condition != nullptr && string_at(*condition, {"status"}) == "True" ? condition : nullptr;
  };
  if (holds("Complete") != nullptr || holds("SuccessCriteriaMet") != nullptr) {
    return {JobState::succeeded, ""};
  }
  if (const Json* const failed = holds("Failed")) {
    return {JobState::failed, shortened(string_at(*failed, {"reason"}) + ": " + string_at(*failed, {"message"}))};
  }
  return {JobState::running, ""};
}

SeenChild prune_child(const Json& object, const Json* known, kube::Meta meta, Instant read_at) {
  SeenChild seen;
  const Kind kind = meta.ref.kind;
  const bool is_data = kind == Kind::secret || kind == Kind::config_map;
  seen.watched = !is_data && kube::label_of(object, label_managed_by) == manager;
  const bool of_a_cluster = meta.owner_kind == kube::info(Kind::nocobase_cluster).kind;
  seen.cluster = of_a_cluster ? meta.owner_name : kube::label_of(object, label_instance);
  if (is_looked_at_unlabelled(kind) && !seen.watched && !of_a_cluster) {
    seen.cluster.clear();  // the instance of something else
  }
  seen.meta = std::move(meta);
  seen.read_at = read_at;
  if (kind == Kind::secret) {  // created once and never applied: nothing of it is compared
    seen.detail = prune_secret(object);
    return seen;
  }
  if (kind == Kind::config_map) {
    seen.detail = prune_config(object);
    return seen;
  }
  const Json made = known != nullptr ? Json() : kube::owned_part(object, manager);
  const Json& owned = known != nullptr ? *known : made;
  seen.applied = parse_hex64(kube::annotation_of(object, annotation_applied));
  kube::ContentHashes hashes;
  if (!owned.is_null()) {
    hashes = kube::content_hashes(kind, owned, {"spec", "template"}, annotation_applied);
  }
  seen.owned = hashes.whole;
  seen.epoch = parse_epoch(kube::annotation_of(object, annotation_epoch));
  if (kind == Kind::deployment) {
    seen.detail = prune_deployment(object, owned, hashes.part);
  } else if (kind == Kind::nocobase_role) {
    seen.detail = prune_role(object);
  } else if (kind == Kind::horizontal_pod_autoscaler || kind == Kind::scaled_object) {
    seen.detail = prune_scaler(object);
  } else if (kind == Kind::job) {
    seen.detail = prune_job(object);
  } else if (kind == Kind::persistent_volume_claim) {
    seen.detail = prune_claim(object);
  }
  return seen;
}

SeenCluster prune_cluster(const Json& object, kube::Meta meta) {
  Json kept = {
      {"apiVersion", kube::api_version(Kind::nocobase_cluster)},
      {"kind", kube::info(Kind::nocobase_cluster).kind},
      {"metadata",
       {{"name", meta.ref.name}, {"namespace", meta.ref.ns}, {"uid", meta.uid}, {"generation", meta.generation}}}};
  for (const char* const key : {"spec", "status"}) {
    const Json* const part = kube::find(object, key);
    if (part != nullptr) {
      kept[key] = *part;
    }
  }
  return {std::move(meta), kube::dump(kept)};
}

std::uint64_t combined(std::uint64_t hash, std::uint64_t next) {
  hash = (hash ^ next) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 32U);
}

// Of a value without its text being made: every look at a cluster does this. Tells apart what dump() writes
// differently.
std::uint64_t value_hash(const Json& value, std::string_view but = "") {
  const auto kind = static_cast<std::uint64_t>(value.type());
  if (const auto* const text = value.get_ptr<const std::string*>()) {
    return combined(kind, hash64(*text));
  }
  if (value.is_number_integer()) {
    return combined(static_cast<std::uint64_t>(Json::value_t::number_integer),
                    static_cast<std::uint64_t>(value.get<std::int64_t>()));
  }
  if (!value.is_structured()) {
    return combined(kind, hash64(kube::dump(value)));
  }
  std::uint64_t hash = kind;
  if (value.is_array()) {
    for (const Json& item : value) {
      hash = combined(hash, value_hash(item));
    }
    return combined(hash, value.size());
  }
  std::uint64_t members = 0;
  for (const auto& [name, member] : value.items()) {
    if (name != but) {
      hash = combined(combined(hash, hash64(name)), value_hash(member));
      ++members;
    }
  }
  return combined(hash, members);
}

// Every list of a status is a map by name, and a server may keep its own order.
std::uint64_t list_hash(const Json& list) {
  std::vector<std::uint64_t> items;
  items.reserve(list.size());
  for (const Json& item : list) {
    items.push_back(value_hash(item, "lastTransitionTime"));
  }
  std::sort(items.begin(), items.end());
  std::uint64_t hash = static_cast<std::uint64_t>(list.type());
  for (const std::uint64_t item : items) {
    hash = combined(hash, item);
  }
  return combined(hash, items.size());
}

// Reads and writes of these leave nothing that a decision rests on.
bool is_observed(Kind kind) {
  return kind != Kind::event && kind != Kind::lease;
}

}  // namespace

std::int64_t parse_epoch(std::string_view text) {
  std::int64_t epoch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  return error == std::errc() && end == text.data() + text.size() && epoch > 0 ? epoch : 0;
}

std::string shortened(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view ellipsis = "…";
  std::string line(text.substr(0, max_bytes + 1));
  if (line.size() > max_bytes) {
    std::size_t end = max_bytes - std::min(max_bytes, ellipsis.size());
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    line.resize(end);
    line += ellipsis;
  }
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U; }, ' ');
  return line;
}

std::chrono::sys_seconds time_at(const Json& value, std::initializer_list<std::string_view> path) {
  return from_rfc3339(string_at(value, path)).value_or(std::chrono::sys_seconds{});
}

const Json* condition_of(const Json& object, std::string_view type) {
  const Json* const status = kube::find(object, "status");
  return status == nullptr ? nullptr : find_condition(*status, type);
}

std::uint64_t template_hash(const Json& deployment) {
  const Json* const pods = find_path(deployment, {"spec", "template"});
  if (pods == nullptr || pods->is_null()) {
    return 0;
  }
  return kube::content_hash_at(Kind::deployment, {"spec", "template"}, *pods, annotation_applied);
}

std::uint64_t status_hash(const Json& status) {
  if (!status.is_object()) {
    return status_hash(Json::object());
  }
  std::uint64_t hash = 0;
  for (const auto& [name, part] : status.items()) {
    hash = combined(combined(hash, hash64(name)), part.is_array() ? list_hash(part) : value_hash(part));
  }
  return combined(hash, status.size());
}

namespace {

Result<Seen> prune_any(const Json& object, const Json* owned, std::optional<Kind> fallback, Instant read_at) {
  kube::Meta meta = TRY(kube::read_meta(object, fallback));
  const Kind kind = meta.ref.kind;
  if (!is_observed(kind)) {
    return Error{Code::invalid, kube::to_string(meta.ref) + " is not observed"};
  }
  if (kind == Kind::nocobase_cluster) {
    return Seen(prune_cluster(object, std::move(meta)));
  }
  if (kind == Kind::pod) {
    return Seen(prune_pod(object, std::move(meta)));
  }
  return Seen(prune_child(object, owned, std::move(meta), read_at));
}

}  // namespace

Result<Seen> prune(const Json& object, std::optional<Kind> fallback, Instant read_at) {
  return prune_any(object, nullptr, fallback, read_at);
}

Result<Seen> prune(const kube::Live& live, std::optional<Kind> fallback, Instant read_at) {
  return prune_any(live.object, live.owned ? &*live.owned : nullptr, fallback, read_at);
}

kube::Excerpt excerpt_of(Kind kind) {
  switch (kind) {
    case Kind::nocobase_cluster:
    case Kind::pod:
    case Kind::secret:
    case Kind::config_map:
      return {.kind = kind, .owned_by = "", .managed_fields = false, .pod_template = true};
    case Kind::deployment:
      return {.kind = kind, .owned_by = manager, .managed_fields = false, .pod_template = false};
    case Kind::nocobase_role:  // who else sets its number of pods stands in managedFields
    case Kind::lease:
    case Kind::event:
      return {.kind = kind, .owned_by = "", .managed_fields = true, .pod_template = true};
    case Kind::service:
    case Kind::service_account:
    case Kind::persistent_volume_claim:
    case Kind::job:
    case Kind::pod_disruption_budget:
    case Kind::horizontal_pod_autoscaler:
    case Kind::ingress:
    case Kind::network_policy:
    case Kind::http_route:
    case Kind::pod_monitor:
    case Kind::scaled_object:
    case Kind::trigger_authentication:
      return {.kind = kind, .owned_by = manager, .managed_fields = false, .pod_template = true};
  }
  CHECK(false);
}

bool is_looked_at_unlabelled(Kind kind) {
  return kind == Kind::nocobase_cluster || kind == Kind::horizontal_pod_autoscaler || kind == Kind::scaled_object;
}

std::optional<kube::Ref> scaled_by(const Seen& seen) {
  const auto* const child = std::get_if<SeenChild>(&seen);
  const auto* const scaler = child == nullptr ? nullptr : std::get_if<SeenScaler>(&child->detail);
  for (const Kind kind : {Kind::deployment, Kind::nocobase_role}) {
    if (scaler != nullptr && scaler->target_kind == kube::info(kind).kind) {
      return kube::Ref{kind, child->meta.ref.ns, scaler->target};
    }
  }
  return std::nullopt;
}

const kube::Meta& meta_of(const Seen& seen) {
  return std::visit([](const auto& value) -> const kube::Meta& { return value.meta; }, seen);
}

ClusterKey key_of(const Seen& seen) {
  const kube::Meta& meta = meta_of(seen);
  if (const auto* const child = std::get_if<SeenChild>(&seen)) {
    return {meta.ref.ns, child->cluster};
  }
  if (const auto* const pod = std::get_if<SeenPod>(&seen)) {
    return {meta.ref.ns, pod->cluster};
  }
  return {meta.ref.ns, meta.ref.name};
}

}  // namespace nocobase_operator::app
