#include "app/defaults.h"

#include <gtest/gtest.h>

#include "app/names.h"
#include "unit/app/render_samples.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

TEST(Defaults, DatabasePort) {
  struct Case {
    Dialect dialect;
    std::int32_t want;
  };
  for (const Case& c : {Case{Dialect::postgres, 5432}, Case{Dialect::mysql, 3306}, Case{Dialect::mariadb, 3306},
                        Case{Dialect::kingbase, 54321}, Case{Dialect::sqlite, 0}}) {
    SCOPED_TRACE(name_of(c.dialect));
    Database database;
    database.dialect = c.dialect;
    EXPECT_EQ(database_port(database), c.want);
    database.port = 6000;
    EXPECT_EQ(database_port(database), 6000);
  }
}

TEST(Defaults, GracePeriodIsThatOfTheLongestWorkARoleDoes) {
  struct Case {
    const char* name;
    Role role;
    std::int64_t want;
  };
  Role chosen = role_of("web", true, {});
  chosen.termination_grace_period_seconds = 42;
  for (const Case& c :
       {Case{"requests only", role_of("a", true, {}), 70},
        Case{"requests and workflows", role_of("a", true, {"workflow:process"}), 610},
        Case{"everything", role_of("a", true, {"*"}), 610},
        Case{"a worker", role_of("a", false, {"async-task:process"}), 610}, Case{"chosen", chosen, 42}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(grace_period_seconds(c.role), c.want);
  }
}

TEST(Defaults, WhatAnEmptySpecMeans) {
  const Cluster cluster = small_cluster();
  EXPECT_EQ(progress_deadline_seconds(cluster.spec), 600);
  EXPECT_EQ(storage_size(cluster.spec), "10Gi");
  EXPECT_EQ(access_modes(cluster.spec), std::vector<std::string>{"ReadWriteMany"});
  EXPECT_EQ(claim_name(cluster), "crm-storage");
  EXPECT_EQ(keys_secret_name(cluster), "crm-keys");
  EXPECT_EQ(initial_admin_secret_name(cluster), "crm-keys");
  EXPECT_EQ(service_port(cluster.spec), 80);
  EXPECT_EQ(child_name(cluster, "web"), "crm-web");
  EXPECT_EQ(literal_env(cluster.spec, "TZ"), "");
}

TEST(Defaults, WhatASpecSaysWins) {
  Cluster cluster = small_cluster();
  cluster.spec.progress_deadline_seconds = 900;
  cluster.spec.storage = Storage{"20Gi", "", {"ReadWriteOnce"}, "old-data", {}};
  cluster.spec.keys = Keys{"my-keys", {}};
  cluster.spec.initial_admin_secret = "my-admin";
  cluster.spec.service = ServiceSpec{{}, {}, 8080};
  cluster.spec.env = {{"TZ", "UTC", {}}, {"FROM", {}, Json::object()}};
  EXPECT_EQ(progress_deadline_seconds(cluster.spec), 900);
  EXPECT_EQ(storage_size(cluster.spec), "20Gi");
  EXPECT_EQ(access_modes(cluster.spec), std::vector<std::string>{"ReadWriteOnce"});
  EXPECT_EQ(claim_name(cluster), "old-data");
  EXPECT_EQ(keys_secret_name(cluster), "my-keys");
  EXPECT_EQ(initial_admin_secret_name(cluster), "my-admin");
  EXPECT_EQ(service_port(cluster.spec), 8080);
  EXPECT_EQ(literal_env(cluster.spec, "TZ"), "UTC");
  EXPECT_EQ(literal_env(cluster.spec, "FROM"), "");
}

TEST(Defaults, HealthPathIsBuiltAsNocobaseBuildsItsApiPath) {
  struct Case {
    const char* name;
    std::vector<EnvVar> cluster_env, role_env;
    const char* want;
  };
  const EnvVar elsewhere{"APP_PUBLIC_PATH", {}, Json{{"configMapKeyRef", {{"name", "c"}, {"key", "k"}}}}};
  for (const Case& c : {
           Case{"nothing set", {}, {}, "/api/__health_check"},
           Case{"public path", {{"APP_PUBLIC_PATH", "/crm/", {}}}, {}, "/crm/api/__health_check"},
           Case{"public path without the last slash", {{"APP_PUBLIC_PATH", "/crm", {}}}, {}, "/crm/api/__health_check"},
           Case{"only one slash is taken off", {{"APP_PUBLIC_PATH", "/crm//", {}}}, {}, "/crm//api/__health_check"},
           Case{"empty counts as absent",
                {{"APP_PUBLIC_PATH", "", {}}, {"API_BASE_PATH", "", {}}},
                {},
                "/api/__health_check"},
           Case{"another API path", {{"API_BASE_PATH", "/v1", {}}}, {}, "/v1/__health_check"},
           Case{"both", {{"APP_PUBLIC_PATH", "/x/", {}}, {"API_BASE_PATH", "/y/", {}}}, {}, "/x/y/__health_check"},
           Case{"always starts with a slash", {{"APP_PUBLIC_PATH", "x", {}}}, {}, "/x/api/__health_check"},
           Case{"the role wins",
                {{"APP_PUBLIC_PATH", "/a/", {}}},
                {{"APP_PUBLIC_PATH", "/b/", {}}},
                "/b/api/__health_check"},
           Case{"not known here", {}, {elsewhere}, "/api/__health_check"},
       }) {
    SCOPED_TRACE(c.name);
    Spec spec;
    spec.env = c.cluster_env;
    Role role = role_of("web", true, {});
    role.env = c.role_env;
    EXPECT_EQ(health_path(spec, role), c.want);
  }
}

TEST(WorkerModeOf, WritesTheTableOfTheDesign) {
  struct Case {
    bool requests;
    std::vector<std::string> services;
    const char* want;
  };
  for (const Case& c :
       {Case{true, {}, "!"}, Case{true, {"a", "b"}, "!,a,b"}, Case{true, {"*"}, ""}, Case{false, {"a", "b"}, "a,b"},
        Case{false, {"*"}, "*"}, Case{false, {"workflow:process"}, "workflow:process"}}) {
    SCOPED_TRACE(c.want);
    const auto mode = worker_mode_of(role_of("r", c.requests, c.services));
    ASSERT_TRUE(mode.ok()) << mode.error().what;
    EXPECT_EQ(mode.value(), c.want);
  }
}

TEST(WorkerModeOf, RefusesWhatWouldMeanSomethingElse) {
  struct Case {
    const char* name;
    bool requests;
    std::vector<std::string> services;
  };
  for (const Case& c : {
           Case{"nothing at all", false, {}},
           Case{"a star beside a key", true, {"a", "*"}},
           Case{"a comma", false, {"a,b"}},
           Case{"a blank", false, {" a"}},
           Case{"a key twice", false, {"a", "a"}},
           Case{"an exclamation mark", false, {"!"}},
           Case{"the transient mode", false, {"-"}},
           Case{"an empty key", false, {""}},
           Case{"bytes that are no text", false, {"\xff"}},
       }) {
    SCOPED_TRACE(c.name);
    const auto mode = worker_mode_of(role_of("r", c.requests, c.services));
    ASSERT_FALSE(mode.ok()) << mode.value();
    EXPECT_EQ(mode.error().code, Code::invalid);
    EXPECT_EQ(mode.error().what.rfind("role r: ", 0), 0U) << mode.error().what;
  }
}

TEST(WorkerModeOf, NamesTheKeyThatIsWrong) {
  const auto mode = worker_mode_of(role_of("jobs", false, {"ok:process", "a,b"}));
  ASSERT_FALSE(mode.ok());
  EXPECT_EQ(mode.error().what, "role jobs: service key \"a,b\" contains a comma");
}

}  // namespace
}  // namespace nocobase_operator::app
