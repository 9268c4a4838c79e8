// import on values: the parts of it, and inputs that its goldens do not have.
#include "app/import.h"

#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "app/form.h"
#include "app/import_compose.h"
#include "app/import_text.h"
#include "app/import_variables.h"
#include "app/names.h"
#include "app/placeholder.h"
#include "app/spec.h"

namespace nocobase_operator::app::importing {
namespace {

namespace wm = nocobase::worker_mode;

// --- WORKER_MODE

std::string key_of(const Json& key) {
  return key.is_null() ? std::string() : key.get<std::string>();
}

// Every value that NocoBase's own code was asked about: the role serves the same, but for keys that no role can name.
TEST(ImportMode, a_role_serves_what_the_mode_served) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/data/serving-oracle.jsonl");
  ASSERT_TRUE(file.is_open());
  std::size_t roles = 0, exact = 0, none = 0, answers = 0;
  std::string line;
  while (std::getline(file, line)) {
    const Json row = Json::parse(line);
    SCOPED_TRACE(line.substr(0, 200));
    const auto value = row.at(0).is_null() ? std::nullopt : std::optional(row.at(0).get<std::string>());
    const auto found = role_of_mode(value);
    if (!found) {
      ++none;
      for (const Json& key : row.at(2)) {
        ASSERT_TRUE(key_of(key).size() > 128 || !form::is_plain_service_key(key_of(key))) << key;
        ASSERT_FALSE(key_of(key).empty());
      }
      continue;
    }
    ++roles;
    exact += found->lost.empty() ? 1U : 0U;
    const wm::Formatted written = wm::format(found->role);
    ASSERT_TRUE(written.ok());
    const wm::Mode mode = wm::Mode::parse(written.value);
    const std::set<std::string> lost(found->lost.begin(), found->lost.end());
    for (const bool served : {true, false}) {
      for (const Json& key : row.at(served ? 2 : 3)) {
        ++answers;
        ASSERT_EQ(mode.serves(key_of(key)), served && !lost.contains(key_of(key))) << key;
      }
    }
    for (const std::string& key : lost) {
      ASSERT_TRUE(!form::is_plain_service_key(key) || key.size() > 128 || found->role.services.size() == 32) << key;
      ASSERT_FALSE(key == "workflow:process" || key == "async-task:process");
    }
    // What the role says is what the API takes.
    Json cluster = Json::parse(R"({"apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster",
        "metadata": {"name": "a"}, "spec": {"image": "a:2.2.15", "database": {"dialect": "sqlite"},
        "roles": [{"name": "a", "replicas": 1}]}})");
    cluster["spec"]["roles"][0]["requests"] = found->role.requests;
    cluster["spec"]["roles"][0]["services"] = found->role.services;
    const Decoded decoded = decode(cluster);
    ASSERT_TRUE(decoded.findings.empty()) << decoded.findings.front().message;
  }
  EXPECT_EQ(roles, 1702U);
  EXPECT_EQ(exact, 657U);
  EXPECT_EQ(none, 2827U);
  EXPECT_EQ(roles + none, 4529U);
  EXPECT_EQ(answers, 7784U);
}

// --- The table of variables

TEST(ImportVariables, whatever_the_operator_sets_has_a_place_or_a_reason) {
  for (const std::string_view name : reserved_variables) {
    SCOPED_TRACE(name);
    bool known = false;
    for (const Variable& variable : known_variables()) {
      known = known || variable.name == name;
    }
    EXPECT_TRUE(known);
    const Home home = home_of(name).home;
    EXPECT_FALSE(home == Home::env || home == Home::secret || home == Home::setup || home == Home::setup_secret);
  }
}

TEST(ImportVariables, what_is_left_out_has_a_reason_and_a_field_has_one_variable) {
  std::set<Home> fields;
  for (const Variable& variable : known_variables()) {
    SCOPED_TRACE(variable.name);
    EXPECT_EQ(variable.home == Home::dropped || variable.home == Home::needs, !variable.why.empty());
    if (variable.home < Home::env) {
      EXPECT_TRUE(fields.insert(variable.home).second);
      EXPECT_EQ(variable_at(variable.home), variable.name);
    }
  }
  EXPECT_EQ(fields.size(), static_cast<std::size_t>(Home::env));
}

