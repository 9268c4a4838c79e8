#include "app/uses.h"

#include <initializer_list>
#include <tuple>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/pod.h"
#include "app/validate_parts.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

using kube::join_path;
using kube::Kind;
using Purpose = Use::Purpose;

class Collector {
 public:
  explicit Collector(const Cluster& cluster) : cluster_(cluster) {}

  [[nodiscard]] std::vector<Use> take() && { return std::move(uses_); }

  void secret_key(Purpose purpose, const std::optional<SecretKeyRef>& ref, std::string variable,
                  const std::string& path) {
    if (ref) {
      uses_.push_back({purpose, named(Kind::secret, ref->name), {ref->key}, std::move(variable), path + ".key", false});
    }
  }

  void secret(const std::string& name, std::vector<std::string> keys, std::string variable, std::string path) {
    uses_.push_back({variable.empty() ? Purpose::other : Purpose::variable, named(Kind::secret, name), std::move(keys),
                     std::move(variable), std::move(path), false});
  }

  // valueFrom of a variable; `ours` is whether the application reads it.
  void value_from(const Json& source, const std::string& variable, const std::string& path, bool ours) {
    for (const auto& [kind, member] :
         {std::pair(Kind::secret, "secretKeyRef"), std::pair(Kind::config_map, "configMapKeyRef")}) {
      const Json* const ref = kube::find(source, member);
      if (ref != nullptr && !kube::string_at(*ref, {"key"}).empty()) {
        uses_.push_back({ours ? Purpose::variable : Purpose::other,
                         named(kind, kube::string_at(*ref, {"name"})),
                         {kube::string_at(*ref, {"key"})},
                         variable,
                         path + "." + member + ".key",
                         is_optional(*ref)});
      }
    }
  }

  void env(const std::vector<EnvVar>& list, const std::string& path) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].value_from) {
        value_from(*list[i].value_from, list[i].name, join_path(path, i) + ".valueFrom", true);
      }
    }
  }

  void env_from(const Json* list, const std::string& path, bool ours) {
    each(list, path, [&](const Json& item, const std::string& at) {
      for (const auto& [kind, member] :
           {std::pair(Kind::secret, "secretRef"), std::pair(Kind::config_map, "configMapRef")}) {
        if (const Json* const ref = kube::find(item, member)) {
          uses_.push_back({ours ? Purpose::all_variables : Purpose::other,
                           named(kind, kube::string_at(*ref, {"name"})),
                           {},
                           kube::string_at(item, {"prefix"}),
                           at + "." + member,
                           is_optional(*ref)});
        }
      }
    });
  }

  void pod_spec(const Json* spec, const std::string& path, bool ours) {
    if (spec == nullptr) {
      return;
    }
    for (const char* const list : {"containers", "initContainers"}) {
      each(kube::find(*spec, list), path + "." + list, [&](const Json& container, const std::string& at) {
        const bool application = ours && kube::string_at(container, {"name"}) == container_name;
        each(kube::find(container, "env"), at + ".env", [&](const Json& item, const std::string& where) {
          if (const Json* const source = kube::find(item, "valueFrom")) {
            value_from(*source, kube::string_at(item, {"name"}), where + ".valueFrom", application);
          }
        });
        env_from(kube::find(container, "envFrom"), at + ".envFrom", application);
      });
    }
    each(kube::find(*spec, "volumes"), path + ".volumes", [&](const Json& item, const std::string& at) {
      files(kube::find(item, "secret"), Kind::secret, "secretName", at + ".secret");
      files(kube::find(item, "configMap"), Kind::config_map, "name", at + ".configMap");
      each(kube::find_path(item, {"projected", "sources"}), at + ".projected.sources",
           [&](const Json& source, const std::string& where) {
             files(kube::find(source, "secret"), Kind::secret, "name", where + ".secret");
             files(kube::find(source, "configMap"), Kind::config_map, "name", where + ".configMap");
           });
    });
  }

 private:
  [[nodiscard]] kube::Ref named(Kind kind, const std::string& name) const { return {kind, cluster_.ns, name}; }

  static bool is_optional(const Json& ref) {
    const Json* const optional = kube::find(ref, "optional");
    return optional != nullptr && *optional == true;
  }

  static void each(const Json* list, const std::string& path, const auto& visit) {
    if (list == nullptr || !list->is_array()) {
      return;
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
      visit((*list)[i], join_path(path, i));
    }
  }

  // The entries that a volume names one by one.
  void files(const Json* source, Kind kind, const char* name, const std::string& path) {
    if (source == nullptr) {
      return;
    }
    each(kube::find(*source, "items"), path + ".items", [&](const Json& item, const std::string& at) {
      if (const std::string key = kube::string_at(item, {"key"}); !key.empty()) {
        uses_.push_back({Purpose::other,
                         named(kind, kube::string_at(*source, {name})),
                         {key},
                         "",
                         at + ".key",
                         is_optional(*source)});
      }
    });
  }

  const Cluster& cluster_;
  std::vector<Use> uses_;
};

