#include "app/model.h"

#include <algorithm>
#include <utility>

#include "app/children.h"
#include "app/defaults.h"
#include "app/names.h"
#include "app/references.h"
#include "app/status.h"
#include "base/hash.h"
#include "kube/owned.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;
using kube::Ref;
using kube::string_at;

constexpr Millis never{1'000'000'000'000};

std::string image_of(const Json& deployment) {
  const Json* const containers = kube::find_path(deployment, {"spec", "template", "spec", "containers"});
  if (containers == nullptr || !containers->is_array()) {
    return "";
  }
  const auto found = std::find_if(containers->begin(), containers->end(), [](const Json& container) {
    return string_at(container, {"name"}) == container_name;
  });
  return found == containers->end() ? "" : string_at(*found, {"image"});
}

// Names stay, values go.
Json without_values(const Json& secret) {
  Json shown = secret;
  if (shown.contains("data")) {
    for (Json& value : shown["data"]) {
      value = "not shown";
    }
  }
  return shown;
}

}  // namespace

Model::Model(const Scene& scene)
    : cluster_(scene.cluster), missing_kinds_(scene.missing_kinds), now_{Instant(Millis(1'000'000)), scene.now} {
  not_there_ = scene.absent;
  if (cluster_.is_object()) {
    version_ = std::max(version_, kube::read_meta(cluster_).value().version);
  }
  if (scene.assumed_for) {
    assumes_ = true;
    assume(*scene.assumed_for);
  }
  for (const Json& object : scene.objects) {
    put(object);
  }
}

void Model::put(const Json& object) {
  Result<Seen> pruned = prune(object, std::nullopt, now_.mono);
  if (!pruned.ok()) {
    return;
  }
  Seen seen = std::move(pruned).value();
  version_ = std::max(version_, meta_of(seen).version);
  if (auto* const pod = std::get_if<SeenPod>(&seen)) {
    pods_.push_back(std::move(*pod));
  } else if (auto* const child = std::get_if<SeenChild>(&seen)) {
    Held held;
    const Ref ref = child->meta.ref;
    held.seen = std::move(*child);
    const bool is_data = ref.kind == Kind::secret;
    held.body = is_data ? without_values(object) : kube::owned_part(object, manager);
    held.role = kube::label_of(object, label_component);
    held.image = image_of(object);
    const auto* const deployment = std::get_if<SeenDeployment>(&held.seen.detail);
    if (deployment != nullptr && deployment->updated == deployment->replicas) {
      held.pods_template = deployment->template_hash;
    }
    held_[ref] = std::move(held);
  }
}

void Model::assume(const std::vector<Json>& clusters) {
  for (const Json& text : clusters) {
    const Cluster cluster = decode(text).cluster;
    const Result<std::vector<Child>> children = render({&cluster, initial_counts(cluster), 0});
    const Ref own_keys = {Kind::secret, cluster.ns, child_name(cluster, "keys")};
    std::map<Ref, SeenEntries> wanted;
    for (const Child& child : children.ok() ? children.value() : std::vector<Child>()) {
      const Json* const pods = kube::find_path(child.body, {"spec", "template"});
      for (const Reference& reference : pods == nullptr ? std::vector<Reference>() : references_of(*pods, cluster.ns)) {
        wanted[reference.ref][reference.key.empty() ? "all of it" : reference.key] = 1;
      }
    }
    const Ref keys = {Kind::secret, cluster.ns, keys_secret_name(cluster)};
    for (const auto& [ref, entries] : wanted) {
      Held& held = assumed_[ref];
      held.seen.meta.ref = ref;
      held.seen.meta.uid = "assumed";
      if (ref.kind == Kind::config_map) {
        SeenConfig config;
        config.entries = entries;
        held.seen.detail = std::move(config);
        continue;
      }
      SeenSecret secret;
      secret.entries = entries;
      if (ref == keys) {
        secret.entries[std::string(key_app)] = secret.entries[std::string(key_aes)] = 1;
        secret.fingerprint = secret.content_key = "assumed";
      }
      if (const auto* const other = std::get_if<SeenSecret>(&held.seen.detail)) {
        secret.entries.insert(other->entries.begin(), other->entries.end());
      }
      held.seen.detail = std::move(secret);
    }
    assumed_.erase(own_keys);
  }
}

