#include <algorithm>
#include <array>
#include <map>

#include "app/defaults.h"
#include "app/image.h"
#include "app/placeholder.h"
#include "app/url_lint.h"
#include "app/validate_parts.h"
#include "kube/json.h"
#include "kube/quantity.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

constexpr std::int32_t default_pool = 5;              // DB_POOL_MAX, packages/core/database/src/helpers.ts
constexpr std::int32_t usual_connection_limit = 100;  // max_connections of PostgreSQL

// The most connections that all pods together can open. Roles scaled from outside may take every worker id that is
// left.
std::int32_t worst_connections(const Spec& spec) {
  std::int32_t connections = 0;
  std::int32_t open_pool = 0;
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    const std::int32_t pool = number_of(spec, i, "DB_POOL_MAX", default_pool);
    if (const auto most = most_pods(spec.roles[i])) {
      connections += *most * pool;
    } else {
      open_pool = std::max(open_pool, pool);
    }
  }
  return connections + open_pool * std::max(0, max_worker_ids - pod_count(spec).bounded);
}

void judge_connections(const Spec& spec, Report& report) {
  const std::int32_t worst = worst_connections(spec);
  const std::string total = "up to " + std::to_string(worst) + " connections";
  if (spec.database.max_connections) {
    if (worst > *spec.database.max_connections) {
      report.add("NB083", "spec.database.maxConnections",
                 "the pods may open " + total + ", " + std::to_string(*spec.database.max_connections) + " are allowed",
                 "lower the numbers of pods or DB_POOL_MAX");
    }
  } else if (worst > usual_connection_limit) {
    report.add("NB084", "spec.database", "the pods may open " + total,
               "say in maxConnections how many the server allows");
  }
}

void judge_redis_numbers(const Redis& redis, Report& report) {
  const RedisDatabases numbers = redis.databases.value_or(RedisDatabases());
  const RedisUrls urls = redis.urls.value_or(RedisUrls());
  struct Function {
    std::string_view name;
    std::int32_t number;
    bool given;
    bool own_url;
  };
  const std::array<Function, 5> functions = {{
      {"cache", numbers.cache.value_or(0), numbers.cache.has_value(), urls.cache.has_value()},
      {"pubsub", numbers.pubsub.value_or(1), numbers.pubsub.has_value(), urls.pubsub.has_value()},
      {"lock", numbers.lock.value_or(2), numbers.lock.has_value(), urls.lock.has_value()},
      {"queue", numbers.queue.value_or(3), numbers.queue.has_value(), urls.queue.has_value()},
      {"workerId", numbers.worker_id.value_or(4), numbers.worker_id.has_value(), urls.worker_id.has_value()},
  }};
  std::map<std::int32_t, std::string_view> users;
  for (const Function& function : functions) {
    if (function.own_url) {
      continue;
    }
    const std::string path = "spec.coordination.redis.databases." + std::string(function.name);
    if (redis.host.empty()) {
      report.add("NB096", "spec.coordination.redis.urls", "there is no URL for " + std::string(function.name),
                 "add " + std::string(function.name) + "SecretRef, or say host");
      continue;
    }
    const auto [other, first] = users.emplace(function.number, function.name);
    if (!first) {
      report.add("NB094", path,
                 std::string(other->second) + " and " + std::string(function.name) + " share number " +
                     std::to_string(function.number),
                 "give each function a number of its own");
    }
    if (function.given && function.number > 15) {
      report.add("NB095", path, "number " + std::to_string(function.number) + " exists only if the server is told so",
                 "use 0 to 15");
    }
  }
}

void judge_redis(const Redis& redis, Report& report) {
  if (redis.host.empty() && !redis.urls) {
    report.add("NB091", "spec.coordination.redis", "there is neither host nor urls", "say host");
    return;
  }
  if (is_localhost(redis.host)) {
    report.add("NB056", "spec.coordination.redis.host", in_quotes(redis.host) + " is the pod itself",
               "name the Redis server");
  }
  if (is_placeholder_text(redis.host, false)) {
    report.add("NB053", "spec.coordination.redis.host", in_quotes(redis.host) + " is a placeholder", "write the value");
  }
  judge_redis_numbers(redis, report);
}

constexpr std::string_view outdated_pubsub = "@nocobase/plugin-sync-adapter-redis";

// What each adapter of NocoBase makes work; two for the queue, of which one is used.
struct Adapter {
  std::string_view package;
  std::string_view function;
};
constexpr auto adapters = std::to_array<Adapter>({
    {"@nocobase/plugin-pubsub-adapter-redis", "pubsub"},
    {outdated_pubsub, "pubsub"},
    {"@nocobase/plugin-lock-adapter-redis", "lock"},
    {"@nocobase/plugin-queue-adapter-redis", "queue"},
    {"@nocobase/plugin-queue-adapter-rabbitmq", "queue"},
    {"@nocobase/plugin-workerid-allocator-redis", "worker ids"},
});

