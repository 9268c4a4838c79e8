// Maintenance from the command line: when it is reached, when it never will be, and whose Git has a say in it.
#include "app/maintenance.h"

#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

// A cluster whose newest spec was seen, in this phase and with these conditions.
Json cluster(bool maintenance, const std::string& phase, const std::string& ready, const std::string& message) {
  Json out = sample();
  out["metadata"]["generation"] = 4;
  if (maintenance) {
    out["spec"]["maintenance"] = true;
  }
  out["status"] = {{"phase", phase},
                   {"observedGeneration", 4},
                   {"conditions",
                    {{{"type", "Ready"}, {"status", ready}, {"message", message}},
                     {{"type", "Stalled"}, {"status", "False"}, {"message", ""}}}}};
  return out;
}

std::string told(const Json& object) {
  const MaintenanceState state = maintenance_state(object);
  const char* const reach = state.reach == Reach::reached ? "reached" : state.reach == Reach::never ? "never" : "waits";
  return std::string(reach) + ": " + state.message;
}

TEST(Maintenance, IsAskedForInTheSpecAlone) {
  EXPECT_EQ(kube::dump(maintenance_patch(true)), R"({"spec":{"maintenance":true}})");
  EXPECT_EQ(kube::dump(maintenance_patch(false)), R"({"spec":{"maintenance":null}})");
  Json object = sample();
  const Json before = object;
  EXPECT_FALSE(asks_for_maintenance(object));
  object.merge_patch(maintenance_patch(true));
  EXPECT_TRUE(asks_for_maintenance(object));
  object.merge_patch(maintenance_patch(false));
  EXPECT_EQ(object, before);
}

TEST(Maintenance, IsReachedWhenTheOperatorSaysSoOfTheNewestSpec) {
  const Json on = cluster(true, "Maintenance", "True", "one pod runs, as asked");
  EXPECT_EQ(told(on), "reached: one pod runs, as asked");
  EXPECT_EQ(told(cluster(false, "Running", "True", "all there")), "reached: all there");
  Json newer = on;
  newer["metadata"]["generation"] = 5;
  EXPECT_EQ(told(newer), "waits: the operator has not looked at the change yet");
  EXPECT_EQ(told(cluster(true, "Draining", "False", "role web: 2 pods, to be 1")), "waits: role web: 2 pods, to be 1");
  EXPECT_EQ(told(cluster(true, "Running", "True", "all there")), "waits: the cluster is Running");
  Json fresh = sample();
  fresh["status"]["observedGeneration"] = -1;
  EXPECT_EQ(told(fresh), "waits: the operator has not looked at the change yet");
  EXPECT_EQ(told(Json()), "waits: the operator has not looked at the change yet");
}

TEST(Maintenance, IsNotWaitedForWhereItNeverComes) {
  Json stalled = cluster(true, "Blocked", "False", "not ready");
  stalled["status"]["conditions"][1] = {{"type", "Stalled"}, {"status", "True"}, {"message", "pod crm-web-1: Evicted"}};
  EXPECT_EQ(told(stalled), "never: pod crm-web-1: Evicted");
  EXPECT_EQ(told(cluster(true, "Stopped", "True", "no pod runs, as asked")),
            "never: spec.stopped goes before it: no pod runs");
  Json paused = cluster(true, "Running", "True", "");
  paused["spec"]["paused"] = true;
  paused["metadata"]["generation"] = 5;
  EXPECT_EQ(told(paused), "never: spec.paused keeps the operator from acting on it");
}

TEST(Maintenance, ThoseWhoPutTheSpecBackAreNamed) {
  EXPECT_EQ(gitops_of(sample()), "");
  Json object = sample();
  object["metadata"]["labels"] = {{"kustomize.toolkit.fluxcd.io/name", "apps"},
                                  {"kustomize.toolkit.fluxcd.io/namespace", "flux-system"}};
  EXPECT_EQ(gitops_of(object), "Flux (Kustomization flux-system/apps)");
  object["metadata"]["labels"] = {{"helm.toolkit.fluxcd.io/name", "crm"}, {"helm.toolkit.fluxcd.io/namespace", "apps"}};
  EXPECT_EQ(gitops_of(object), "Flux (HelmRelease apps/crm)");
  object["metadata"].erase("labels");
  object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "crm:nocobase.com/NocoBaseCluster:apps/crm";
  EXPECT_EQ(gitops_of(object), "Argo CD (application crm)");
  object["metadata"].erase("annotations");
  object["metadata"]["managedFields"] = {{{"manager", "kubectl"}}, {{"manager", "argocd-controller"}}};
  EXPECT_EQ(gitops_of(object), "Argo CD");
  object["metadata"]["managedFields"] = {{{"manager", "helm-controller"}}};
  EXPECT_EQ(gitops_of(object), "Flux");
  // Flux takes away what managers of such names have written, whether Git has it or not.
  EXPECT_FALSE(maintenance_manager.starts_with("kubectl"));
}

}  // namespace
}  // namespace nocobase_operator::app
