// What GitOps tools rest on: every sample becomes Ready, is what `render` says, and is in sync with its file
// afterwards.
#include <filesystem>
#include <fstream>

#include "harness.h"
#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

namespace fs = std::filesystem;

class GitopsTest : public OperatorTest {
 protected:
  void make_secrets() const {
    const std::string keys = std::string(64, 'a');
    const std::map<std::string, Json> secrets = {
        {"pg", {{"password", "x"}}},
        {"mysql", {{"password", "x"}}},
        {"kingbase", {{"password", "x"}}},
        {"erp-postgres", {{"password", "x"}}},
        {"erp-redis", {{"password", "x"}}},
        {"erp-keys", {{"APP_KEY", std::string(40, 'k')}, {"APP_AES_SECRET_KEY", keys}}},
        {"erp-admin", {{"INIT_ROOT_EMAIL", "root@example.com"}, {"INIT_ROOT_PASSWORD", "long-enough-1"}}}};
    for (const auto& [name, data] : secrets) {
      ASSERT_NO_FATAL_FAILURE(
          apply({{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", name}}}, {"stringData", data}}));
    }
  }
  // The class that the production sample asks for: the default one by another name.
  void make_storage_class() const {
    const std::vector<Json> classes = cp().list("storageclass", "");
    ASSERT_FALSE(classes.empty());
    ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "storage.k8s.io/v1"},
                                   {"kind", "StorageClass"},
                                   {"metadata", {{"name", "shared-files"}}},
                                   {"provisioner", classes.front().at("provisioner")}}));
  }
  // What a file holds, as kubectl reads it, without the note of the last version that it puts on what it applies.
  [[nodiscard]] std::vector<Json> objects_in(const std::string& file) const {
    const Output read = cp().kubectl({"apply", "--dry-run=client", "-o", "json", "-n", ns, "-f", file});
    EXPECT_EQ(read.code, 0) << read.err;
    const Json object = Json::parse(read.out, nullptr, false);
    std::vector<Json> objects = at(object, "/items", std::vector<Json>{object});
    for (Json& each : objects) {
      Json annotations = at(each, "/metadata/annotations", Json::object());
      annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
      each["metadata"].erase("annotations");
      if (!annotations.empty()) {
        each["metadata"]["annotations"] = annotations;
      }
    }
    return objects;
  }
  void expect_is_as_rendered(const Json& cluster) const {
    Json set_up = cluster;
    set_up["spec"]["image"] = text_at(cluster, "/status/image");  // with its digest
    const std::map<std::string, Json> children = rendered(set_up);
    EXPECT_GT(children.size(), 4U);
    for (auto [id, want] : children) {
      if (id.starts_with("Deployment/")) {
        want["metadata"]["annotations"].erase("nocobase.com/applied-hash");  // of a Deployment with the epoch
        want["metadata"]["annotations"].erase("nocobase.com/epoch");         // of what the cluster has gone through
      }
      const std::string kind = id.substr(0, id.find('/'));
      if (kind == "ScaledObject" || kind == "TriggerAuthentication") {
        continue;  // there is no KEDA
      }
      EXPECT_EQ(missing_from(get(kind, text_at(want, "/metadata/name")), want), "") << id;
    }
  }
};

TEST_F(GitopsTest, every_sample_becomes_what_render_says_and_stays_in_sync_with_its_file) {
  ASSERT_NO_FATAL_FAILURE(make_secrets());
  ASSERT_NO_FATAL_FAILURE(make_storage_class());
  std::map<std::string, std::string> files;  // by cluster
  for (const auto& entry : fs::directory_iterator(std::string(NBO_SOURCE_DIR) + "/operator/samples")) {
    if (entry.path().extension() != ".yaml") {
      continue;
    }
    const std::string file = entry.path().string();
    const Output applied = cp().kubectl({"apply", "-n", ns, "-f", file});  // by the client: with the last version noted
    ASSERT_EQ(applied.code, 0) << applied.err;
    for (const Json& object : objects_in(file)) {
      if (object["kind"] == "NocoBaseCluster") {
        files[text_at(object, "/metadata/name")] = file;
      }
    }
  }
  EXPECT_GE(files.size(), 10U);
  for (const auto& [name, file] : files) {
    SCOPED_TRACE(name);
    const Output waited = cp().kubectl({"wait", "--for=condition=Ready", "--timeout=180s", "nbc/" + name, "-n", ns});
    ASSERT_EQ(waited.code, 0) << waited.err << condition(get("nbc", name), "Ready");
    ASSERT_TRUE(wait_ready(name));
    expect_is_as_rendered(get("nbc", name));
    const Output by_client = cp().kubectl({"diff", "-n", ns, "-f", file});
    EXPECT_EQ(by_client.code, 0) << by_client.out << by_client.err;
    // By the server, as a tool does it that has always done so: kubectl rewrites its note of the last version.
    ASSERT_EQ(cp().kubectl({"apply", "--server-side", "--force-conflicts", "-n", ns, "-f", file}).code, 0);
    const Output by_server = cp().kubectl({"diff", "--server-side", "-n", ns, "-f", file});
    EXPECT_EQ(by_server.code, 0) << by_server.out << by_server.err;
  }
  if (!slow()) {
    return;
  }
  // And as Argo CD's own engine sees it.
  const Output built = run({std::string(NBO_SOURCE_DIR) + "/tests/gitops/build.sh"});
  ASSERT_EQ(built.code, 0) << built.err;
  const std::string judge = built.out.substr(0, built.out.find('\n')) + "/gitops-judge";
  for (const auto& [name, file] : files) {
    for (const Json& object : objects_in(file)) {
      const Json live = get(text_at(object, "/kind"), text_at(object, "/metadata/name"));
      if (object["kind"] != "NocoBaseCluster") {
        continue;
      }
      std::ofstream(cp().file("live.json")) << live.dump();
      std::ofstream(cp().file("config.json")) << object.dump();
      const Output out = run({judge, "diff", cp().file("live.json"), cp().file("config.json")});
      EXPECT_EQ(out.out, "in sync\n") << name << out.err;
    }
  }
}

}  // namespace

}  // namespace nocobase_operator::e2e
