#include "unit/runtime/fake_server.h"

#include <algorithm>
#include <charconv>

#include "app/names.h"
#include "kube/json.h"
#include "kube/meta.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using kube::Kind;
using kube::Ref;

kube::HttpResponse status(int code, const std::string& message) {
  return {code, "", Json{{"kind", "Status"}, {"apiVersion", "v1"}, {"message", message}, {"code", code}}.dump()};
}
kube::HttpResponse ok(const Json& object) {
  return {200, "", object.dump()};
}

bool is_shown(const Ref& ref, const Json& object) {
  return ref.kind == Kind::nocobase_cluster || kube::label_of(object, app::label_managed_by) == app::manager;
}

// Everything in `from` is put into `into`; lists and scalars whole.
void merge(Json& into, const Json& from) {
  if (!into.is_object() || !from.is_object()) {
    into = from;
    return;
  }
  for (const auto& [key, value] : from.items()) {
    merge(into[key], value);
  }
}

// Takes out of `fields` what `other` has with another value: it is no longer the first one's.
void disown(Json& fields, const Json& other) {
  for (const auto& [key, value] : other.items()) {
    const auto it = fields.find(key);
    if (it == fields.end()) {
      continue;
    }
    if (it->is_object() && value.is_object()) {
      disown(*it, value);
    } else if (*it != value) {
      fields.erase(it);
    }
  }
}

Json fields_of(const Json& object) {
  Json out = Json::object();
  for (const auto& [key, value] : object.items()) {
    const bool nested = value.is_object() && !value.empty();
    out["f:" + key] = nested ? fields_of(value) : Json::object();
  }
  return out;
}

// What is different in `after`, as nested members.
Json difference(const Json& before, const Json& after) {
  Json out = Json::object();
  for (const auto& [key, value] : after.items()) {
    const Json* const old = kube::find(before, key);
    if (old != nullptr && old->is_object() && value.is_object()) {
      Json inner = difference(*old, value);
      if (!inner.empty()) {
        out[key] = std::move(inner);
      }
    } else if (old == nullptr || *old != value) {
      out[key] = value;
    }
  }
  return out;
}

// The part of a body that has owners.
Json owned_body(Json body) {
  body.erase("apiVersion");
  body.erase("kind");
  body.erase("status");
  if (const auto metadata = body.find("metadata"); metadata != body.end()) {
    for (const char* const key : {"name", "namespace", "uid", "resourceVersion", "generation", "managedFields"}) {
      metadata->erase(key);
    }
  }
  return body;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string line(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump() + "\n";
}

}  // namespace

kube::HttpResponse FakeServer::execute(const kube::Call& call) {
  switch (call.verb) {
    case kube::Verb::get: {
      const Json* const object = find(call.ref);
      return object != nullptr ? ok(*object) : status(404, "not found");
    }
    case kube::Verb::apply:
      return apply(call);
    case kube::Verb::apply_status:
      return apply_status(call);
    case kube::Verb::create:
      return create(call);
    case kube::Verb::update:
      return update(call);
    case kube::Verb::remove:
      return erase(call);
  }
  return status(500, "no such verb");
}

std::optional<kube::HttpResponse> FakeServer::precondition_fails(const kube::Call& call) const {
  const Json* const object = find(call.ref);
  const kube::Precondition& must = call.precondition;
  const std::string id = object != nullptr ? kube::string_at(*object, {"metadata", "uid"}) : "";
  const std::string version = object != nullptr ? kube::string_at(*object, {"metadata", "resourceVersion"}) : "";
  if (!must.uid.empty() && must.uid != id) {
    return status(409, "another uid");
  }
  if (object != nullptr && !must.resource_version.empty() && must.resource_version != version) {
    return status(409, "another version");
  }
  return std::nullopt;
}

kube::HttpResponse FakeServer::apply(const kube::Call& call) {
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  Entry entry = entries_.contains(call.ref) ? entries_.at(call.ref) : Entry{};
  Json body = owned_body(call.body);
  for (auto& [manager, fields] : entry.applied) {
    if (manager != call.manager) {
      disown(fields, body);
    }
  }
  entry.applied[call.manager] = std::move(body);
  rebuild(entry);
  writes_ += store(call.ref, std::move(entry)) ? 1U : 0U;
  return ok(*find(call.ref));
}

