// The operator is there before its definitions: it says so, waits, and goes on by itself. And what it says can be made
// more while it runs. Last of the tests: taking the definitions away takes every cluster away.
#include <csignal>

#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DefinitionsTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    Operator::get().kill(SIGTERM);
    ASSERT_NO_FATAL_FAILURE(grant_all_rights("early"));
  }
  void TearDown() override {
    install();
    OperatorTest::TearDown();
  }

  static void install() {
    const Output done =
        cp().kubectl({"apply", "--server-side", "--force-conflicts", "-f", std::string(NBO_SOURCE_DIR) + "/crds"});
    EXPECT_EQ(done.code, 0) << done.err;
  }

  // The definition of an operator that knew no spec.gateway.
  static void install_older() {
    Json crd = cp().find("crd", "default", "nocobaseclusters.nocobase.com").value_or(Json());
    ASSERT_TRUE(crd.is_object());
    crd.erase("status");
    crd["metadata"].erase("managedFields");
    crd["metadata"].erase("resourceVersion");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].erase("gateway");
    const Output done = cp().kubectl({"replace", "-f", "-"}, crd.dump());
    ASSERT_EQ(done.code, 0) << done.err;
  }
  [[nodiscard]] static bool wait_told(const OwnOperator& early, const std::string& what) {
    return wait_for("/readyz tells", seconds(60), [&] {
      const std::string body = early.http("/readyz");
      return body.starts_with("503 ") && body.find(what) != std::string::npos ? "" : body;
    });
  }
  [[nodiscard]] static bool wait_listed(const OwnOperator& early) {
    return wait_for("everything is listed", seconds(90), [&] {
      const std::string body = early.http("/readyz");
      return body == "200 ok\n" ? "" : body;
    });
  }

  void start(OwnOperator& early) const {
    const std::string system = "nocobase-operator-system";
    early.start(kubeconfig_of(system, "early", api_server()), {"--namespace", ns, "--lease-namespace", system});
  }
};

TEST_F(DefinitionsTest, an_operator_without_definitions_says_so_and_waits_for_them) {
  const Output gone = cp().kubectl({"delete", "-f", std::string(NBO_SOURCE_DIR) + "/crds", "--timeout=60s"});
  ASSERT_EQ(gone.code, 0) << gone.err;
  OwnOperator early("early");
  ASSERT_NO_FATAL_FAILURE(start(early));
  const std::string why = "nocobase.com/v1alpha1 is not defined in this cluster";
  const std::string remedy = "install the chart nocobase-operator-crds";
  EXPECT_TRUE(wait_for("/readyz says what is missing", seconds(30), [&] {
    const std::string body = early.http("/readyz");
    const bool told = body.starts_with("503 ") && body.find("NocoBaseCluster: not listed yet") != std::string::npos &&
                      body.find(why) != std::string::npos && body.find(remedy) != std::string::npos;
    return told ? "" : body;
  }));
  EXPECT_THAT(early.log(), AllOf(HasSubstr(why), HasSubstr(remedy)));
  EXPECT_EQ(early.http("/healthz"), "200 ok\n") << "a restart would not help";
  const pid_t pid = early.pid();

  ASSERT_NO_FATAL_FAILURE(install());
  EXPECT_TRUE(wait_listed(early));
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  EXPECT_TRUE(wait_ready("crm", seconds(90)));
  EXPECT_TRUE(early.running());
  EXPECT_EQ(early.pid(), pid);
  early.stop(SIGTERM);
}

TEST_F(DefinitionsTest, an_operator_whose_definitions_are_too_old_says_so_and_waits_for_newer_ones) {
  const std::string why = "without fields that it needs (NocoBaseCluster: spec.gateway)";
  ASSERT_NO_FATAL_FAILURE(install_older());
  OwnOperator early("early");
  ASSERT_NO_FATAL_FAILURE(start(early));
  ASSERT_TRUE(wait_told(early, why));
  EXPECT_THAT(early.log(), HasSubstr(why));
  EXPECT_EQ(early.http("/healthz"), "200 ok\n");
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_told(early, why));
  EXPECT_FALSE(cp().find("deployment", ns, "crm-web").has_value());

  ASSERT_NO_FATAL_FAILURE(install());
  ASSERT_TRUE(wait_listed(early));
  ASSERT_TRUE(wait_ready("crm", seconds(90)));

  // While it runs, as well.
  ASSERT_NO_FATAL_FAILURE(install_older());
  ASSERT_TRUE(wait_told(early, why));
  ASSERT_NO_FATAL_FAILURE(install());
  ASSERT_TRUE(wait_listed(early));
  EXPECT_TRUE(early.running());
  early.stop(SIGTERM);
}

TEST_F(DefinitionsTest, a_signal_switches_debug_lines_on_and_off) {
  OwnOperator early("early");
  ASSERT_NO_FATAL_FAILURE(start(early));
  ASSERT_TRUE(wait_listed(early));
  EXPECT_THAT(early.log(), Not(HasSubstr(" debug ")));
  early.signal(SIGUSR1);
  EXPECT_TRUE(wait_for("calls are logged", seconds(30), [&] {
    return early.log().find("call verb=update object=\"Lease ") != std::string::npos ? "" : early.log();
  }));
  early.signal(SIGUSR1);
  EXPECT_TRUE(wait_for("the level is what it was", seconds(30), [&] {
    return early.log().find("log level is as it was") != std::string::npos ? "" : early.log();
  }));
  const auto said = early.log().size();
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm", seconds(90)));
  EXPECT_THAT(early.log().substr(said), Not(HasSubstr(" debug ")));
  EXPECT_TRUE(early.running());
  early.stop(SIGTERM);
}

}  // namespace

}  // namespace nocobase_operator::e2e
