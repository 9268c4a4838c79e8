// The spec of a NocoBaseCluster as values: what a person wrote, decoded and not yet judged. No defaults are filled in
// here; defaults.h says what an absent field means.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kube/finding.h"
#include "kube/json.h"

namespace nocobase_operator::app {

using kube::Json;
using StringMap = std::vector<std::pair<std::string, std::string>>;  // sorted by key

// A key of a Secret in the cluster's own namespace.
struct SecretKeyRef {
  std::string name;
  std::string key;
  friend bool operator==(const SecretKeyRef&, const SecretKeyRef&) = default;
};

// One entry of env: a name with a value or a valueFrom, the latter handed on as core/v1 EnvVarSource.
struct EnvVar {
  std::string name;
  std::optional<std::string> value;
  std::optional<Json> value_from;
  friend bool operator==(const EnvVar&, const EnvVar&) = default;
};

struct Autoscaling {
  std::optional<std::int32_t> min_replicas;
  std::int32_t max_replicas = 0;
  std::optional<std::int32_t> cpu;             // target utilisation, percent of the request
  std::optional<std::int32_t> memory;          // target utilisation, percent of the request
  std::optional<std::int32_t> backlog_target;  // queued items per pod
  std::optional<Json> metrics;                 // autoscaling/v2 MetricSpec list, verbatim
  std::optional<Json> behavior;                // autoscaling/v2 behavior, verbatim
  std::optional<Json> triggers;                // KEDA triggers, verbatim
  friend bool operator==(const Autoscaling&, const Autoscaling&) = default;
};

// minAvailable or maxUnavailable, an integer or a percentage (IntOrString, verbatim).
struct DisruptionBudget {
  std::optional<Json> min_available;
  std::optional<Json> max_unavailable;
  friend bool operator==(const DisruptionBudget&, const DisruptionBudget&) = default;
};

struct Role {
  std::string name;
  bool requests = false;              // serves users' HTTP requests
  std::vector<std::string> services;  // service keys, or the one item "*"
  std::optional<std::int32_t> replicas;
  std::optional<Autoscaling> autoscaling;
  std::optional<Json> resources;  // core/v1 ResourceRequirements
  std::vector<EnvVar> env;
  std::optional<Json> pod_template;  // metadata and spec overlay of a PodTemplateSpec
  std::optional<std::int64_t> termination_grace_period_seconds;
  std::optional<DisruptionBudget> disruption_budget;
  friend bool operator==(const Role&, const Role&) = default;
};

enum class Dialect : std::uint8_t { postgres, mysql, mariadb, kingbase, sqlite };

struct DatabaseTls {
  std::optional<std::string> mode;  // DB_DIALECT_OPTIONS_SSL_MODE
  std::optional<SecretKeyRef> ca;
  std::optional<SecretKeyRef> cert;
  std::optional<SecretKeyRef> key;
  std::optional<bool> reject_unauthorized;
  friend bool operator==(const DatabaseTls&, const DatabaseTls&) = default;
};

struct Database {
  Dialect dialect = Dialect::postgres;
  std::string host;
  std::optional<std::int32_t> port;
  std::string name;
  std::string user;
  std::optional<SecretKeyRef> password;
  std::optional<std::string> schema;
  std::optional<std::string> table_prefix;
  std::optional<bool> underscored;
  std::optional<DatabaseTls> tls;
  std::optional<std::int32_t> max_connections;  // what the server allows this application
  friend bool operator==(const Database&, const Database&) = default;
};

// The Redis database number of each function; upstream fixes no order.
struct RedisDatabases {
  std::optional<std::int32_t> cache, pubsub, lock, queue, worker_id;
  friend bool operator==(const RedisDatabases&, const RedisDatabases&) = default;
};

// One Secret key holding a whole URL per function, instead of host and databases.
struct RedisUrls {
  std::optional<SecretKeyRef> cache, pubsub, lock, queue, worker_id;
  friend bool operator==(const RedisUrls&, const RedisUrls&) = default;
};

struct Redis {
  std::string host;  // "" when urls are given
  std::optional<std::int32_t> port;
  bool tls = false;
  std::optional<std::string> username;
  std::optional<SecretKeyRef> password;
  std::optional<RedisDatabases> databases;
  std::optional<RedisUrls> urls;
  friend bool operator==(const Redis&, const Redis&) = default;
};

enum class QueueKind : std::uint8_t { redis, rabbitmq };

struct Coordination {
  std::optional<Redis> redis;
  std::optional<QueueKind> queue;
  std::optional<SecretKeyRef> rabbitmq_url;  // coordination.rabbitmq.urlSecretRef
  std::vector<std::string> plugins;          // npm packages that must be enabled before the adapters are switched on
  friend bool operator==(const Coordination&, const Coordination&) = default;
};

struct Keys {
  std::optional<std::string> secret;  // Secret with APP_KEY and APP_AES_SECRET_KEY
  std::optional<std::string> accepted_fingerprint;
  friend bool operator==(const Keys&, const Keys&) = default;
};

struct Setup {
  std::vector<EnvVar> env;
  std::optional<Json> env_from;
  std::optional<std::int32_t> timeout_seconds;
  std::optional<std::string> revision;
  friend bool operator==(const Setup&, const Setup&) = default;
};

enum class DeletionPolicy : std::uint8_t { retain, remove };

struct Storage {
  std::optional<std::string> size;                // a quantity
  std::optional<std::string> storage_class_name;  // absent: the default class; "": none
  std::vector<std::string> access_modes;
  std::optional<std::string> existing_claim;
  std::optional<DeletionPolicy> deletion_policy;
  friend bool operator==(const Storage&, const Storage&) = default;
};

struct ServiceSpec {
  std::optional<std::string> type;
  StringMap annotations;
  std::optional<std::int32_t> port;
  friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

struct IngressTls {
  std::string secret_name;
  friend bool operator==(const IngressTls&, const IngressTls&) = default;
};

struct IngressSpec {
  std::string host;
  std::optional<std::string> path;
  std::optional<std::string> class_name;
  StringMap annotations;
  std::optional<IngressTls> tls;
  friend bool operator==(const IngressSpec&, const IngressSpec&) = default;
};

struct GatewaySpec {
  Json parent_refs = Json::array();  // gateway.networking.k8s.io/v1 ParentReference list, verbatim
  std::vector<std::string> hostnames;
  std::optional<std::string> path;
  friend bool operator==(const GatewaySpec&, const GatewaySpec&) = default;
};

enum class Approval : std::uint8_t { automatic, manual };

struct Upgrade {
  std::optional<Approval> approval;
  std::optional<std::string> approved_image;
  std::optional<Json> backup_job_template;  // batch/v1 JobTemplateSpec, verbatim
  std::optional<Json> verify_job_template;
  bool allow_downgrade = false;
  std::optional<std::string> retry;
  friend bool operator==(const Upgrade&, const Upgrade&) = default;
};

struct NetworkPolicySpec {
  bool enabled = false;
  friend bool operator==(const NetworkPolicySpec&, const NetworkPolicySpec&) = default;
};

struct Monitoring {
  bool enabled = false;
  bool pod_monitor = false;
  std::optional<std::string> interval;  // of the PodMonitor, "30s"
  friend bool operator==(const Monitoring&, const Monitoring&) = default;
};

struct Spec {
  std::string image;
  std::optional<std::string> image_pull_policy;
  std::vector<std::string> image_pull_secrets;
  std::vector<Role> roles;
  std::vector<std::string> plugin_services;
  Database database;
  std::optional<Coordination> coordination;
  std::optional<Keys> keys;
  std::optional<std::string> initial_admin_secret;
  std::optional<Setup> setup;
  std::optional<Storage> storage;
  std::optional<ServiceSpec> service;
  std::optional<IngressSpec> ingress;
  std::optional<GatewaySpec> gateway;
  std::vector<EnvVar> env;
  std::optional<Json> env_from;  // core/v1 EnvFromSource list, verbatim
  std::optional<Json> pod_template;
  std::optional<Upgrade> upgrade;
  std::optional<std::int32_t> progress_deadline_seconds;
  bool maintenance = false;
  bool stopped = false;
  bool paused = false;
  std::optional<NetworkPolicySpec> network_policy;
  std::optional<Monitoring> monitoring;
  friend bool operator==(const Spec&, const Spec&) = default;
};

// A NocoBaseCluster: who it is and what it asks for.
struct Cluster {
  std::string ns;
  std::string name;
  std::string uid;  // "" offline
  std::int64_t generation = 0;
  Spec spec;
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

struct Decoded {
  Cluster cluster;  // what could be read; complete only when there are no errors
  kube::Findings findings;
};

// Decodes a NocoBaseCluster strictly: an unknown field, a wrong type and a number out of range are findings with their
// path, as the API server with fieldValidation=Strict would refuse them. Never throws, whatever `object` is.
[[nodiscard]] Decoded decode(const Json& object);

// The name of the enum value as the API spells it.
[[nodiscard]] std::string_view name_of(Dialect dialect);
[[nodiscard]] std::string_view name_of(QueueKind queue);
[[nodiscard]] std::string_view name_of(DeletionPolicy policy);
[[nodiscard]] std::string_view name_of(Approval approval);

}  // namespace nocobase_operator::app
