#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

struct Case {
  std::string_view name;
  std::string pointer;
  std::string_view value;
  Codes want;
};

TEST(Decode, a_plain_cluster_is_read_whole) {
  const Decoded decoded = decode(sample());
  EXPECT_EQ(codes_of(decoded.findings), Codes());
  const Cluster& cluster = decoded.cluster;
  EXPECT_EQ(cluster.ns, "apps");
  EXPECT_EQ(cluster.name, "crm");
  EXPECT_EQ(cluster.spec.image, "nocobase/nocobase:2.2.15-full");
  ASSERT_EQ(cluster.spec.roles.size(), 2U);
  EXPECT_EQ(cluster.spec.roles[0].requests, true);
  EXPECT_EQ(cluster.spec.roles[0].replicas, 2);
  EXPECT_EQ(cluster.spec.roles[1].services, (std::vector<std::string>{"workflow:process", "async-task:process"}));
  EXPECT_EQ(cluster.spec.database.dialect, Dialect::postgres);
  EXPECT_EQ(cluster.spec.database.password, (SecretKeyRef{"pg", "password"}));
  ASSERT_TRUE(cluster.spec.coordination && cluster.spec.coordination->redis);
  EXPECT_EQ(cluster.spec.coordination->redis->host, "redis");
}

TEST(Decode, every_optional_part_arrives) {
  Json object = sample();
  object["metadata"]["generation"] = 7;
  object["metadata"]["uid"] = "6d3c";
  object["metadata"]["annotations"] = {{"a", "b"}};
  object["status"] = {{"whatever", 1}};
  object["spec"].update(parsed(R"({
    "imagePullPolicy": "Always", "imagePullSecrets": [{"name": "reg"}], "pluginServices": ["a:b"],
    "keys": {"secretRef": {"name": "k"}, "acceptedFingerprint": "f"}, "initialAdmin": {"secretRef": {"name": "adm"}},
    "setup": {"env": [{"name": "A", "value": "1"}], "envFrom": [{"secretRef": {"name": "s"}}], "timeoutSeconds": 60, "revision": "2"},
    "storage": {"size": "10Gi", "storageClassName": "", "accessModes": ["ReadWriteOnce"], "existingClaim": "c", "deletionPolicy": "Delete"},
    "service": {"type": "NodePort", "annotations": {"x": "y"}, "port": 8080},
    "ingress": {"host": "crm.example.com", "path": "/a", "className": "nginx", "annotations": {}, "tls": {"secretName": "t"}},
    "gateway": {"parentRefs": [{"name": "g"}], "hostnames": ["*.example.com"], "path": "/"},
    "env": [{"name": "TZ", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}], "envFrom": [{}], "podTemplate": {"spec": {"x": 1}},
    "progressDeadlineSeconds": 900, "maintenance": true, "stopped": true, "paused": true,
    "networkPolicy": {"enabled": true}, "monitoring": {"enabled": true, "podMonitor": true, "interval": "30s"}})"));
  const Decoded decoded = decode(object);
  EXPECT_EQ(codes_of(decoded.findings), Codes());
  const Spec& spec = decoded.cluster.spec;
  EXPECT_EQ(decoded.cluster.generation, 7);
  EXPECT_EQ(decoded.cluster.uid, "6d3c");
  EXPECT_EQ(spec.image_pull_policy, "Always");
  EXPECT_EQ(spec.image_pull_secrets, std::vector<std::string>{"reg"});
  EXPECT_EQ(spec.keys, (Keys{"k", "f"}));
  EXPECT_EQ(spec.initial_admin_secret, "adm");
  EXPECT_EQ(spec.setup->timeout_seconds, 60);
  EXPECT_EQ(spec.storage, (Storage{"10Gi", "", {"ReadWriteOnce"}, "c", DeletionPolicy::remove}));
  EXPECT_EQ(spec.service, (ServiceSpec{"NodePort", {{"x", "y"}}, 8080}));
  EXPECT_EQ(spec.ingress, (IngressSpec{"crm.example.com", "/a", "nginx", {}, IngressTls{"t"}}));
  EXPECT_EQ(spec.gateway->hostnames, std::vector<std::string>{"*.example.com"});
  EXPECT_EQ(spec.env, (std::vector<EnvVar>{{"TZ", std::nullopt, parsed(R"({"fieldRef": {"fieldPath": "a"}})")}}));
  EXPECT_EQ(spec.pod_template, parsed(R"({"spec": {"x": 1}})"));
  EXPECT_EQ(spec.progress_deadline_seconds, 900);
  EXPECT_TRUE(spec.maintenance && spec.stopped && spec.paused);
  EXPECT_EQ(spec.monitoring, (Monitoring{true, true, "30s"}));
}

