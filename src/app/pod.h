// The pod template of a role: container, environment, probes, drain, volumes, and the user's overlay merged in by name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

// The environment of a role's container in order: what the operator sets, then spec.env, then the role's env (a later
// entry of the same name replaces the earlier one in its place). `worker_mode` is written even when it is empty.
[[nodiscard]] std::vector<EnvVar> environment(const Cluster& cluster, const Role& role, std::string_view worker_mode);

// Names the operator sets itself and a user may not: reserved_variables of names.h. Checked in env by the CRD, in
// podTemplate by render().
[[nodiscard]] bool is_reserved_variable(std::string_view name);

// A PodTemplateSpec without defaults that the API server fills in. `labels` are the selector's; more are added here.
[[nodiscard]] Result<Json> pod_template(const Cluster& cluster, const Role& role, std::string_view worker_mode);

// Strategic merge of a user's PodTemplateSpec overlay onto ours: objects by key, lists of named things (containers,
// env, ports, volumes, volumeMounts, …) by their merge key, other lists replaced. Order: ours first, then what is new.
[[nodiscard]] Json merge_overlay(Json base, const Json& overlay);

// The preStop hook (POSIX sh) that drains one server: waits for endpoints to go, sends one SIGTERM to the server
// process, returns when that is enough. Arguments: delay and limit in seconds.
[[nodiscard]] std::string_view drain_script();

}  // namespace nocobase_operator::app
