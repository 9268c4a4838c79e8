// Clusters beside the Secrets and ConfigMaps they take from: what is missing, what is unusable, and that no value of a
// Secret is told.
#include "app/validate_given.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/url_lint.h"
#include "app/validate.h"
#include "io/yaml.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

std::vector<Placed> placed_in(const std::string& text) {
  Given given;
  std::vector<Referrer> referrers;
  const auto read = io::read_documents(text, "in.yaml", {}, [&](const kube::SourceDocument& document) {
    if (kube::string_at(document.value, {"kind"}) != "NocoBaseCluster") {
      if (auto found = given_in(document)) {
        given.add(std::move(*found));
      }
      return;
    }
    const Inspected inspected = inspect(document, nullptr);
    EXPECT_TRUE(inspected.cluster.has_value());
    for (const kube::Finding& finding : inspected.findings) {
      EXPECT_NE(finding.severity, kube::Severity::error) << finding.code << " " << finding.path << finding.message;
    }
    if (inspected.cluster) {
      referrers.push_back(referrer_of(document, *inspected.cluster));
    }
  });
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().what);
  std::vector<Placed> out;
  for (const Referrer& referrer : referrers) {
    for (Placed& placed : judge_given(referrer, given)) {
      out.push_back(std::move(placed));
    }
  }
  return out;
}

// "3 NB130 spec.database.passwordSecretRef.key" with the line for each.
Codes codes_in(const std::string& text) {
  Codes out;
  for (const Placed& placed : placed_in(text)) {
    out.push_back(std::to_string(placed.mark.line) + " " + placed.finding.code + " " + placed.finding.path);
  }
  return out;
}

// A cluster of eight lines with more of its spec after them.
std::string cluster(const std::string& spec, const std::string& database = "") {
  return R"(apiVersion: nocobase.com/v1alpha1
kind: NocoBaseCluster
metadata: {name: crm, namespace: apps}
spec:
  image: nocobase/nocobase:2.2.15-full
  roles: [{name: all, requests: true, services: ["*"], replicas: 1}]
  database: {dialect: postgres, host: pg, name: a, user: b, passwordSecretRef: {name: pg, key: password})" +
         database + "}\n" + spec;
}

std::string object(const std::string& kind, const std::string& name, const std::string& data) {
  return "---\napiVersion: v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: apps}\n" + data;
}

std::string secret(const std::string& name, const std::string& entries) {
  return object("Secret", name, "stringData: {" + entries + "}\n");
}

TEST(Given, each_reference_wants_its_key) {
  struct Case {
    std::string spec;
    Codes want;
    std::string database = "";
  };
  const Case cases[] = {
      {"  keys: {secretRef: {name: s}}\n", {"8 NB130 spec.keys.secretRef.name", "8 NB130 spec.keys.secretRef.name"}},
      {"  initialAdmin: {secretRef: {name: s}}\n",
       {"8 NB130 spec.initialAdmin.secretRef.name", "8 NB130 spec.initialAdmin.secretRef.name"}},
      {"  imagePullSecrets:\n    - name: s\n", {"9 NB130 spec.imagePullSecrets[0].name"}},
      {"  ingress:\n    host: a.b\n    tls:\n      secretName: s\n",
       {"11 NB130 spec.ingress.tls.secretName", "11 NB130 spec.ingress.tls.secretName"}},
      {"",
       {"7 NB130 spec.database.tls.caSecretRef.key", "7 NB130 spec.database.tls.certSecretRef.key",
        "7 NB130 spec.database.tls.keySecretRef.key"},
       ", tls: {caSecretRef: {name: s, key: ca}, certSecretRef: {name: s, key: crt}, keySecretRef: {name: s, key: k}}"},
      {"  coordination:\n    redis:\n      host: r\n      passwordSecretRef: {name: s, key: p}\n",
       {"11 NB130 spec.coordination.redis.passwordSecretRef.key"}},
      {"  coordination:\n    redis:\n      urls:\n        cacheSecretRef: {name: s, key: a}\n        lockSecretRef:\n"
       "          name: s\n          key: b\n",
       {"11 NB130 spec.coordination.redis.urls.cacheSecretRef.key",
        "14 NB130 spec.coordination.redis.urls.lockSecretRef.key"}},
      {"  coordination:\n    queue: RabbitMQ\n    rabbitmq: {urlSecretRef: {name: s, key: u}}\n",
       {"10 NB130 spec.coordination.rabbitmq.urlSecretRef.key"}},
      {"  env:\n    - {name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}\n"
       "    - {name: B, valueFrom: {configMapKeyRef: {name: c, key: b}}}\n"
       "    - {name: C, valueFrom: {secretKeyRef: {name: s, key: a, optional: true}}}\n"
       "    - {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n",
       {"9 NB130 spec.env[0].valueFrom.secretKeyRef.key", "10 NB130 spec.env[1].valueFrom.configMapKeyRef.key"}},
      {"  setup:\n    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}]\n",
       {"9 NB130 spec.setup.env[0].valueFrom.secretKeyRef.key"}},
      {"  podTemplate:\n    spec:\n      initContainers:\n        - name: wait\n          env:\n"
       "            - {name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}\n      volumes:\n"
       "        - {name: v, secret: {secretName: s, items: [{key: x, path: x}]}}\n"
       "        - {name: w, projected: {sources: [{configMap: {name: c, items: [{key: b, path: b}]}}]}}\n"
       "        - {name: u, configMap: {name: c, optional: true, items: [{key: z, path: z}]}}\n",
       {"13 NB130 spec.podTemplate.spec.initContainers[0].env[0].valueFrom.secretKeyRef.key",
        "15 NB130 spec.podTemplate.spec.volumes[0].secret.items[0].key",
        "16 NB130 spec.podTemplate.spec.volumes[1].projected.sources[0].configMap.items[0].key"}},
      {"  upgrade:\n    backup:\n      jobTemplate: {spec: {template: {spec: {containers: [{name: d, env:\n"
       "        [{name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}]}]}}}}\n",
       {"11 NB130 spec.upgrade.backup.jobTemplate.spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef."
        "key"}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.spec);
    const std::string alone = cluster(one.spec, one.database);
    EXPECT_EQ(codes_in(alone), Codes()) << "an absent object is no finding";
    EXPECT_EQ(codes_in(alone + secret("s", "other: x") + object("ConfigMap", "c", "data: {other: x}\n")), one.want);
  }
}