TEST(Decode, what_the_schema_refuses_is_found_with_its_path) {
  const std::vector<Case> cases = {
      {"unknown field", "/spec/replicas", "3", {"NB001 spec.replicas"}},
      {"unknown field of a role", "/spec/roles/0/replica", "3", {"NB001 spec.roles[0].replica"}},
      {"unknown field beside spec", "/speck", "{}", {"NB001 speck"}},
      {"overlay that is no template",
       "/spec/podTemplate",
       R"({"containers": []})",
       {"NB001 spec.podTemplate.containers"}},
      {"text for a number", "/spec/roles/0/replicas", R"("2")", {"NB003 spec.roles[0].replicas"}},
      {"fraction", "/spec/roles/0/replicas", "1.5", {"NB003 spec.roles[0].replicas"}},
      {"number for text", "/spec/env", R"([{"name": "DB_LOGGING", "value": 5}])", {"NB003 spec.env[0].value"}},
      {"bool for text", "/spec/env", R"([{"name": "A", "value": true}])", {"NB003 spec.env[0].value"}},
      {"object for a list", "/spec/roles", "{}", {"NB003 spec.roles"}},
      {"null in a list", "/spec/roles/1/services", "[null]", {"NB003 spec.roles[1].services[0]"}},
      {"null is absent", "/spec/env", "null", {}},
      {"null annotation is absent", "/spec/service", R"({"annotations": {"a": null}})", {}},
      {"null limit is absent", "/spec/roles/0/resources", R"({"limits": {"cpu": null}})", {}},
      {"number for an annotation",
       "/spec/service",
       R"({"annotations": {"a": 1}})",
       {"NB003 spec.service.annotations.a"}},
      {"33 replicas", "/spec/roles/0/replicas", "33", {"NB004 spec.roles[0].replicas"}},
      {"negative", "/spec/roles/0/replicas", "-1", {"NB004 spec.roles[0].replicas"}},
      {"beyond 64 bits", "/spec/roles/0/replicas", "18446744073709551616", {"NB003 spec.roles[0].replicas"}},
      {"no image", "/spec/image", "", {"NB005 spec.image"}},
      {"no spec", "/spec", "", {"NB005 spec"}},
      {"no dialect", "/spec/database/dialect", "", {"NB005 spec.database.dialect"}},
      {"null roles", "/spec/roles", "null", {"NB005 spec.roles"}},
      {"dialect in capitals", "/spec/database/dialect", R"("Postgres")", {"NB006 spec.database.dialect"}},
      {"host with a port", "/spec/database/host", R"("db:5432")", {"NB007 spec.database.host"}},
      {"host with a scheme", "/spec/database/host", R"("tcp://pg")", {"NB007 spec.database.host"}},
      {"role in capitals", "/spec/roles/0/name", R"("Web")", {"NB007 spec.roles[0].name"}},
      {"long role", "/spec/roles/0/name", R"("abcdefghijabcdefghija")", {"NB008 spec.roles[0].name"}},
      {"no roles", "/spec/roles", "[]", {"NB008 spec.roles"}},
      {"role twice", "/spec/roles/1/name", R"("web")", {"NB009 spec.roles[1]"}},
      {"service twice", "/spec/roles/0/services", R"(["a", "a"])", {"NB009 spec.roles[0].services[1]"}},
      {"comma in a key", "/spec/roles/0/services", R"(["a,b"])", {"NB007 spec.roles[0].services[0]"}},
      {"blank in a key", "/spec/roles/0/services", R"([" a"])", {"NB007 spec.roles[0].services[0]"}},
      {"! as a key", "/spec/roles/0/services", R"(["!"])", {"NB007 spec.roles[0].services[0]"}},
      {"- as a key", "/spec/roles/0/services", R"(["-"])", {"NB007 spec.roles[0].services[0]"}},
      {"another kind", "/kind", R"("NocoBaseRole")", {"NB013 kind"}},
      {"name with a digit first", "/metadata/name", R"("2024-crm")", {"NB014 metadata.name"}},
      {"name with dots", "/metadata/name", R"("crm.v2.prod")", {"NB014 metadata.name"}},
      {"name of 31", "/metadata/name", R"("abcdefghijabcdefghijabcdefghija")", {"NB014 metadata.name"}},
      {"memory in lower case",
       "/spec/roles/0/resources",
       R"({"limits": {"memory": "1gi"}})",
       {"NB007 spec.roles[0].resources.limits.memory"}},
      {"fraction as a number",
       "/spec/roles/0/resources",
       R"({"requests": {"cpu": 0.5}})",
       {"NB003 spec.roles[0].resources.requests.cpu"}},
      {"percentage without a sign",
       "/spec/roles/0/disruptionBudget",
       R"({"maxUnavailable": "1"})",
       {"NB007 spec.roles[0].disruptionBudget.maxUnavailable"}},
      {"value and valueFrom", "/spec/env", R"([{"name": "A", "value": "", "valueFrom": {}}])", {"NB052 spec.env[0]"}},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(codes_of(decode(changed(sample(), row.pointer, row.value)).findings), row.want);
  }
}

TEST(Decode, anything_at_all_can_be_handed_in) {
  for (const auto* const text :
       {"null", "[]", "3", "\"a\"", "{}", R"({"spec": 3})", R"({"metadata": [], "spec": {}})"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(decode(parsed(text)).findings.empty());
  }
}

TEST(Decode, messages_say_what_is_wrong_and_what_to_write) {
  const auto findings = decode(changed(sample(), "/spec/database/dialect", R"("Postgres")")).findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].message, "\"Postgres\" is not known here");
  EXPECT_EQ(findings[0].advice, "want one of postgres, mysql, mariadb, kingbase, sqlite");
}

}  // namespace
}  // namespace nocobase_operator::app
