// What a cluster costs the API server: every request that is made for it until it has converged, exactly. The benchmark
// loads the same clusters (tests/bench).
#include <csignal>
#include <fstream>
#include <thread>
#include <utility>

#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

constexpr std::size_t clusters = 10;

const std::map<std::string, std::size_t> requests_per_cluster = {
    {"patch serviceaccounts", 1},      {"patch services", 1},
    {"patch nocobaseroles", 3},        {"patch deployments", 3},
    {"patch nocobaseroles/status", 3}, {"patch nocobaseclusters/status", 1},
};

// While it stands, no Deployment gets a status: what is counted does not depend on who is faster.
class NoControllers {
 public:
  NoControllers() { signal_controllers(SIGSTOP); }
  NoControllers(const NoControllers&) = delete;
  NoControllers& operator=(const NoControllers&) = delete;
  NoControllers(NoControllers&&) = delete;
  NoControllers& operator=(NoControllers&&) = delete;
  ~NoControllers() { signal_controllers(SIGCONT); }

 private:
  static void signal_controllers(int number) {
    std::ifstream pids(ControlPlane::get().file("pids"));
    std::string name;
    std::string start;
    for (pid_t pid = 0; pids >> name >> pid >> start;) {
      if (name == "kube-controller-manager" && start_time(pid) == start) {
        ::kill(pid, number);
      }
    }
  }
};

class RequestsTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    Operator::get().kill(SIGTERM);
  }

  // A cluster whose image has been set up, as the benchmark loads it.
  void load(const std::string& name) const {
    std::ifstream file(std::string(NBO_SOURCE_DIR) + "/tests/bench/cluster.json");
    Json object = Json::parse(file);
    object["metadata"] = {{"name", name}};
    ASSERT_NO_FATAL_FAILURE(apply(object));
    const Json image = object["spec"]["image"];
    // The database is app::database_identity() of the one in the file, as tests/golden/states/ready.json has it.
    const Json record = {{"image", image}, {"runs", image}, {"database", "d75ced4f9745bfe8"}};
    object["status"] = {{"observedGeneration", -1},
                        {"operation", {{"epoch", 1}, {"step", "Idle"}, {"record", record}}}};
    object.erase("spec");
    const Output done = cp().kubectl({"apply", "--server-side", "--force-conflicts", "--subresource=status",
                                      "--validate=false", "--field-manager=nocobase-operator", "-n", ns, "-f", "-"},
                                     object.dump());
    ASSERT_EQ(done.code, 0) << done.err;
  }
};

TEST_F(RequestsTest, a_cluster_costs_one_write_per_child_and_no_more_than_is_recorded) {
  const std::string system = "nocobase-operator-system";
  const std::string user = "system:serviceaccount:" + system + ":requests";
  ASSERT_NO_FATAL_FAILURE(grant_all_rights("requests"));
  apply({{"apiVersion", "v1"},
         {"kind", "Secret"},
         {"metadata", {{"name", "nocobase"}}},
         {"stringData",
          {{"APP_KEY", "of the test"},
           {"APP_AES_SECRET_KEY", std::string(64, 'a')},
           {"INIT_ROOT_EMAIL", "test@example.com"},
           {"INIT_ROOT_PASSWORD", "of the test"},
           {"DB_PASSWORD", "of the test"}}}});
  for (std::size_t i = 0; i < clusters; ++i) {
    ASSERT_NO_FATAL_FAILURE(load("c" + std::to_string(i)));
  }
  std::map<std::string, std::size_t> expected;
  for (const auto& [request, count] : requests_per_cluster) {
    expected[request] = count * clusters;
  }
  const NoControllers stopped;
  const auto mark = cp().mark();
  OwnOperator one("requests");
  ASSERT_NO_FATAL_FAILURE(
      one.start(kubeconfig_of(system, "requests", api_server()), {"--namespace", ns, "--lease-namespace", system}));
  // Keys and passwords: one Secret, to which all refer. Who asks for it before the first answer is there asks too.
  std::size_t secrets = 0;
  const auto made_so_far = [&] {
    std::map<std::string, std::size_t> made = cp().requests_since(mark, user, ns);
    secrets = std::exchange(made["get secrets"], 0);
    made.erase("get secrets");
    return made;
  };
  const auto sum = [](const std::map<std::string, std::size_t>& requests) {
    std::size_t all = 0;
    for (const auto& [request, count] : requests) {
      all += count;
    }
    return all;
  };
  EXPECT_TRUE(wait_for("every request is made", seconds(120), [&] {
    const std::size_t made = sum(made_so_far());
    return made >= sum(expected) ? std::string() : std::to_string(made) + " of " + std::to_string(sum(expected));
  }));
  std::this_thread::sleep_for(seconds(5));  // none is made after that
  EXPECT_EQ(made_so_far(), expected);
  EXPECT_GE(secrets, 1U);
  EXPECT_LE(secrets, clusters);
  for (const Json& object : cp().list("nbc", ns)) {
    EXPECT_EQ(at(object, "/status/observedGeneration", -1), at(object, "/metadata/generation", 0));
  }
  EXPECT_EQ(cp().list("deploy", ns).size(), 3 * clusters);
  one.stop(SIGTERM);
}

}  // namespace

}  // namespace nocobase_operator::e2e
