// A Kubernetes cluster in memory, as far as a plan looks at it, on which plans are carried out to see where they lead.
// Everything goes well in it: images can be pulled, Jobs succeed, pods become ready and end when they are told to, one
// step of the controllers a second. Pure: the same scene and the same calls give the same model.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/observe.h"
#include "base/time.h"
#include "kube/call.h"

namespace nocobase_operator::app {

// What is known of the cluster that a model begins with.
struct Scene {
  Json cluster;                        // the NocoBaseCluster as the API server has it; null: there is none
  std::vector<Json> objects;           // whole: its children and pods, and what else was read
  std::set<kube::Ref> absent;          // was looked for and is not there
  std::set<kube::Kind> missing_kinds;  // that the API server does not have
  // Nothing more can be found out. What pods of these clusters refer to is taken to be there, with the keys that are
  // read of it; everything else that is not given is taken not to be there.
  std::optional<std::vector<Json>> assumed_for;
  std::chrono::sys_seconds now{Seconds(1'767'225'600)};
};

// Stands in the model for the digest of an image that has not been pulled yet.
inline constexpr std::string_view unknown_digest =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";

class Model {
 public:
  explicit Model(const Scene& scene);

  // Somebody applies this NocoBaseCluster. Its name and namespace are those of the one that is there.
  void ask_for(const Json& wanted);

  [[nodiscard]] Observed observe() const;
  [[nodiscard]] Now now() const { return now_; }
  [[nodiscard]] const Json& cluster() const { return cluster_; }

  // Whether it can be told if the object is there; otherwise the scene must say so first.
  [[nodiscard]] bool knows(const kube::Ref& ref) const;
  // Whether the object is there, whoever can see it: an apply that is to make it would be refused.
  [[nodiscard]] bool holds(const kube::Ref& ref) const { return held_.contains(ref); }
  // Carries out a call. Whether that succeeded.
  bool execute(const kube::Call& call);
  // One step of the controllers and of time. Whether anything but the time has changed.
  bool tick();

  // What the operator has written of each object other than pods; no value of a Secret.
  [[nodiscard]] std::map<kube::Ref, Json> bodies() const;
  // The body of one, null when it is not there.
  [[nodiscard]] Json body_of(const kube::Ref& ref) const;
  // How many pods the Deployment of each role is told to have.
  [[nodiscard]] std::map<std::string, std::int32_t> told() const;

 private:
  struct Held {
    SeenChild seen;
    Json body = Json::object();       // what `manager` owns of it
    std::string role;                 // label_component
    std::string image;                // that a Deployment asks for
    std::uint64_t pods_template = 0;  // template_hash of the pods that there are
    bool read = false;                // by a GET
  };

  void put(const Json& object);
  void assume(const std::vector<Json>& clusters);
  bool read(const kube::Ref& ref);
  bool create(const kube::Call& call);
  bool apply(const kube::Call& call);
  bool apply_intent(const kube::Call& call);
  bool apply_status(const kube::Call& call);
  bool remove(const kube::Call& call);
  void fill(Held& held, const Json& body) const;
  bool tick_setup();
  bool tick_deployment(Held& held);
  bool replace_pods(const Held& held, bool all);
  void touch(kube::Meta& meta) { meta.version = ++version_; }
  [[nodiscard]] SeenPod* setup_pod();

  Json cluster_;
  std::map<kube::Ref, Held> held_;
  std::vector<SeenPod> pods_;
  std::set<kube::Kind> missing_kinds_;
  std::map<kube::Ref, Instant> absent_;  // as far as reads have told
  std::set<kube::Ref> not_there_;
  bool assumes_ = false;
  std::map<kube::Ref, Held> assumed_;
  std::optional<PodsRead> pods_read_;
  std::uint64_t version_ = 1000;
  std::uint64_t made_ = 0;
  Now now_;
};

}  // namespace nocobase_operator::app
