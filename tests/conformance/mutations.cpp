#include "mutations.h"

#include "base/check.h"

namespace nocobase_operator::conformance {
namespace {

using kube::Json;

Json parsed(const char* text) {
  Json value = Json::parse(text, nullptr, false);
  CHECK(!value.is_discarded());
  return value;
}

// Values of the wrong type, whatever the right one is.
std::vector<Json> other_types() {
  return {nullptr,
          true,
          1,
          1.5,
          "a",
          "",
          Json::array(),
          Json::object(),
          Json::array({nullptr}),
          Json::array({1}),
          Json::array({Json::object()}),
          Json{{"a", "b"}},
          Json{{"a", 1}},
          Json{{"a", nullptr}},
          Json{{"name", "a"}}};
}

// Whole numbers are never written with a fraction: kubectl sends 3.0 as 3, and only a hand-made request could differ.
std::vector<Json> numbers() {
  return {-1,   0,    2,     15,    16,    32,    33,    29,    30,      59,      60,         100,
          1023, 1024, 10000, 10001, 65535, 65536, 86400, 86401, 1000000, 1000001, 2147483647, 2147483648};
}

// Of every form that some field asks for, and of every length that is a limit somewhere.
std::vector<Json> texts() {
  std::vector<Json> out;
  for (const char* const text : {" ",           "A",
                                 "1",           "-1",
                                 "a-b",         "-a",
                                 "a-",          "a.b",
                                 "a..b",        "a_b",
                                 "a b",         "a/b",
                                 "/a",          "/a b",
                                 "a:b",         "a:1",
                                 "::1",         "a,b",
                                 "*",           "*.a",
                                 "!",           "-",
                                 "a\n",         "\xE6\x97\xA5",
                                 "10Gi",        "1gi",
                                 "+1",          "1e3",
                                 "0.5",         "50%",
                                 "50.5%",       "30s",
                                 "1d",          "1m30s",
                                 "@a/b",        "@a",
                                 "Always",      "Retain",
                                 "Redis",       "Manual",
                                 "ClusterIP",   "ReadWriteOnce",
                                 "sqlite",      "Postgres",
                                 "a:2.2.15",    "a@sha256:0123456789abcdef0123456789abcdef",
                                 "a@sha256:12", "localhost:5000/a/b:c",
                                 "A/b",         "a//b",
                                 "verify-full", "tcp://a",
                                 "db:5432",     "10.0.0.1",
                                 "WORKER_MODE", "DB_HOST",
                                 "setup"}) {
    out.emplace_back(text);
  }
  for (const std::size_t size : {16U,  17U,  20U,  21U,  32U,  33U,  63U,  64U,  65U,    128U,  129U,
                                 214U, 215U, 253U, 254U, 256U, 257U, 512U, 513U, 32768U, 32769U}) {
    out.emplace_back(std::string(size, 'a'));
  }
  for (const std::size_t size : {1023U, 1024U}) {
    out.emplace_back("/" + std::string(size, 'a'));
  }
  for (const std::size_t size : {64U, 65U}) {
    out.emplace_back(std::string(size, '1'));
  }
  return out;
}

// What is worth trying where `value` stands. References to Secrets are alike: the first of a kind stands for the rest.
std::vector<Json> values_for(const Json& value, const std::string& pointer) {
  std::vector<Json> out = other_types();
  const bool repeated =
      pointer.find("SecretRef/") != std::string::npos && pointer.find("passwordSecretRef") == std::string::npos;
  const auto append = [&out](const std::vector<Json>& more) { out.insert(out.end(), more.begin(), more.end()); };
  const bool either = pointer.ends_with("/cpu") || pointer.ends_with("/memory") || pointer.ends_with("Available") ||
                      pointer.ends_with("Unavailable");
  if (value.is_number() || either) {
    append(numbers());
  }
  if (value.is_string() || either) {
    append(repeated ? std::vector<Json>{"A", "a b", "a/b", std::string(253, 'a'), std::string(254, 'a')} : texts());
  }
  return out;
}

bool is_handed_on(const std::string& pointer) {
  for (const char* const part : {"/valueFrom", "/metadata", "/behavior", "/parentRefs/0", "/claims/0", "/metrics/0",
                                 "/envFrom/0", "/podTemplate/spec", "/jobTemplate/spec", "/authenticationRef"}) {
    if (pointer.find(std::string(part) + "/") != std::string::npos) {
      return true;
    }
  }
  return false;
}

void walk(const Json& value, const std::string& pointer, std::vector<Mutation>& out) {
  if (is_handed_on(pointer)) {
    return;
  }
  for (const Json& other : values_for(value, pointer)) {
    out.push_back({pointer, other});
  }
  out.push_back({pointer, nullptr, true});
  if (value.is_object()) {
    out.push_back({pointer + "/zzUnknown", 1});
    for (const auto& [name, member] : value.items()) {
      std::string escaped;
      for (const char c : name) {
        escaped += c == '/' ? "~1" : c == '~' ? "~0" : std::string(1, c);
      }
      walk(member, pointer + "/" + escaped, out);
    }
  }
  if (value.is_array()) {
    for (const std::size_t count : {16U, 17U, 32U, 33U, 64U, 65U, 100U, 101U}) {
      Json many = Json::array();
      for (std::size_t i = 0; i < count; ++i) {
        Json item = value.empty() ? Json("a") : value[0];
        if (item.is_string()) {
          item = "a" + std::to_string(i);
        } else if (item.is_object() && item.contains("name")) {
          item["name"] = "a" + std::to_string(i);
          item.erase("replicas");
        }
        many.push_back(std::move(item));
      }
      out.push_back({pointer, std::move(many)});
    }
    if (!value.empty()) {
      walk(value[0], pointer + "/0", out);
    }
  }
}

}  // namespace

std::string to_string(const Mutation& mutation) {
  std::string text = kube::dump(mutation.value);
  if (text.size() > 160) {
    text = text.substr(0, 80) + "... (" + std::to_string(text.size()) + " bytes)";
  }
  return mutation.pointer + (mutation.remove ? " taken out" : " = " + text);
}

void apply(Json& object, const Mutation& mutation) {
  const Json::json_pointer where(mutation.pointer);
  const auto parent = where.parent_pointer();
  if (!object.contains(parent)) {
    return;
  }
  Json& place = object[parent];
  if (place.is_array()) {
    const std::size_t index = std::stoul(where.back());
    if (index >= place.size()) {
      return;
    }
    if (mutation.remove) {
      place.erase(index);
    } else {
      place[index] = mutation.value;
    }
  } else if (place.is_object()) {
    if (mutation.remove) {
      place.erase(where.back());
    } else {
      place[where.back()] = mutation.value;
    }
  }
}

Json full_object() {
  return parsed(R"({
    "apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster", "metadata": {"name": "crm"},
    "spec": {
      "image": "nocobase/nocobase:2.2.15-full", "imagePullPolicy": "Always", "imagePullSecrets": [{"name": "reg"}],
      "roles": [
        {"name": "work", "requests": false, "services": ["workflow:process"],
         "autoscaling": {"minReplicas": 1, "maxReplicas": 3, "cpu": 80, "memory": 80, "backlog": {"target": 5}, "metrics": [],
           "behavior": {}, "triggers": [{"type": "cron", "authenticationRef": {"name": "a", "kind": "TriggerAuthentication"}}]},
         "resources": {"requests": {"cpu": "500m", "memory": 1}, "limits": {"cpu": 1}, "claims": [{"name": "a"}]},
         "env": [{"name": "A", "value": "1"}], "podTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}},
         "terminationGracePeriodSeconds": 600, "disruptionBudget": {"minAvailable": 1}},
        {"name": "web", "requests": true, "replicas": 2, "disruptionBudget": {"maxUnavailable": "50%"},
         "autoscaling": null, "env": [{"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}
      ],
      "pluginServices": ["a:b"],
      "database": {"dialect": "postgres", "host": "pg-rw", "port": 5432, "name": "nocobase", "user": "nocobase",
        "passwordSecretRef": {"name": "pg", "key": "password"}, "schema": "public", "tablePrefix": "a_", "underscored": true,
        "tls": {"mode": "verify-full", "caSecretRef": {"name": "a", "key": "b"}, "certSecretRef": {"name": "a", "key": "b"},
          "keySecretRef": {"name": "a", "key": "b"}, "rejectUnauthorized": true}, "maxConnections": 100},
      "coordination": {"redis": {"host": "redis", "port": 6379, "tls": true, "username": "u",
          "passwordSecretRef": {"name": "a", "key": "b"},
          "databases": {"cache": 0, "pubsub": 1, "lock": 2, "queue": 3, "workerId": 4},
          "urls": {"cacheSecretRef": {"name": "a", "key": "b"}, "pubsubSecretRef": {"name": "a", "key": "b"},
            "lockSecretRef": {"name": "a", "key": "b"}, "queueSecretRef": {"name": "a", "key": "b"},
            "workerIdSecretRef": {"name": "a", "key": "b"}}},
        "queue": "RabbitMQ", "rabbitmq": {"urlSecretRef": {"name": "a", "key": "b"}}, "plugins": ["@a/b"]},
      "keys": {"secretRef": {"name": "k"}, "acceptedFingerprint": "f"}, "initialAdmin": {"secretRef": {"name": "adm"}},
      "setup": {"env": [{"name": "C", "value": "1"}], "envFrom": [{"secretRef": {"name": "s"}}], "timeoutSeconds": 60,
        "revision": "2"},
      "storage": {"size": "10Gi", "storageClassName": "nfs", "accessModes": ["ReadWriteMany"], "existingClaim": "c",
        "deletionPolicy": "Delete"},
      "service": {"type": "NodePort", "annotations": {"x": "y"}, "port": 8080},
      "ingress": {"host": "crm.example.com", "path": "/a", "className": "nginx", "annotations": {"x": "y"},
        "tls": {"secretName": "t"}},
      "gateway": {"parentRefs": [{"name": "g"}], "hostnames": ["*.example.com"], "path": "/"},
      "env": [{"name": "TZ", "value": "UTC"}], "envFrom": [{"configMapRef": {"name": "c"}}],
      "podTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}},
      "upgrade": {"approval": "Manual", "approvedImage": "a:1.2.3",
        "backup": {"jobTemplate": {"metadata": {}, "spec": {"x": 1}}}, "verify": {"jobTemplate": {"spec": {"x": 1}}},
        "allowDowngrade": true, "retry": "1"},
      "progressDeadlineSeconds": 900, "maintenance": false, "stopped": false, "paused": true,
      "networkPolicy": {"enabled": true}, "monitoring": {"enabled": true, "podMonitor": true, "interval": "30s"}
    }})");
}

Json small_object() {
  return parsed(R"({
    "apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster", "metadata": {"name": "small"},
    "spec": {"image": "a:2.2.15", "roles": [{"name": "web", "requests": true, "replicas": 1}],
             "database": {"dialect": "postgres", "host": "a", "name": "b", "user": "c"}}})");
}

std::vector<Mutation> single_mutations(const Json& object) {
  std::vector<Mutation> out;
  walk(object["spec"], "/spec", out);
  for (const char* const name :
       {"crm", "2024-crm", "crm.v2", "crm-", "abcdefghijabcdefghijabcdefghij", "abcdefghijabcdefghijabcdefghija"}) {
    out.push_back({"/metadata/name", name});
  }
  out.push_back({"/speck", Json::object()});
  out.push_back({"/status", {{"phase", "Running"}}});
  return out;
}

std::vector<Mutation> rule_mutations() {
  std::vector<Mutation> out;
  const auto add = [&out](const char* pointer, std::initializer_list<const char*> texts) {
    for (const char* const text : texts) {
      out.push_back({pointer, parsed(text)});
    }
    out.push_back({pointer, nullptr, true});
  };
  add("/spec/roles",
      {R"([{"name": "a", "requests": true, "replicas": 32}])", R"([{"name": "a", "requests": true, "replicas": 0}])",
       R"([{"name": "a", "requests": true, "replicas": 32}, {"name": "b", "requests": true, "replicas": 1}])",
       R"([{"name": "a", "requests": true, "replicas": 31}, {"name": "b", "requests": true,
            "autoscaling": {"maxReplicas": 2, "cpu": 80}}])",
       R"([{"name": "a", "requests": true, "replicas": 32}, {"name": "b", "requests": true}])",
       R"([{"name": "a", "requests": true}])", R"([{"name": "a"}])",
       R"([{"name": "a", "requests": false, "services": []}])", R"([{"name": "a", "services": ["*"], "replicas": 1}])",
       R"([{"name": "a", "services": ["*", "b"]}])",
       R"([{"name": "a", "requests": true, "replicas": 1}, {"name": "a", "requests": true, "replicas": 1}])",
       R"([{"name": "a", "requests": true, "replicas": 1}, {"name": "b", "requests": true, "replicas": 0}])"});
  add("/spec/roles/0/replicas", {"0", "1", "2", "32"});
  add("/spec/roles/0/name", {R"("keys")", R"("storage")", R"("record")", R"("pull")", R"("verify")", R"("setups")"});
  add("/spec/roles/0/services", {R"(["*"])", R"(["*", "a"])", R"(["a", "b"])", R"(["a", "a"])", "[]"});
  add("/spec/roles/0/requests", {"true", "false"});
  add("/spec/roles/0/autoscaling",
      {R"({"maxReplicas": 1})", R"({"maxReplicas": 1, "metrics": []})", R"({"maxReplicas": 1, "triggers": []})",
       R"({"maxReplicas": 3, "cpu": 1})", R"({"minReplicas": 3, "maxReplicas": 3, "memory": 1})",
       R"({"minReplicas": 4, "maxReplicas": 3, "cpu": 1})",
       R"({"maxReplicas": 3, "metrics": [{}], "backlog": {"target": 1}})",
       R"({"maxReplicas": 3, "metrics": [{}], "triggers": [{}]})", R"({"maxReplicas": 3, "metrics": [{}], "cpu": 1})",
       R"({"maxReplicas": 3, "triggers": [{"authenticationRef": {"kind": "ClusterTriggerAuthentication"}}]})",
       R"({"maxReplicas": 3, "triggers": [{"authenticationRef": {"kind": "TriggerAuthentication", "x": 1}}]})",
       R"({"maxReplicas": 3, "triggers": [{"authenticationRef": {"kind": null}}]})",
       R"({"maxReplicas": 3, "triggers": [{"authenticationRef": {"kind": 3}}]})",
       R"({"maxReplicas": 3, "triggers": [{"authenticationRef": 3}]})"});
  add("/spec/roles/0/disruptionBudget",
      {R"({"minAvailable": 1, "maxUnavailable": 1})", R"({"minAvailable": "1"})", R"({"maxUnavailable": "0%"})", "{}"});
  add("/spec/database/dialect", {R"("sqlite")", R"("mysql")", R"("kingbase")"});
  add("/spec/database",
      {R"({"dialect": "sqlite"})", R"({"dialect": "mysql"})", R"({"dialect": "mysql", "host": "a", "name": "b"})"});
  add("/spec/coordination",
      {"{}", R"({"redis": {}})", R"({"redis": {"urls": {}}})", R"({"redis": {"host": "a"}})", R"({"queue": "Redis"})",
       R"({"queue": "RabbitMQ"})", R"({"queue": "RabbitMQ", "rabbitmq": {"urlSecretRef": {"name": "a", "key": "b"}}})",
       R"({"rabbitmq": {"urlSecretRef": {"name": "a", "key": "b"}}})", R"({"queue": "Redis", "redis": {"host": "a"}})",
       R"({"queue": "Redis", "redis": {"host": "a"}, "rabbitmq": {"urlSecretRef": {"name": "a", "key": "b"}}})"});
  for (const char* const place : {"/spec/env", "/spec/roles/0/env"}) {
    add(place,
        {R"([{"name": "WORKER_MODE", "value": "!"}])", R"([{"name": "SOCKET_PATH"}])",
         R"([{"name": "worker_mode", "value": "!"}])", R"([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])",
         R"([{"name": "A", "value": "", "valueFrom": {}}])", R"([{"name": "A", "value": null, "valueFrom": {}}])",
         R"([{"name": "A"}])", R"([{"value": "1"}])", R"([{"name": "DB_LOGGING", "value": true}])",
         R"([{"name": "LOGGER_LEVEL", "value": "info"}])"});
  }
  add("/spec/setup", {R"({"env": [{"name": "APP_KEY", "value": "1"}]})", "{}"});
  add("/spec/service/annotations", {R"({"a": null})", R"({"a": ""})", R"({"a": 1})", "{}"});
  return out;
}

