// Nodes, the scheduler, kubelets and the node controller: what becomes of a pod once it is made.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/application.h"
#include "simulation/scene.h"

namespace nocobase_operator::simulation {

class Nodes {
 public:
  Nodes(Scene& scene, Databases& databases);
  // Told of every change.
  void changed(const Change& change);

  // The node is cut off: its pods go on unseen; or powered off: they end.
  void lose(std::size_t node, bool powered_off);
  void bring_back(std::size_t node);
  // Cordons it and evicts what is on it; after `patience`, deletes what a budget protects.
  void drain(std::size_t node, std::int64_t patience);
  void uncordon(std::size_t node);
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] bool is_lost(std::size_t node) const { return nodes_[node].lost; }
  [[nodiscard]] bool is_cordoned(std::size_t node) const { return nodes_[node].cordoned; }
  // A person takes the terminating pods of a node that is off out of the API server.
  void force_delete(std::size_t node);
  // The application of a pod ends by itself.
  void crash(const kube::Ref& pod);
  // Pods of the application that are Running.
  [[nodiscard]] std::vector<kube::Ref> running() const;
  // Whether a container of a pod of that component runs on the node.
  [[nodiscard]] bool runs(std::size_t node, const std::string& component) const;

 private:
  enum class Stage : std::uint8_t { unscheduled, waiting, pulling, bad_image, starting, running, ended };
  struct Run {
    kube::Ref ref;
    std::string uid;
    std::string cluster, component;
    std::string container, image;
    bool is_job = false;
    bool restarts_always = true;
    bool skips = false;
    std::int64_t grace = 30'000;
    std::size_t node = 0;
    Stage stage = Stage::unscheduled;
    bool ready = false;
    bool hidden = false;  // the node controller says it is not ready
    bool stopping = false;
    bool deleted = false;  // has a deletionTimestamp
    int restarts = 0;
    int exit_code = -1;  // of the last end
    bool failed = false;
    std::int64_t changed = 0;  // of readiness
    std::uint64_t life = 0;    // of the container: what was scheduled for an earlier one is void
  };
  struct Node {
    std::string name;
    bool lost = false;
    bool off = false;
    bool cordoned = false;
    std::uint64_t away = 0;  // how often it was lost
    std::set<std::string> images;
  };

  void take(const Change& change);
  void schedule(const std::string& uid);
  void schedule_all();
  void prepare(const std::string& uid);
  void start(const std::string& uid);
  void run_application(Run& run);
  void run_job(Run& run);
  void end_container(Run& run, int exit_code, const std::string& why);
  void restart(const std::string& uid);
  void terminate(const std::string& uid);
  void gone(const std::string& uid);
  void show(Run& run);
  void forget(const std::string& uid, const std::string& actor);
  [[nodiscard]] Json status_of(const Run& run) const;
  [[nodiscard]] bool may_evict(const Run& run) const;
  void evict(std::size_t node, std::int64_t until);
  template <class F>
  void later(const Run& run, std::int64_t delay, F what);

  Scene& scene_;
  Databases& databases_;
  std::vector<Node> nodes_;
  std::map<std::string, Run> runs_;  // by uid of the pod
};

}  // namespace nocobase_operator::simulation