void FakeServer::rebuild(Entry& entry) {
  Json live = Json::object();
  Json managed = Json::array();
  for (const auto& [manager, fields] : entry.applied) {
    merge(live, fields);
    if (fields.empty()) {
      continue;
    }
    managed.push_back({{"manager", manager},
                       {"operation", entry.edited.contains(manager) ? "Update" : "Apply"},
                       {"fieldsType", "FieldsV1"},
                       {"fieldsV1", fields_of(fields)}});
  }
  for (const char* const key : {"uid", "resourceVersion", "generation"}) {
    if (const Json* const value = kube::find_path(entry.live, {"metadata", key})) {
      live["metadata"][key] = *value;
    }
  }
  if (const Json* const old = kube::find(entry.live, "status")) {
    live["status"] = *old;
  }
  live["metadata"]["managedFields"] = std::move(managed);
  entry.live = std::move(live);
}

// Keeps the object under a new version if it has become different. Whether it has.
bool FakeServer::store(const Ref& ref, Entry entry) {
  entry.live["apiVersion"] = kube::api_version(ref.kind);
  entry.live["kind"] = kube::info(ref.kind).kind;
  Json& metadata = entry.live["metadata"];
  metadata["name"] = ref.name;
  metadata["namespace"] = ref.ns;
  const auto old = entries_.find(ref);
  if (old == entries_.end()) {
    metadata["uid"] = objects::uid(++uids_);
    metadata["generation"] = 1;
  } else {
    if (old->second.live == entry.live) {
      entries_.insert_or_assign(ref, std::move(entry));
      return false;
    }
    const Json none;
    const Json* const before = kube::find(old->second.live, "spec");
    const Json* const after = kube::find(entry.live, "spec");
    if ((before != nullptr ? *before : none) != (after != nullptr ? *after : none)) {
      metadata["generation"] = kube::integer_at(old->second.live, {"metadata", "generation"}) + 1;
    }
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  const bool was_shown = old != entries_.end() && is_shown(ref, old->second.live);
  const bool shown = is_shown(ref, entry.live);
  if (shown) {
    log(was_shown ? "MODIFIED" : "ADDED", ref, entry.live);
  } else if (was_shown) {
    log("DELETED", ref, entry.live);
  }
  entries_.insert_or_assign(ref, std::move(entry));
  return true;
}

void FakeServer::log(const std::string& type, const Ref& ref, const Json& object) {
  log_.push_back({version_, ref.kind, line(type, object)});
}

kube::HttpResponse FakeServer::apply_status(const kube::Call& call) {
  if (!entries_.contains(call.ref)) {
    return status(404, "not found");
  }
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  Entry entry = entries_.at(call.ref);
  entry.live["status"] = call.body.at("status");
  writes_ += store(call.ref, std::move(entry)) ? 1U : 0U;
  return ok(*find(call.ref));
}

kube::HttpResponse FakeServer::create(const kube::Call& call) {
  if (entries_.contains(call.ref)) {
    return status(409, "exists");
  }
  writes_ += call.ref.kind == Kind::lease ? 0U : 1U;
  store(call.ref, {.live = call.body, .applied = {}, .edited = {}});
  return ok(*find(call.ref));
}

kube::HttpResponse FakeServer::update(const kube::Call& call) {
  const Json* const object = find(call.ref);
  if (object == nullptr) {
    return status(404, "not found");
  }
  if (kube::string_at(call.body, {"metadata", "resourceVersion"}) !=
      kube::string_at(*object, {"metadata", "resourceVersion"})) {
    return status(409, "another version");
  }
  store(call.ref, {.live = call.body, .applied = {}, .edited = {}});
  return ok(*find(call.ref));
}

kube::HttpResponse FakeServer::erase(const kube::Call& call) {
  if (!entries_.contains(call.ref)) {
    return status(404, "not found");
  }
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  ++writes_;
  remove(call.ref);
  return ok({{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
}

void FakeServer::remove(const Ref& ref) {
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  Json object = std::move(it->second.live);
  entries_.erase(it);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  if (is_shown(ref, object)) {
    log("DELETED", ref, object);
  }
}

void FakeServer::put_cluster(const std::string& name, Json spec) {
  const Ref ref{Kind::nocobase_cluster, "ns", name};
  Entry entry = entries_.contains(ref) ? entries_.at(ref) : Entry{};
  entry.live["spec"] = std::move(spec);
  if (!entry.live.contains("status")) {
    entry.live["status"] = {{"observedGeneration", -1}};
  }
  store(ref, std::move(entry));
}

void FakeServer::put_data(const Ref& ref, Json data) {
  Entry entry;
  entry.live["data"] = std::move(data);
  store(ref, std::move(entry));
}

void FakeServer::edit(const Ref& ref, const std::function<void(Json&)>& edit) {
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  Entry entry = it->second;
  Json wanted = entry.live;
  edit(wanted);
  const Json changed = difference(owned_body(entry.live), owned_body(wanted));
  if (changed.empty() || entry.applied.empty()) {
    entry.live = std::move(wanted);
  } else {
    for (auto& [manager, fields] : entry.applied) {
      disown(fields, changed);
    }
    entry.edited.insert("user");
    merge(entry.applied["user"], changed);
    rebuild(entry);
  }
  store(ref, std::move(entry));
}

const Json* FakeServer::find(const Ref& ref) const {
  const auto it = entries_.find(ref);
  return it == entries_.end() ? nullptr : &it->second.live;
}

std::vector<Ref> FakeServer::refs(Kind kind) const {
  std::vector<Ref> out;
  for (auto it = entries_.lower_bound({kind, "", ""}); it != entries_.end() && it->first.kind == kind; ++it) {
    out.push_back(it->first);
  }
  return out;
}

bool FakeServer::refuses(const kube::HttpRequest& request) const {
  return !streaming_lists && request.path_and_query.find("sendInitialEvents=true") != std::string::npos;
}

std::optional<FakeServer::Watch> FakeServer::open(const kube::HttpRequest& request) const {
  const std::string& path = request.path_and_query;
  Watch watch;
  for (int i = 0; i <= static_cast<int>(Kind::trigger_authentication); ++i) {
    const auto kind = static_cast<Kind>(i);
    if (path.find("/" + std::string(kube::info(kind).plural) + "?") != std::string::npos) {
      watch.kind = kind;
    }
  }
  watch.page = path.find("watch=true") == std::string::npos;
  watch.initial = watch.page || path.find("sendInitialEvents=true") != std::string::npos;
  if (watch.page) {
    // The continue token is the version of the first page and the last name.
    constexpr std::string_view key = "continue=";
    const std::size_t at = path.find(key);
    const std::string token =
        at == std::string::npos ? "" : path.substr(at + key.size(), path.find('&', at) - at - key.size());
    watch.version = token.empty() ? version_ : number(token);
    watch.after = token.empty() ? "" : token.substr(token.find('.') + 1);
    return watch.version < compacted_ ? std::nullopt : std::optional(watch);
  }
  if (const std::size_t at = path.find("&resourceVersion="); !watch.initial && at != std::string::npos) {
    watch.version = number(std::string_view(path).substr(at + std::string_view("&resourceVersion=").size()));
    if (watch.version < compacted_) {
      return std::nullopt;
    }
  }
  return watch;
}

std::string FakeServer::bookmark(Watch& watch) const {
  watch.version = version_;
  Json object = {{"apiVersion", kube::api_version(watch.kind)},
                 {"kind", kube::info(watch.kind).kind},
                 {"metadata", {{"resourceVersion", std::to_string(version_)}}}};
  if (watch.initial) {
    object["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    watch.initial = false;
  }
  return line("BOOKMARK", object);
}

// Pages show what is there now under the version of the first one: what came in between is told once more by the watch.
std::string FakeServer::read_page(Watch& watch, std::size_t max_items) const {
  if (watch.version == 0) {
    return "";  // it has been read
  }
  Json items = Json::array();
  Json metadata = {{"resourceVersion", std::to_string(watch.version)}};
  for (const Ref& ref : refs(watch.kind)) {
    if (ref.name <= watch.after || !is_shown(ref, *find(ref))) {
      continue;
    }
    if (items.size() == max_items) {
      metadata["continue"] = std::to_string(watch.version) + "." + kube::string_at(items.back(), {"metadata", "name"});
      break;
    }
    items.push_back(*find(ref));
    items.back().erase("apiVersion");
    items.back().erase("kind");
  }
  watch.version = 0;
  return Json{{"kind", "List"}, {"apiVersion", "v1"}, {"metadata", metadata}, {"items", items}}.dump();
}

std::string FakeServer::read(Watch& watch, std::size_t max_lines) const {
  if (watch.page) {
    return read_page(watch, max_lines);
  }
  std::string out;
  if (watch.initial) {
    for (const Ref& ref : refs(watch.kind)) {
      const Json& object = *find(ref);
      if (is_shown(ref, object)) {
        out += line("ADDED", object);
      }
    }
    return out + bookmark(watch);
  }
  const auto from = std::upper_bound(log_.begin(), log_.end(), watch.version,
                                     [](std::uint64_t version, const LogLine& of) { return version < of.version; });
  std::size_t lines = 0;
  for (auto it = from; it != log_.end() && lines < max_lines; ++it) {
    if (it->kind == watch.kind) {
      out += it->text;
      watch.version = it->version;
      ++lines;
    }
  }
  return out;
}

bool FakeServer::step() {
  const std::uint64_t before = version_;
  std::set<std::string> alive;
  for (const auto& [ref, entry] : entries_) {
    alive.insert(kube::string_at(entry.live, {"metadata", "uid"}));
  }
  std::vector<Ref> orphans;
  for (const auto& [ref, entry] : entries_) {
    const Json* const owners = kube::find_path(entry.live, {"metadata", "ownerReferences"});
    if (owners != nullptr && !owners->empty() && !alive.contains(kube::string_at(owners->at(0), {"uid"}))) {
      orphans.push_back(ref);
    }
  }
  for (const Ref& ref : orphans) {
    remove(ref);
  }
  for (const Ref& ref : refs(Kind::persistent_volume_claim)) {
    edit(ref, [](Json& claim) { claim["status"]["phase"] = "Bound"; });
  }
  for (const Ref& ref : refs(Kind::deployment)) {
    step_deployment(ref);
  }
  return version_ != before;
}

// Pods are made and taken away at once; a Deployment's status says so a step later.
bool FakeServer::step_deployment(const Ref& ref) {
  const Json deployment = *find(ref);
  const std::string id = kube::string_at(deployment, {"metadata", "uid"});
  const std::int64_t want = kube::integer_at(deployment, {"spec", "replicas"}, 1);
  const Json* const labels = kube::find_path(deployment, {"spec", "template", "metadata", "labels"});
  const Json* const spec = kube::find_path(deployment, {"spec", "template", "spec"});
  for (std::int64_t i = 0; i < 32; ++i) {
    const Ref pod{Kind::pod, ref.ns, ref.name + "-" + std::to_string(i)};
    const Json* const old = find(pod);
    if (i >= want) {
      remove(pod);
    } else if (old == nullptr || (spec != nullptr && old->value("spec", Json()) != *spec)) {
      remove(pod);
      Json body = {{"metadata",
                    {{"labels", labels != nullptr ? *labels : Json::object()},
                     {"ownerReferences",
                      {{{"apiVersion", "apps/v1"},
                        {"kind", "Deployment"},
                        {"name", ref.name},
                        {"uid", id},
                        {"controller", true}}}}}},
                   {"spec", spec != nullptr ? *spec : Json::object()},
                   {"status", {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
      store(pod, {.live = std::move(body), .applied = {}, .edited = {}});
    }
  }
  const std::uint64_t before = version_;
  edit(ref, [&](Json& object) {
    object["status"] = {{"observedGeneration", object["metadata"]["generation"]},
                        {"replicas", want},
                        {"updatedReplicas", want},
                        {"readyReplicas", want},
                        {"availableReplicas", want},
                        {"conditions",
                         {{{"type", "Progressing"},
                           {"status", "True"},
                           {"reason", "NewReplicaSetAvailable"},
                           {"lastUpdateTime", "2023-11-14T22:13:20Z"}}}}};
  });
  return version_ != before;
}

}  // namespace nocobase_operator::runtime
