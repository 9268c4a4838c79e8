// What an absent field of the spec means, in one place. Computed, never written into a spec.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

inline constexpr std::int32_t app_port = 13000;         // nocobase packages/core/server/src/gateway: APP_PORT's default
inline constexpr std::int32_t max_worker_ids = 32;      // packages/core/snowflake-id: 5 bits
inline constexpr std::int64_t drain_delay_seconds = 5;  // until endpoints are gone
inline constexpr std::int64_t request_drain_seconds = 60;  // longest drain of a role that serves requests only
inline constexpr std::int64_t worker_drain_seconds = 600;  // longest drain of a role that serves workflows or tasks

[[nodiscard]] std::int32_t database_port(const Database& database);  // 5432, 3306, 3306, 54321, 0
[[nodiscard]] std::int64_t grace_period_seconds(const Role& role);   // delay + longest drain + 5
// The fewest pods a role is meant to have: replicas or minReplicas, and 1 where it is scaled from outside.
[[nodiscard]] std::int32_t fewest_pods(const Role& role);
// Whether the budget would let the only pod of a role never be evicted.
[[nodiscard]] bool keeps_single_pod(const DisruptionBudget& budget);
[[nodiscard]] std::int32_t progress_deadline_seconds(const Spec& spec);
[[nodiscard]] std::string storage_size(const Spec& spec);                     // "10Gi"
[[nodiscard]] std::vector<std::string> access_modes(const Spec& spec);        // ReadWriteMany
[[nodiscard]] std::string claim_name(const Cluster& cluster);                 // existingClaim or C-storage
[[nodiscard]] std::string keys_secret_name(const Cluster& cluster);           // keys.secretRef or C-keys
[[nodiscard]] std::string initial_admin_secret_name(const Cluster& cluster);  // initialAdmin.secretRef or C-keys
[[nodiscard]] std::int32_t service_port(const Spec& spec);                    // 80
[[nodiscard]] std::string child_name(const Cluster& cluster, std::string_view suffix);  // "crm-web"
// A value of env for the whole cluster (APP_PUBLIC_PATH, API_BASE_PATH), "" when it is not set literally.
[[nodiscard]] std::string literal_env(const Spec& spec, std::string_view name);
// The path that answers 200 once the application runs: APP_PUBLIC_PATH + API_BASE_PATH + /__health_check.
[[nodiscard]] std::string health_path(const Spec& spec, const Role& role);

// WORKER_MODE of a role: formatted, linted, parsed back and compared, or an Error that says what is wrong.
[[nodiscard]] Result<std::string> worker_mode_of(const Role& role);

}  // namespace nocobase_operator::app
