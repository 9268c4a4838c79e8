#include <algorithm>
#include <array>

#include "app/backlog.h"
#include "app/defaults.h"
#include "app/image.h"
#include "app/names.h"
#include "app/placeholder.h"
#include "app/validate_parts.h"
#include "kube/json.h"
#include "kube/quantity.h"
#include "kube/reader.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

namespace wm = nocobase::worker_mode;

bool is_among(std::string_view name, const auto& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_filled(const std::optional<Json>& list) {
  return list && !list->empty();
}

// Whether the application's container in an overlay has a request or a limit for `resource`.
bool overlay_requests(const std::optional<Json>& pod_template, std::string_view resource) {
  if (!pod_template) {
    return false;
  }
  const Json* const containers = kube::find_path(*pod_template, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array()) {
    return false;
  }
  return std::any_of(containers->begin(), containers->end(), [resource](const Json& container) {
    return kube::string_at(container, {"name"}) == container_name &&
           (kube::find_path(container, {"resources", "requests", resource}) != nullptr ||
            kube::find_path(container, {"resources", "limits", resource}) != nullptr);
  });
}

// A limit counts: Kubernetes takes it for the request where there is none.
bool has_request(const Spec& spec, const Role& role, std::string_view resource) {
  const bool own = role.resources && (kube::find_path(*role.resources, {"requests", resource}) != nullptr ||
                                      kube::find_path(*role.resources, {"limits", resource}) != nullptr);
  return own || overlay_requests(role.pod_template, resource) || overlay_requests(spec.pod_template, resource);
}

void judge_triggers(const std::string& path, const Json& triggers, Report& report) {
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    const Json* const reference = kube::find(triggers[i], "authenticationRef");
    if (reference == nullptr || reference->is_null()) {
      continue;
    }
    const std::string reference_path = kube::join_path(path, i) + ".authenticationRef";
    if (!reference->is_object()) {
      report.add("NB003", reference_path, "want an object, got " + kube::describe(*reference));
      continue;
    }
    const Json* const kind = kube::find(*reference, "kind");
    if (kind != nullptr && !kind->is_null() && *kind != "TriggerAuthentication") {
      report.add("NB029", reference_path + ".kind", kube::describe(*kind) + " is refused",
                 "use a TriggerAuthentication of this namespace");
    }
  }
}

void judge_utilisation(const Spec& spec, std::size_t index, Report& report) {
  const Role& role = spec.roles[index];
  const std::string path = role_path(index) + ".autoscaling.";
  const auto judge = [&](const std::optional<std::int32_t>& target, const std::string& resource) {
    if (target && !has_request(spec, role, resource)) {
      report.add("NB028", path + resource, "the role has no " + resource + " request to measure against",
                 "set resources.requests." + resource);
    }
  };
  judge(role.autoscaling->cpu, "cpu");
  judge(role.autoscaling->memory, "memory");
}

// KEDA counts what waits in the application's database, from outside it.
void judge_backlog(const Spec& spec, std::size_t index, Report& report) {
  const Role& role = spec.roles[index];
  const std::string path = role_path(index) + ".autoscaling";
  const std::vector<std::string_view> keys = backlog_keys(role);
  if (keys.empty()) {
    report.add("NB035", path + ".backlog", "nothing that waits for this role can be counted",
               "scale it on cpu, memory, metrics or triggers; only workflow:process and async-task:process have a "
               "known backlog");
  } else if (!has_readable_backlog(spec.database)) {
    report.add("NB035", path + ".backlog", "KEDA cannot read the database",
               "use a database server, and say database.passwordSecretRef");
  }
  // packages/plugins/@nocobase/plugin-workflow: executions got startedAt with the time-out of workflows.
  const Version first_with_started_at{2, 1, 0, ""};
  const std::optional<Image> image = parse_image(spec.image);
  if (is_among("workflow:process", keys) && image && image->version && *image->version < first_with_started_at) {
    report.add("NB037", path + ".backlog",
               "version " + to_string(*image->version) + " lacks a column that is asked for",
               "use " + to_string(first_with_started_at) + " or later, or scale on cpu or triggers");
  }
  const auto is_covered = [&](std::string_view key) {
    return std::any_of(spec.roles.begin(), spec.roles.end(), [&](const Role& other) {
      const std::vector<std::string_view> others = backlog_keys(other);
      return &other != &role && fewest_pods(other) > 0 && is_among(key, others);
    });
  };
  if (role.autoscaling->min_replicas == 0 && !std::all_of(keys.begin(), keys.end(), is_covered)) {
    report.add("NB036", path + ".minReplicas", "with no pod of the role, what is resumed wakes nobody",
               "use at least 1, or let a role that always has pods serve the same");
  }
}

