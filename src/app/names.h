// Names that other programs see: labels, annotations, field managers, reserved suffixes. Never change one: selectors
// and ownership of running clusters rest on them.
#pragma once
#include <array>
#include <string_view>

namespace nocobase_operator::app {

inline constexpr std::string_view manager = "nocobase-operator";  // field manager of everything
inline constexpr std::string_view intent_manager =
    "nocobase-operator-intent";  // of a seeded NocoBaseRole spec.replicas

inline constexpr std::string_view label_name = "app.kubernetes.io/name";            // "nocobase"
inline constexpr std::string_view label_instance = "app.kubernetes.io/instance";    // the cluster's name
inline constexpr std::string_view label_component = "app.kubernetes.io/component";  // the role's name
inline constexpr std::string_view label_part_of = "app.kubernetes.io/part-of";      // "nocobase"
inline constexpr std::string_view label_managed_by = "app.kubernetes.io/managed-by";
inline constexpr std::string_view label_requests = "nocobase.com/requests";  // "true" on pods that serve requests

inline constexpr std::string_view annotation_applied = "nocobase.com/applied-hash";  // content_hash of what was applied
inline constexpr std::string_view annotation_epoch = "nocobase.com/epoch";           // of the plan that made it
inline constexpr std::string_view annotation_content =
    "nocobase.com/content-hash";  // of a pod template: what of Secrets and ConfigMaps its pods read when they start
inline constexpr std::string_view annotation_paused = "autoscaling.keda.sh/paused";  // KEDA's own, of a ScaledObject

inline constexpr std::string_view container_name = "nocobase";

// Keys of the Secrets that hold an application's keys and its first administrator; also the variables they go into.
inline constexpr std::string_view key_app = "APP_KEY";             // signs tokens
inline constexpr std::string_view key_aes = "APP_AES_SECRET_KEY";  // encrypts fields; 64 hex digits
inline constexpr std::string_view key_admin_email = "INIT_ROOT_EMAIL";
inline constexpr std::string_view key_admin_password = "INIT_ROOT_PASSWORD";

// Values of label_component that are no role's: of the setup Pod and of the pods of Jobs.
inline constexpr std::string_view component_setup = "setup";
inline constexpr std::string_view component_pull = "pull";
inline constexpr std::string_view component_backup = "backup";
inline constexpr std::string_view component_verify = "verify";
inline constexpr std::string_view component_record = "record";  // of the ConfigMap that tells what was last set up

// Role names that would collide with other children of a cluster.
inline constexpr std::array<std::string_view, 7> reserved_role_names = {"setup", "keys",   "storage", "record",
                                                                        "pull",  "backup", "verify"};

// Variables of the application that are the operator's, or that would undo what it sets up. They are refused in env (by
// the CRD and here) and in a podTemplate; the CRD spells the same list.
inline constexpr std::array<std::string_view, 39> reserved_variables = {
    "APP_AES_SECRET_KEY",
    "APP_AES_SECRET_KEY_PATH",
    "APP_KEY",
    "APP_LAUNCH_MODE",
    "APP_PORT",
    "CACHE_DEFAULT_STORE",
    "CACHE_REDIS_URL",
    "CLUSTER_MODE",
    "COORDINATION_REDIS_PASSWORD",
    "DB_DATABASE",
    "DB_DIALECT",
    "DB_DIALECT_OPTIONS_SSL_CA",
    "DB_DIALECT_OPTIONS_SSL_CERT",
    "DB_DIALECT_OPTIONS_SSL_KEY",
    "DB_DIALECT_OPTIONS_SSL_MODE",
    "DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED",
    "DB_HOST",
    "DB_PASSWORD",
    "DB_PORT",
    "DB_SCHEMA",
    "DB_TABLE_PREFIX",
    "DB_UNDERSCORED",
    "DB_USER",
    "DISABLE_PKG_DOWNLOAD",
    "INIT_ROOT_EMAIL",
    "INIT_ROOT_PASSWORD",
    "LOCK_ADAPTER_DEFAULT",
    "LOCK_ADAPTER_REDIS_URL",
    "LOGGER_TRANSPORT",
    "PM2_HOME",
    "PUBSUB_ADAPTER_REDIS_URL",
    "QUEUE_ADAPTER",
    "QUEUE_ADAPTER_REDIS_URL",
    "REDIS_URL",
    "SKIP_SAME_VERSION_UPGRADE",
    "SOCKET_PATH",
    "STORAGE_PATH",
    "WORKER_ID_REDIS_URL",
    "WORKER_MODE",
};

}  // namespace nocobase_operator::app
