// A small cluster in memory that plans are carried out on: server-side apply as far as the planner can see it, a
// Deployment controller that replaces pods in two steps, and a garbage collector. Not modelled: managedFields (what is
// owned is what was applied, except where a test drifts it), defaulting, admission, schedulers.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/plan.h"
#include "base/rng.h"

namespace nocobase_operator::app {

// What the status of a cluster says that was set up with this spec and has settled since.
[[nodiscard]] Json settled_operation(const Json& cluster);
// A valid NocoBaseCluster apps/crm, set up, with roles web (requests, 2 pods), workflow (elastic) and tasks (1 pod).
[[nodiscard]] Json sample_cluster();
// The same before anything has been set up.
[[nodiscard]] Json fresh_cluster();
[[nodiscard]] SeenSecret sample_keys();  // as made by the operator
[[nodiscard]] kube::Ref ref_of(kube::Kind kind, const std::string& name);
inline constexpr std::string_view sample_uid = "uid-cluster";

class World {
 public:
  explicit World(Json cluster);

  // What the operator sees: what is watched, and what it has read and not forgotten.
  [[nodiscard]] Observed observe() const;
  [[nodiscard]] Now now() const { return now_; }
  // Carries out one call. Empty on success, else what the server says. Remembers what a runtime remembers.
  std::string call(const kube::Call& call);
  // One step of the controllers and of time. Whether anything but time changed.
  bool tick();
  // Reads again what the plan asks to be read now (Plan::reread). Whether that told anything.
  bool read_again(const Plan& plan);
  // Plans, checks every plan by `check`, carries it out and lets the controllers run until nothing changes any more.
  // Returns the number of passes, or 0 when it does not end.
  int settle(const std::function<void(const World&, const Plan&)>& check = {});
  // The operator starts anew: what it only remembered is gone.
  void restart();
  void advance(Seconds time);

  // Changes from outside.
  void edit_spec(const std::function<void(Json&)>& edit);
  void scale(const std::string& role, std::int32_t replicas);  // by the scale subresource, as an autoscaler does
  void put(SeenChild child);                                   // as it is; gets a version
  void remove(const kube::Ref& ref);
  void put_data(kube::Kind kind, const std::string& name, SeenEntries entries);  // a Secret or ConfigMap
  void put_references();  // what the cluster's pods refer to and the operator does not make
  void add_pod(SeenPod pod);
  void remove_pod(const std::string& name);
  [[nodiscard]] SeenPod* setup_pod();                   // nullptr when there is none
  [[nodiscard]] std::vector<std::string> jobs() const;  // by name

  std::set<std::string> failing_jobs;  // components whose Jobs fail
  bool setup_fails = false;            // its container ends with an error
  bool setup_hangs = false;            // it starts and never becomes ready

  [[nodiscard]] const SeenChild* find(const kube::Ref& ref) const;
  SeenChild& at(const kube::Ref& ref);
  [[nodiscard]] const std::map<kube::Ref, SeenChild>& children() const { return children_; }
  [[nodiscard]] Json& cluster() { return cluster_; }
  [[nodiscard]] const Json& cluster() const { return cluster_; }
  [[nodiscard]] std::string condition(std::string_view type) const;  // "True AllRolesReady", "" when absent
  // Everything that does not depend on the way here: no uids, versions or times.
  [[nodiscard]] std::string digest() const;
  // The images of all pods of the application, the setup Pod's included; terminating ones count.
  [[nodiscard]] std::set<std::string> images() const;
  [[nodiscard]] int rolling() const;  // Deployments whose pods are being replaced

  bool drops_status_fields = false;          // the server knows an older schema: it drops `services` and `selector`
  bool spells_its_own_way = false;           // what is owned after an apply hashes differently from what was applied
  std::set<kube::Kind> missing_kinds;        // the server does not have them
  std::map<kube::Ref, std::string> refuses;  // writes of these fail with the text
  std::set<kube::Ref> hides;                 // reads of these are forbidden
  std::vector<SeenChild> scalers;            // of others

 private:
  std::string execute(const kube::Call& call);
  std::string create(const kube::Call& call);
  std::string remove_called(const kube::Call& call);
  bool tick_setup();
  bool tick_jobs();
  std::string apply(const kube::Call& call);
  std::string apply_status(const kube::Call& call);
  std::string apply_intent(const kube::Call& call);
  void apply_main(const kube::Call& call);
  void fill_detail(SeenChild& child, const Json& body);
  void touch(SeenChild& child) { child.meta.version = ++version_; }

  Json cluster_;
  std::uint64_t version_ = 1000;
  int uids_ = 0;
  Now now_;
  std::map<kube::Ref, SeenChild> children_;
  std::map<kube::Ref, std::set<std::string>> intent_owners_;
  std::map<kube::Ref, std::uint64_t> template_of_pods_;
  std::vector<SeenPod> extra_pods_;
  std::map<kube::Ref, std::string> images_;         // that Deployments ask for
  std::map<kube::Ref, std::string> image_of_pods_;  // that their pods run
  std::optional<PodsRead> pods_read_;
  std::map<kube::Ref, SeenChild> read_;  // as it was then
  std::map<kube::Ref, Instant> absent_;
  std::map<kube::Ref, std::uint64_t> accepted_;
  std::map<kube::Ref, StatusWritten> statuses_;
  std::map<kube::Ref, std::string> refusals_;
};

// The plan in lines: verb, object, manager unless it is the main one, preconditions, and what matters of the body.
[[nodiscard]] std::vector<std::string> lines(const Plan& plan);

}  // namespace nocobase_operator::app
