#include "simulation/server.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "app/observe.h"
#include "base/time.h"
#include "kube/json.h"
#include "kube/meta.h"
#include "simulation/fields.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;

kube::HttpResponse status(int code, const std::string& message) {
  return {code, "", Json{{"kind", "Status"}, {"apiVersion", "v1"}, {"message", message}, {"code", code}}.dump()};
}

bool has_generation(Kind kind) {
  return kind != Kind::service && kind != Kind::service_account && kind != Kind::secret && kind != Kind::config_map &&
         kind != Kind::persistent_volume_claim && kind != Kind::lease && kind != Kind::event;
}

bool is_counted(Kind kind) {
  return kind != Kind::lease && kind != Kind::event;
}

// A UID as Kubernetes writes one, different for each number.
std::string uid(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "0b5c1f6e-8a4d-4c53-9d0e-" + std::string(12 - digits.size(), '0') + digits;
}

// What the server keeps of an object beside what managers own.
void keep_identity(Json& object, const Json& old) {
  for (const char* const key : {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
                                "deletionGracePeriodSeconds"}) {
    if (const Json* const value = kube::find_path(old, {"metadata", key})) {
      object["metadata"][key] = *value;
    }
  }
}

}  // namespace

bool Server::is_shown(const Ref& ref, const Json& object) {
  return app::is_looked_at_unlabelled(ref.kind) || kube::label_of(object, app::label_managed_by) == app::manager;
}

kube::HttpResponse Server::execute(const kube::Call& call, const std::string& actor) {
  actor_ = actor;
  by_call_ = true;
  const auto carry_out = [&]() -> kube::HttpResponse {
    switch (call.verb) {
      case kube::Verb::get:
        if (const Json* const object = find(call.ref);
            object != nullptr && call.ref.kind == Kind::nocobase_cluster && on_read) {
          on_read(call.ref, *object, actor);
        }
        return answer(call.ref, 200);
      case kube::Verb::list:
        return list(call);
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
  };
  kube::HttpResponse response = carry_out();
  by_call_ = false;
  return response;
}

// Selectors are equalities.
kube::HttpResponse Server::list(const kube::Call& call) const {
  Json items = Json::array();
  for (const auto& [ref, entry] : entries_) {
    if (ref.kind != call.ref.kind || ref.ns != call.ref.ns) {
      continue;
    }
    bool selected = true;
    std::string_view rest = call.selector;
    while (!rest.empty()) {
      const std::string_view term = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), term.size() + 1));
      const std::size_t equals = term.find('=');
      selected = selected && kube::label_of(*entry.live, term.substr(0, equals)) == term.substr(equals + 1);
    }
    if (selected) {
      items.push_back(*entry.live);
    }
  }
  return {200, "", Json{{"kind", "List"}, {"metadata", Json::object()}, {"items", std::move(items)}}.dump()};
}

kube::HttpResponse Server::answer(const Ref& ref, int code) const {
  const auto it = entries_.find(ref);
  return it != entries_.end() ? kube::HttpResponse{code, "", it->second.text->get()} : status(404, "not found");
}

std::optional<kube::HttpResponse> Server::precondition_fails(const kube::Call& call) const {
  const Json* const object = find(call.ref);
  const kube::Precondition& must = call.precondition;
  const std::string id = object != nullptr ? kube::string_at(*object, {"metadata", "uid"}) : "";
  const std::string version = object != nullptr ? kube::string_at(*object, {"metadata", "resourceVersion"}) : "";
  // As the real one: the version is looked at first; a uid in an apply is a field that cannot be changed, and on the
  // status of a custom resource it is not looked at.
  if (object != nullptr && !must.resource_version.empty() && must.resource_version != version) {
    return status(409, "another version");
  }
  const bool is_looked_at = call.verb != kube::Verb::apply_status || kube::is_built_in(call.ref.kind);
  if (!must.uid.empty() && must.uid != id && is_looked_at) {
    const bool immutable = object != nullptr && call.verb == kube::Verb::apply;
    return status(immutable ? 422 : 409, "metadata.uid: another uid");
  }
  return std::nullopt;
}

kube::HttpResponse Server::apply(const kube::Call& call) {
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  const Kind kind = call.ref.kind;
  const auto old = entries_.find(call.ref);
  const bool is_new = old == entries_.end();
  std::map<Owner, Json> owners = is_new ? std::map<Owner, Json>() : old->second.owners;
  const Json body = fields::owned_body(call.body);
  Json set = fields::set_of(kind, body);
  const Json before = is_new ? Json::object() : fields::owned_body(*old->second.live);
  Json live = before;
  fields::merge(kind, live, body);
  Json& mine = owners[{call.manager, true}];
  Json gone = mine.is_null() ? Json::object() : fields::minus(mine, set);
  const Json changed = fields::changed(kind, before, live);
  for (auto& [owner, theirs] : owners) {
    if (owner != Owner{call.manager, true}) {
      theirs = fields::minus(theirs, changed);
      gone = fields::minus(gone, theirs);
    }
  }
  fields::remove(kind, live, gone);
  owners[{call.manager, true}] = std::move(set);
  if (!is_new) {
    keep_identity(live, *old->second.live);
    if (const Json* const there = kube::find(*old->second.live, "status")) {
      live["status"] = *there;
    }
  }
  writes_ += store(call.ref, std::move(live), std::move(owners)) && is_counted(kind) ? 1U : 0U;
  return answer(call.ref, is_new ? 201 : 200);
}

