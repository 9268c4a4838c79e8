// Objects as the API server shows them, as small as the tests of the runtime need them.
#pragma once
#include <cstdint>
#include <string>

#include "app/names.h"
#include "base/time.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/live.h"

namespace nocobase_operator::runtime::objects {

using kube::Json;
using kube::Kind;

inline Now at(std::int64_t millis) {
  return {Instant(Millis(millis)), std::chrono::sys_seconds(Seconds(1'700'000'000 + millis / 1000))};
}

// A UID as Kubernetes writes one, different for each number.
inline std::string uid(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "0b5c1f6e-8a4d-4c53-9d0e-" + std::string(12 - digits.size(), '0') + digits;
}

inline Json object(Kind kind, const std::string& name, std::uint64_t version, const std::string& id) {
  return {
      {"apiVersion", kube::api_version(kind)},
      {"kind", kube::info(kind).kind},
      {"metadata", {{"name", name}, {"namespace", "ns"}, {"uid", id}, {"resourceVersion", std::to_string(version)}}}};
}

inline Json cluster(const std::string& name, std::uint64_t version, const std::string& id = uid(1)) {
  Json out = object(Kind::nocobase_cluster, name, version, id);
  out["metadata"]["generation"] = 1;
  out["spec"] = {{"image", "nocobase/nocobase:2.2.15-full"},
                 {"roles", {{{"name", "web"}, {"requests", true}, {"replicas", 2}}}}};
  return out;
}

// An object of ours that belongs to the cluster by its labels.
inline Json child(Kind kind, const std::string& name, std::uint64_t version, const std::string& of = "crm",
                  const std::string& id = uid(2)) {
  Json out = object(kind, name, version, id);
  out["metadata"]["labels"] = {{std::string(app::label_managed_by), std::string(app::manager)},
                               {std::string(app::label_instance), of}};
  return out;
}

inline Json with_replicas(Json deployment, int replicas) {
  deployment["spec"]["replicas"] = replicas;
  return deployment;
}

// What a test says came back, as the controller takes it.
inline Result<kube::Live> live(const Result<kube::Json>& object) {
  return object.ok() ? Result<kube::Live>(kube::Live(object.value())) : Result<kube::Live>(object.error());
}

}  // namespace nocobase_operator::runtime::objects
