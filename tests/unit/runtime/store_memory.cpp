// How much memory the store takes: CLUSTERS clusters with three roles each, as the watches would show them. Prints
// bytes; asserts nothing. Usage: store_memory [CLUSTERS] [PODS_PER_ROLE]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>

#include "app/plan.h"
#include "base/hash.h"
#include "runtime/store.h"
#include "unit/runtime/objects.h"

namespace {

using namespace nocobase_operator;
using kube::Json;
using kube::Kind;
using runtime::objects::child;
using runtime::objects::object;
using runtime::objects::uid;

constexpr const char* roles[] = {"web", "workflow", "tasks"};

app::Seen seen(const Json& of) {
  auto pruned = app::prune(of, std::nullopt, Instant());
  CHECK(pruned.ok());
  return std::move(pruned).value();
}

Json cluster(const std::string& name, std::uint64_t number) {
  Json out = object(Kind::nocobase_cluster, name, number, uid(number));
  out["metadata"]["generation"] = 1;
  out["spec"] = {{"image", "nocobase/nocobase:2.2.15-full"},
                 {"roles",
                  {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
                   {{"name", "workflow"},
                    {"services", {"workflow:process"}},
                    {"autoscaling", {{"minReplicas", 1}, {"maxReplicas", 6}, {"cpu", 80}}}},
                   {{"name", "tasks"}, {"services", {"async-task:process"}}}}},
                 {"database",
                  {{"dialect", "postgres"},
                   {"host", name + "-pg-rw"},
                   {"name", "nocobase"},
                   {"user", "nocobase"},
                   {"passwordSecretRef", {{"name", name + "-pg"}, {"key", "password"}}}}},
                 {"coordination", {{"redis", {{"host", name + "-redis"}}}}},
                 {"storage", {{"size", "10Gi"}, {"storageClassName", "nfs"}}},
                 {"ingress", {{"host", name + ".example.com"}, {"className", "nginx"}}}};
  out["status"] = {{"phase", "Running"},
                   {"observedGeneration", 1},
                   {"image", "nocobase/nocobase:2.2.15-full"},
                   {"version", "2.2.15"},
                   {"keyFingerprint", hex64(number * 0x9E3779B97F4A7C15U)},
                   {"workerIds", {{"limit", 32}, {"worst", 9}}}};
  const auto seconds = std::chrono::sys_seconds(Seconds(1'700'000'000 + static_cast<std::int64_t>(number)));
  for (const char* const type : {"Ready", "Reconciling", "Stalled", "ServicesCovered", "WorkerIdsAvailable",
                                 "Coordinated", "AutoscalersReady", "KeysIntact", "ImagePinned", "Exclusive"}) {
    out["status"]["conditions"].push_back({{"type", type},
                                           {"status", "True"},
                                           {"reason", std::string(type) + "Reason"},
                                           {"message", "each role runs as it was asked to"},
                                           {"observedGeneration", 1},
                                           {"lastTransitionTime", to_rfc3339(seconds)}});
  }
  for (const char* const role : roles) {
    out["status"]["roles"].push_back({{"name", role},
                                      {"workerMode", "workflow:process"},
                                      {"desired", 2},
                                      {"effective", 2},
                                      {"ready", 2},
                                      {"updated", 2},
                                      {"why", "spec"}});
    out["status"]["services"].push_back({{"key", role}, {"roles", {role}}});
  }
  return out;
}

Json of_ours(Kind kind, const std::string& name, std::uint64_t number, const std::string& cluster,
             std::uint64_t owner) {
  Json out = child(kind, name, number, cluster, uid(number));
  out["metadata"]["annotations"] = {{std::string(app::annotation_applied), hex64(number * 0xBF58476D1CE4E5B9U)}};
  out["metadata"]["ownerReferences"] = {{{"apiVersion", "nocobase.com/v1alpha1"},
                                         {"kind", "NocoBaseCluster"},
                                         {"name", cluster},
                                         {"uid", uid(owner)},
                                         {"controller", true}}};
  out["metadata"]["managedFields"] = {{{"manager", "nocobase-operator"},
                                       {"operation", "Apply"},
                                       {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}}};
  out["spec"] = {{"replicas", static_cast<int>(number % 5)}};
  return out;
}

std::size_t heap() {
  return mallinfo2().uordblks + mallinfo2().hblkhd;
}

}  // namespace

int main(int argc, char** argv) {
  const int clusters = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int pods = argc > 2 ? std::atoi(argv[2]) : 0;
  runtime::Store store;
  std::uint64_t number = 0;
  std::size_t objects = 0;
  const std::size_t before = heap();
  const auto put = [&](const Json& of) {
    static_cast<void>(store.changed(seen(of)));
    ++objects;
  };
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < clusters; ++i) {
    const std::string name = "cluster-" + std::to_string(i);
    const std::uint64_t owner = ++number;
    put(cluster(name, owner));
    for (const Kind kind : {Kind::service, Kind::service_account, Kind::persistent_volume_claim}) {
      put(of_ours(kind, name, ++number, name, owner));
    }
    for (const char* const role : roles) {
      for (const Kind kind : {Kind::nocobase_role, Kind::deployment}) {
        put(of_ours(kind, name + "-" + role, ++number, name, owner));
      }
      for (int pod = 0; pod < pods; ++pod) {
        Json of =
            of_ours(Kind::pod, name + "-" + role + "-5d8f7c9b4-x2x4" + std::to_string(pod), ++number, name, owner);
        of["spec"] = {{"containers", {{{"name", "nocobase"}, {"image", "nocobase/nocobase:2.2.15-full"}}}},
                      {"nodeName", "node-" + std::to_string(number % 50)}};
        of["status"] = {{"phase", "Running"}};
        put(of);
      }
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const std::size_t used = heap() - before;
  std::printf("%d clusters, %zu objects: %zu bytes of heap, %zu per object; records alone %zu; %.2f s to fill\n",
              clusters, objects, used, used / objects, store.record_bytes(), took.count());
  const auto again = std::chrono::steady_clock::now();
  std::size_t children = 0;
  for (int i = 0; i < clusters; ++i) {
    children += store.observe({"ns", "cluster-" + std::to_string(i)})->children.size();
  }
  const std::chrono::duration<double> observing = std::chrono::steady_clock::now() - again;
  std::printf("%.1f microseconds to observe a cluster (%zu children)\n", observing.count() * 1e6 / clusters, children);
  return 0;
}
