#include "app/effect.h"

#include <algorithm>

#include "app/defaults.h"
#include "base/check.h"

namespace nocobase_operator::app {
namespace {

// Worker ids that a role's pods hold or may take without our doing anything.
std::int32_t held(const RoleNow& now) {
  return now.leaving + std::max(now.pods - now.leaving, now.rolling ? 2 * now.effect : now.effect);
}

// The role that stays up in maintenance: the first that serves requests and has pods, else the first that serves them.
std::optional<std::size_t> maintained(const Spec& spec, const std::vector<RoleEffect>& effects) {
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    if (!spec.roles[i].requests) {
      continue;
    }
    if (effects[i].count.intent > 0) {
      return i;
    }
    first = first ? first : i;
  }
  return first;
}

void apply_hold(const Spec& spec, Hold hold, std::vector<RoleEffect>& effects) {
  switch (hold) {
    case Hold::none:
      return;
    case Hold::maintenance: {
      const auto stays = maintained(spec, effects);
      for (std::size_t i = 0; i < effects.size(); ++i) {
        effects[i].count.effect = stays == i ? 1 : 0;
        effects[i].why = Why::maintenance;
      }
      return;
    }
    case Hold::stopped:
    case Hold::upgrade:
      for (RoleEffect& role : effects) {
        role.count.effect = 0;
        role.why = hold == Hold::stopped ? Why::stopped : Why::upgrade;
      }
      return;
  }
}

// Grants rises out of `free` to the roles that serve requests, or to those that do not.
void grant(const Spec& spec, const std::vector<RoleNow>& now, bool requests, std::int32_t& free,
           std::vector<RoleEffect>& effects) {
  for (std::size_t i = 0; i < effects.size(); ++i) {
    std::int32_t& effect = effects[i].count.effect;
    if (spec.roles[i].requests != requests || effect <= now[i].effect) {
      continue;
    }
    const std::int32_t ids_per_pod = now[i].rolling ? 2 : 1;
    const std::int32_t rise = std::min(effect - now[i].effect, std::max(free, 0) / ids_per_pod);
    free -= rise * ids_per_pod;
    if (now[i].effect + rise < effect) {
      effect = now[i].effect + rise;
      effects[i].why = Why::worker_id_limit;
    }
  }
}

Why whose(const Role& role) {
  return role.replicas ? Why::spec : role.autoscaling ? Why::autoscaler : Why::outside;
}

}  // namespace

Hold hold_of(const Spec& spec) {
  return spec.stopped ? Hold::stopped : spec.maintenance ? Hold::maintenance : Hold::none;
}

std::vector<RoleEffect> effects(const Cluster& cluster, const std::vector<RoleNow>& now, std::int32_t others,
                                Hold hold) {
  const Spec& spec = cluster.spec;
  CHECK(now.size() == spec.roles.size());
  const std::vector<RoleCount> initial = initial_counts(cluster);
  std::vector<RoleEffect> effects;
  std::int32_t free = max_worker_ids - others;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const Role& role = spec.roles[i];
    const std::int32_t intent = role.replicas ? *role.replicas : now[i].intent.value_or(initial[i].intent);
    effects.push_back({{intent, intent}, whose(role)});
    free -= held(now[i]);
  }
  apply_hold(spec, hold, effects);
  grant(spec, now, true, free, effects);
  grant(spec, now, false, free, effects);
  return effects;
}

std::int32_t worst_case(const Spec& spec, const std::vector<RoleEffect>& effects) {
  std::int32_t sum = 0;
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const auto& autoscaling = spec.roles[i].autoscaling;
    const std::int32_t intent = effects[i].count.intent;
    const std::int32_t most = autoscaling ? std::max(autoscaling->max_replicas, intent) : intent;
    sum += most;
    largest = std::max(largest, most);
  }
  return sum + largest;
}

}  // namespace nocobase_operator::app