TEST(ImportVariables, others_go_into_a_secret_where_their_name_says_so) {
  EXPECT_EQ(home_of("SMTP_PASSWORD").home, Home::secret);
  EXPECT_EQ(home_of("SMTP_HOST").home, Home::env);
}

// --- Whole inputs

kube::SourceDocument document_of(const std::string& json) {
  kube::SourceDocument document{};
  document.file = "in.json";
  document.value = Json::parse(json);
  return document;
}

ImportInput objects(const std::vector<std::string>& texts) {
  ImportInput input;
  for (const std::string& text : texts) {
    input.documents.push_back(document_of(text));
  }
  return input;
}

// A Deployment with this container and rest of the pod.
std::string deployment(const std::string& container, const std::string& pod = "", const std::string& name = "crm") {
  return R"({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": ")" + name +
         R"("}, "spec": {"template": {"metadata": {"labels": {"app": "crm"}}, "spec": {"containers": [)" + container +
         "]" + pod + "}}}}";
}

std::string container(const std::string& rest) {
  return R"({"name": "app", "image": "nocobase/nocobase:2.2.15")" + rest + "}";
}

std::string variables(const std::string& json) {
  return R"(, "env": [{"name": "DB_DIALECT", "value": "postgres"}, {"name": "DB_HOST", "value": "pg"},
      {"name": "DB_DATABASE", "value": "d"}, {"name": "DB_USER", "value": "u"})" +
         json + "]";
}

struct Told {
  RemarkKind kind;
  std::string subject;
  std::string message;
};

// Whether a remark of this kind and subject begins like this.
bool tells(const Imported& imported, const Told& want) {
  for (const Remark& remark : imported.remarks) {
    if (remark.kind == want.kind && remark.subject == want.subject && remark.message.starts_with(want.message)) {
      return true;
    }
  }
  return false;
}

std::string all_remarks(const Imported& imported) {
  std::string out;
  for (const Remark& remark : imported.remarks) {
    out += std::string(name_of(remark.kind)) + " " + remark.subject + ": " + remark.message + "\n";
  }
  return out;
}

Imported import_ok(const ImportInput& input) {
  auto imported = import_cluster(input);
  if (!imported.ok()) {
    ADD_FAILURE() << imported.error().what;
    return {};
  }
  const Decoded decoded = decode(imported.value().cluster);
  for (const kube::Finding& finding : decoded.findings) {
    ADD_FAILURE() << finding.path << ": " << finding.message;
  }
  return std::move(imported).value();
}

TEST(ImportKubernetes, secrets_that_are_not_there_are_trusted_and_told) {
  const Imported got = import_ok(objects({deployment(container(
      variables("") + R"(, "envFrom": [{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "gone"}}])"))}));
  EXPECT_EQ(got.cluster["spec"]["envFrom"],
            Json::parse(R"([{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "gone"}}])"));
  EXPECT_EQ(got.cluster["spec"]["database"]["passwordSecretRef"],
            Json::parse(R"({"name": "all", "key": "DB_PASSWORD"})"));
  EXPECT_EQ(got.cluster["spec"]["keys"], Json::parse(R"({"secretRef": {"name": "all"}})"));
  EXPECT_TRUE(tells(got, {RemarkKind::changed, "Secret all", "it is not in the input"})) << all_remarks(got);
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "ConfigMap gone", "it is not in the input"}));
  EXPECT_TRUE(tells(got, {RemarkKind::changed, "DB_PASSWORD", "it is assumed to be in Secret all"}));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "APP_KEY", "it is assumed to be in Secret all"}));
}

TEST(ImportKubernetes, secrets_that_are_there_are_referred_to_and_looked_into) {
  const Imported got = import_ok(objects(
      {deployment(container(R"(, "envFrom": [{"prefix": "DB_", "secretRef": {"name": "db"}}], "env": [
           {"name": "DB_DIALECT", "value": "postgres"},
           {"name": "APP_KEY", "valueFrom": {"secretKeyRef": {"name": "db", "key": "KEY"}}}])")),
       R"({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"HOST": "cGc=", "KEY": "eW91ci1rZXk="},
           "stringData": {"USER": "u", "DATABASE": "d", "PASSWORD": "<password>"}})"}));
  const Json& database = got.cluster["spec"]["database"];
  EXPECT_EQ(database["host"], "pg");
  EXPECT_EQ(database["user"], "u");
  EXPECT_EQ(database["passwordSecretRef"], Json::parse(R"({"name": "db", "key": "PASSWORD"})"));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "DB_PASSWORD",
                          "the value in Secret db (key PASSWORD) is the placeholder of a template"}))
      << all_remarks(got);
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "APP_KEY", "both keys have to be in one Secret under their own names"}));
  EXPECT_TRUE(got.secrets.empty());
}