void Model::ask_for(const Json& wanted) {
  if (!cluster_.is_object()) {
    cluster_ = {{"apiVersion", kube::api_version(Kind::nocobase_cluster)},
                {"kind", kube::info(Kind::nocobase_cluster).kind},
                {"metadata",
                 {{"name", string_at(wanted, {"metadata", "name"})},
                  {"namespace", string_at(wanted, {"metadata", "namespace"})},
                  {"uid", "new"},
                  {"generation", 0}}},
                {"status", {{"observedGeneration", -1}}}};
  }
  const Json spec = wanted.value("spec", Json::object());
  if (cluster_.contains("spec") && cluster_["spec"] == spec) {
    return;
  }
  cluster_["spec"] = spec;
  Json& metadata = cluster_["metadata"];
  metadata["generation"] = kube::integer_at(metadata, {"generation"}) + 1;
  metadata["resourceVersion"] = std::to_string(++version_);
  pods_read_.reset();
}

Observed Model::observe() const {
  Observed seen;
  seen.cluster = cluster_;
  seen.meta = kube::read_meta(cluster_).value();
  for (const auto& [ref, held] : held_) {
    if (held.seen.watched || held.read) {
      seen.children.emplace(ref, held.seen);
    }
  }
  seen.pods = pods_;
  seen.pods_read = pods_read_;
  seen.absent = absent_;
  seen.missing_kinds = missing_kinds_;
  seen.entropy = std::string(keys_entropy_bytes, '\0');
  seen.reread_period = never;
  return seen;
}

bool Model::knows(const Ref& ref) const {
  return assumes_ || ref.kind == Kind::nocobase_cluster || held_.contains(ref) || not_there_.contains(ref) ||
         (ref == Ref{Kind::pod, ref.ns, ref.name} &&
          std::any_of(pods_.begin(), pods_.end(), [&](const SeenPod& pod) { return pod.meta.ref == ref; }));
}

bool Model::read(const Ref& ref) {
  if (ref.kind == Kind::nocobase_cluster) {
    return true;
  }
  absent_.erase(ref);
  if (!held_.contains(ref)) {
    const auto assumed = assumed_.find(ref);
    if (assumed == assumed_.end()) {
      absent_[ref] = now_.mono;
      return true;
    }
    held_[ref] = assumed->second;
  }
  Held& held = held_[ref];
  held.read = true;
  held.seen.read_at = now_.mono;
  return true;
}

bool Model::execute(const kube::Call& call) {
  if (!kube::is_write(call.verb)) {
    if (call.verb == kube::Verb::list) {
      pods_read_ = PodsRead{pods_, now_.mono};
      return true;
    }
    return read(call.ref);
  }
  pods_read_.reset();
  absent_.erase(call.ref);  // it has to be looked at again
  switch (call.verb) {
    case kube::Verb::apply:
      return call.manager == intent_manager ? apply_intent(call) : apply(call);
    case kube::Verb::apply_status:
      return apply_status(call);
    case kube::Verb::create:
      return create(call);
    case kube::Verb::remove:
      return remove(call);
    case kube::Verb::get:
    case kube::Verb::list:
    case kube::Verb::update:
      break;
  }
  return false;
}

bool Model::create(const kube::Call& call) {
  const bool there =
      std::any_of(pods_.begin(), pods_.end(), [&](const SeenPod& pod) { return pod.meta.ref == call.ref; });
  if (there || held_.contains(call.ref)) {
    return false;
  }
  Seen seen = prune(call.body, call.ref.kind, now_.mono).value();
  const std::string uid = "made-" + std::to_string(++made_);
  not_there_.erase(call.ref);
  if (auto* const pod = std::get_if<SeenPod>(&seen)) {
    pod->meta.uid = uid;
    touch(pod->meta);
    pod->phase = "Pending";
    pod->since = now_.wall;
    pods_.push_back(std::move(*pod));
    return true;
  }
  Held held;
  held.seen = std::get<SeenChild>(std::move(seen));
  held.seen.meta.uid = uid;
  touch(held.seen.meta);
  held.body = call.ref.kind == Kind::secret ? without_values(call.body) : call.body;
  held.read = true;
  held_[call.ref] = std::move(held);
  return true;
}

bool Model::apply(const kube::Call& call) {
  const Ref& ref = call.ref;
  const auto before = held_.find(ref);
  SeenChild child = std::get<SeenChild>(prune(call.body, ref.kind, now_.mono).value());
  Held held = before != held_.end() ? before->second : Held{};
  child.meta.ref = ref;
  child.meta.uid = before != held_.end() ? held.seen.meta.uid : "made-" + std::to_string(++made_);
  child.meta.generation = held.seen.meta.generation + 1;
  child.owned = kube::content_hash(ref.kind, call.body, annotation_applied);
  if (before != held_.end() && ref.kind != Kind::config_map) {
    child.detail = held.seen.detail;
  }
  held.seen = std::move(child);
  held.body = call.body;
  held.role = kube::label_of(call.body, label_component);
  held.image = image_of(call.body);
  held.read = true;
  fill(held, call.body);
  touch(held.seen.meta);
  not_there_.erase(ref);
  held_[ref] = std::move(held);
  return true;
}

