// The pod template of a role: container, environment, probes, drain, volumes, and the user's overlay merged in by name.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

inline constexpr std::string_view storage_folder = "/app/nocobase/storage";  // the shared volume
inline constexpr std::string_view run_folder = "/run/nocobase";              // socket and pm2 home, one per pod
// NocoBase takes these options as text or as a file; a certificate as text makes it look for a file of that name and
// fail where a part of it between two slashes is longer than a file name may be
// (packages/core/database/src/helpers.ts).
inline constexpr std::string_view database_tls_folder = "/etc/nocobase/database-tls";
inline constexpr std::string_view database_tls_volume = "database-tls";
inline constexpr std::string_view redis_password_variable =
    "COORDINATION_REDIS_PASSWORD";                  // for the URLs that follow it
inline constexpr std::int32_t metrics_port = 9464;  // of the Prometheus exporter, where monitoring is on
inline constexpr std::string_view metrics_port_name = "metrics";

// The environment of a role's container in order: what the operator sets, then spec.env, then the role's env (a later
// entry of the same name replaces the earlier one in its place). `worker_mode` is written even when it is empty.
[[nodiscard]] std::vector<EnvVar> environment(const Cluster& cluster, const Role& role, std::string_view worker_mode);

// Names the operator sets itself and a user may not: reserved_variables of names.h. Checked in env by the CRD, in
// podTemplate by render().
[[nodiscard]] bool is_reserved_variable(std::string_view name);

// The field of this spec that sets a variable which is a user's own where the field is absent; "" when none does. The
// CRD does not know of these.
[[nodiscard]] std::string_view field_setting(const Spec& spec, std::string_view name);

// A PodTemplateSpec without defaults that the API server fills in. `labels` are the selector's; more are added here.
[[nodiscard]] Result<Json> pod_template(const Cluster& cluster, const Role& role, std::string_view worker_mode);

// Strategic merge of a user's PodTemplateSpec overlay onto ours: objects by key, lists of named things (containers,
// env, ports, volumes, volumeMounts and so on) by their merge key, other lists replaced. Ours first, then what is new.
[[nodiscard]] Json merge_overlay(Json base, const Json& overlay);

// The preStop hook (POSIX sh) that drains one server: waits for endpoints to go, sends one SIGTERM to the server
// process, returns when that is enough. Arguments: delay and limit in seconds.
[[nodiscard]] std::string_view drain_script();

}  // namespace nocobase_operator::app