TEST(ImportKubernetes, references_are_filled_in_as_kubernetes_does_it) {
  const Imported got = import_ok(objects({deployment(container(variables(R"j(,
      {"name": "HOST", "value": "pg-$(REGION)"}, {"name": "REGION", "value": "eu"}, {"name": "LATE", "value": "$(REGION)"},
      {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
      {"name": "URL", "value": "x://$(PASS)@$(REGION)"}, {"name": "COST", "value": "$$(REGION) $5"},
      {"name": "LEAK", "value": "x://me:hush@$(PASS)"})j")))}));
  EXPECT_EQ(got.cluster["spec"]["env"], Json::parse(R"j([{"name": "HOST", "value": "pg-$$(REGION)"},
      {"name": "REGION", "value": "eu"}, {"name": "LATE", "value": "eu"},
      {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
      {"name": "URL", "value": "x://$(PASS)@$(REGION)"}, {"name": "COST", "value": "$$(REGION) $$5"}])j"));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "LEAK", "a secret is written out in it"})) << all_remarks(got);
}

TEST(ImportKubernetes, autoscalers_keep_to_the_worker_ids) {
  const Imported got = import_ok(objects(
      {deployment(container(variables("") + R"(, "resources": {"requests": {"cpu": 1, "memory": "1Gi"}})")),
       R"({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "crm"}, "spec": {
           "scaleTargetRef": {"kind": "Deployment", "name": "crm"}, "minReplicas": 2, "maxReplicas": 50,
           "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}, "metrics": [
             {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}},
             {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": 5}}}]}})"}));
  EXPECT_EQ(got.cluster["spec"]["roles"], Json::parse(R"([{"name": "all", "requests": true, "services": ["*"],
      "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}, "autoscaling": {"minReplicas": 2, "maxReplicas": 32,
        "memory": 80, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        "metrics": [{"type": "External", "external": {"metric": {"name": "q"},
                     "target": {"type": "AverageValue", "averageValue": 5}}}]}}])"));
  EXPECT_TRUE(tells(got, {RemarkKind::changed, "maxReplicas", "there are 32 worker ids"})) << all_remarks(got);
}

TEST(ImportKubernetes, volumes_that_are_no_claims_are_told) {
  const Imported got = import_ok(objects(
      {deployment(container(variables("") + R"(, "volumeMounts": [{"name": "v", "mountPath": "/app/nocobase/storage/"},
                                     {"name": "w", "mountPath": "/mnt"}])"),
                  R"(, "volumes": [{"name": "v", "emptyDir": {}}])")}));
  EXPECT_FALSE(got.cluster["spec"].contains("storage"));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "storage", "the volume v is no claim"})) << all_remarks(got);
  EXPECT_TRUE(tells(got, {RemarkKind::dropped, "volume /mnt", "it is not where NocoBase keeps its files"}));
}

TEST(ImportKubernetes, roles_may_differ_in_variables_and_their_secrets) {
  const auto workload = [](const std::string& name, const std::string& mode, const std::string& token) {
    return deployment(container(variables(R"(, {"name": "WORKER_MODE", "value": ")" + mode +
                                          R"("}, {"name": "API_TOKEN", "value": ")" + token +
                                          R"("}, {"name": "BOTH", "value": "same"})")),
                      "", name);
  };
  const Imported got =
      import_ok(objects({workload("crm-web", "!", "token-of-web"), workload("crm-jobs", "*", "token-of-jobs")}));
  EXPECT_EQ(got.cluster["metadata"]["name"], "crm");
  EXPECT_EQ(got.cluster["spec"]["env"], Json::parse(R"([{"name": "BOTH", "value": "same"}])"));
  EXPECT_EQ(got.cluster["spec"]["roles"], Json::parse(R"([
      {"name": "web", "requests": true, "replicas": 1, "env": [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef":
         {"name": "crm-env", "key": "web.API_TOKEN"}}}]},
      {"name": "jobs", "services": ["*"], "replicas": 1, "env": [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef":
         {"name": "crm-env", "key": "jobs.API_TOKEN"}}}]}])"));
  ASSERT_EQ(got.secrets.size(), 1U);
  EXPECT_EQ(got.secrets[0]["stringData"],
            Json::parse(R"({"web.API_TOKEN": "token-of-web", "jobs.API_TOKEN": "token-of-jobs"})"));
}

