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

TEST_F(KubeconfigTest, of_a_list_each_entry_is_taken_whole_from_the_first_file_that_has_it) {
  const auto context = file("context", "contexts: [{name: c, context: {cluster: k, user: u}}]\ncurrent-context: c\n");
  const auto first = file("first", "clusters: [{name: k, cluster: {server: 'https://one'}}]\n");
  const auto second = file("second",
                           "clusters: [{name: k, cluster: {server: 'https://two', tls-server-name: two}}]\n"
                           "users: [{name: u, user: {tokenFile: t}}]\n");
  const auto third = file("third", "users: [{name: u, user: {token: x}}]\ncurrent-context: other\n");
  const auto got = load_kubeconfig(
      context + "::" + (folder_ / "absent").string() + ":" + first + ":" + second + ":" + third + ":", "");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value().url, "https://one");
  EXPECT_EQ(got.value().tls_server_name, "") << "no member of a later entry of that name";
  EXPECT_EQ(got.value().credentials.token_file, (folder_ / "t").string());
  EXPECT_EQ(got.value().credentials.token, "");
}

Result<ApiServer> read(const std::string& cluster, const std::string& user, const ProxyVariables& proxies = {}) {
  return read_kubeconfig({{"/etc/kube/config", "current-context: c\nclusters: [{name: c, cluster: " + cluster +
                                                   "}]\nusers: [{name: c, user: " + user +
                                                   "}]\ncontexts: [{name: c, context: {cluster: c, user: c}}]\n"}},
                         "", proxies);
}

TEST_F(KubeconfigTest, a_plugin_is_read) {
  const auto got = read(
      "{server: 'https://h', certificate-authority-data: Y2E=, tls-server-name: api.test, extensions: [{name: x, "
      "extension: "
      "1}, "
      "{name: client.authentication.k8s.io/exec, extension: {a: 1}}]}",
      "{exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [get-token, '1'], env: [{name: "
      "A, "
      "value: b}], provideClusterInfo: true, interactiveMode: IfAvailable, installHint: get it}}");
  ASSERT_TRUE(got.ok()) << got.error().what;
  ASSERT_TRUE(got.value().credentials.exec);
  const ExecPlugin& plugin = *got.value().credentials.exec;
  EXPECT_EQ(plugin.command.program, "/etc/kube/bin/login");
  EXPECT_EQ(plugin.command.args, (std::vector<std::string>{"get-token", "1"}));
  EXPECT_EQ(plugin.command.env, (std::vector<std::pair<std::string, std::string>>{{"A", "b"}}));
  EXPECT_EQ(plugin.install_hint, "get it");
  EXPECT_EQ(
      exec_info(plugin),
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"cluster":)"
      R"({"certificate-authority-data":"Y2E=","config":{"a":1},"server":"https://h","tls-server-name":"api.test"},)"
      R"("interactive":false}})");
}

TEST_F(KubeconfigTest, a_plugin_is_found_along_PATH_or_beside_the_file) {
  for (const auto& [command, program] : std::initializer_list<std::pair<std::string, std::string>>{
           {"login", "login"}, {"./login", "/etc/kube/login"}, {"/bin/login", "/bin/login"}}) {
    const auto got = read("{server: 'https://h'}",
                          "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: " + command + "}}");
    ASSERT_TRUE(got.ok()) << got.error().what;
    EXPECT_EQ(got.value().credentials.exec->command.program, program);
    EXPECT_EQ(
        exec_info(*got.value().credentials.exec),
        R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"interactive":false}})");
  }
}

TEST_F(KubeconfigTest, a_token_beside_a_plugin_is_used_instead_of_it) {
  const auto got = read("{server: 'https://h'}", "{token: t, exec: {command: x}}");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_FALSE(got.value().credentials.exec);
}