// Keeps the object under a new version if it has become different. Whether it has.
bool Server::store(const Ref& ref, Json object, std::map<Owner, Json> owners) {
  object["apiVersion"] = kube::api_version(ref.kind);
  object["kind"] = kube::info(ref.kind).kind;
  Json& metadata = object["metadata"];
  metadata["name"] = ref.name;
  metadata["namespace"] = ref.ns;
  std::erase_if(owners, [](const auto& item) { return item.second.empty(); });
  Json managed = Json::array();
  for (const auto& [owner, set] : owners) {
    managed.push_back({{"manager", owner.first},
                       {"operation", owner.second ? "Apply" : "Update"},
                       {"fieldsType", "FieldsV1"},
                       {"fieldsV1", set}});
  }
  if (managed.empty()) {
    metadata.erase("managedFields");
  } else {
    metadata["managedFields"] = std::move(managed);
  }
  const auto old = entries_.find(ref);
  JsonPtr before;
  if (old == entries_.end()) {
    metadata["uid"] = uid(++uids_);
    if (has_generation(ref.kind)) {
      metadata["generation"] = 1;
    }
    if (wall.time_since_epoch().count() > 0) {
      metadata["creationTimestamp"] = to_rfc3339(wall);
    }
    uids_in_use_.emplace(metadata["uid"].get<std::string>(), ref);
  } else {
    before = old->second.live;
    if (*before == object) {
      old->second.owners = std::move(owners);
      return false;
    }
    const Json* const was = kube::find(*before, "spec");
    const Json* const is = kube::find(object, "spec");
    const bool differs = was == nullptr || is == nullptr ? was != is : *was != *is;
    if (differs && has_generation(ref.kind)) {
      metadata["generation"] = kube::integer_at(*before, {"metadata", "generation"}) + 1;
    }
  }
  metadata["resourceVersion"] = std::to_string(++version_);
  const auto after = std::make_shared<const Json>(std::move(object));
  const bool was_shown = before != nullptr && is_shown(ref, *before);
  const auto text = std::make_shared<Text>(after);
  if (is_shown(ref, *after)) {
    log(was_shown ? "MODIFIED" : "ADDED", ref, text);
  } else if (was_shown) {
    log("DELETED", ref, text);
  }
  entries_.insert_or_assign(ref, Entry{after, std::move(owners), text});
  tell(ref, std::move(before), after);
  return true;
}

void Server::tell(const Ref& ref, JsonPtr before, JsonPtr after) {
  if (on_change) {
    const bool by_call = by_call_;
    on_change({ref, std::move(before), std::move(after), actor_, by_call});
  }
}

void Server::log(std::string_view type, const Ref& ref, TextPtr object) {
  log_[ref.kind].push_back({version_, type, std::move(object)});
}

kube::HttpResponse Server::apply_status(const kube::Call& call) {
  const auto old = entries_.find(call.ref);
  if (old == entries_.end()) {
    return status(404, "not found");
  }
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  Json object = *old->second.live;
  object["status"] = call.body.at("status");
  writes_ += store(call.ref, std::move(object), old->second.owners) ? 1U : 0U;
  return answer(call.ref, 200);
}

kube::HttpResponse Server::create(const kube::Call& call) {
  if (entries_.contains(call.ref)) {
    return status(409, "already exists");
  }
  writes_ += is_counted(call.ref.kind) ? 1U : 0U;
  Json set = fields::set_of(call.ref.kind, fields::owned_body(call.body));
  store(call.ref, call.body, {{{call.manager, false}, std::move(set)}});
  return answer(call.ref, 201);
}

kube::HttpResponse Server::update(const kube::Call& call) {
  const auto old = entries_.find(call.ref);
  if (old == entries_.end()) {
    return call.ref.kind == Kind::lease ? create(call) : status(404, "not found");
  }
  if (kube::string_at(call.body, {"metadata", "resourceVersion"}) !=
      kube::string_at(*old->second.live, {"metadata", "resourceVersion"})) {
    return status(409, "another version");
  }
  Json object = call.body;
  keep_identity(object, *old->second.live);
  writes_ += store(call.ref, std::move(object), old->second.owners) && is_counted(call.ref.kind) ? 1U : 0U;
  return answer(call.ref, 200);
}

kube::HttpResponse Server::erase(const kube::Call& call) {
  if (!entries_.contains(call.ref)) {
    return status(404, "not found");
  }
  if (auto failure = precondition_fails(call)) {
    return *failure;
  }
  ++writes_;
  remove(call.ref, actor_);
  if (const Json* const left = find(call.ref)) {
    return {200, "", left->dump()};
  }
  return {200, "", R"({"kind":"Status","apiVersion":"v1","status":"Success"})"};
}