TEST(ImportKubernetes, what_differs_between_roles_and_may_not_is_told) {
  const Imported got = import_ok(objects(
      {deployment(container(variables(R"(, {"name": "WORKER_MODE", "value": "!"})")), "", "crm-web"),
       deployment(
           R"({"name": "x", "image": "nocobase/nocobase:2.2.14", "env": [{"name": "DB_DIALECT", "value": "postgres"},
           {"name": "DB_HOST", "value": "other"}, {"name": "WORKER_MODE", "value": "*"}]})",
           "", "crm-jobs")}));
  EXPECT_EQ(got.cluster["spec"]["database"]["host"], "pg");
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "DB_HOST", "it differs between roles"})) << all_remarks(got);
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "image", "it differs between crm-web and crm-jobs"}));
}

TEST(ImportKubernetes, what_the_api_has_no_form_for_is_left_out_and_told) {
  const Imported got = import_ok(objects(
      {deployment(container(variables(R"(, {"name": "bad name", "value": "x"}, {"name": "DB_PORT", "value": "70000"},
                                           {"name": "DB_SCHEMA", "value": "a b"}, {"name": "DB_UNDERSCORED", "value": "TRUE"})") +
                            R"(, "imagePullPolicy": "Sometimes", "resources": {"limits": {"cpu": "much"}})"),
                  R"(, "imagePullSecrets": [{"name": "Bad_Name"}, {"name": "good"}])"),
       R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"app": "crm"}}})",
       R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "i"}, "spec": {"rules": [
           {"host": "Not A Host", "http": {"paths": [{"backend": {"service": {"name": "s"}}}]}}]}})"}));
  const Json& spec = got.cluster["spec"];
  EXPECT_FALSE(spec.contains("env"));
  EXPECT_FALSE(spec.contains("ingress"));
  EXPECT_FALSE(spec.contains("imagePullPolicy"));
  EXPECT_EQ(spec["imagePullSecrets"], Json::parse(R"([{"name": "good"}])"));
  EXPECT_EQ(spec["database"], Json::parse(R"({"dialect": "postgres", "host": "pg", "name": "d", "user": "u",
      "underscored": false, "passwordSecretRef": {"name": "crm-database", "key": "password"}})"));
  EXPECT_EQ(spec["roles"][0]["resources"], Json::parse(R"({"limits": {}})"));
  EXPECT_TRUE(tells(got, {RemarkKind::dropped, "bad name", "Kubernetes takes no variable"})) << all_remarks(got);
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "DB_PORT", "\"70000\" is no port"}));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "spec.imagePullPolicy", "\"Sometimes\" is not known here"}));
  EXPECT_TRUE(tells(got, {RemarkKind::changed, "DB_UNDERSCORED", "\"TRUE\" counts as false"}));
}

