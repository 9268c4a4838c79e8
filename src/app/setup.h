// What an installation or upgrade makes besides the roles: the setup Pod with its disruption budget, the Jobs that try
// an image, back up and verify, and the ConfigMap that tells what was last set up. Rendered from values alone.
#pragma once
#include <cstdint>
#include <string>

#include "app/children.h"
#include "app/operation.h"
#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

[[nodiscard]] kube::Ref setup_pod_ref(const Cluster& cluster);
[[nodiscard]] kube::Ref record_ref(const Cluster& cluster);
// A Job of a component (component_pull, …) of one step: each attempt has a Job of its own.
[[nodiscard]] kube::Ref job_ref(const Cluster& cluster, std::string_view component, std::int64_t epoch);

// The Pod that sets an image up, alone: it migrates, so nothing but a readiness probe looks at it, and it is never
// restarted or evicted for room. It serves no requests. Its name is the lock: POSTed, so that there is one.
[[nodiscard]] Result<Json> setup_pod(const Cluster& cluster, const std::string& image, std::int64_t epoch);
// Keeps node drains off the setup Pod.
[[nodiscard]] Child setup_budget(const Cluster& cluster);

// Starts the image once and does nothing in it: whether it can be pulled is known before anything stops.
[[nodiscard]] Json pull_job(const Cluster& cluster, const std::string& image, std::int64_t epoch);
// The user's templates. The one that verifies finds the new version at the address in SETUP_URL.
[[nodiscard]] Json backup_job(const Cluster& cluster, std::int64_t epoch);
[[nodiscard]] Json verify_job(const Cluster& cluster, const std::string& pod_ip, std::int64_t epoch);

[[nodiscard]] Json record_config(const Cluster& cluster, const SetupRecord& record);

}  // namespace nocobase_operator::app
