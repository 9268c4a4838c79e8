// The controllers of Deployments and Jobs, the garbage collector and the binder of volumes. A ReplicaSet is no object
// here: it is the pods of a Deployment that carry one pod-template-hash.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "simulation/scene.h"

namespace nocobase_operator::simulation {

class Workloads {
 public:
  explicit Workloads(Scene& scene) : scene_(scene) {}
  // Told of every change; what follows from it is done a moment later.
  void changed(const Change& change);

 private:
  struct PodState {
    kube::Ref ref;
    std::string hash;
    std::string phase;
    std::int64_t made = 0;
    std::int64_t ready_at = -1;  // not ready
    bool terminating = false;
  };
  struct Owned {
    std::map<std::string, PodState> pods;  // by uid
    int lost = 0;                          // of a Job: pods that are gone without an end
    std::int64_t generation = -1;          // of which `hash` is
    std::string hash;
    std::int64_t progressed = 0;
    std::string progress;  // what the progress was measured by
    bool complete = false;
    std::int64_t started = -1;  // a Job
  };
  struct Count {
    std::int64_t all = 0, fresh = 0, ready = 0, available = 0, terminating = 0;
  };

  void soon(const kube::Ref& ref);
  void reconcile(const kube::Ref& ref);
  void collect(const kube::Ref& ref);
  void reconcile_deployment(const kube::Ref& ref);
  void roll(const kube::Ref& ref, const Json& deployment, Owned& owned, Count count);
  void scale_down(Owned& owned, std::int64_t excess, bool fresh);
  void add_pod(const kube::Ref& ref, const Json& object, const Owned& owned);
  void set_deployment_status(const kube::Ref& ref, const Json& deployment, Owned& owned);
  void reconcile_job(const kube::Ref& ref);
  void finish_job(const kube::Ref& ref, const char* type, const char* reason, int succeeded, int failed);
  [[nodiscard]] static Count count(const Owned& owned, std::int64_t min_ready, std::int64_t now);

  Scene& scene_;
  std::map<std::string, Owned> owned_;                     // by uid of the Deployment or Job
  std::map<std::string, kube::Ref> owners_;                // the same, where they are
  std::map<std::string, std::set<kube::Ref>> dependents_;  // by uid of the owner
  std::set<kube::Ref> due_;
};

}  // namespace nocobase_operator::simulation