TEST(ImportKubernetes, certificates_are_secrets_and_paths_are_told) {
  const Imported got = import_ok(objects({deployment(container(variables(R"(,
      {"name": "DB_DIALECT_OPTIONS_SSL_MODE", "value": "verify-full"},
      {"name": "DB_DIALECT_OPTIONS_SSL_REJECT_UNAUTHORIZED", "value": "true"},
      {"name": "DB_DIALECT_OPTIONS_SSL_CA", "value": "-----BEGIN CERTIFICATE-----\nx"},
      {"name": "DB_DIALECT_OPTIONS_SSL_KEY", "value": "/etc/tls/key.pem"})")))}));
  EXPECT_EQ(got.cluster["spec"]["database"]["tls"], Json::parse(R"({"mode": "verify-full", "rejectUnauthorized": true,
      "caSecretRef": {"name": "crm-database", "key": "ca.crt"}})"));
  EXPECT_TRUE(tells(got, {RemarkKind::needs, "DB_DIALECT_OPTIONS_SSL_KEY", "it names a file"})) << all_remarks(got);
}

TEST(ImportKubernetes, a_first_administrator_has_a_secret) {
  const Imported got = import_ok(objects({deployment(container(variables(
      R"(, {"name": "INIT_ROOT_EMAIL", "value": "a@b.c"}, {"name": "INIT_ROOT_PASSWORD", "value": "long-enough"})")))}));
  EXPECT_EQ(got.cluster["spec"]["initialAdmin"], Json::parse(R"({"secretRef": {"name": "crm-admin"}})"));
  ASSERT_EQ(got.secrets.size(), 1U);
  EXPECT_EQ(got.secrets[0]["stringData"],
            Json::parse(R"({"INIT_ROOT_EMAIL": "a@b.c", "INIT_ROOT_PASSWORD": "long-enough"})"));
}

// --- Redis

Json redis_of(const std::string& urls, std::size_t* secrets = nullptr) {
  const Imported got = import_ok(objects({deployment(container(
      variables(R"(, {"name": "CACHE_DEFAULT_STORE", "value": "redis"}, {"name": "CACHE_REDIS_URL", "value": ")" +
                urls + "\"}")))}));
  if (secrets != nullptr) {
    *secrets = got.secrets.size();
  }
  return got.cluster["spec"]["coordination"]["redis"];
}

TEST(ImportRedis, urls_become_fields) {
  const auto databases = [](int cache) {
    Json out = Json::parse(R"({"pubsub": 1, "lock": 2, "queue": 3, "workerId": 4})");
    out["cache"] = cache;
    return out;
  };
  EXPECT_EQ(redis_of("redis://r"), Json::parse(R"({"host": "r"})"));
  EXPECT_EQ(redis_of("redis:/r:6379/0"), Json::parse(R"({"host": "r"})"));
  EXPECT_EQ(redis_of("rediss://r:6380/7"),
            Json({{"host", "r"}, {"port", 6380}, {"tls", true}, {"databases", databases(7)}}));
  EXPECT_EQ(redis_of("redis://[fd00::1]:6379"), Json::parse(R"({"host": "[fd00::1]"})"));
  EXPECT_EQ(redis_of("redis://a%40b:p%40ss@r/0"),
            Json::parse(
                R"({"host": "r", "username": "a@b", "passwordSecretRef": {"name": "crm-redis", "key": "password"}})"));
}

TEST(ImportRedis, a_number_that_is_taken_is_given_to_no_other) {
  EXPECT_EQ(redis_of("redis://r/2")["databases"],
            Json::parse(R"({"cache": 2, "pubsub": 1, "lock": 0, "queue": 3, "workerId": 4})"));
}

TEST(ImportRedis, urls_that_the_fields_cannot_say_stay_urls) {
  for (const std::string url :
       {"redis://r/0?family=6", "redis://u:p@ss@r/0", "http://r", "redis://r/x", "redis://r:99999"}) {
    SCOPED_TRACE(url);
    std::size_t secrets = 0;
    EXPECT_EQ(redis_of(url, &secrets),
              Json::parse(R"({"urls": {"cacheSecretRef": {"name": "crm-redis", "key": "cache-url"}}})"));
    EXPECT_EQ(secrets, 1U);
  }
}

// --- Files beside docker-compose files

TEST(ImportCompose, names_the_files_it_wants) {
  ImportInput input =
      objects({R"({"services": {"a": {"image": "nocobase", "env_file": ["./b.env", "${WHICH}.env", "/etc/c.env"]},
                                                "b": {"env_file": {"path": "../d.env"}}}})"});
  input.documents[0].file = "deploy/compose.yml";
  EXPECT_EQ(wanted_files(input),
            (std::vector<std::string>{"/etc/c.env", "deploy/../d.env", "deploy/.env", "deploy/b.env"}));
  input.beside["deploy/.env"] = "WHICH=prod\n";
  EXPECT_EQ(wanted_files(input), (std::vector<std::string>{"/etc/c.env", "deploy/../d.env", "deploy/.env",
                                                           "deploy/b.env", "deploy/prod.env"}));
}

TEST(ImportCompose, what_it_extends_may_not_go_round_in_a_circle) {
  const Imported got =
      import_ok(objects({R"({"services": {"a": {"image": "nocobase", "extends": "b"}, "b": {"extends": "a"}}})"}));
  EXPECT_TRUE(
      tells(got, {RemarkKind::needs, "services.a.extends", "what it extends is not in this file, or extends itself"}))
      << all_remarks(got);
}

}  // namespace
}  // namespace nocobase_operator::app::importing
