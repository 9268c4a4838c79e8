// A role that KEDA scales on the rows of a real PostgreSQL: KEDA's own operator and metrics adapter beside the control
// plane. E2E_SLOW=1, because they take long to build.
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "database_server.h"
#include "lifecycle_fixture.h"
#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::uint16_t free_port() {
  namespace asio = boost::asio;
  asio::io_context io;
  return asio::ip::tcp::acceptor(io, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

class KedaTest : public LifecycleTest {
 protected:
  void SetUp() override {
    if (!slow()) {
      GTEST_SKIP() << "E2E_SLOW=1 runs it";
    }
    LifecycleTest::SetUp();
    const Output built = run({std::string(NBO_SOURCE_DIR) + "/tests/e2e/keda/build.sh"});
    ASSERT_EQ(built.code, 0) << built.err;
    bin_ = built.out.substr(0, built.out.find('\n'));
    certificates_ = cp().file("keda-" + ns);
    ASSERT_NO_FATAL_FAILURE(make_certificates());
    port_ = free_port();
    database_.emplace(DatabaseServer::Make::postgres, port_);
    ASSERT_EQ(database_->problem(), "");
    ASSERT_EQ(database_->query(tables()), "");
    fake_metrics_ = cp().find("apiservice", "", "v1beta1.external.metrics.k8s.io").value_or(Json());
    ASSERT_NO_FATAL_FAILURE(start_keda());
  }
  void TearDown() override {
    if (bin_.empty()) {
      return;
    }
    LifecycleTest::TearDown();
    adapter_.stop(SIGTERM);
    operator_.stop(SIGTERM);
    if (!fake_metrics_.is_null()) {
      EXPECT_EQ(cp().kubectl({"apply", "--server-side", "--force-conflicts", "-f", "-"}, metrics_api(0).dump()).code,
                0);
    }
    EXPECT_EQ(cp().kubectl({"delete", "-f", bin_ + "/crds", "--ignore-not-found"}).code, 0);
  }

  // NocoBase's own tables, as far as the backlog looks at them.
  static std::string tables() {
    return R"(CREATE ROLE nocobase LOGIN PASSWORD 'for tests';
CREATE TABLE workflows (id BIGINT PRIMARY KEY, enabled BOOLEAN);
CREATE TABLE executions (id BIGINT PRIMARY KEY, "workflowId" BIGINT, status INTEGER, dispatched BOOLEAN,
                         "startedAt" TIMESTAMP WITH TIME ZONE);
GRANT SELECT ON workflows, executions TO nocobase;
INSERT INTO workflows VALUES (1, TRUE), (2, FALSE);
INSERT INTO executions SELECT 1000 + n, 2, NULL, FALSE, NULL FROM generate_series(1, 100) n;
)";
  }
  // So many executions wait; a hundred more belong to a workflow that is switched off.
  void set_waiting(int count) const {
    ASSERT_EQ(database_->query("DELETE FROM executions WHERE \"workflowId\" = 1;\n"
                               "INSERT INTO executions SELECT n, 1, NULL, FALSE, NULL FROM generate_series(1, " +
                               std::to_string(count) + ") n;\n"),
              "");
  }
  [[nodiscard]] Json backlog_cluster() const {
    Json roles = three_roles();
    roles[1].erase("replicas");
    roles[1]["autoscaling"] = {{"minReplicas", 1}, {"maxReplicas", 6}, {"backlog", {{"target", 5}}}};
    roles[1]["autoscaling"]["behavior"]["scaleDown"] = {
        {"stabilizationWindowSeconds", 0},
        {"policies", Json::array({{{"type", "Percent"}, {"value", 100}, {"periodSeconds", 5}}})}};
    Json object = cluster("crm", roles);
    object["spec"]["database"].update(
        {{"host", "127.0.0.1"}, {"port", port_}, {"name", "postgres"}, {"user", "nocobase"}});
    return object;
  }
  [[nodiscard]] int intent() const {
    return at(cp().find("nbr", ns, "crm-workflow").value_or(Json()), "/spec/replicas", -1);
  }
  [[nodiscard]] bool wait_pods(int wanted) const {
    return wait_for("workflow has " + std::to_string(wanted) + " pods", seconds(180), [&]() -> std::string {
      const Json deployment = cp().find("deployment", ns, "crm-workflow").value_or(Json());
      const int ready = at(deployment, "/status/readyReplicas", 0);
      return ready == wanted && at(deployment, "/spec/replicas", -1) == wanted ? ""
                                                                               : std::to_string(ready) + " are ready";
    });
  }
  // What KEDA (with the administrator's rights), its autoscaler and our operator have written to the role.
  [[nodiscard]] std::vector<Write> writes_to_role(std::uint64_t mark) const {
    std::vector<Write> out;
    for (const std::string_view user : {std::string_view("kubernetes-admin"), autoscalers, Operator::user}) {
      for (const Write& write : cp().writes_since(mark, user, ns)) {
        if (write.what.starts_with("nocobaseroles/") && write.what.ends_with("/crm-workflow")) {
          out.push_back(write);
        }
      }
    }
    return out;
  }

 private:
  static constexpr std::string_view autoscalers = "system:serviceaccount:kube-system:horizontal-pod-autoscaler";

  void make_certificates() const {
    std::filesystem::create_directories(certificates_);
    const Output made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=keda", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout",
             certificates_ + "/tls.key", "-out", certificates_ + "/tls.crt"});
    ASSERT_EQ(made.code, 0) << made.err;
    std::filesystem::copy_file(certificates_ + "/tls.crt", certificates_ + "/ca.crt",
                               std::filesystem::copy_options::overwrite_existing);
  }
  // The external metrics come from KEDA's adapter at that port; 0: from where they came before.
  [[nodiscard]] Json metrics_api(std::uint16_t port) const {
    Json api = {{"apiVersion", "apiregistration.k8s.io/v1"},
                {"kind", "APIService"},
                {"metadata", {{"name", "v1beta1.external.metrics.k8s.io"}}},
                {"spec", fake_metrics_.at("spec")}};
    if (port != 0) {
      api["spec"]["service"]["port"] = port;
    }
    return api;
  }
  void start_keda() {
    ASSERT_FALSE(fake_metrics_.is_null());
    ASSERT_EQ(cp().kubectl({"apply", "--server-side", "-f", bin_ + "/crds"}).code, 0);
    const std::string kubeconfig = cp().file("admin.kubeconfig");
    const std::string service = "127.0.0.1:" + std::to_string(free_port());
    const std::uint16_t secure = free_port();
    const std::vector<std::string> wrapped = {"setpriv",
                                              "--pdeathsig=KILL",
                                              "env",
                                              "POD_NAMESPACE=kube-system",
                                              "WATCH_NAMESPACE=",
                                              "KEDA_CLUSTER_OBJECT_NAMESPACE=kube-system"};
    const auto start = [&](Background& process, const std::string& program, std::vector<std::string> args) {
      std::vector<std::string> command = wrapped;
      command.push_back(bin_ + "/" + program);
      command.push_back("--kubeconfig=" + kubeconfig);
      command.push_back("--cert-dir=" + certificates_);
      command.insert(command.end(), args.begin(), args.end());
      ASSERT_TRUE(process.start(command, cp().file("log/keda-" + program + ".log")));
    };
    ASSERT_NO_FATAL_FAILURE(
        start(operator_, "operator",
              {"--metrics-bind-address=0", "--health-probe-bind-address=0", "--metrics-service-bind-address=" + service,
               "--enable-webhook-patching=false", "--enable-apiservice-patching=false"}));
    ASSERT_NO_FATAL_FAILURE(
        start(adapter_, "adapter",
              {"--bind-address=127.0.0.1", "--secure-port=" + std::to_string(secure), "--port=0",
               "--tls-cert-file=" + certificates_ + "/tls.crt", "--tls-private-key-file=" + certificates_ + "/tls.key",
               "--lister-kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig,
               "--authorization-kubeconfig=" + kubeconfig, "--metrics-service-address=" + service}));
    ASSERT_EQ(cp().kubectl({"apply", "--server-side", "--force-conflicts", "-f", "-"}, metrics_api(secure).dump()).code,
              0);
    ASSERT_TRUE(wait_for("KEDA's adapter serves", seconds(120),
                         [&] {
                           const std::string available = condition(
                               cp().find("apiservice", "", "v1beta1.external.metrics.k8s.io").value_or(Json()),
                               "Available");
                           return available.starts_with("True") && operator_.running() ? "" : available;
                         }))
        << tail(cp().file("log/keda-operator.log"), 10) << tail(cp().file("log/keda-adapter.log"), 10);
  }

  std::uint16_t port_ = 0;
  std::optional<DatabaseServer> database_;
  std::string bin_;
  std::string certificates_;
  Json fake_metrics_;
  Background operator_;
  Background adapter_;
};