void judge_autoscaling(const Spec& spec, std::size_t index, Report& report) {
  const Autoscaling& scaling = *spec.roles[index].autoscaling;
  const std::string path = role_path(index) + ".autoscaling";
  if (scaling.min_replicas && *scaling.min_replicas > scaling.max_replicas) {
    report.add(
        "NB024", path + ".minReplicas",
        std::to_string(*scaling.min_replicas) + " is more than maxReplicas, " + std::to_string(scaling.max_replicas));
  }
  const bool keda = scaling.backlog_target.has_value() || is_filled(scaling.triggers);
  if (!scaling.cpu && !scaling.memory && !is_filled(scaling.metrics) && !keda) {
    report.add("NB025", path, "there is nothing to scale on",
               "say at least one of cpu, memory, backlog, metrics, triggers");
  }
  if (is_filled(scaling.metrics) && keda) {
    report.add("NB026", path + ".metrics", "metrics cannot be combined with backlog or triggers",
               "write them as triggers of KEDA");
  }
  judge_utilisation(spec, index, report);
  if (scaling.triggers) {
    judge_triggers(path + ".triggers", *scaling.triggers, report);
  }
  if (scaling.backlog_target) {
    judge_backlog(spec, index, report);
  }
  if (scaling.min_replicas == 0 && !keda) {
    report.add("NB034", path + ".minReplicas", "nothing that is measured can wake the role from zero pods",
               "use at least 1, or scale on backlog or triggers");
  }
}

bool forbids_all(const Role& role, const DisruptionBudget& budget) {
  if (budget.max_unavailable) {
    return *budget.max_unavailable == 0 || *budget.max_unavailable == "0%";
  }
  if (!budget.min_available) {
    return false;
  }
  if (!budget.min_available->is_number_integer()) {
    return *budget.min_available == "100%";
  }
  const std::int32_t floor = fewest_pods(role);
  return floor > 0 && *budget.min_available >= floor;
}

void judge_budget(const Role& role, const std::string& path, Report& report) {
  if (!role.disruption_budget) {
    return;
  }
  if (role.disruption_budget->min_available && role.disruption_budget->max_unavailable) {
    report.add("NB030", path + ".disruptionBudget", "minAvailable and maxUnavailable exclude each other",
               "keep one of them");
  } else if (fewest_pods(role) == 1 && keeps_single_pod(*role.disruption_budget)) {
    report.add("NB038", path + ".disruptionBudget", "no budget is made, because the role may have a single pod",
               "use maxUnavailable: 1, or have two pods at least");
  } else if (forbids_all(role, *role.disruption_budget)) {
    report.add("NB031", path + ".disruptionBudget", "no pod of the role may ever be evicted",
               "leave room for one, as in maxUnavailable: 1");
  }
}

void judge_grace_period(const Role& role, const std::string& path, Report& report) {
  const bool requests_only = role.requests && role.services.empty();
  const std::int64_t least = drain_delay_seconds + (requests_only ? 20 : 60) + 5;
  if (role.termination_grace_period_seconds && *role.termination_grace_period_seconds < least) {
    report.add("NB032", path + ".terminationGracePeriodSeconds",
               std::to_string(*role.termination_grace_period_seconds) + " seconds leave little time to " +
                   (requests_only ? "answer open requests" : "finish what runs"),
               "use at least " + std::to_string(least) + ", or leave it out");
  }
}

void judge_memory(const Role& role, const std::string& path, Report& report) {
  const Json* const limit = role.resources ? kube::find_path(*role.resources, {"limits", "memory"}) : nullptr;
  if (limit == nullptr) {
    return;
  }
  const auto* const text = limit->get_ptr<const std::string*>();
  if (kube::compare_quantities(text != nullptr ? *text : kube::dump(*limit), "1Gi") == -1) {
    report.add("NB039", path + ".resources.limits.memory",
               (text != nullptr ? *text : kube::dump(*limit)) + " is less than a pod takes under load",
               "use 2Gi, or leave the limit out");
  }
}

void judge_role(const Spec& spec, std::size_t index, Report& report) {
  const Role& role = spec.roles[index];
  const std::string path = role_path(index);
  if (is_among(role.name, reserved_role_names)) {
    report.add("NB020", path + ".name", in_quotes(role.name) + " is reserved", "choose another name");
  }
  if (!role.requests && role.services.empty()) {
    report.add("NB021", path, "the role serves nothing", "say `requests: true` or list services");
  } else if (role.services.size() > 1 && serves(role, "*") && is_among("*", role.services)) {
    report.add("NB022", path + ".services", "* is listed beside other services",
               "write [\"*\"] for every service, or only the others");
  } else if (const auto mode = worker_mode_of(role); !mode.ok()) {
    report.add("NB033", path, mode.error().what);
  }
  if (role.replicas && role.autoscaling) {
    report.add("NB023", path, "replicas and autoscaling exclude each other", "keep one of them");
  }
  if (role.autoscaling) {
    judge_autoscaling(spec, index, report);
  }
  judge_memory(role, path, report);
  judge_grace_period(role, path, report);
  judge_budget(role, path, report);
}

}  // namespace

