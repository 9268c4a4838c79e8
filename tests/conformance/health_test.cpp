// What `kubectl wait` makes of each recorded state of a life, on the real API server. tests/gitops has the engines of
// GitOps tools judge the same states.
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "api_server.h"

namespace nocobase_operator::conformance {
namespace {

using kube::Json;

const std::string collection = "/apis/nocobase.com/v1alpha1/namespaces/default/nocobaseclusters";

class Health : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new ApiServer;
    ASSERT_TRUE(server->up());
    ASSERT_TRUE(is_served([] { return server->request("GET", collection, "").code == 200; }));
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  // Writes the object, and says how it is then.
  static void write(std::string_view method, const std::string& path, Json& object) {
    const Answer answer = server->request(method, path, kube::dump(object));
    ASSERT_TRUE(answer.code == 200 || answer.code == 201) << path << ": " << kube::dump(answer.body);
    object["metadata"] = answer.body["metadata"];
  }

  // Brings an object of this name into a recorded state: a spec of the second generation is written as such, the status
  // as the operator has written it.
  static void bring_about(const std::string& name, const Json& state) {
    const std::string path = collection + "/" + name;
    Json object = {{"apiVersion", state["apiVersion"]}, {"kind", state["kind"]}, {"metadata", {{"name", name}}}};
    object["spec"] = state["spec"];
    const bool leaves = state["metadata"].contains("deletionTimestamp");
    if (leaves) {
      object["metadata"]["finalizers"] = {"example.com/keeps-it"};
    }
    const bool edited = kube::integer_at(state, {"metadata", "generation"}) == 2;
    if (edited) {
      object["spec"]["paused"] = !object["spec"].value("paused", false);
    }
    ASSERT_NO_FATAL_FAILURE(write("POST", collection, object));
    if (edited) {
      object["spec"] = state["spec"];
      ASSERT_NO_FATAL_FAILURE(write("PUT", path, object));
    }
    ASSERT_EQ(object["metadata"]["generation"], state["metadata"]["generation"]);
    object["status"] = state["status"];
    ASSERT_NO_FATAL_FAILURE(write("PUT", path + "/status", object));
    if (leaves) {
      ASSERT_EQ(server->request("DELETE", path, "").code, 200);
    }
  }

  static inline ApiServer* server = nullptr;
};

TEST_F(Health, kubectl_wait_ends_where_a_condition_is_met_for_the_newest_spec) {
  // Which of the three conditions it does not wait for any more.
  const std::map<std::string, std::string> expected = {
      {"fresh", ""},
      {"installing", " Stalled=False"},
      {"ready", " Ready Reconciling=False Stalled=False"},
      {"edited-and-not-seen", ""},
      {"awaiting-approval", " Ready Stalled=False"},
      {"upgrading", " Stalled=False"},
      {"image-not-pulled", " Ready Reconciling=False"},  // the old version runs
      {"setup-failed", " Reconciling=False"},
      {"maintenance", " Ready Reconciling=False Stalled=False"},
      {"stopped", " Ready Reconciling=False Stalled=False"},
      {"paused", " Reconciling=False Stalled=False"},
      {"deleting", ""},  // a deletion is a generation of its own, which the operator has not looked at
  };
  std::map<std::string, std::string> met;
  for (const auto& entry : std::filesystem::directory_iterator(NBO_SOURCE_DIR "/tests/golden/states")) {
    const std::string name = entry.path().stem().string();
    std::ifstream file(entry.path());
    ASSERT_NO_FATAL_FAILURE(bring_about(name, Json::parse(file))) << name;
    met[name];
    for (const std::string condition : {"Ready", "Reconciling=False", "Stalled=False"}) {
      const e2e::Output waited =
          server->kubectl({"wait", "nbc/" + name, "--for=condition=" + condition, "--timeout=0"});
      met[name] += waited.code == 0 ? " " + condition : "";
      EXPECT_TRUE(waited.code == 0 || waited.err.find("condition not met") != std::string::npos) << waited.err;
    }
  }
  EXPECT_EQ(met, expected);
}

}  // namespace
}  // namespace nocobase_operator::conformance