TEST_F(KedaTest, scaling_by_keda_on_the_rows_of_a_database) {
  Json object = backlog_cluster();
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_ready("crm", seconds(180)));
  ASSERT_TRUE(wait_for("the autoscaler is at work", seconds(180), [&]() -> std::string {
    const std::string now = condition(cp().find("scaledobject", ns, "crm-workflow").value_or(Json()), "Ready") + ", " +
                            condition(get("nbc", "crm"), "AutoscalersReady");
    return now.starts_with("True") && now.ends_with("True AllAtWork") ? "" : now;
  })) << tail(cp().file("log/keda-operator.log"), 10);
  EXPECT_EQ(intent(), 1);

  ASSERT_NO_FATAL_FAILURE(set_waiting(22));
  ASSERT_TRUE(wait_pods(5)) << tail(cp().file("log/keda-operator.log"), 10);
  ASSERT_NO_FATAL_FAILURE(set_waiting(12));
  ASSERT_TRUE(wait_pods(3));

  // In a hold nothing of KEDA's moves the number, though nothing waits any more.
  object["spec"]["maintenance"] = true;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_pods(0));
  ASSERT_TRUE(wait_for("KEDA is paused", seconds(60), [&]() -> std::string {
    return cp().find("hpa", ns, "keda-hpa-crm-workflow") ? "its autoscaler is still there" : "";
  }));
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(set_waiting(0));
  std::this_thread::sleep_for(seconds(45));  // a period of KEDA's polling is 30 s
  EXPECT_EQ(intent(), 3);
  EXPECT_THAT(writes_to_role(mark), IsEmpty());
  EXPECT_EQ(condition(get("nbc", "crm"), "Ready"), "True Maintenance");

  ASSERT_NO_FATAL_FAILURE(set_waiting(13));
  object["spec"].erase("maintenance");
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_pods(3)) << "as it was";
  ASSERT_NO_FATAL_FAILURE(set_waiting(0));
  EXPECT_TRUE(wait_pods(1)) << "KEDA is at work again";
  EXPECT_EQ(text_at(get("nbr", "crm-workflow"), "/status/why"), "autoscaler");
}

}  // namespace

}  // namespace nocobase_operator::e2e