// The functions that are switched on and that none of the packages brings, where all packages are known.
std::string functions_without_plugin(const Coordination& coordination) {
  const bool rabbitmq = coordination.queue == QueueKind::rabbitmq;
  const bool redis = coordination.redis && (!coordination.redis->host.empty() || coordination.redis->urls);
  std::vector<std::string_view> missing;
  if (redis) {
    missing = {"pubsub", "lock", "worker ids"};
  }
  if (redis || rabbitmq) {
    missing.emplace_back("queue");
  }
  for (const std::string& package : coordination.plugins) {
    const auto* const adapter = std::find_if(adapters.begin(), adapters.end(),
                                             [&package](const Adapter& each) { return each.package == package; });
    if (adapter == adapters.end()) {
      return "";  // it may bring anything
    }
    if (adapter->function != "queue" || adapter->package.ends_with("rabbitmq") == rabbitmq) {
      std::erase(missing, adapter->function);
    }
  }
  std::string out;
  for (const std::string_view function : missing) {
    out += (out.empty() ? "" : ", ") + std::string(function);
  }
  return out;
}

void judge_plugins(const Spec& spec, Report& report) {
  const Coordination& coordination = *spec.coordination;
  const bool elsewhere = std::any_of(spec.env.begin(), spec.env.end(), [](const EnvVar& variable) {
    return variable.name == "APPEND_PRESET_BUILT_IN_PLUGINS";
  });
  if (coordination.plugins.empty() && !elsewhere && (may_have_several_pods(spec) || is_split(spec))) {
    report.add("NB097", "spec.coordination", "no adapter plugins are named",
               "list the packages in plugins unless the image brings them enabled");
  }
  if (coordination.plugins.empty()) {
    return;
  }
  if (const std::string missing = functions_without_plugin(coordination); !missing.empty()) {
    report.add("NB098", "spec.coordination.plugins", "none of the plugins is for " + missing,
               "add the adapter, or leave plugins out where the image brings all of them enabled");
  }
  for (std::size_t i = 0; i < coordination.plugins.size(); ++i) {
    if (coordination.plugins[i] == outdated_pubsub) {
      report.add("NB099", kube::join_path("spec.coordination.plugins", i),
                 std::string(outdated_pubsub) + " is what the plugin was called once",
                 "write @nocobase/plugin-pubsub-adapter-redis");
    }
  }
}

// What the user is called that may do everything, where nobody chose another name.
std::string_view administrator_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::mysql:
    case Dialect::mariadb:
      return "root";
    case Dialect::postgres:
      return "postgres";
    case Dialect::kingbase:
      return "system";
    case Dialect::sqlite:
      break;
  }
  return "";
}

bool is_pinned_to_one_node(const std::optional<Json>& pod_template) {
  return pod_template && (kube::find_path(*pod_template, {"spec", "nodeName"}) != nullptr ||
                          kube::find_path(*pod_template, {"spec", "nodeSelector"}) != nullptr ||
                          kube::find_path(*pod_template, {"spec", "affinity"}) != nullptr);
}

void judge_job(const std::optional<Json>& job, const std::string& path, Report& report) {
  if (!job) {
    return;
  }
  const Json* const containers = kube::find_path(*job, {"spec", "template", "spec", "containers"});
  if (containers == nullptr || !containers->is_array() || containers->empty()) {
    report.add("NB111", path, "the template has no containers", "give it spec.template.spec.containers");
  }
}

void judge_upgrade(const Spec& spec, Report& report) {
  const Upgrade upgrade = spec.upgrade.value_or(Upgrade());
  if (!upgrade.backup_job_template && spec.database.dialect != Dialect::sqlite) {
    report.add("NB112", spec.upgrade ? "spec.upgrade" : "spec", "an upgrade makes no backup of the database",
               "give upgrade.backup a jobTemplate");
  }
  judge_job(upgrade.backup_job_template, "spec.upgrade.backup.jobTemplate", report);
  judge_job(upgrade.verify_job_template, "spec.upgrade.verify.jobTemplate", report);
  if (upgrade.approved_image && upgrade.approval != Approval::manual) {
    report.add("NB113", "spec.upgrade.approvedImage", "approvedImage has no effect unless approval is Manual",
               "say approval: Manual, or leave it out");
  }
}

}  // namespace

