// What people and autoscalers do in a world.
#include <algorithm>
#include <utility>

#include "app/names.h"
#include "kube/json.h"
#include "simulation/world.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;

Json* role_named(Json& spec, const std::string& name) {
  for (Json& role : spec["roles"]) {
    if (role["name"] == name) {
      return &role;
    }
  }
  return nullptr;
}

}  // namespace

void World::edit_spec(const std::string& what, const std::function<void(Json&)>& edit) {
  const Json* const object = scene_.server.find(cluster());
  if (object == nullptr) {
    return;
  }
  Json spec = (*object)["spec"];
  edit(spec);
  scene_.say("user", what + ": " + spec.dump());
  scene_.server.put_cluster("crm", std::move(spec));
}

void World::set_role_replicas(std::size_t role, int replicas) {
  edit_spec("sets replicas", [&](Json& spec) { spec["roles"][role]["replicas"] = replicas; });
}

bool World::scale(const std::string& role, int replicas) {
  const Ref ref{Kind::nocobase_role, "ns", "crm-" + role};
  scene_.say("user", "scales " + ref.name + " to " + std::to_string(replicas));
  return scene_.server.scale(ref, replicas, "kubectl");
}

void World::person() {
  const Json* const object = scene_.server.find(cluster());
  if (object == nullptr) {
    return;
  }
  const Faults& table = scene_.faults;
  const ClusterView view = view_of_cluster(*object);
  if (view.invalid) {
    edit_spec("takes it back", [this](Json& spec) { spec = good_spec_; });
    return;
  }
  good_spec_ = (*object)["spec"];
  in_phase("an edit");
  Rng& rng = scene_.rng;
  const std::string phase = kube::string_at(*object, {"status", "phase"});
  const bool setting_up = phase == "SettingUp" || phase == "Verifying";
  const bool draining = phase == "Draining";
  const bool bad_image = cannot_be_pulled(view.image) || fails_in_setup(view.image);
  struct Choice {
    unsigned weight;
    std::function<void()> act;
  };
  const auto toggle = [&](const char* key, bool is_on) {
    edit_spec(std::string(key) + (is_on ? " off" : " on"), [&](Json& spec) {
      if (is_on) {
        spec.erase(key);
      } else {
        spec[key] = true;
      }
    });
  };
  const auto set_image = [&](const std::string& image) {
    if (!bad_image) {
      good_image_ = view.image;
    }
    databases_.learn(image);
    if (setting_up || draining) {
      scene_.happened(std::string("another image while ") + (draining ? "draining" : "a setup is at work"));
    }
    edit_spec("sets the image", [&](Json& spec) { spec["image"] = image; });
  };
  const std::vector<Choice> choices = {
      {table.edit_replicas,
       [&] {
         edit_spec("sets replicas", [&](Json& spec) {
           Json& role = spec["roles"][rng.below(spec["roles"].size())];
           if (role.contains("replicas")) {
             role["replicas"] = static_cast<int>(rng.below(rng.chance(table.many_pods) ? 14 : 5));
           }
           if (spec["roles"][0]["replicas"] == 0) {
             spec["roles"][0]["replicas"] = 1;
           }
         });
       }},
      {table.edit_scale, [&] { scale("flow", static_cast<int>(rng.below(6))); }},
      {table.edit_fixed_or_elastic,
       [&] {
         edit_spec("a role becomes fixed or elastic", [&](Json& spec) {
           Json& role = *role_named(spec, "flow");
           if (role.contains("replicas")) {
             role.erase("replicas");
           } else {
             role["replicas"] = static_cast<int>(rng.below(4));
           }
         });
       }},
      {table.edit_env,
       [&] {
         edit_spec("sets a variable", [&](Json& spec) {
           spec["env"] = {{{"name", "MARK"}, {"value", std::to_string(rng.below(1'000))}}};
         });
       }},
      {table.edit_maintenance, [&] { toggle("maintenance", view.maintenance); }},
      {table.edit_stopped,
       [&] {
         if (setting_up && !view.stopped) {
           scene_.happened("stopped while a setup is at work");
         }
         toggle("stopped", view.stopped);
       }},
      {table.edit_paused, [&] { toggle("paused", view.paused); }},
      {table.edit_invalid,
       [&] {
         edit_spec("makes it invalid", [&](Json& spec) {
           switch (rng.below(3)) {
             case 0:
               spec["roles"][0]["name"] = "setup";
               break;
             case 1:
               spec["roles"][1].erase("services");
               spec["roles"][1]["requests"] = false;
               break;
             default:
               spec["database"]["dialect"] = "oracle";
               break;
           }
         });
       }},
      {table.edit_roles,
       [&] {
         edit_spec("a role comes or goes", [&](Json& spec) {
           Json& roles = spec["roles"];
           if (role_named(spec, "extra") != nullptr) {
             roles.erase(roles.size() - 1);
           } else {
             roles.push_back({{"name", "extra"}, {"services", {"plugin:extra"}}, {"replicas", 1}});
           }
           spec["pluginServices"] = {"plugin:extra"};
         });
       }},
      {table.edit_image,
       [&] {  // mostly newer than the one before
         const std::int64_t patch = version_of(view.image) % 1'000;
         const std::int64_t next = rng.chance(85) ? patch + 1 + static_cast<std::int64_t>(rng.below(3))
                                                  : std::max<std::int64_t>(1, patch - 1);
         set_image("nocobase/nocobase:2.2." + std::to_string(next) + "-full");
       }},
      {table.edit_bad_image,
       [&] {
         const std::string tag = "/nocobase:2.2." + std::to_string(version_of(view.image) % 1'000 + 1) + "-full";
         set_image((rng.chance(60) ? "bad" : "broken") + tag);
         scene_.happened("an image that does not work");
       }},
      {table.edit_image_back,
       [&] {
         const std::string image = good_image_;
         if (draining) {
           scene_.happened("the old image set back while draining");
         }
         edit_spec("sets the last image that worked", [&](Json& spec) { spec["image"] = image; });
       }},
      {table.edit_approval,
       [&] {
         edit_spec("approves, or asks to be asked", [&](Json& spec) {
           Json& upgrade = spec["upgrade"];
           if (!upgrade.is_object()) {
             upgrade = Json::object();
           }
           if (upgrade.value("approval", "") == "Manual") {
             upgrade["approvedImage"] = spec["image"];
           } else {
             if (draining && upgrade.value("approvedImage", "") != spec["image"]) {
               scene_.happened("approval withdrawn while draining");
             }
             upgrade["approval"] = "Manual";
           }
         });
       }},
      {table.edit_retry,
       [&] {
         if (phase == "Blocked") {
           scene_.happened("another attempt after a failure");
         }
         edit_spec("asks for another attempt",
                   [&](Json& spec) { spec["upgrade"]["retry"] = std::to_string(rng.below(1'000'000)); });
       }},
      {table.edit_recreate,
       [&] {
         scene_.say("user", "deletes crm and makes it again");
         const Json spec = (*object)["spec"];
         scene_.server.remove(cluster(), "user");
         scene_.after(static_cast<std::int64_t>(rng.below(60'000)),
                      [this, spec] { scene_.server.put_cluster("crm", spec); });
       }},
  };
  unsigned sum = 0;
  for (const Choice& choice : choices) {
    sum += choice.weight;
  }
  std::uint64_t left = sum == 0 ? 0 : rng.below(sum);
  for (const Choice& choice : choices) {
    if (left < choice.weight) {
      choice.act();
      return;
    }
    left -= choice.weight;
  }
}

// autoscaling/v2 as far as it meets the operator: it does nothing without a selector, divides a load by its pods, and
// takes no pods for no load.
void World::autoscale() {
  if (!scene_.quiet && scene_.rng.chance(20)) {
    load_ = 1 + static_cast<std::int64_t>(scene_.rng.below(6));
  }
  for (const Ref& ref : scene_.server.refs(Kind::nocobase_role)) {
    const Json& role = *scene_.server.find(ref);
    const std::string name = kube::string_at(role, {"spec", "role"});
    const ClusterView* const of = state_.cluster("ns/crm");
    if (of == nullptr || of->fixed.contains(name)) {
      continue;
    }
    if (kube::string_at(role, {"status", "selector"}).empty()) {
      scene_.happened("an autoscaler without a selector");
      continue;
    }
    const auto pods = std::count_if(state_.pods.begin(), state_.pods.end(), [&](const auto& item) {
      return item.second.component == name && item.second.ready && !item.second.terminating;
    });
    const std::int64_t now = kube::integer_at(role, {"spec", "replicas"}, 1);
    const auto deployment = state_.deployments.find({Kind::deployment, ref.ns, ref.name});
    const bool has_none = deployment == state_.deployments.end() || deployment->second.replicas == 0;
    const std::int64_t wanted = pods > 0 ? load_ : has_none ? 1 : now;  // while they start there are no figures
    if (wanted != now && now > 0) {
      scene_.say("hpa", "scales " + ref.name + " from " + std::to_string(now) + " to " + std::to_string(wanted));
      scene_.server.scale(ref, wanted, "hpa");
    }
  }
  scene_.after(scene_.pick(scene_.faults.autoscaler), [this] { autoscale(); });
}

}  // namespace nocobase_operator::simulation