void judge_roles(const Spec& spec, Report& report) {
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    judge_role(spec, i, report);
  }
  if (const PodCount count = pod_count(spec); count.bounded > max_worker_ids) {
    report.add("NB027", "spec.roles", "the roles ask for " + std::to_string(count.bounded) + " pods",
               "keep replicas and maxReplicas together at " + std::to_string(max_worker_ids) + " or below");
  }
}

void judge_coverage(const Spec& spec, Report& report) {
  if (std::none_of(spec.roles.begin(), spec.roles.end(), [](const Role& role) { return role.requests; })) {
    report.add("NB040", "spec.roles", "no role serves requests", "give one role `requests: true`");
  }
  const std::vector<std::string> known = wm::known_keys(spec.plugin_services);
  for (const std::string& key : known) {
    if (std::none_of(spec.roles.begin(), spec.roles.end(), [&](const Role& role) { return serves(role, key); })) {
      report.add("NB041", "spec.roles", "no role serves " + key, "add it to the services of a role");
    }
  }
  const auto judge_key = [&](const std::string& path, const std::string& key, const std::vector<std::string>& among) {
    if (const auto meant = wm::suggest(key, among)) {
      report.add("NB042", path, "no known service is called " + in_quotes(key), "did you mean " + *meant + "?");
    } else if (key != "*" && !is_among(key, among)) {
      report.add("NB043", path, "no known service is called " + in_quotes(key),
                 "if a plugin defines it, list it in pluginServices");
    }
  };
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    for (std::size_t j = 0; j < spec.roles[i].services.size(); ++j) {
      judge_key(kube::join_path(role_path(i) + ".services", j), spec.roles[i].services[j], known);
    }
  }
  for (std::size_t i = 0; i < spec.plugin_services.size(); ++i) {
    if (const auto meant = wm::suggest(spec.plugin_services[i], wm::known_keys())) {
      report.add("NB042", kube::join_path("spec.pluginServices", i),
                 in_quotes(spec.plugin_services[i]) + " looks like a service of NocoBase itself",
                 "did you mean " + *meant + "?");
    }
  }
}

void judge_image(const Spec& spec, Report& report) {
  const std::optional<Image> image = parse_image(spec.image);
  if (!image) {
    return;  // decode() has said so
  }
  if (is_placeholder_text(image->tag, false)) {
    report.add("NB053", "spec.image", "the tag " + in_quotes(image->tag) + " is a placeholder",
               "write the version, as in nocobase/nocobase:2.2.15-full");
    return;
  }
  // A role that is scaled from outside may be given a second pod at any time.
  const bool several = may_have_several_pods(spec) || is_split(spec);
  if (!image->version) {
    const bool moving = image->moves();
    report.add(moving ? "NB070" : "NB071", "spec.image",
               moving ? (image->tag.empty() ? "the image has no tag, which means latest"
                                            : "the tag " + in_quotes(image->tag) + " names no whole version")
                      : "the image is named by digest alone, which tells no version",
               "name a whole version, as in nocobase/nocobase:2.2.15-full");
  } else if (several && *image->version < first_with_several_pods()) {
    report.add("NB072", "spec.image", "version " + to_string(*image->version) + " cannot run split or in several pods",
               "use " + to_string(first_advised()) + " or later");
  } else if (several && *image->version < first_advised()) {
    report.add("NB073", "spec.image",
               "version " + to_string(*image->version) + " has known errors when it runs split or in several pods",
               "use " + to_string(first_advised()) + " or later");
  }
  const Version first_without_nginx{2, 1, 18, ""};
  if (image->version && !image->nginx && *image->version < first_without_nginx &&
      image->repository.ends_with("nocobase/nocobase")) {
    report.add("NB075", "spec.image", "no image without nginx was published before " + to_string(first_without_nginx),
               "leave -no-nginx out, or use a later version");
  }
  const Version first_in_node{1, 6, 22, ""};
  if (image->version && *image->version < first_in_node) {
    report.add("NB076", "spec.image", "version " + to_string(*image->version) + " runs under pm2 whatever it is told",
               "use " + to_string(first_in_node) + " or later");
  }
}

}  // namespace nocobase_operator::app