void judge_database(const Spec& spec, Report& report) {
  const Database& database = spec.database;
  if (database.dialect == Dialect::sqlite) {
    if (const PodCount count = pod_count(spec); count.bounded > 1 || count.open > 0) {
      report.add("NB080", "spec.database.dialect",
                 count.open > 0 ? "sqlite allows one pod in all, and a role without replicas may get more"
                                : "sqlite allows one pod in all, the roles ask for " + std::to_string(count.bounded),
                 "use one role with replicas: 1, or another database");
    }
    return;
  }
  for (const auto& [field, value] :
       {std::pair("host", &database.host), std::pair("name", &database.name), std::pair("user", &database.user)}) {
    if (value->empty()) {
      report.add("NB081", "spec.database", std::string(field) + " is missing",
                 "every dialect but sqlite needs host, name and user");
    } else if (is_placeholder_text(*value, false)) {
      report.add("NB053", std::string("spec.database.") + field, in_quotes(*value) + " is a placeholder",
                 "write the value");
    }
  }
  if (is_localhost(database.host)) {
    report.add("NB056", "spec.database.host", in_quotes(database.host) + " is the pod itself",
               "name the database server, unless a sidecar forwards to it");
  }
  if (!database.password && !(database.tls && database.tls->cert)) {
    report.add("NB086", "spec.database", "there is neither a password nor a client certificate",
               "say passwordSecretRef");
  }
  if (database.user == administrator_of(database.dialect)) {
    report.add("NB087", "spec.database.user", "the application logs in as the administrator of the server",
               "make a user with rights on its database alone");
  }
  if (database.schema && database.dialect != Dialect::postgres && database.dialect != Dialect::kingbase) {
    report.add("NB085", "spec.database.schema", "schema has no effect with " + std::string(name_of(database.dialect)));
  }
  judge_connections(spec, report);
}

void judge_coordination(const Spec& spec, Report& report) {
  const bool several = may_have_several_pods(spec) || is_split(spec);
  if (!spec.coordination || (!spec.coordination->redis && !spec.coordination->rabbitmq_url)) {
    if (several) {
      report.add("NB090", spec.coordination ? "spec.coordination" : "spec.roles",
                 "several pods are asked for and nothing coordinates them",
                 "say coordination.redis, or use one role with replicas: 1 that serves everything");
    }
  }
  if (!spec.coordination) {
    return;
  }
  const Coordination& coordination = *spec.coordination;
  if (coordination.redis) {
    judge_redis(*coordination.redis, report);
  }
  if ((coordination.queue == QueueKind::rabbitmq) != coordination.rabbitmq_url.has_value()) {
    report.add("NB092", "spec.coordination", "queue: RabbitMQ and rabbitmq.urlSecretRef belong together",
               coordination.rabbitmq_url ? "say queue: RabbitMQ" : "say rabbitmq.urlSecretRef");
  }
  if (coordination.queue == QueueKind::redis && !coordination.redis) {
    report.add("NB093", "spec.coordination.queue", "the queue is Redis and there is no redis", "say redis.host");
  }
  judge_plugins(spec, report);
}

void judge_storage(const Spec& spec, Report& report) {
  const std::vector<std::string> modes = access_modes(spec);
  const bool shareable = std::find(modes.begin(), modes.end(), "ReadWriteMany") != modes.end();
  const bool known = !spec.storage || !spec.storage->existing_claim || !spec.storage->access_modes.empty();
  if (known &&
      std::all_of(modes.begin(), modes.end(), [](const std::string& mode) { return mode == "ReadOnlyMany"; })) {
    report.add("NB105", "spec.storage.accessModes", "no pod could write to the volume", "use ReadWriteMany");
    return;
  }
  if (known && !shareable && has_several_pods(spec) && !is_pinned_to_one_node(spec.pod_template)) {
    report.add("NB101", "spec.storage.accessModes", "several pods are to share a claim that attaches to one node",
               "use ReadWriteMany, or pin all pods to one node in podTemplate");
  }
  if (!spec.storage) {
    return;
  }
  const Storage& storage = *spec.storage;
  if (storage.size && kube::compare_quantities(*storage.size, "0") == 0) {
    report.add("NB100", "spec.storage.size", in_quotes(*storage.size) + " is nothing", "use a size such as 10Gi");
  }
  if (!storage.existing_claim) {
    return;
  }
  for (const auto& [field, given] : {std::pair("size", storage.size.has_value()),
                                     std::pair("storageClassName", storage.storage_class_name.has_value()),
                                     std::pair("deletionPolicy", storage.deletion_policy.has_value())}) {
    if (given) {
      report.add("NB102", std::string("spec.storage.") + field,
                 std::string(field) + " has no effect on the existing claim " + in_quotes(*storage.existing_claim));
    }
  }
}

void judge_lifecycle(const Spec& spec, Report& report) {
  judge_upgrade(spec, report);
  if (spec.upgrade && spec.upgrade->allow_downgrade) {
    report.add("NB114", "spec.upgrade.allowDowngrade", "an older image is set up without being refused",
               "take it out once the way back is through");
  }
  if (spec.maintenance && spec.stopped) {
    report.add("NB110", "spec.maintenance", "maintenance has no effect while stopped is true", "take one of them out");
  }
  if (spec.monitoring && !spec.monitoring->enabled && (spec.monitoring->pod_monitor || spec.monitoring->interval)) {
    report.add("NB113", "spec.monitoring", "nothing is monitored while enabled is not true", "say enabled: true");
  }
}

}  // namespace nocobase_operator::app