std::vector<Mutation> transition_mutations() {
  std::vector<Mutation> out;
  const auto add = [&out](const char* pointer, std::initializer_list<const char*> texts) {
    for (const char* const text : texts) {
      out.push_back({pointer, parsed(text)});
    }
    out.push_back({pointer, nullptr, true});
  };
  add("/spec/storage",
      {"{}", R"({"size": "10Gi"})", R"({"size": "10240Mi"})", R"({"size": "20Gi"})", R"({"size": "9Gi"})",
       R"({"size": "1e10"})", R"({"storageClassName": "nfs"})", R"({"storageClassName": ""})",
       R"({"accessModes": ["ReadWriteMany"]})", R"({"accessModes": ["ReadWriteOnce"]})",
       R"({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]})",
       R"({"accessModes": ["ReadWriteMany", "ReadWriteOnce"]})", R"({"existingClaim": "c"})",
       R"({"deletionPolicy": "Delete"})"});
  add("/spec/database/dialect", {R"("mysql")", R"("postgres")"});
  add("/spec/database/host", {R"("other")"});
  add("/spec/database/schema", {R"("public")", R"("other")"});
  add("/spec/database/tablePrefix", {R"("a_")", R"("b_")"});
  add("/spec/database/underscored", {"true", "false"});
  add("/spec/image", {R"("a:1.0.0")"});
  add("/spec/roles/0/name", {R"("other")"});
  return out;
}

}  // namespace nocobase_operator::conformance
