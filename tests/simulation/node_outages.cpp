// What befalls a node: it is lost, comes back, is drained.
#include <algorithm>
#include <string>
#include <vector>

#include "kube/json.h"
#include "kube/meta.h"
#include "simulation/nodes.h"

namespace nocobase_operator::simulation {

using kube::Kind;
using kube::Ref;

void Nodes::lose(std::size_t node, bool powered_off) {
  Node& lost = nodes_[node];
  if (lost.lost) {
    return;
  }
  lost.lost = true;
  lost.off = powered_off;
  const std::uint64_t away = ++lost.away;
  scene_.happened(powered_off ? "a node that is powered off" : "a node that is cut off");
  scene_.say("world", lost.name + (powered_off ? " is powered off" : " is cut off"));
  for (auto& [uid, run] : runs_) {
    if (powered_off && run.node == node && run.stage == Stage::running) {
      end_container(run, 137, lost.name + " was powered off");
    }
  }
  const auto still = [this, node, away] { return nodes_[node].lost && nodes_[node].away == away; };
  scene_.after(scene_.faults.not_ready_after, [this, node, still] {
    if (!still()) {
      return;
    }
    for (auto& [uid, run] : runs_) {
      if (run.node == node && run.stage != Stage::unscheduled && run.ready && !run.hidden) {
        run.hidden = true;
        scene_.server.edit_status(
            run.ref,
            [](Json& pod) {
              for (Json& condition : pod["status"]["conditions"]) {
                if (condition["type"] == "Ready") {
                  condition["status"] = "False";
                }
              }
            },
            "node-controller");
      }
    }
  });
  scene_.after(scene_.faults.evicted_after, [this, node, still] {
    if (!still()) {
      return;
    }
    std::vector<Ref> pods;
    for (const auto& [uid, run] : runs_) {
      if (run.node == node && run.stage != Stage::unscheduled && !run.deleted) {
        pods.push_back(run.ref);
      }
    }
    for (const Ref& ref : pods) {
      scene_.happened("a pod that terminates on a lost node");
      scene_.server.remove(ref, "node-controller");
    }
  });
}

void Nodes::bring_back(std::size_t node) {
  Node& back = nodes_[node];
  if (!back.lost) {
    return;
  }
  back.lost = back.off = false;
  scene_.say("world", back.name + " is back");
  std::vector<std::string> here;
  for (const auto& [uid, run] : runs_) {
    if (run.node == node && run.stage != Stage::unscheduled) {
      here.push_back(uid);
    }
  }
  for (const std::string& uid : here) {
    Run& run = runs_.at(uid);
    run.hidden = false;
    if (run.deleted) {
      if (run.stopping && run.stage != Stage::running) {
        gone(uid);
      } else {
        terminate(uid);
      }
      continue;
    }
    show(run);
    if (run.stage == Stage::waiting) {
      prepare(uid);
    } else if (run.stage == Stage::ended && run.restarts_always) {
      restart(uid);
    }
  }
  schedule_all();
}

void Nodes::force_delete(std::size_t node) {
  if (!nodes_[node].off) {
    return;  // it may still run: nobody does that
  }
  std::vector<Ref> pods;
  for (const auto& [uid, run] : runs_) {
    if (run.node == node && run.deleted) {
      pods.push_back(run.ref);
    }
  }
  for (const Ref& ref : pods) {
    scene_.happened("a pod that a person force-deletes");
    scene_.server.remove_now(ref, "user");
  }
}

// Whether the budgets of the pod let it go now (policy/v1 without AlwaysAllow).
bool Nodes::may_evict(const Run& run) const {
  const JsonPtr pod = scene_.server.get(run.ref);
  for (const Ref& ref : scene_.server.refs(Kind::pod_disruption_budget)) {
    const Json& budget = *scene_.server.find(ref);
    const Json* const labels = kube::find_path(budget, {"spec", "selector", "matchLabels"});
    const auto matches = [&](const Json& of) {
      return ref.ns == run.ref.ns && labels != nullptr &&
             std::all_of(labels->items().begin(), labels->items().end(),
                         [&](const auto& item) { return kube::label_of(of, item.key()) == item.value(); });
    };
    if (pod == nullptr || !matches(*pod)) {
      continue;
    }
    std::int64_t expected = 0;
    std::int64_t healthy = 0;
    for (const auto& [uid, other] : runs_) {
      const Json* const object = scene_.server.find(other.ref);
      if (object != nullptr && matches(*object) && !other.deleted) {
        ++expected;
        healthy += other.ready && !other.hidden ? 1 : 0;
      }
    }
    const Json* const least = kube::find_path(budget, {"spec", "minAvailable"});
    const Json* const missing = kube::find_path(budget, {"spec", "maxUnavailable"});
    const std::int64_t needed = least != nullptr && least->is_number_integer() ? least->get<std::int64_t>()
                                : missing != nullptr && missing->is_number_integer()
                                    ? expected - missing->get<std::int64_t>()
                                    : 0;
    if (healthy - (run.ready ? 1 : 0) < needed) {
      return false;
    }
  }
  return true;
}

void Nodes::drain(std::size_t node, std::int64_t patience) {
  if (nodes_[node].cordoned) {
    return;
  }
  nodes_[node].cordoned = true;
  scene_.happened("a node that is drained");
  scene_.say("world", nodes_[node].name + " is drained");
  evict(node, scene_.now() + patience);
}

void Nodes::evict(std::size_t node, std::int64_t until) {
  if (!nodes_[node].cordoned) {
    return;
  }
  std::vector<std::string> here;
  for (const auto& [uid, run] : runs_) {
    if (run.node == node && run.stage != Stage::unscheduled && !run.deleted) {
      here.push_back(uid);
    }
  }
  bool left = false;
  for (const std::string& uid : here) {
    const Run& run = runs_.at(uid);
    const bool allowed = may_evict(run);
    if (!allowed && run.component == "setup") {
      scene_.happened("an eviction that the setup pod's budget refuses");
    }
    if (allowed || scene_.now() >= until) {
      scene_.happened(run.component == "setup" ? "an eviction of the setup pod" : "an eviction");
      const Ref ref = run.ref;
      scene_.server.remove(ref, "drain");
    } else {
      left = true;
    }
  }
  if (left) {
    scene_.after(5 * seconds, [this, node, until] { evict(node, until); });
  }
}

void Nodes::uncordon(std::size_t node) {
  if (nodes_[node].cordoned) {
    nodes_[node].cordoned = false;
    scene_.say("world", nodes_[node].name + " takes pods again");
    schedule_all();
  }
}

}  // namespace nocobase_operator::simulation