// What there is to be seen of an object that was applied, before any controller has looked at it.
void Model::fill(Held& held, const Json& body) const {
  SeenChild& child = held.seen;
  const auto count = [&] { return static_cast<std::int32_t>(kube::integer_at(body, {"spec", "replicas"})); };
  if (child.meta.ref.kind == Kind::deployment) {
    if (!std::holds_alternative<SeenDeployment>(child.detail)) {
      child.detail = SeenDeployment{};
    }
    auto& detail = std::get<SeenDeployment>(child.detail);
    detail.spec_replicas = count();
    detail.template_hash = template_hash(body);
    detail.content = parse_hex64(string_at(body, {"spec", "template", "metadata", "annotations", annotation_content}));
  } else if (child.meta.ref.kind == Kind::nocobase_role) {
    if (!std::holds_alternative<SeenRole>(child.detail)) {
      child.detail = SeenRole{};
    }
    auto& detail = std::get<SeenRole>(child.detail);
    const bool says = kube::find_path(body, {"spec", "replicas"}) != nullptr;
    if (says) {
      detail.intent_manager_owns = detail.intent_manager_owns && detail.intent == count();
      detail.intent = count();
    } else if (detail.main_owns_intent && !detail.intent_manager_owns) {
      detail.intent.reset();  // its only owner has left it out
    }
    detail.main_owns_intent = says;
  } else if (child.meta.ref.kind == Kind::persistent_volume_claim) {
    child.detail = SeenClaim{"Bound", string_at(body, {"spec", "resources", "requests", "storage"})};
  }
}

bool Model::apply_intent(const kube::Call& call) {
  const auto found = held_.find(call.ref);
  if (found == held_.end() || !std::holds_alternative<SeenRole>(found->second.seen.detail)) {
    return false;
  }
  Held& held = found->second;
  auto& detail = std::get<SeenRole>(held.seen.detail);
  const Json* const replicas = kube::find_path(call.body, {"spec", "replicas"});
  if (replicas == nullptr) {
    detail.intent_manager_owns = false;
  } else {
    const auto count = replicas->get<std::int32_t>();
    if (detail.intent != count) {
      detail.main_owns_intent = false;
      ++held.seen.meta.generation;
    }
    detail.intent = count;
    detail.intent_manager_owns = true;
  }
  touch(held.seen.meta);
  return true;
}

bool Model::apply_status(const kube::Call& call) {
  const Json& status = call.body.at("status");
  if (call.ref.kind == Kind::nocobase_cluster) {
    cluster_["status"] = status;
    cluster_["metadata"]["resourceVersion"] = std::to_string(++version_);
    return true;
  }
  const auto found = held_.find(call.ref);
  auto* const detail = found == held_.end() ? nullptr : std::get_if<SeenRole>(&found->second.seen.detail);
  if (detail == nullptr) {
    return false;
  }
  detail->status_hash = status_hash(status);
  detail->selectable = !string_at(status, {"selector"}).empty();
  touch(found->second.seen.meta);
  return true;
}

bool Model::remove(const kube::Call& call) {
  if (call.ref.kind == Kind::pod) {
    SeenPod* const pod = setup_pod();
    if (pod != nullptr) {
      pod->meta.terminating = true;
    }
    return pod != nullptr;
  }
  not_there_.insert(call.ref);
  return held_.erase(call.ref) > 0;
}

std::map<Ref, Json> Model::bodies() const {
  std::map<Ref, Json> all;
  for (const auto& [ref, held] : held_) {
    all[ref] = held.body;
  }
  return all;
}

Json Model::body_of(const Ref& ref) const {
  const auto found = held_.find(ref);
  return found == held_.end() ? Json() : found->second.body;
}

std::map<std::string, std::int32_t> Model::told() const {
  std::map<std::string, std::int32_t> all;
  for (const auto& [ref, held] : held_) {
    if (const auto* const deployment = std::get_if<SeenDeployment>(&held.seen.detail)) {
      all[held.role] = deployment->spec_replicas;
    }
  }
  return all;
}

}  // namespace nocobase_operator::app