void Server::remove(const Ref& ref, const std::string& actor) {
  actor_ = actor;
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  const Json& live = *it->second.live;
  const std::string phase = kube::string_at(live, {"status", "phase"});
  const std::int64_t grace = kube::integer_at(live, {"spec", "terminationGracePeriodSeconds"}, 30);
  const bool runs = ref.kind == Kind::pod && !kube::string_at(live, {"spec", "nodeName"}).empty() &&
                    phase != "Succeeded" && phase != "Failed" && grace > 0;
  if (!runs) {
    remove_now(ref, actor);
    return;
  }
  if (kube::find_path(live, {"metadata", "deletionTimestamp"}) != nullptr) {
    return;
  }
  Json object = live;
  object["metadata"]["deletionTimestamp"] = to_rfc3339(wall + std::chrono::seconds(grace));
  object["metadata"]["deletionGracePeriodSeconds"] = grace;
  object["metadata"]["generation"] = kube::integer_at(live, {"metadata", "generation"}) + 1;
  store(ref, std::move(object), it->second.owners);
}

void Server::remove_now(const Ref& ref, const std::string& actor) {
  actor_ = actor;
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  JsonPtr before = it->second.live;
  entries_.erase(it);
  uids_in_use_.erase(kube::string_at(*before, {"metadata", "uid"}));
  ++version_;
  if (is_shown(ref, *before)) {
    Json object = *before;
    object["metadata"]["resourceVersion"] = std::to_string(version_);
    log("DELETED", ref, std::make_shared<Text>(std::make_shared<const Json>(std::move(object))));
  }
  tell(ref, std::move(before), nullptr);
}

void Server::put_cluster(const std::string& name, Json spec, const std::string& ns) {
  actor_ = "user";
  const Ref ref{Kind::nocobase_cluster, ns, name};
  const auto old = entries_.find(ref);
  Json object = old != entries_.end() ? *old->second.live : Json::object();
  object["spec"] = std::move(spec);
  if (!object.contains("status")) {
    object["status"] = {{"observedGeneration", -1}};
  }
  store(ref, std::move(object), {});
}

void Server::put_data(const Ref& ref, Json data) {
  actor_ = "user";
  const auto old = entries_.find(ref);
  Json object = old != entries_.end() ? *old->second.live : Json::object();
  object["data"] = std::move(data);
  store(ref, std::move(object), {});
}

void Server::edit(const Ref& ref, const std::function<void(Json&)>& edit, const std::string& manager) {
  actor_ = manager;
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  Json object = *it->second.live;
  edit(object);
  std::map<Owner, Json> owners = it->second.owners;
  const Json before = fields::owned_body(*it->second.live);
  const Json after = fields::owned_body(object);
  if (!owners.empty() && before != after) {
    const Json changed = fields::changed(ref.kind, before, after);
    const Json gone = fields::minus(fields::set_of(ref.kind, before), fields::set_of(ref.kind, after));
    for (auto& [owner, set] : owners) {
      set = fields::minus(fields::minus(set, changed), gone);
    }
    Json& mine = owners[{manager, false}];
    mine = fields::united(mine.is_null() ? Json::object() : std::move(mine), changed);
  }
  store(ref, std::move(object), std::move(owners));
}

void Server::edit_status(const Ref& ref, const std::function<void(Json&)>& edit, const std::string& actor) {
  actor_ = actor;
  const auto it = entries_.find(ref);
  if (it == entries_.end()) {
    return;
  }
  Json object = *it->second.live;
  edit(object);
  store(ref, std::move(object), it->second.owners);
}

void Server::make(const Ref& ref, Json object, const std::string& actor) {
  actor_ = actor;
  if (!entries_.contains(ref)) {
    store(ref, std::move(object), {});
  }
}

bool Server::scale(const Ref& ref, std::int64_t replicas, const std::string& manager) {
  const Json* const object = find(ref);
  if (object == nullptr || kube::find_path(*object, {"spec", "replicas"}) == nullptr) {
    return false;
  }
  edit(
      ref, [&](Json& of) { of["spec"]["replicas"] = replicas; }, manager);
  return true;
}

const Json* Server::find(const Ref& ref) const {
  const auto it = entries_.find(ref);
  return it == entries_.end() ? nullptr : it->second.live.get();
}

JsonPtr Server::get(const Ref& ref) const {
  const auto it = entries_.find(ref);
  return it == entries_.end() ? nullptr : it->second.live;
}

std::vector<Ref> Server::refs(Kind kind) const {
  std::vector<Ref> out;
  for (auto it = entries_.lower_bound({kind, "", ""}); it != entries_.end() && it->first.kind == kind; ++it) {
    out.push_back(it->first);
  }
  return out;
}

std::map<std::pair<std::string, bool>, Json> Server::owners(const Ref& ref) const {
  const auto it = entries_.find(ref);
  return it == entries_.end() ? std::map<Owner, Json>() : it->second.owners;
}

}  // namespace nocobase_operator::simulation