TEST(Given, a_missing_key_is_told_with_those_that_are_there) {
  const std::vector<Placed> found =
      placed_in(cluster("") + secret("pg", "user: a, passwd: b, c: x, d: x, e: x, f: x, g: x"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding.message, "Secret apps/pg has no key \"password\"; it has c, d, e, f, g and 2 more");
  EXPECT_EQ(found[0].file, "in.yaml");
  EXPECT_EQ(placed_in(cluster("") + object("Secret", "pg", "data:\n"))[0].finding.message,
            "Secret apps/pg has no key \"password\"; it is empty");
}

TEST(Given, only_the_object_of_that_kind_name_and_namespace_counts) {
  EXPECT_EQ(codes_in(cluster("") + object("ConfigMap", "pg", "data: {a: b}\n")), Codes());
  EXPECT_EQ(codes_in(cluster("") + secret("pg2", "a: b")), Codes());
  EXPECT_EQ(codes_in(cluster("") + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: pg}\nstringData: {a: b}\n"),
            Codes());
  EXPECT_EQ(codes_in(cluster("") + "---\napiVersion: acme.io/v1\nkind: Secret\n"
                                   "metadata: {name: pg, namespace: apps}\nstringData: {a: b}\n"),
            Codes());
  EXPECT_EQ(codes_in(cluster("") + secret("pg", "a: b") + secret("pg", "password: b")), Codes())
      << "of two overlays one has it";
}

TEST(Given, values_of_secrets_are_judged_where_they_stand) {
  struct Case {
    std::string name;
    std::string value;  // as YAML
    Codes want;
  };
  const std::string key = "0123456789abcdef0123456789abcdef";
  const Case cases[] = {
      {"APP_KEY", "\"\"", {"NB131"}},
      {"APP_KEY", "your-secret-key", {"NB131"}},
      {"APP_KEY", "test-key", {"NB131"}},
      {"APP_KEY", "test-jwt-secret", {"NB131"}},
      {"APP_KEY", key.substr(1), {"NB136"}},
      {"APP_KEY", key, {}},
      {"APP_KEY", "\"" + key + "\\n\"", {"NB131"}},
      {"APP_KEY", "\"" + key + "\\r\"", {"NB131"}},
      {"APP_KEY", "\"" + key + "\\n" + key + "\\n\"", {"NB131"}},
      {"APP_KEY", "\"your-secret-key\\r\\n\"", {"NB131"}},
      {"APP_AES_SECRET_KEY", key + key, {}},
      {"APP_AES_SECRET_KEY", "\"0123456789ABCDEF" + key + "0123456789ABCDEF\"", {}},
      {"APP_AES_SECRET_KEY", "\"" + key + key.substr(1) + "\"", {"NB133"}},
      {"APP_AES_SECRET_KEY", "\"" + key + key + "\\n\"", {"NB133"}},
      {"APP_AES_SECRET_KEY", "\"0x" + key + key.substr(2) + "\"", {"NB133"}},
      {"APP_AES_SECRET_KEY", "3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", {"NB133"}},
      {"INIT_ROOT_PASSWORD", "admin123", {"NB137"}},
      {"INIT_ROOT_PASSWORD", "\"admin123\\n\"", {"NB132", "NB137"}},
      {"INIT_ROOT_PASSWORD", "changeme", {"NB053"}},
      {"INIT_ROOT_PASSWORD", "4tWq9mZr", {}},
      {"INIT_ROOT_PASSWORD", "5", {"NB135"}},
      {"INIT_ROOT_PASSWORD", "ENC[AES256_GCM]", {}},
      {"INIT_ROOT_PASSWORD", "\"<path:kv/data/crm#password>\"", {}},
      {"INIT_ROOT_PASSWORD", "${ADMIN_PASSWORD}", {}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name + ": " + one.value);
    const std::string rest = one.name == "APP_KEY"              ? "APP_AES_SECRET_KEY: \"" + key + key + "\""
                             : one.name == "APP_AES_SECRET_KEY" ? "APP_KEY: " + key
                                                                : "INIT_ROOT_EMAIL: a@b.c";
    const std::string text =
        cluster(one.name.starts_with("APP") ? "  keys: {secretRef: {name: s}}\n"
                                            : "  initialAdmin: {secretRef: {name: s}}\n") +
        object("Secret", "s", "stringData:\n  " + rest + "\n  " + one.name + ": " + one.value + "\n");
    Codes want;
    for (const std::string& code : one.want) {
      want.push_back("15 " + code + " stringData." + one.name);
    }
    EXPECT_EQ(codes_in(text), want);
  }
}

TEST(Given, variables_from_objects_are_judged_as_those_of_env) {
  const std::string from = cluster(
      "  envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s}, prefix: MY_}]\n"
      "  env: [{name: MAIL_URL, valueFrom: {configMapKeyRef: {name: c, key: mail}}}]\n");
  EXPECT_EQ(codes_in(from +
                     object("ConfigMap", "c",
                            "data:\n"
                            "  SMTP_PASSWORD: hunter2\n"                   // 14
                            "  APP_COMMAND_REDIS_URL: \"redis:/r:1/2\"\n"  // line 16
                            "  DB_HOST: other\n"
                            "  CLUSTER_MODE: max\n"
                            "  GREETING: hello\n"
                            "  script: |\n    a\n    b\n"
                            "  mail: smtp://localhost:25\n") +
                     object("Secret", "s",
                            "data:\n"
                            "  PASSWORD: aHVudGVyMg==\n"
                            "  DB_HOST: cGc=\n"
                            "  USER: <your user>\n"
                            "stringData:\n"
                            "  USER: <your user>\n"
                            "  PORT: 25\n")),
            (Codes{"23 NB056 data.mail", "16 NB055 data.APP_COMMAND_REDIS_URL", "18 NB134 data.CLUSTER_MODE",
                   "17 NB134 data.DB_HOST", "15 NB054 data.SMTP_PASSWORD", "23 NB056 data.mail",
                   "34 NB135 stringData.PORT", "33 NB053 stringData.USER"}));
}

TEST(Given, a_variable_of_the_operator_in_env_from_is_told_what_becomes_of_it) {
  const std::vector<Placed> found = placed_in(cluster("  envFrom: [{configMapRef: {name: c}}]\n") +
                                              object("ConfigMap", "c", "data: {DB_HOST: other, CLUSTER_MODE: max}\n"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].finding.message, "CLUSTER_MODE is the operator's, and takes effect through envFrom");
  EXPECT_EQ(found[1].finding.message, "DB_HOST has no effect through envFrom: the operator sets it");
  EXPECT_EQ(found[1].finding.advice, "leave it out and use database");
}

TEST(Given, what_goes_into_urls_and_urls_themselves) {
  const auto redis = [](const std::string& password) {
    return codes_in(cluster("  coordination: {redis: {host: r, passwordSecretRef: {name: s, key: p}}}\n") +
                    secret("s", "p: \"" + password + "\""));
  };
  EXPECT_EQ(redis("plain-1._~!"), Codes());
  EXPECT_EQ(redis("a%40b"), Codes());
  EXPECT_EQ(redis("a@b"), Codes{"13 NB139 stringData.p"});
  EXPECT_EQ(redis("50%"), Codes{"13 NB139 stringData.p"});
  EXPECT_EQ(redis("a b"), Codes{"13 NB139 stringData.p"});
  const auto rabbit = [](const std::string& url) {
    return codes_in(cluster("  coordination: {queue: RabbitMQ, rabbitmq: {urlSecretRef: {name: s, key: u}}}\n") +
                    secret("s", "u: \"" + url + "\""));
  };
  EXPECT_EQ(rabbit("amqps://a:b@mq:5671/v"), Codes());
  EXPECT_EQ(rabbit("amqp:/mq"), Codes{"13 NB138 stringData.u"});
  EXPECT_EQ(rabbit("http://mq"), Codes{"13 NB138 stringData.u"});
  EXPECT_EQ(rabbit("amqp://a:b@localhost"), Codes{"13 NB056 stringData.u"});
}

TEST(Given, redis_urls_of_secrets_are_compared_with_each_other) {
  const std::string urls = cluster(
      "  coordination: {redis: {urls: {cacheSecretRef: {name: s, key: c}, pubsubSecretRef: {name: s, key: p},\n"
      "    lockSecretRef: {name: s, key: l}, queueSecretRef: {name: s, key: q}, workerIdSecretRef: {name: t, key: "
      "w}}}}\n");
  const std::string others = object("Secret", "t", "stringData:\n  w: redis://r:6379/16\n");
  EXPECT_EQ(codes_in(urls +
                     object("Secret", "s",
                            "stringData:\n  c: redis://r\n  p: redis://r:6379/1\n  l: redis://:x@r:6379/0\n"
                            "  q: redis://other:6379/0\n") +
                     others),
            (Codes{"17 NB094 stringData.l", "24 NB095 stringData.w"}));
}

TEST(Given, no_value_of_a_secret_is_ever_told) {
  const std::string canary = "canary7";
  const std::string spec =
      "  keys: {secretRef: {name: s}}\n  initialAdmin: {secretRef: {name: s}}\n"
      "  envFrom: [{secretRef: {name: s}}]\n"
      "  coordination: {queue: RabbitMQ, rabbitmq: {urlSecretRef: {name: s, key: A_RABBITMQ_URL}},\n"
      "    redis: {host: r, passwordSecretRef: {name: s, key: P}}}\n";
  const char* const shapes[] = {"%",
                                "<%>",
                                "redis:/%@h",
                                "http://u:%@localhost",
                                "%\\n",
                                "redis://%/x",
                                "amqp://:%@/?",
                                "+%:00",
                                " % ",
                                "%/#@",
                                "<your %>",
                                "-%",
                                "0x%",
                                "off%",
                                "/%"};
  std::size_t found = 0;
  for (std::string shape : shapes) {
    shape.replace(shape.find('%'), 1, canary);
    std::string entries;
    for (const char* const name :
         {"APP_KEY", "APP_AES_SECRET_KEY", "INIT_ROOT_EMAIL", "INIT_ROOT_PASSWORD", "A_RABBITMQ_URL", "P", "TZ",
          "DB_TIMEZONE", "X_REDIS_URL", "DB_POOL_MAX", "LOGGER_LEVEL", "APP_PUBLIC_PATH", "SMTP_HOST", "SMTP_USER",
          "APP_MODE", "WORKER_MODE", "CDN_BASE_URL"}) {
      entries += std::string(entries.empty() ? "" : ", ") + name + ": \"" + shape + "\"";
    }
    for (const Placed& placed : placed_in(cluster(spec) + secret("s", entries))) {
      ++found;
      EXPECT_EQ((placed.finding.message + placed.finding.advice + placed.finding.path).find(canary), std::string::npos)
          << placed.finding.code << placed.finding.message;
    }
  }
  EXPECT_GT(found, 60U);
}

TEST(Given, a_sealed_object_is_only_asked_for_its_keys) {
  const std::string keys = cluster("  keys: {secretRef: {name: s}}\n");
  for (const std::string& seal : {std::string("sops: {mac: x}\n"), std::string()}) {
    const std::string annotated = seal.empty() ? ", annotations: {avp.kubernetes.io/path: kv/crm}" : "";
    EXPECT_EQ(codes_in(keys + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: apps" + annotated +
                       "}\n" + seal + "stringData: {APP_KEY: <key>}\n"),
              Codes{"8 NB130 spec.keys.secretRef.name"});
  }
}

TEST(Url, targets_and_passwords) {
  EXPECT_EQ(redis_target("redis://h"), (RedisTarget{"h:6379", 0}));
  EXPECT_EQ(redis_target("rediss://u:p@h:1/7?x=y"), (RedisTarget{"h:1", 7}));
  EXPECT_EQ(redis_target("redis://[::1]/2"), (RedisTarget{"[::1]:6379", 2}));
  EXPECT_EQ(redis_target("redis://$(HOST)/2"), std::nullopt);
  EXPECT_EQ(redis_target("redis:/h/2"), std::nullopt);
  EXPECT_EQ(rabbitmq_url_problem("amqp://h"), "");
  EXPECT_EQ(rabbitmq_url_problem("amqp:/h"), "has one slash where two belong");
  EXPECT_EQ(rabbitmq_url_problem("mqtt://h"), "does not begin with amqp:// or amqps://");
  EXPECT_EQ(rabbitmq_url_problem("amqp://a:b#c@h"),
            "has a character in its user or password that must be percent-encoded");
  EXPECT_EQ(rabbitmq_url_problem("amqp://:5672"), "names no host");
}

}  // namespace
}  // namespace nocobase_operator::app
