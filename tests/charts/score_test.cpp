// kube-score on what the charts become: it finds nothing but what is excepted here, with the reason. kube-linter would
// be asked too, but its Go module (golang.stackrox.io/kube-linter) is not served by the module proxy that this project
// builds from.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "charts/helm.h"

namespace nocobase_operator::charts {
namespace {

struct Exception {
  std::string finding;
  std::string why;
};

const Exception cpu_limit = {"(operator) CPU limit is not set",
                             "it would throttle the operator when there is most to do; its request is what it uses"};
const Exception pull_policy = {"(operator) ImagePullPolicy is not set to Always",
                               "the tag is of a release, which never moves, and a node starts it without a registry"};
const Exception one_replica = {"Deployment few replicas",
                               "a second one only stands by, and while none runs every cluster runs on"};
const Exception no_policy = {"The pod does not have a matching NetworkPolicy", "these values turn it off"};
const Exception no_budget = {"No matching PodDisruptionBudget was found", "these values turn it off"};
const Exception no_affinity = {"Deployment does not have a host podAntiAffinity set",
                               "these values have an affinity of their own, which is left as it is"};

std::set<std::string> findings(const std::string& manifest) {
  static const std::string folder = [] {
    const Output built = e2e::run({root + "/tests/charts/linters/build.sh"});
    EXPECT_EQ(built.code, 0) << built.err;
    return built.out.substr(0, built.out.find('\n'));
  }();
  const Output scored = e2e::run({folder + "/kube-score", "score", "--output-format=ci", "--kubernetes-version=v1.34",
                                  "--enable-optional-test=container-seccomp-profile",
                                  "--enable-optional-test=container-ports-check", manifest});
  EXPECT_NE(scored.out.find("[OK]"), std::string::npos) << scored.out << scored.err;
  std::set<std::string> out;
  std::istringstream lines(scored.out);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("[OK]") && !line.starts_with("[SKIPPED]")) {
      const std::size_t message = line.find(": ");
      out.insert(message == std::string::npos ? line : line.substr(message + 2));
    }
  }
  return out;
}

TEST(KubeScore, finds_nothing_but_what_is_excepted) {
  struct Case {
    std::string values;
    std::vector<Exception> exceptions;
  };
  const std::vector<Case> all = {
      {"default", {cpu_limit, pull_policy, one_replica}},
      {"one-namespace", {cpu_limit, pull_policy, no_policy}},  // replicas are judged behind a Service alone
      {"everything", {cpu_limit}},
      {"existing-account", {cpu_limit, pull_policy, no_budget, no_affinity}},
  };
  for (const Case& c : all) {
    SCOPED_TRACE(c.values);
    const Output rendered =
        render_text(operator_chart, {"--values", root + "/tests/golden/charts/" + c.values + "/values.yaml"});
    ASSERT_EQ(rendered.code, 0) << rendered.err;
    const std::string manifest = std::string(NBO_BINARY_DIR) + "/helm/" + c.values + ".yaml";
    std::filesystem::create_directories(std::filesystem::path(manifest).parent_path());
    std::ofstream(manifest) << rendered.out;
    std::set<std::string> excepted;
    for (const Exception& exception : c.exceptions) {
      excepted.insert(exception.finding);
    }
    EXPECT_EQ(findings(manifest), excepted);
  }
}

}  // namespace
}  // namespace nocobase_operator::charts
