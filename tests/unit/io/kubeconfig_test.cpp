// Kubeconfig files as client-go reads them, and the service account of a Pod.
#include "io/kubeconfig.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "io/file.h"

namespace nocobase_operator::io {
namespace {

namespace fs = std::filesystem;

class KubeconfigTest : public ::testing::Test {
 protected:
  KubeconfigTest() {
    std::string name = (fs::temp_directory_path() / "nbo-kubeconfig-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~KubeconfigTest() override { fs::remove_all(folder_); }
  KubeconfigTest(const KubeconfigTest&) = delete;
  KubeconfigTest& operator=(const KubeconfigTest&) = delete;

  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name) << content;
    return (folder_ / name).string();
  }
  // A config of one cluster, user and context, all named `name`.
  std::string config(const std::string& name, const std::string& cluster, const std::string& user) {
    return file(name, "apiVersion: v1\nkind: Config\ncurrent-context: " + name + "\nclusters:\n- name: " + name +
                          "\n  cluster: " + cluster + "\nusers:\n- name: " + name + "\n  user: " + user +
                          "\ncontexts:\n- name: " + name + "\n  context: {cluster: " + name + ", user: " + name +
                          ", namespace: apps}\n");
  }

  fs::path folder_;
};

TEST_F(KubeconfigTest, the_current_context_is_read) {
  const auto got =
      load_kubeconfig(config("a", "{server: 'https://h:6443', certificate-authority-data: Y2E=}", "{token: t}"), "");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value().url, "https://h:6443");
  EXPECT_EQ(got.value().ca_pem, "ca");
  EXPECT_EQ(got.value().ns, "apps");
  EXPECT_EQ(got.value().credentials.token, "t");
}

TEST_F(KubeconfigTest, paths_are_relative_to_the_file) {
  const auto got = load_kubeconfig(
      config("a", "{server: 'https://h', certificate-authority: ca.crt}", "{tokenFile: t, token: inline}"), "");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value().ca_file, (folder_ / "ca.crt").string());
  EXPECT_EQ(got.value().credentials.token_file, (folder_ / "t").string());
}

TEST_F(KubeconfigTest, of_a_list_the_first_file_wins) {
  const auto first = config("a", "{server: 'https://one'}", "{token: t}");
  const auto second = file("b", "clusters: [{name: a, cluster: {server: 'https://two'}}]\ncurrent-context: other\n");
  const auto got = load_kubeconfig(first + ":" + second, "");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value().url, "https://one");
}

TEST_F(KubeconfigTest, what_is_not_supported_is_named) {
  for (const auto* user : {"{exec: {command: x}}", "{auth-provider: {name: gcp}}", "{username: u, password: p}"}) {
    SCOPED_TRACE(user);
    const auto got = load_kubeconfig(config("a", "{server: 'https://h'}", user), "");
    ASSERT_FALSE(got.ok());
    const std::string word = std::string(user).substr(1, std::string(user).find(':') - 1);
    EXPECT_NE(got.error().what.find(word), std::string::npos) << got.error().what;
  }
  const auto insecure =
      load_kubeconfig(config("a", "{server: 'https://h', insecure-skip-tls-verify: true}", "{token: t}"), "");
  ASSERT_FALSE(insecure.ok());
  EXPECT_NE(insecure.error().what.find("insecure-skip-tls-verify"), std::string::npos);
}

TEST_F(KubeconfigTest, what_is_missing_is_an_error) {
  EXPECT_FALSE(load_kubeconfig((folder_ / "none").string(), "").ok());
  EXPECT_FALSE(load_kubeconfig(config("a", "{server: 'https://h'}", "{}"), "other").ok());
  EXPECT_FALSE(load_kubeconfig(file("garbage", "\x01\x02"), "").ok());
  EXPECT_FALSE(load_kubeconfig(file("list", "[1, 2]"), "").ok());
}

TEST_F(KubeconfigTest, a_pod_finds_its_server_and_ipv6_gets_brackets_once) {
  file("token", "t");
  file("ca.crt", "ca");
  file("namespace", "apps\n");
  for (const auto* host : {"fd00::1", "[fd00::1]"}) {
    ASSERT_EQ(setenv("KUBERNETES_SERVICE_HOST", host, 1), 0);
    ASSERT_EQ(setenv("KUBERNETES_SERVICE_PORT", "6443", 1), 0);
    const auto got = in_cluster(folder_.string());
    ASSERT_TRUE(got.ok()) << got.error().what;
    EXPECT_EQ(got.value().url, "https://[fd00::1]:6443");
    EXPECT_EQ(got.value().ns, "apps");
    EXPECT_EQ(got.value().credentials.token_file, (folder_ / "token").string());
  }
  ASSERT_EQ(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
  EXPECT_EQ(in_cluster(folder_.string()).error().code, Code::not_found);
}

TEST_F(KubeconfigTest, folders_expand_to_their_manifests_in_order) {
  const auto a = file("b.yaml", "");
  const auto b = file("a.json", "");
  file("c.txt", "");
  const auto got = expand_inputs({folder_.string(), "-"});
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value(), (std::vector<std::string>{b, a, "-"}));
  EXPECT_EQ(read_file((folder_ / "none").string(), 10).error().code, Code::not_found);
  EXPECT_EQ(read_file(file("big", std::string(11, 'x')), 10).error().code, Code::invalid);
  EXPECT_EQ(read_file(file("fits", "0123456789"), 10).value(), "0123456789");
}

}  // namespace
}  // namespace nocobase_operator::io
