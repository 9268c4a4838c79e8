#include <algorithm>
#include <array>

#include "app/decode_fields.h"
#include "base/check.h"

namespace nocobase_operator::app {
namespace {

using kube::Reader;

constexpr std::array<std::string_view, 5> dialects = {"postgres", "mysql", "mariadb", "kingbase", "sqlite"};
constexpr std::array<std::string_view, 2> queues = {"Redis", "RabbitMQ"};
constexpr std::array<std::string_view, 2> deletion_policies = {"Retain", "Delete"};
constexpr std::array<std::string_view, 2> approvals = {"Automatic", "Manual"};
constexpr std::array<std::string_view, 4> access_mode_words = {"ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod",
                                                               "ReadOnlyMany"};
constexpr std::array<std::string_view, 3> service_types = {"ClusterIP", "NodePort", "LoadBalancer"};

constexpr form::Form package_name = {1, 214, form::is_package_name, "an npm package such as @nocobase/plugin-workflow"};

bool is_storage_class(std::string_view text) {
  return text.empty() || form::is_dns_subdomain(text);
}

template <class Enum, std::size_t N>
std::string_view word_of(Enum value, const std::array<std::string_view, N>& words) {
  const auto index = static_cast<std::size_t>(value);
  CHECK(index < N);
  return words[index];
}

DatabaseTls decode_tls(FieldDecoder& fields, Reader& reader) {
  DatabaseTls out;
  out.mode = fields.text(reader, "mode", {1, 32, form::is_tls_mode, "a mode such as verify-full"});
  out.ca = fields.secret_key_ref(reader, "caSecretRef");
  out.cert = fields.secret_key_ref(reader, "certSecretRef");
  out.key = fields.secret_key_ref(reader, "keySecretRef");
  out.reject_unauthorized = reader.boolean("rejectUnauthorized");
  return out;
}

RedisDatabases decode_databases(FieldDecoder& fields, Reader& reader) {
  RedisDatabases out;
  const auto number = [&](std::string_view key) { return fields.number(reader, key, 0, 1023); };
  out.cache = number("cache");
  out.pubsub = number("pubsub");
  out.lock = number("lock");
  out.queue = number("queue");
  out.worker_id = number("workerId");
  return out;
}

RedisUrls decode_urls(FieldDecoder& fields, Reader& reader) {
  RedisUrls out;
  out.cache = fields.secret_key_ref(reader, "cacheSecretRef");
  out.pubsub = fields.secret_key_ref(reader, "pubsubSecretRef");
  out.lock = fields.secret_key_ref(reader, "lockSecretRef");
  out.queue = fields.secret_key_ref(reader, "queueSecretRef");
  out.worker_id = fields.secret_key_ref(reader, "workerIdSecretRef");
  return out;
}

Redis decode_redis(FieldDecoder& fields, Reader& reader) {
  Redis out;
  out.host = fields.text(reader, "host", form::host).value_or("");
  out.port = fields.number(reader, "port", 1, 65535);
  out.tls = reader.boolean("tls").value_or(false);
  out.username = fields.text(reader, "username", {1, 128, nullptr, "a user name"});
  out.password = fields.secret_key_ref(reader, "passwordSecretRef");
  reader.nested("databases", [&](Reader& inner) { out.databases = decode_databases(fields, inner); });
  reader.nested("urls", [&](Reader& inner) { out.urls = decode_urls(fields, inner); });
  return out;
}

IngressSpec decode_ingress(FieldDecoder& fields, Reader& reader) {
  IngressSpec out;
  reader.require("host", "the public host name");
  out.host = fields.text(reader, "host", form::hostname).value_or("");
  out.path = fields.text(reader, "path", form::path);
  out.class_name = fields.text(reader, "className", form::secret_name);
  out.annotations = fields.text_map(reader, "annotations");
  reader.nested("tls", [&](Reader& tls) {
    tls.require("secretName", "the Secret with the certificate");
    out.tls.emplace().secret_name = fields.text(tls, "secretName", form::secret_name).value_or("");
  });
  return out;
}

std::optional<Json> decode_hook(FieldDecoder& fields, Reader& upgrade, std::string_view key) {
  std::optional<Json> out;
  upgrade.nested(key, [&](Reader& reader) {
    reader.require("jobTemplate", "the template of a Job");
    out = fields.object_template(reader, "jobTemplate");
  });
  return out;
}

}  // namespace

std::string_view name_of(Dialect dialect) {
  return word_of(dialect, dialects);
}
std::string_view name_of(QueueKind queue) {
  return word_of(queue, queues);
}
std::string_view name_of(DeletionPolicy policy) {
  return word_of(policy, deletion_policies);
}
std::string_view name_of(Approval approval) {
  return word_of(approval, approvals);
}

void decode_database(FieldDecoder& fields, Reader& reader, Database& out) {
  reader.require("dialect", "want one of postgres, mysql, mariadb, kingbase, sqlite");
  if (const auto dialect = fields.choice(reader, "dialect", dialects)) {
    out.dialect = static_cast<Dialect>(*dialect);
  }
  out.host = fields.text(reader, "host", form::host).value_or("");
  out.port = fields.number(reader, "port", 1, 65535);
  out.name = fields.text(reader, "name", {1, 128, nullptr, "the name of the database"}).value_or("");
  out.user = fields.text(reader, "user", {1, 128, nullptr, "the name of the user"}).value_or("");
  out.password = fields.secret_key_ref(reader, "passwordSecretRef");
  out.schema = fields.text(reader, "schema", {1, 63, form::is_schema_name, "the name of a schema"});
  out.table_prefix = fields.text(reader, "tablePrefix", {1, 32, form::is_table_prefix, "letters, digits and _"});
  out.underscored = reader.boolean("underscored");
  reader.nested("tls", [&](Reader& tls) { out.tls = decode_tls(fields, tls); });
  out.max_connections = fields.number(reader, "maxConnections", 1, 1'000'000);
}

void decode_coordination(FieldDecoder& fields, Reader& reader, Coordination& out) {
  reader.nested("redis", [&](Reader& redis) { out.redis = decode_redis(fields, redis); });
  if (const auto queue = fields.choice(reader, "queue", queues)) {
    out.queue = static_cast<QueueKind>(*queue);
  }
  reader.nested("rabbitmq", [&](Reader& rabbitmq) {
    rabbitmq.require("urlSecretRef", "the Secret key with the URL");
    out.rabbitmq_url = fields.secret_key_ref(rabbitmq, "urlSecretRef");
  });
  out.plugins = fields.set(reader, "plugins", package_name, {0, 32});
}

void decode_storage(FieldDecoder& fields, Reader& reader, Storage& out) {
  out.size = fields.text(reader, "size", {1, 64, form::is_quantity, "a quantity such as 10Gi"});
  out.storage_class_name = fields.text(reader, "storageClassName",
                                       {0, 253, is_storage_class, "the name of a StorageClass, or \"\" for none"});
  if (auto modes = reader.strings("accessModes")) {
    const std::string path = reader.path_of("accessModes");
    fields.limit(path, modes->size(), {1, 4});
    for (std::size_t i = 0; i < modes->size(); ++i) {
      const auto& mode = (*modes)[i];
      if (std::find(access_mode_words.begin(), access_mode_words.end(), mode) == access_mode_words.end()) {
        fields.report().add("NB006", kube::join_path(path, i), kube::describe(Json(mode)) + " is not known here",
                            "want ReadWriteMany, ReadWriteOnce, ReadWriteOncePod or ReadOnlyMany");
      }
    }
    fields.unique(path, *modes, "the mode");
    out.access_modes = std::move(*modes);
  }
  out.existing_claim = fields.text(reader, "existingClaim", form::secret_name);
  if (const auto policy = fields.choice(reader, "deletionPolicy", deletion_policies)) {
    out.deletion_policy = static_cast<DeletionPolicy>(*policy);
  }
}

void decode_exposure(FieldDecoder& fields, Reader& spec, Spec& out) {
  spec.nested("service", [&](Reader& reader) {
    ServiceSpec& service = out.service.emplace();
    if (const auto type = fields.choice(reader, "type", service_types)) {
      service.type = service_types[*type];
    }
    service.annotations = fields.text_map(reader, "annotations");
    service.port = fields.number(reader, "port", 1, 65535);
  });
  spec.nested("ingress", [&](Reader& reader) { out.ingress = decode_ingress(fields, reader); });
  spec.nested("gateway", [&](Reader& reader) {
    GatewaySpec& gateway = out.gateway.emplace();
    reader.require("parentRefs", "the Gateways that the route attaches to");
    gateway.parent_refs = fields.objects(reader, "parentRefs", {1, 16}).value_or(Json::array());
    gateway.hostnames = fields.set(reader, "hostnames", form::hostname, {0, 16});
    gateway.path = fields.text(reader, "path", form::path);
  });
}

void decode_upgrade(FieldDecoder& fields, Reader& reader, Upgrade& out) {
  if (const auto approval = fields.choice(reader, "approval", approvals)) {
    out.approval = static_cast<Approval>(*approval);
  }
  out.approved_image = fields.text(reader, "approvedImage", {1, 512, is_image, "an image"});
  out.backup_job_template = decode_hook(fields, reader, "backup");
  out.verify_job_template = decode_hook(fields, reader, "verify");
  out.allow_downgrade = reader.boolean("allowDowngrade").value_or(false);
  out.retry = fields.text(reader, "retry", form::any_text);
}

}  // namespace nocobase_operator::app
