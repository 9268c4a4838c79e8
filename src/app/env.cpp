#include <algorithm>
#include <array>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/pod.h"

namespace nocobase_operator::app {

namespace {

constexpr std::string_view plugins_variable = "APPEND_PRESET_BUILT_IN_PLUGINS";
// The adapter is a commercial plugin that documents no variable; this is the name its Redis sibling's rule gives.
constexpr std::string_view rabbitmq_variable = "QUEUE_ADAPTER_RABBITMQ_URL";

// Collects variables in order; a later entry of the same name takes the place of the earlier one.
class Environment {
 public:
  // A value of our own. Kubernetes expands $(NAME) in values, and "$$" stands for "$": what a spec says is kept as it
  // is.
  void literal(std::string name, std::string_view value) {
    std::string escaped;
    for (const char c : value) {
      escaped.append(c == '$' ? 2 : 1, c);
    }
    put({std::move(name), std::move(escaped), std::nullopt});
  }
  // A value that Kubernetes is to expand.
  void expanded(std::string name, std::string value) { put({std::move(name), std::move(value), std::nullopt}); }
  void secret(std::string name, const SecretKeyRef& ref) {
    Json source = Json::object();
    source["secretKeyRef"] = {{"name", ref.name}, {"key", ref.key}};
    put({std::move(name), std::nullopt, std::move(source)});
  }
  void put(EnvVar item) {
    const auto same =
        std::find_if(items_.begin(), items_.end(), [&](const EnvVar& old) { return old.name == item.name; });
    if (same == items_.end()) {
      items_.push_back(std::move(item));
    } else {
      *same = std::move(item);
    }
  }
  [[nodiscard]] std::vector<EnvVar> take() && { return std::move(items_); }