TEST_F(KubeconfigTest, what_is_wrong_with_an_entry_is_named) {
  const std::string at = "/etc/kube/config: user c: exec: ";
  const std::string v1 = "apiVersion: client.authentication.k8s.io/v1, ";
  for (const auto& [user, want] : std::initializer_list<std::pair<std::string, std::string>>{
           {"{exec: 1}", "/etc/kube/config: user c: exec must be an object"},
           {"{exec: {command: x}}", at + "apiVersion must be client.authentication.k8s.io/v1 or v1beta1"},
           {"{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
            at + "apiVersion must be client.authentication.k8s.io/v1 or v1beta1"},
           {"{exec: {" + v1 + "interactiveMode: Never}}", at + "command is missing"},
           {"{exec: {" + v1 + "command: x}}", at + "interactiveMode must be Never or IfAvailable"},
           {"{exec: {" + v1 + "command: x, interactiveMode: Always}}",
            at + "interactiveMode Always is not supported: nobody is there to answer"},
           {"{exec: {" + v1 + "command: x, args: [1]}}", at + "args must be a list of strings"},
           {"{exec: {" + v1 + "command: x, args: a}}", at + "args must be a list of strings"},
           {"{exec: {" + v1 + "command: x, env: [{value: a}]}}", at + "env must be a list of names and values"},
           {"{exec: {" + v1 + "command: x, env: {a: b}}}", at + "env must be a list of names and values"},
           {"{exec: {" + v1 + "command: x, interactiveMode: Never, provideClusterInfo: yes please}}",
            at + "provideClusterInfo must be true or false"},
           {"{client-certificate: c, client-key: k, exec: {" + v1 + "command: x}}",
            "/etc/kube/config: user c: exec and a client certificate exclude each other"},
           {"{client-certificate: c}", "/etc/kube/config: user c: client-certificate and client-key need each other"},
           {"{as: x, token: t}", "/etc/kube/config: user c: as is not supported: nobody is impersonated"},
       }) {
    const auto got = read("{server: 'https://h'}", user);
    ASSERT_FALSE(got.ok()) << user;
    EXPECT_EQ(got.error(), (Error{Code::invalid, want})) << user;
  }
}

TEST_F(KubeconfigTest, the_proxy_is_the_clusters_or_the_environments) {
  const ProxyVariables env{.https_proxy = "http://env:1", .http_proxy = "", .no_proxy = "no.example"};
  const Proxy own{.host = "own", .port = 3128, .user = "u", .password = "p@"};
  const auto proxy = [&](const std::string& cluster) {
    const auto got = read(cluster, "{token: t}", env);
    return got.ok() ? got.value().proxy : Proxy{.host = got.error().what};
  };
  EXPECT_EQ(proxy("{server: 'https://h', proxy-url: 'http://u:p%40@own:3128/'}"), own);
  EXPECT_EQ(proxy("{server: 'https://127.0.0.1', proxy-url: 'http://u:p%40@own:3128'}"), own);
  EXPECT_EQ(proxy("{server: 'https://h', proxy-url: ''}"), (Proxy{.host = "env", .port = 1}));
  EXPECT_EQ(proxy("{server: 'https://h'}"), (Proxy{.host = "env", .port = 1}));
  EXPECT_EQ(proxy("{server: 'https://a.no.example'}"), std::nullopt);
  EXPECT_EQ(
      proxy("{server: 'https://h', proxy-url: 'socks5://x'}")->host,
      "/etc/kube/config: cluster c: proxy-url: proxy: the scheme socks5 is not supported, only http:// proxies are");
}

TEST_F(KubeconfigTest, what_is_not_supported_is_named) {
  for (const auto* user : {"{auth-provider: {name: gcp}}", "{username: u, password: p}"}) {
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

TEST_F(KubeconfigTest, an_empty_address_is_that_of_no_server) {
  ASSERT_EQ(setenv("KUBERNETES_SERVICE_HOST", "", 1), 0);
  ASSERT_EQ(setenv("KUBERNETES_SERVICE_PORT", "443", 1), 0);
  EXPECT_EQ(in_cluster(folder_.string()).error(),
            (Error{Code::not_found, "not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"}));
  ASSERT_EQ(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
  ASSERT_EQ(unsetenv("KUBERNETES_SERVICE_PORT"), 0);
}

TEST_F(KubeconfigTest, inlined_certificates_may_be_wrapped) {
  const auto got = read(R"({server: 'https://h', certificate-authority-data: "Y2Et\n YnVu\r\nZGxl\n"})", "{token: t}");
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value().ca_pem, "ca-bundle");
}

TEST_F(KubeconfigTest, nobody_signs_in_anonymously_by_accident) {
  EXPECT_EQ(read("{server: 'https://h'}", "{}").error(),
            (Error{Code::invalid, "/etc/kube/config: user c: token or a client certificate is missing"}));
  EXPECT_EQ(read_kubeconfig({{"/etc/kube/config", "kind: Config\n"}}, "", {}).error(),
            (Error{Code::invalid, "the kubeconfig has no current-context: name one"}));
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
