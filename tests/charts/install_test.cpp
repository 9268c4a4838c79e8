// The charts as people install them, on a real API server: the pod passes Pod Security "restricted", and an operator
// with the chart's arguments and the rights of its ServiceAccount brings a cluster up. Part of the end-to-end program.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "e2e/harness.h"

namespace nocobase_operator::e2e {
namespace {

const std::string charts = std::string(NBO_SOURCE_DIR) + "/charts/";
// Of what the release "chart" makes: another name than that of the operator the other tests run.
const std::string full_name = "chart-nocobase-operator";

class ChartTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    Operator::get().kill(SIGTERM);  // two operators would work on the same clusters
    own_ns = ns + "-operator";
    ASSERT_EQ(cp().kubectl({"create", "namespace", own_ns}).code, 0);
    ASSERT_EQ(cp().kubectl({"label", "namespace", own_ns, "pod-security.kubernetes.io/enforce=restricted"}).code, 0);
    for (const auto* secret : {"postgres", "redis"}) {
      apply({{"apiVersion", "v1"},
             {"kind", "Secret"},
             {"metadata", {{"name", secret}}},
             {"stringData", {{"password", "for tests"}}}});
    }
  }

  void TearDown() override {
    process.stop(SIGTERM);
    EXPECT_EQ(cp().kubectl({"delete", "nbc", "--all", "-n", ns, "--wait=false"}).code, 0);
    EXPECT_EQ(cp().kubectl({"delete", "namespace", own_ns, "--wait=false"}).code, 0);
    NamespaceTest::TearDown();
    if (HasFailure()) {
      ADD_FAILURE() << "the operator's log ends with:\n" << tail(log(), 25);
    }
  }

  [[nodiscard]] static std::string log() { return cp().file("log/chart-operator.log"); }

