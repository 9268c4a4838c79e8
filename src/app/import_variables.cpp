#include "app/import_variables.h"

#include <algorithm>
#include <array>

#include "app/secrecy.h"
#include "base/check.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::string_view by_operator = "the operator sets it in every pod";
constexpr std::string_view to_console =
    "logs go to the console: in files, all pods would write the same names on the shared volume";

// Names and what they do: .env.example, packages/core/cli-v1/src/util.js and the documentation of NocoBase 2.2.
constexpr std::array table = std::to_array<Variable>({
    {"API_BASE_PATH", Home::env, ""},
    {"API_BASE_URL", Home::env, ""},
    {"APPEND_PRESET_BUILT_IN_PLUGINS", Home::plugins, ""},
    {"APPEND_PRESET_LOCAL_PLUGINS", Home::env, ""},
    {"APP_AES_SECRET_KEY", Home::aes_key, ""},
    {"APP_AES_SECRET_KEY_PATH", Home::needs,
     "the key is in a file; the operator wants its 64 hex digits as APP_AES_SECRET_KEY in the Secret of "
     "keys.secretRef"},
    {"APP_ENV", Home::env, ""},
    {"APP_HOST", Home::dropped, "probes and the Service reach a pod by its own address"},
    {"APP_KEY", Home::app_key, ""},
    {"APP_LAUNCH_MODE", Home::dropped, by_operator},
    {"APP_PORT", Home::dropped, "pods listen on 13000, and the Service has a port of its own (service.port)"},
    {"APP_PUBLIC_PATH", Home::env, ""},
    {"APP_SUPERVISOR_AES_SECRET_KEY", Home::secret, ""},
    {"CACHE_DEFAULT_STORE", Home::cache_store, ""},
    {"CACHE_MEMORY_MAX", Home::env, ""},
    {"CACHE_REDIS_URL", Home::cache_url, ""},
    {"CDN_BASE_URL", Home::env, ""},
    {"CLUSTER_MODE", Home::needs,
     "several processes in one pod each take one of 32 worker ids: raise the replicas of the role instead"},
    {"COORDINATION_REDIS_PASSWORD", Home::dropped, by_operator},
    {"DB_DATABASE", Home::database, ""},
    {"DB_DIALECT", Home::dialect, ""},
    {"DB_DIALECT_OPTIONS_SSL_CA", Home::tls_ca, ""},
    {"DB_DIALECT_OPTIONS_SSL_CERT", Home::tls_cert, ""},
    {"DB_DIALECT_OPTIONS_SSL_KEY", Home::tls_key, ""},
    {"DB_DIALECT_OPTIONS_SSL_MODE", Home::tls_mode, ""},
    {"DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED", Home::tls_reject, ""},
    {"DB_HOST", Home::host, ""},
    {"DB_LOGGING", Home::env, ""},
    {"DB_PASSWORD", Home::password, ""},
    {"DB_POOL_ACQUIRE", Home::env, ""},
    {"DB_POOL_EVICT", Home::env, ""},
    {"DB_POOL_IDLE", Home::env, ""},
    {"DB_POOL_MAX", Home::env, ""},
    {"DB_POOL_MAX_USES", Home::env, ""},
    {"DB_POOL_MIN", Home::env, ""},
    {"DB_PORT", Home::port, ""},
    {"DB_SCHEMA", Home::schema, ""},
    {"DB_SKIP_VERSION_CHECK", Home::env, ""},
    {"DB_STORAGE", Home::env, ""},
    {"DB_TABLE_PREFIX", Home::table_prefix, ""},
    {"DB_TIMEZONE", Home::env, ""},
    {"DB_UNDERSCORED", Home::underscored, ""},
    {"DB_USER", Home::user, ""},
    {"DISABLE_PKG_DOWNLOAD", Home::dropped, "the setup Pod downloads packages, the pods of roles do not"},
    {"ENCRYPTION_FIELD_KEY", Home::secret, ""},
    {"INIT_APP_LANG", Home::setup, ""},
    {"INIT_LANG", Home::env, ""},
    {"INIT_ROOT_EMAIL", Home::admin_email, ""},
    {"INIT_ROOT_NICKNAME", Home::setup, ""},
    {"INIT_ROOT_PASSWORD", Home::admin_password, ""},
    {"INIT_ROOT_USERNAME", Home::setup, ""},
    {"LOCAL_STORAGE_BASE_URL", Home::dropped, "only early versions read it, when they were first installed"},
    {"LOCK_ADAPTER_DEFAULT", Home::lock_adapter, ""},
    {"LOCK_ADAPTER_REDIS_URL", Home::lock_url, ""},
    {"LOGGER_BASE_PATH", Home::dropped, to_console},
    {"LOGGER_FORMAT", Home::env, ""},
    {"LOGGER_LEVEL", Home::env, ""},
    {"LOGGER_MAX_FILES", Home::dropped, to_console},
    {"LOGGER_MAX_SIZE", Home::dropped, to_console},
    {"LOGGER_TRANSPORT", Home::dropped, to_console},
    {"NOCOBASE_PKG_PASSWORD", Home::setup_secret, ""},
    {"NOCOBASE_PKG_URL", Home::setup, ""},
    {"NOCOBASE_PKG_USERNAME", Home::setup, ""},
    {"NOCOBASE_RUNNING_IN_DOCKER", Home::dropped, "the image sets it"},
    {"PLUGIN_PACKAGE_PREFIX", Home::env, ""},
    {"PLUGIN_URL_HASH_SALT", Home::secret, ""},
    {"PM2_HOME", Home::dropped, by_operator},
    {"PORT", Home::dropped, "NocoBase does not read it"},
    {"PUBSUB_ADAPTER", Home::dropped, "NocoBase does not read it: PUBSUB_ADAPTER_REDIS_URL switches the adapter on"},
    {"PUBSUB_ADAPTER_REDIS_URL", Home::pubsub_url, ""},
    {"QUEUE_ADAPTER", Home::queue_adapter, ""},
    {"QUEUE_ADAPTER_RABBITMQ_URL", Home::rabbitmq_url, ""},
    {"QUEUE_ADAPTER_REDIS_URL", Home::queue_url, ""},
    {"REDIS_URL", Home::worker_id_url, ""},
    {"SKIP_SAME_VERSION_UPGRADE", Home::dropped, by_operator},
    {"SOCKET_PATH", Home::dropped, by_operator},
    {"STORAGE_PATH", Home::dropped, "the operator mounts the volume where NocoBase looks for it unless it is told"},
    {"TZ", Home::env, ""},
    {"WORKER_ID_REDIS_URL", Home::dropped,
     "NocoBase's own allocator of worker ids reads REDIS_URL; this name is another plugin's"},
    {"WORKER_MODE", Home::worker_mode, ""},
});

constexpr bool is_sorted_by_name() {
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].name >= table[i].name) {
      return false;
    }
  }
  return true;
}
static_assert(is_sorted_by_name());

}  // namespace

std::span<const Variable> known_variables() {
  return table;
}

Variable home_of(std::string_view name) {
  const auto* const found = std::lower_bound(table.begin(), table.end(), name,
                                             [](const Variable& v, std::string_view n) { return v.name < n; });
  if (found != table.end() && found->name == name) {
    return *found;
  }
  return {name, is_secret_name(name) ? Home::secret : Home::env, ""};
}

std::string_view variable_at(Home home) {
  CHECK(home < Home::env);
  const auto* const found =
      std::find_if(table.begin(), table.end(), [home](const Variable& variable) { return variable.home == home; });
  CHECK(found != table.end());
  return found->name;
}

}  // namespace nocobase_operator::app::importing
