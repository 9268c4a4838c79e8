// One world: operators, a Kubernetes cluster, an application and people, with faults, in virtual time. The same setting
// is the same world, event by event.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/application.h"
#include "simulation/faults.h"
#include "simulation/invariants.h"
#include "simulation/nodes.h"
#include "simulation/operators.h"
#include "simulation/scene.h"
#include "simulation/state.h"
#include "simulation/workloads.h"

namespace nocobase_operator::simulation {

// A step of a history that is told from outside: done once everything before it has settled.
class World;
struct Step {
  std::string name;
  std::function<void(World&)> act;
};

struct Setting {
  std::uint64_t seed = 1;
  Faults faults{};
  std::vector<Step> script{};  // not empty: this is what happens, and no person does anything else
  std::vector<Strike> strikes{};
  Frozen frozen{};
  bool only_lists = false;  // no watch shows a change
  bool tells = false;       // keeps the history
};

struct Counts {
  std::uint64_t creates = 0;    // objects made by calls
  std::uint64_t deletes = 0;    // by calls
  std::uint64_t writes = 0;     // that changed something
  std::uint64_t pod_stops = 0;  // pods of the application that were told to go
  std::uint64_t pods_made = 0;
  std::uint64_t migrations = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

struct Mark {
  std::uint64_t calls = 0;
  std::uint64_t writes = 0;
  std::uint64_t version = 0;
};

struct Outcome {
  Broken broken;  // an empty name: all is well
  std::int64_t at = 0;
  std::uint64_t trace = 0;  // of everything that happened
  std::uint64_t events = 0;
  std::uint64_t decisions = 0;
  std::uint64_t calls = 0;
  Counts counts;
  std::map<std::string, std::uint64_t> situations;
  std::vector<std::string> history;
  // Of a script: what there was when each of its steps began, and every version of an object by its kind.
  std::vector<Mark> steps;
  std::vector<std::pair<kube::Kind, std::uint64_t>> changes;
  std::string digest;  // of the objects in the end, without versions, uids, times and names of pods
};

class World {
 public:
  explicit World(Setting setting);
  Outcome run();

  // What people do.
  void edit_spec(const std::string& what, const std::function<void(Json&)>& edit);
  void set_role_replicas(std::size_t role, int replicas);
  bool scale(const std::string& role, int replicas);
  [[nodiscard]] Scene& scene() { return scene_; }
  [[nodiscard]] Nodes& nodes() { return nodes_; }
  [[nodiscard]] Operators& operators() { return operators_; }
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] kube::Ref cluster() const { return {kube::Kind::nocobase_cluster, "ns", "crm"}; }

 private:
  void begin();
  void take(const Change& change);
  void count(const Change& change);
  void judge();
  void every(std::int64_t mean, const std::function<void()>& what);
  void arrange_faults();
  void person();
  void in_phase(const std::string& what);
  void autoscale();
  void lose_a_node();
  void drain_a_node();
  void delete_a_child();
  void crash_a_pod(bool deletes);
  void end_faults();
  [[nodiscard]] bool settled() const;
  void script_step();
  [[nodiscard]] bool quiet_for(std::int64_t time) const;
  [[nodiscard]] std::string digest() const;
  void broken(Broken what);
  void note(const Change& change);
  void befall(Strike::How how);

  Setting setting_;
  Scene scene_;
  Databases databases_;
  Workloads workloads_;
  Nodes nodes_;
  Operators operators_;
  State state_;
  std::vector<Change> changes_;  // since the last judgement
  std::size_t incidents_ = 0;
  std::vector<Mark> steps_;
  std::vector<std::pair<kube::Kind, std::uint64_t>> kinds_changed_;
  std::string last_said_;  // the last write that a crash may come after
  std::string stalled_;
  std::int64_t last_write_ = 0;
  std::int64_t last_change_ = 0;
  std::int64_t settled_at_ = -1;
  std::size_t step_ = 0;
  std::uint64_t trace_ = 0;
  Counts counts_;
  Broken broken_;
  std::int64_t broken_at_ = 0;
  std::int64_t load_ = 2;  // what an autoscaler makes pods of
  bool is_autoscaled_ = false;
  Json good_spec_;  // before it was made invalid
  std::string first_image_;
  std::string good_image_;  // before it was changed
};

// The spec that a world begins with.
[[nodiscard]] Json first_spec(Scene& scene);

}  // namespace nocobase_operator::simulation