 private:
  std::vector<EnvVar> items_;
};

std::string inside(std::string_view folder, std::string_view file) {
  std::string path(folder);
  path += '/';
  path += file;
  return path;
}

void add_database(Environment& env, const Database& database) {
  env.literal("DB_DIALECT", name_of(database.dialect));
  if (database.dialect != Dialect::sqlite) {
    env.literal("DB_HOST", database.host);
    env.literal("DB_PORT", std::to_string(database_port(database)));
    env.literal("DB_DATABASE", database.name);
    env.literal("DB_USER", database.user);
    if (database.password) {
      env.secret("DB_PASSWORD", *database.password);
    }
  }
  if (database.schema) {
    env.literal("DB_SCHEMA", *database.schema);
  }
  if (database.table_prefix) {
    env.literal("DB_TABLE_PREFIX", *database.table_prefix);
  }
  if (database.underscored) {  // true for the exact text "true" alone (packages/core/database/src/helpers.ts)
    env.literal("DB_UNDERSCORED", *database.underscored ? "true" : "false");
  }
  if (!database.tls) {
    return;
  }
  const DatabaseTls& tls = *database.tls;
  if (tls.mode) {
    env.literal("DB_DIALECT_OPTIONS_SSL_MODE", *tls.mode);
  }
  if (tls.ca) {
    env.literal("DB_DIALECT_OPTIONS_SSL_CA", inside(database_tls_folder, "ca.crt"));
  }
  if (tls.cert) {
    env.literal("DB_DIALECT_OPTIONS_SSL_CERT", inside(database_tls_folder, "tls.crt"));
  }
  if (tls.key) {
    env.literal("DB_DIALECT_OPTIONS_SSL_KEY", inside(database_tls_folder, "tls.key"));
  }
  if (tls.reject_unauthorized) {
    env.literal("DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED", *tls.reject_unauthorized ? "true" : "false");
  }
}

// Percent-encoding of everything that is not unreserved (RFC 3986, 2.3).
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

// redis://user:$(password)@host:port/number. The password is filled in by the kubelet, as it is in the Secret: this
// program hands no secret on, and a pod's environment offers no encoding. So one with a character that a URL reserves
// (@ : / ? # % [ ] or a blank) has to be percent-encoded in the Secret.
std::string redis_url(const Redis& redis, std::int32_t number) {
  std::string url = redis.tls ? "rediss://" : "redis://";
  if (redis.username) {
    url += percent_encoded(*redis.username);
  }
  if (redis.password) {
    url += ":$(" + std::string(redis_password_variable) + ")";
  }
  if (redis.username || redis.password) {
    url += '@';
  }
  const bool ipv6 = redis.host.find(':') != std::string::npos && redis.host.front() != '[';
  url += ipv6 ? "[" + redis.host + "]" : redis.host;
  return url + ":" + std::to_string(redis.port.value_or(6379)) + "/" + std::to_string(number);
}

// The URL of one function: its own Secret, or one made of host and number. False when the spec has neither.
bool add_redis_url(Environment& env, std::string name, const Redis& redis, const std::optional<SecretKeyRef>& secret,
                   std::int32_t number) {
  if (secret) {
    env.secret(std::move(name), *secret);
    return true;
  }
  if (redis.host.empty()) {
    return false;
  }
  env.expanded(std::move(name), redis_url(redis, number));
  return true;
}

// An adapter is switched on only together with its URL: each of them falls back to localhost without one.
void add_redis(Environment& env, const Redis& redis, QueueKind queue) {
  const RedisUrls urls = redis.urls.value_or(RedisUrls{});
  const RedisDatabases numbers = redis.databases.value_or(RedisDatabases{});
  if (redis.password && !redis.host.empty()) {
    env.secret(std::string(redis_password_variable), *redis.password);
  }
  // The numbers are those of NocoBase's own example (docs: cluster-mode/preparations).
  if (add_redis_url(env, "CACHE_REDIS_URL", redis, urls.cache, numbers.cache.value_or(0))) {
    env.literal("CACHE_DEFAULT_STORE", "redis");
  }
  add_redis_url(env, "PUBSUB_ADAPTER_REDIS_URL", redis, urls.pubsub, numbers.pubsub.value_or(1));
  if (add_redis_url(env, "LOCK_ADAPTER_REDIS_URL", redis, urls.lock, numbers.lock.value_or(2))) {
    env.literal("LOCK_ADAPTER_DEFAULT", "redis");
  }
  if (queue == QueueKind::redis &&
      add_redis_url(env, "QUEUE_ADAPTER_REDIS_URL", redis, urls.queue, numbers.queue.value_or(3))) {
    env.literal("QUEUE_ADAPTER", "redis");
  }
  add_redis_url(env, "REDIS_URL", redis, urls.worker_id, numbers.worker_id.value_or(4));  // worker ids
}

void add_coordination(Environment& env, const Coordination& coordination) {
  const QueueKind queue = coordination.queue.value_or(QueueKind::redis);
  if (coordination.redis) {
    add_redis(env, *coordination.redis, queue);
  }
  if (queue == QueueKind::rabbitmq) {
    env.literal("QUEUE_ADAPTER", "rabbitmq");
    if (coordination.rabbitmq_url) {
      env.secret(std::string(rabbitmq_variable), *coordination.rabbitmq_url);
    }
  }
  if (coordination.plugins.empty()) {
    return;
  }
  std::string plugins;
  for (const std::string& plugin : coordination.plugins) {
    plugins += (plugins.empty() ? "" : ",") + plugin;
  }
  env.literal(std::string(plugins_variable), plugins);
}

// The administrator's variables are read at installation only. They are in every pod because a pod that meets an empty
// database installs (packages/core/server/src/commands/start.ts), and without them that makes an administrator with the
// public default password.
void add_secrets(Environment& env, const Cluster& cluster) {
  const std::string keys = keys_secret_name(cluster);
  const std::string admin = initial_admin_secret_name(cluster);
  for (const std::string_view name : {key_app, key_aes}) {
    env.secret(std::string(name), {keys, std::string(name)});
  }
  for (const std::string_view name : {key_admin_email, key_admin_password}) {
    env.secret(std::string(name), {admin, std::string(name)});
  }
}

void add_monitoring(Environment& env) {
  env.literal("TELEMETRY_ENABLED", "on");
  env.literal("TELEMETRY_METRIC_READER", "prometheus");
  env.literal("TELEMETRY_PROMETHEUS_SERVER", "on");
  env.literal("TELEMETRY_PROMETHEUS_PORT", std::to_string(metrics_port));
}

}  // namespace

std::vector<EnvVar> environment(const Cluster& cluster, const Role& role, std::string_view worker_mode) {
  const Spec& spec = cluster.spec;
  Environment env;
  env.literal("WORKER_MODE", worker_mode);
  env.literal("APP_PORT", std::to_string(app_port));
  env.literal("APP_LAUNCH_MODE", "node");  // under pm2 nothing drains
  env.literal("SKIP_SAME_VERSION_UPGRADE", "true");
  env.literal("DISABLE_PKG_DOWNLOAD", "true");
  env.literal("LOGGER_TRANSPORT", "console");  // in files, all pods would write the same names on the shared volume
  env.literal("SOCKET_PATH", inside(run_folder, "gateway.sock"));
  env.literal("PM2_HOME", inside(run_folder, "pm2"));
  add_database(env, spec.database);
  if (spec.coordination) {
    add_coordination(env, *spec.coordination);
  }
  add_secrets(env, cluster);
  if (spec.monitoring && spec.monitoring->enabled) {
    add_monitoring(env);
  }
  for (const EnvVar& item : spec.env) {
    env.put(item);
  }
  for (const EnvVar& item : role.env) {
    env.put(item);
  }
  return std::move(env).take();
}

bool is_reserved_variable(std::string_view name) {
  return std::find(reserved_variables.begin(), reserved_variables.end(), name) != reserved_variables.end();
}

std::string_view field_setting(const Spec& spec, std::string_view name) {
  if (!spec.coordination) {
    return "";
  }
  if (name == plugins_variable && !spec.coordination->plugins.empty()) {
    return "coordination.plugins";
  }
  return name == rabbitmq_variable && spec.coordination->rabbitmq_url ? "coordination.rabbitmq.urlSecretRef" : "";
}

}  // namespace nocobase_operator::app
