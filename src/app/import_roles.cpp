#include <algorithm>
#include <set>
#include <utility>

#include "app/defaults.h"
#include "app/form.h"
#include "app/import_draft.h"
#include "app/names.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

namespace wm = nocobase::worker_mode;

constexpr std::size_t max_roles = 16;
constexpr std::size_t max_role_name = 20;
constexpr std::size_t max_services = 32;
constexpr std::size_t max_key = 128;

bool can_be_named(const std::string& key) {
  return key.size() <= max_key && form::is_plain_service_key(key) && wm::check_key(key) == wm::FormatError::none;
}

std::string quoted(const std::string& text) {
  return kube::describe(Json(text));
}

// What a role must say for the workload, or nothing where it serves nothing.
std::optional<wm::RoleServices> services_of(const Workload& workload, Remarks& remarks) {
  const Setting* const setting = find_setting(workload.env, variable_at(Home::worker_mode));
  if (setting != nullptr && (!setting->value || setting->refers)) {
    remarks.needs(setting->place, setting->name,
                  "what it is for " + workload.name + " is not known; the role serves everything",
                  "say requests and services of the role");
    return wm::RoleServices{true, {"*"}};
  }
  const auto value = setting == nullptr ? std::nullopt : std::optional<std::string_view>(*setting->value);
  std::optional<ModeRole> found = role_of_mode(value);
  if (!found) {
    remarks.needs(
        setting->place, setting->name,
        quoted(*setting->value) + " serves nothing, and no role can say that: " + workload.name + " is left out",
        "add a role with the services that it was meant to have");
    return std::nullopt;
  }
  if (value && value->empty()) {
    remarks.changed(setting->place, setting->name, "it is empty, which means everything: requests and all services");
  }
  for (const std::string& key : found->lost) {
    remarks.needs(setting->place, setting->name,
                  quoted(*setting->value) + " names " + quoted(key) + ", which no role can name: it is left out",
                  "add the key that was meant to services of the role: it has no blanks or signs, and 32 are the most");
  }
  return std::move(found->role);
}

// Whether two workloads may be one role.
bool same_role(const Workload& a, const Workload& b) {
  const auto counts = [](const Setting& setting) {
    const Home home = home_of(setting.name).home;
    return home != Home::dropped && home != Home::worker_mode && setting.is_set();
  };
  const auto covers = [&counts](const Workload& all, const Workload& other) {
    return std::all_of(all.env.begin(), all.env.end(), [&](const Setting& setting) {
      const Setting* const theirs = find_setting(other.env, setting.name);
      return !counts(setting) || (theirs != nullptr && theirs->same_as(setting));
    });
  };
  return !a.autoscaling && !b.autoscaling && a.resources == b.resources && a.grace_seconds == b.grace_seconds &&
         a.pod == b.pod && a.env_from == b.env_from && covers(a, b) && covers(b, a);
}

std::string default_name(const wm::RoleServices& serves) {
  if (serves.requests) {
    return serves.services.empty() ? "web" : "all";
  }
  return "worker";
}

// The workload's name without the cluster's before it and a number behind it.
std::string role_name(const RoleDraft& role, const std::string& cluster, const std::set<std::string>& taken) {
  std::string name = fitted_name(role.workload.name, max_role_name);
  if (name.starts_with(cluster + "-")) {
    name.erase(0, cluster.size() + 1);
  }
  name = name.substr(0, name.find_last_not_of("0123456789") + 1);
  name = name.substr(0, name.find_last_not_of('-') + 1);
  const bool reserved =
      std::find(reserved_role_names.begin(), reserved_role_names.end(), name) != reserved_role_names.end();
  if (name.empty() || name == cluster || reserved) {
    name = default_name(role.serves);
  }
  std::string free = name;
  for (int i = 2; taken.contains(free); ++i) {
    const std::string suffix = "-" + std::to_string(i);
    free = name.substr(0, max_role_name - suffix.size()) + suffix;
  }
  return free;
}

}  // namespace

std::vector<RoleDraft> roles_of(const Blueprint& plan, const std::string& cluster, Remarks& remarks) {
  std::vector<RoleDraft> out;
  for (const Workload& workload : plan.workloads) {
    std::optional<wm::RoleServices> serves = services_of(workload, remarks);
    if (!serves) {
      continue;
    }
    const auto same = std::find_if(out.begin(), out.end(), [&](const RoleDraft& role) {
      return role.serves == *serves && same_role(role.workload, workload);
    });
    if (same != out.end()) {
      same->replicas += workload.replicas;
    } else if (out.size() < max_roles) {
      out.push_back({"", std::move(*serves), workload.replicas, workload});
    } else {
      remarks.needs(workload.place, workload.name,
                    "there are more than " + std::to_string(max_roles) + " sorts of pods, and it is left out",
                    "let those agree that do the same");
    }
  }
  std::stable_partition(out.begin(), out.end(), [](const RoleDraft& role) { return role.serves.requests; });
  std::set<std::string> taken;
  for (RoleDraft& role : out) {
    role.name = role_name(role, cluster, taken);
    taken.insert(role.name);
    if (role.replicas > max_worker_ids && !role.workload.autoscaling) {
      remarks.changed(
          role.workload.place, "replicas of " + role.name,
          "there are " + std::to_string(max_worker_ids) + " worker ids, so no role has more pods than that");
      role.replicas = max_worker_ids;
    }
  }
  return out;
}

}  // namespace nocobase_operator::app::importing

namespace nocobase_operator::app {

std::optional<ModeRole> role_of_mode(std::optional<std::string_view> value) {
  const nocobase::worker_mode::Mode mode =
      value ? nocobase::worker_mode::Mode::parse(*value) : nocobase::worker_mode::Mode::unset();
  ModeRole out;
  if (mode.serves_all_services()) {
    out.role = {mode.serves_everything(), {"*"}};
    return out;
  }
  out.role.requests = mode.serves_requests();
  // Where there are more than a role can have, those of NocoBase come first.
  const std::vector<std::string> known = nocobase::worker_mode::known_keys();
  const auto is_known = [&known](const std::string& key) {
    return std::find(known.begin(), known.end(), key) != known.end();
  };
  auto room = importing::max_services -
              static_cast<std::size_t>(std::count_if(mode.services().begin(), mode.services().end(), is_known));
  for (const std::string& key : mode.services()) {
    const bool fits = is_known(key) || (importing::can_be_named(key) && room > 0);
    room -= fits && !is_known(key) ? 1 : 0;
    (fits ? out.role.services : out.lost).push_back(key);
  }
  return out.role.requests || !out.role.services.empty() ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace nocobase_operator::app