void collect_servers(const Spec& spec, Collector& out) {
  out.secret_key(Purpose::variable, spec.database.password, "DB_PASSWORD", "spec.database.passwordSecretRef");
  if (spec.database.tls) {
    out.secret_key(Purpose::other, spec.database.tls->ca, "", "spec.database.tls.caSecretRef");
    out.secret_key(Purpose::other, spec.database.tls->cert, "", "spec.database.tls.certSecretRef");
    out.secret_key(Purpose::other, spec.database.tls->key, "", "spec.database.tls.keySecretRef");
  }
  if (!spec.coordination) {
    return;
  }
  const std::string path = "spec.coordination.";
  if (spec.coordination->redis) {
    out.secret_key(Purpose::redis_password, spec.coordination->redis->password, std::string(redis_password_variable),
                   path + "redis.passwordSecretRef");
    const RedisUrls urls = spec.coordination->redis->urls.value_or(RedisUrls());
    for (const auto& [ref, name, variable] : {std::tuple(&urls.cache, "cache", "CACHE_REDIS_URL"),
                                              std::tuple(&urls.pubsub, "pubsub", "PUBSUB_ADAPTER_REDIS_URL"),
                                              std::tuple(&urls.lock, "lock", "LOCK_ADAPTER_REDIS_URL"),
                                              std::tuple(&urls.queue, "queue", "QUEUE_ADAPTER_REDIS_URL"),
                                              std::tuple(&urls.worker_id, "workerId", "REDIS_URL")}) {
      out.secret_key(Purpose::variable, *ref, variable, path + "redis.urls." + name + "SecretRef");
    }
  }
  out.secret_key(Purpose::variable, spec.coordination->rabbitmq_url, "QUEUE_ADAPTER_RABBITMQ_URL",
                 path + "rabbitmq.urlSecretRef");
}

// Secrets that are named as a whole.
void collect_secrets(const Cluster& cluster, Collector& out) {
  const Spec& spec = cluster.spec;
  const char* const keys = spec.keys && spec.keys->secret ? "spec.keys.secretRef.name" : "spec";
  for (const std::string_view key : {key_app, key_aes}) {
    out.secret(keys_secret_name(cluster), {std::string(key)}, std::string(key), keys);
  }
  if (spec.initial_admin_secret) {
    for (const std::string_view key : {key_admin_email, key_admin_password}) {
      out.secret(*spec.initial_admin_secret, {std::string(key)}, std::string(key), "spec.initialAdmin.secretRef.name");
    }
  }
  for (std::size_t i = 0; i < spec.image_pull_secrets.size(); ++i) {
    out.secret(spec.image_pull_secrets[i], {".dockerconfigjson", ".dockercfg"}, "",
               join_path("spec.imagePullSecrets", i) + ".name");
  }
  if (spec.ingress && spec.ingress->tls) {
    for (const char* const key : {"tls.crt", "tls.key"}) {
      out.secret(spec.ingress->tls->secret_name, {key}, "", "spec.ingress.tls.secretName");
    }
  }
}

const Json* pointer_to(const std::optional<Json>& value) {
  return value ? &*value : nullptr;
}

const Json* member_of(const std::optional<Json>& value, std::initializer_list<std::string_view> path) {
  return value ? kube::find_path(*value, path) : nullptr;
}

}  // namespace

std::vector<Use> uses_of(const Cluster& cluster) {
  const Spec& spec = cluster.spec;
  Collector out(cluster);
  collect_secrets(cluster, out);
  collect_servers(spec, out);
  out.env(spec.env, "spec.env");
  out.env_from(pointer_to(spec.env_from), "spec.envFrom", true);
  out.pod_spec(member_of(spec.pod_template, {"spec"}), "spec.podTemplate.spec", true);
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    out.env(spec.roles[i].env, role_path(i) + ".env");
    out.pod_spec(member_of(spec.roles[i].pod_template, {"spec"}), role_path(i) + ".podTemplate.spec", true);
  }
  if (spec.setup) {
    out.env(spec.setup->env, "spec.setup.env");
    out.env_from(pointer_to(spec.setup->env_from), "spec.setup.envFrom", true);
  }
  if (spec.upgrade) {
    out.pod_spec(member_of(spec.upgrade->backup_job_template, {"spec", "template", "spec"}),
                 "spec.upgrade.backup.jobTemplate.spec.template.spec", false);
    out.pod_spec(member_of(spec.upgrade->verify_job_template, {"spec", "template", "spec"}),
                 "spec.upgrade.verify.jobTemplate.spec.template.spec", false);
  }
  return std::move(out).take();
}

}  // namespace nocobase_operator::app
