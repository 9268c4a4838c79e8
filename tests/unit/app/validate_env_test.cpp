#include <gtest/gtest.h>

#include "app/url_lint.h"
#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

kube::Findings with_env(const std::string& name, const std::string& value) {
  Json object = sample();
  object["spec"]["env"] = Json::array({{{"name", name}, {"value", value}}});
  return findings_of(object);
}

TEST(Env, a_worker_mode_is_translated_into_fields_of_a_role) {
  struct Case {
    std::string mode;
    std::string advice;
  };
  const std::vector<Case> cases = {
      {"!", "write `requests: true` in the role"},
      {"", R"(write `requests: true, services: ["*"]` in the role)"},
      {"*", R"(write `services: ["*"]` in the role)"},
      {"!,workflow:process", R"(write `requests: true, services: ["workflow:process"]` in the role)"},
      {"workflow:process,async-task:process",
       R"(write `services: ["workflow:process","async-task:process"]` in the role)"},
      {"-", "that is the mode of a worker thread, never of a pod; say requests and services of a role"},
      {" ", "that value serves nothing; say requests and services of a role"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.mode);
    const kube::Findings findings = with_env("WORKER_MODE", row.mode);
    ASSERT_EQ(codes_of(findings), Codes{"NB050 spec.env[0].name"});
    EXPECT_EQ(findings[0].message, "WORKER_MODE is set by the operator");
    EXPECT_EQ(findings[0].advice, row.advice);
  }
}

TEST(Env, the_advice_names_the_field_that_says_it) {
  EXPECT_EQ(with_env("DB_HOST", "a")[0].advice, "leave it out and use database");
  EXPECT_EQ(with_env("DB_DIALECT_OPTIONS_SSL_CA", "a")[0].advice, "leave it out and use database.tls");
  EXPECT_EQ(with_env("APP_KEY", "a")[0].advice, "leave it out and use keys.secretRef");
  EXPECT_EQ(with_env("QUEUE_ADAPTER", "redis")[0].advice, "leave it out and use coordination");
  EXPECT_EQ(with_env("SKIP_SAME_VERSION_UPGRADE", "false")[0].advice, "leave it out");
}

TEST(Env, reserved_variables_are_found_wherever_they_hide) {
  Json object = sample();
  const Json variable = Json::array({{{"name", "APP_PORT"}, {"value", "1"}}});
  const Json overlay = {{"spec",
                         {{"containers", Json::array({{{"name", "sidecar"}, {"env", variable}},
                                                      {{"name", "nocobase"}, {"env", variable}}})}}}};
  object["spec"]["env"] = variable;
  object["spec"]["roles"][1]["env"] = variable;
  object["spec"]["setup"] = {{"env", variable}};
  object["spec"]["podTemplate"] = overlay;
  object["spec"]["roles"][0]["podTemplate"] = overlay;
  EXPECT_EQ(codes_of(findings_of(object)),
            (Codes{"NB050 spec.env[0].name", "NB050 spec.roles[1].env[0].name", "NB050 spec.setup.env[0].name",
                   "NB051 spec.podTemplate.spec.containers[1].env[0].name",
                   "NB051 spec.roles[0].podTemplate.spec.containers[1].env[0].name"}));
}

TEST(Env, a_variable_that_another_field_sets_is_free_where_the_field_is_absent) {
  struct Case {
    std::string_view name;
    std::string variable;
    Json coordination;
    std::string message;
  };
  const Json redis = {{"host", "redis"}};
  const Case cases[] = {
      {"plugins",
       "APPEND_PRESET_BUILT_IN_PLUGINS",
       {{"redis", redis}, {"plugins", {"p"}}},
       "APPEND_PRESET_BUILT_IN_PLUGINS is set by coordination.plugins"},
      {"no plugins", "APPEND_PRESET_BUILT_IN_PLUGINS", {{"redis", redis}}, ""},
      {"rabbitmq",
       "QUEUE_ADAPTER_RABBITMQ_URL",
       {{"redis", redis},
        {"queue", "RabbitMQ"},
        {"rabbitmq", {{"urlSecretRef", {{"name", "mq"}, {"key", "url"}}}}},
        {"plugins", {"p"}}},
       "QUEUE_ADAPTER_RABBITMQ_URL is set by coordination.rabbitmq.urlSecretRef"},
      {"no rabbitmq", "QUEUE_ADAPTER_RABBITMQ_URL", {{"redis", redis}}, ""},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    Json object = sample();
    const Json variable = Json::array({{{"name", item.variable}, {"value", "amqp://mine"}}});
    object["spec"]["coordination"] = item.coordination;
    object["spec"]["env"] = variable;
    object["spec"]["podTemplate"]["spec"]["containers"] = {{{"name", "nocobase"}, {"env", variable}}};
    kube::Findings findings = findings_of(object);
    std::erase_if(findings, [](const kube::Finding& each) { return each.code == "NB097"; });  // an adapter is named
    EXPECT_EQ(codes_of(findings),
              item.message.empty()
                  ? Codes{}
                  : (Codes{"NB059 spec.env[0].name", "NB059 spec.podTemplate.spec.containers[0].env[0].name"}));
    EXPECT_EQ(findings.empty() ? "" : findings[0].message, item.message);
  }
}

