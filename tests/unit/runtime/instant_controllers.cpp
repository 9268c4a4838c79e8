#include "unit/runtime/instant_controllers.h"

#include <string>
#include <utility>
#include <vector>

#include "kube/json.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Json;
using kube::Kind;
using kube::Ref;

// Pods are made and taken away at once; a Deployment's status says so a step later.
void step_deployment(simulation::Server& server, const Ref& ref) {
  const Json deployment = *server.find(ref);
  const std::string id = kube::string_at(deployment, {"metadata", "uid"});
  const std::int64_t want = kube::integer_at(deployment, {"spec", "replicas"}, 1);
  const Json* const labels = kube::find_path(deployment, {"spec", "template", "metadata", "labels"});
  const Json* const spec = kube::find_path(deployment, {"spec", "template", "spec"});
  for (std::int64_t i = 0; i < 32; ++i) {
    const Ref pod{Kind::pod, ref.ns, ref.name + "-" + std::to_string(i)};
    const Json* const old = server.find(pod);
    if (i >= want) {
      server.remove(pod, "controllers");
    } else if (old == nullptr || (spec != nullptr && old->value("spec", Json()) != *spec)) {
      server.remove(pod, "controllers");
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
      server.make(pod, std::move(body), "controllers");
    }
  }
  const auto set_status = [&](Json& object) {
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
  };
  server.edit_status(ref, set_status, "controllers");
}

}  // namespace

bool step_controllers(simulation::Server& server) {
  const std::uint64_t before = server.version();
  for (int i = 0; i <= static_cast<int>(Kind::trigger_authentication); ++i) {
    for (const Ref& ref : server.refs(static_cast<Kind>(i))) {
      const Json* const owners = kube::find_path(*server.find(ref), {"metadata", "ownerReferences"});
      if (owners != nullptr && !owners->empty() && !server.has_uid(kube::string_at(owners->at(0), {"uid"}))) {
        server.remove(ref, "controllers");
      }
    }
  }
  const auto bind = [](Json& claim) { claim["status"]["phase"] = "Bound"; };
  for (const Ref& ref : server.refs(Kind::persistent_volume_claim)) {
    server.edit_status(ref, bind, "controllers");
  }
  for (const Ref& ref : server.refs(Kind::deployment)) {
    step_deployment(server, ref);
  }
  return server.version() != before;
}

}  // namespace nocobase_operator::runtime