  // Helm, in the operator's namespace; a test failure when it fails.
  void helm(std::vector<std::string> args) const {
    const std::string home = cp().file("helm");
    args.insert(args.begin(), {"bash", "-c", "source \"$0\" && exec helm \"$@\"", cp().file("env.sh")});
    args.insert(args.end(), {"--namespace", own_ns});
    args.insert(args.begin(), {"env", "HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home});
    const Output done = run(args);
    ASSERT_EQ(done.code, 0) << done.err;
  }

  void install(const std::string& watched) const {
    // The definitions are there already, as kubectl applied them.
    ASSERT_NO_FATAL_FAILURE(helm({"install", "crds", charts + "nocobase-operator-crds", "--take-ownership"}));
    ASSERT_NO_FATAL_FAILURE(helm({"install", "chart", charts + "nocobase-operator", "--set",
                                  "watchNamespace=" + watched + ",metrics.port=" + port}));
  }

  void uninstall() const {
    ASSERT_NO_FATAL_FAILURE(helm({"uninstall", "chart"}));
    ASSERT_NO_FATAL_FAILURE(helm({"uninstall", "crds"}));
  }

  // The operator outside of the cluster, with the arguments that the Deployment gives it.
  void start() {
    const Output token = cp().kubectl({"create", "token", full_name, "-n", own_ns});
    ASSERT_EQ(token.code, 0) << token.err;
    Json config = Json::parse(cp().kubectl({"config", "view", "--minify", "--flatten", "--raw", "-o", "json"}).out);
    config["users"][0]["user"] = {{"token", token.out.substr(0, token.out.find('\n'))}};
    const std::string path = cp().file("chart-operator.kubeconfig");
    std::ofstream(path) << config.dump();
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto deployment = cp().find("deployment", own_ns, full_name);
    ASSERT_TRUE(deployment.has_value());
    std::vector<std::string> command = {NBO_OPERATOR};
    for (const auto& argument : deployment->at("/spec/template/spec/containers/0/args"_json_pointer)) {
      const auto text = argument.get<std::string>();
      command.push_back(text.starts_with("--listen=") ? "--listen=127.0.0.1:" + port : text);
    }
    command.insert(command.end(), {"--kubeconfig", path});
    ASSERT_TRUE(process.start(command, log())) << "cannot start " << NBO_OPERATOR;
    std::ofstream(cp().file("pids"), std::ios::app)
        << "chart-operator " << process.pid() << ' ' << start_time(process.pid()) << '\n';
  }

  // What the pod's probes would get: a status line and a body.
  [[nodiscard]] std::string probe(const std::string& path) const {
    return run({"bash", "-c",
                "exec 3<> /dev/tcp/127.0.0.1/$0 && printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' \"$1\" "
                ">&3 && cat <&3",
                port, path})
        .out;
  }

  void expect_brings_a_cluster_up() const {
    ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
    EXPECT_TRUE(wait_for("nbc/crm is Ready", seconds(60), [&]() -> std::string {
      const auto object = cp().find("nbc", ns, "crm");
      return object && condition(*object, "Ready").starts_with("True") ? ""
             : object                                                  ? at(*object, "/status", Json()).dump()
                                                                       : "it does not exist";
    }));
    for (const Write& write : cp().writes_since(mark, "system:serviceaccount:" + own_ns + ":" + full_name, "")) {
      EXPECT_NE(write.code, 403) << testing::PrintToString(write);
      EXPECT_EQ(write.ns, ns) << testing::PrintToString(write);
    }
    EXPECT_TRUE(probe("/readyz").starts_with("HTTP/1.0 200") || probe("/readyz").starts_with("HTTP/1.1 200"))
        << probe("/readyz");
  }

  std::string own_ns;
  std::string port = std::to_string(20000 + getpid() % 10000);
  std::uint64_t mark = cp().mark();
  Background process;
};

TEST_F(ChartTest, its_pod_passes_the_restricted_pod_security_standard) {
  ASSERT_NO_FATAL_FAILURE(install(""));
  EXPECT_TRUE(wait_for("the operator's Deployment has a pod", seconds(30), [&]() -> std::string {
    const auto deployment = cp().find("deployment", own_ns, full_name);
    return deployment && at(*deployment, "/status/readyReplicas", 0) == 1 ? ""
           : deployment                                                   ? at(*deployment, "/status", Json()).dump()
                                                                          : "it does not exist";
  }));
  ASSERT_NO_FATAL_FAILURE(uninstall());
}

TEST_F(ChartTest, its_rights_are_enough_for_all_namespaces) {
  ASSERT_NO_FATAL_FAILURE(install(""));
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_NO_FATAL_FAILURE(expect_brings_a_cluster_up());
  ASSERT_NO_FATAL_FAILURE(uninstall());
}

TEST_F(ChartTest, its_rights_are_enough_for_one_namespace) {
  ASSERT_NO_FATAL_FAILURE(install(ns));
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_NO_FATAL_FAILURE(expect_brings_a_cluster_up());
  ASSERT_NO_FATAL_FAILURE(uninstall());
}

TEST_F(ChartTest, uninstalling_keeps_clusters_and_what_they_run) {
  ASSERT_NO_FATAL_FAILURE(install(""));
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_NO_FATAL_FAILURE(expect_brings_a_cluster_up());
  process.stop(SIGTERM);
  ASSERT_NO_FATAL_FAILURE(uninstall());
  EXPECT_TRUE(cp().find("nbc", ns, "crm").has_value());
  EXPECT_EQ(at(get("deployment", "crm-web"), "/status/readyReplicas", 0), 1);
}

TEST_F(ChartTest, viewers_may_read_and_editors_may_write_and_scale) {
  ASSERT_NO_FATAL_FAILURE(install(""));
  for (const auto* role : {"view", "edit"}) {
    ASSERT_EQ(cp().kubectl({"create", "rolebinding", role, "-n", ns, std::string("--clusterrole=") + role,
                            std::string("--user=chart-") + role})
                  .code,
              0);
  }
  const auto may = [&](const std::string& user, std::vector<std::string> what) {
    what.insert(what.begin(), {"auth", "can-i"});
    what.insert(what.end(), {"-n", ns, "--as", user});
    const std::string answer = cp().kubectl(what).out;
    return answer.substr(0, answer.find('\n'));
  };
  EXPECT_TRUE(wait_for("the rights are aggregated", seconds(30), [&]() -> std::string {
    return may("chart-edit", {"create", "nbc"}) == "yes" ? "" : "an editor may not create clusters yet";
  }));
  struct Case {
    std::vector<std::string> what;
    std::string viewer, editor;
  };
  const std::vector<Case> all = {
      {{"get", "nbc"}, "yes", "yes"},
      {{"list", "nbr"}, "yes", "yes"},
      {{"create", "nbc"}, "no", "yes"},
      {{"delete", "nbc"}, "no", "yes"},
      {{"patch", "nbc", "--subresource=status"}, "no", "no"},
      {{"update", "nbr"}, "no", "no"},
      {{"patch", "nbr", "--subresource=scale"}, "no", "yes"},
  };
  for (const Case& c : all) {
    SCOPED_TRACE(testing::PrintToString(c.what));
    EXPECT_EQ(may("chart-view", c.what), c.viewer);
    EXPECT_EQ(may("chart-edit", c.what), c.editor);
  }
  ASSERT_NO_FATAL_FAILURE(uninstall());
}

}  // namespace
}  // namespace nocobase_operator::e2e