TEST(Env, labels_of_selectors_cannot_be_overlaid) {
  Json object = sample();
  object["spec"]["podTemplate"] = {{"metadata", {{"labels", {{"app.kubernetes.io/name", "x"}, {"mine", "y"}}}}}};
  EXPECT_EQ(codes_of(findings_of(object)),
            Codes{R"(NB058 spec.podTemplate.metadata.labels["app.kubernetes.io/name"])"});
}

TEST(Env, values) {
  struct Case {
    std::string name;
    std::string value;
    Codes want;
  };
  const Codes placeholder = {"NB053 spec.env[0].value"};
  const Codes secret = {"NB054 spec.env[0].value"};
  const Codes url = {"NB055 spec.env[0].value"};
  const std::vector<Case> cases = {
      {"NOCOBASE_PKG_USERNAME", "<your user>", placeholder},
      {"NOCOBASE_PKG_PASSWORD", "<your password>", placeholder},
      {"MY_SECRET", "changeme", placeholder},
      {"GREETING", "changeme", {}},
      {"API_URL", "{{ .Values.api }}", placeholder},
      {"API_URL", "${API_URL}", {}},
      {"GREETING", "a <b> c", {}},
      {"GREETING", "<>", {}},
      {"SMTP_PASSWORD", "hunter2", secret},
      {"SMTP_PASSWORD", "", {}},
      {"SMTP_PASSWORD", "$(OTHER)", {}},
      {"S3_SECRET_PATH", "/etc/s3", {}},
      {"EXTERNAL_DB", "postgres://a:b@c/d", secret},
      {"EXTERNAL_DB", "postgres://a:$(B)@c/d", {}},
      {"APP_COMMAND_REDIS_URL", "redis:/redis-0:6379/2", url},
      {"APP_COMMAND_REDIS_URL", "redis://redis:6379/2", {}},
      {"APP_COMMAND_REDIS_URL", "redis://localhost:6379/2", {"NB056 spec.env[0].value"}},
      {"TZ", "Asia/Shanghai", {}},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name + "=" + row.value);
    EXPECT_EQ(codes_of(with_env(row.name, row.value)), row.want);
  }
}

TEST(Env, a_secret_is_never_repeated) {
  for (const auto& finding : with_env("SMTP_PASSWORD", "hunter2")) {
    EXPECT_EQ((finding.message + finding.advice).find("hunter2"), std::string::npos);
  }
  for (const auto& finding : with_env("X_REDIS_URL", "redis://u:hunter2/#@h/x")) {
    EXPECT_EQ((finding.message + finding.advice).find("hunter2"), std::string::npos);
  }
}

TEST(Env, roles_that_share_a_storage_agree_on_their_paths) {
  Json object = sample();
  const Json variable = Json::array({{{"name", "APP_PUBLIC_PATH"}, {"value", "/crm/"}}});
  object["spec"]["roles"][1]["env"] = variable;
  EXPECT_EQ(codes_of(findings_of(object)), Codes{"NB057 spec.roles[1]"});
  object["spec"]["roles"][0]["env"] = variable;
  EXPECT_EQ(codes_of(findings_of(object)), Codes());
  object["spec"]["roles"][0].erase("env");
  object["spec"]["env"] = variable;
  EXPECT_EQ(codes_of(findings_of(object)), Codes());
}

TEST(RedisUrl, problems_are_named) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"redis://h", ""},
      {"redis://h:6379/0", ""},
      {"rediss://u:p%40@h:6379/1?x=y", ""},
      {"redis://[::1]:6379/1", ""},
      {"redis://:$(P)@h/1", ""},
      {"redis:/h:6379/2", "has one slash where two belong"},
      {"http://h", "does not begin with redis:// or rediss://"},
      {"h:6379", "does not begin with redis:// or rediss://"},
      {"", "does not begin with redis:// or rediss://"},
      {"redis://", "names no host"},
      {"redis://:6379/1", "names no host"},
      {"rediss://:p@ss/w0rd#@h:6379/1", "has a character in its user or password that must be percent-encoded"},
      {"redis://h/x", "has a path that is no database number"},
  };
  for (const auto& [url, want] : cases) {
    EXPECT_EQ(redis_url_problem(url), want) << url;
  }
}

}  // namespace
}  // namespace nocobase_operator::app
