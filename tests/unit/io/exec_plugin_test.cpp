// Programs that are run, and credential plugins in particular.
#include "io/exec_plugin.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "io/system_trust.h"

namespace nocobase_operator::io {
namespace {

const std::atomic<bool> never = false;

ProcessCommand shell(const std::string& script) {
  return {.program = "sh", .args = {"-c", script}};
}

// "code: output|errors", or the error.
std::string told(const Result<ProcessEnd>& end) {
  return end.ok() ? std::to_string(end.value().exit_code) + ": " + end.value().output + "|" + end.value().errors
                  : std::string(name_of(end.error().code)) + ": " + end.error().what;
}

TEST(Process, RunsToItsEnd) {
  EXPECT_EQ(told(run_process(shell("printf out; printf err >&2; exit 3"), never)), "3: out|err");
  EXPECT_EQ(told(run_process(shell("kill -9 $$"), never)), "137: |");
  EXPECT_EQ(told(run_process({.program = "printf", .args = {"%s,", "a b", "$X", "'"}}, never)), "0: a b,$X,',|");
}

TEST(Process, GetsOurEnvironmentAndMore) {
  ASSERT_EQ(setenv("NBO_TEST_A", "ours", 1), 0);
  ASSERT_EQ(setenv("NBO_TEST_B", "ours", 1), 0);
  ProcessCommand command = shell("echo $NBO_TEST_A $NBO_TEST_B $NBO_TEST_C");
  command.env = {{"NBO_TEST_B", "theirs"}, {"NBO_TEST_C", "new"}};
  EXPECT_EQ(told(run_process(command, never)), "0: ours theirs new\n|");
}

// OpenSSL is not to see where the system's CAs are; a credential plugin is.
TEST(Process, SeesWhereTheSystemsCasAreThoughItIsHiddenFromOpenssl) {
  ASSERT_EQ(setenv("SSL_CERT_FILE", "/etc/their.pem", 1), 0);
  ASSERT_EQ(unsetenv("SSL_CERT_DIR"), 0);
  hide_system_trust();
  EXPECT_STREQ(std::getenv("SSL_CERT_FILE"), "/dev/null");
  EXPECT_STREQ(std::getenv("SSL_CERT_DIR"), "/dev/null");
  EXPECT_EQ(system_trust_file(), "/etc/their.pem");
  ProcessCommand command = shell("echo $SSL_CERT_FILE ${SSL_CERT_DIR-none}");
  EXPECT_EQ(told(run_process(command, never)), "0: /etc/their.pem none\n|");
  command.env = {{"SSL_CERT_FILE", "/etc/the-plugins.pem"}};
  EXPECT_EQ(told(run_process(command, never)), "0: /etc/the-plugins.pem none\n|");
  hide_system_trust();
  EXPECT_EQ(system_trust_file(), "/etc/their.pem");
  ASSERT_EQ(unsetenv("SSL_CERT_FILE"), 0);
  hide_system_trust();
  EXPECT_EQ(told(run_process(shell("echo ${SSL_CERT_FILE-none}"), never)), "0: none\n|");
}

TEST(Process, GetsNothingToReadNoDescriptorAndNoMask) {
  EXPECT_EQ(told(run_process(shell("cat; ls /proc/self/fd | wc -l"), never)), "0: 4\n|");  // and the folder itself
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &all, &before), 0);
  EXPECT_EQ(told(run_process(shell("grep SigBlk /proc/self/status"), never)), "0: SigBlk:\t0000000000000000\n|");
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
}

TEST(Process, IsEndedWhenItTakesTooLongOrSaysTooMuch) {
  ProcessCommand slow = shell("sleep 1000");
  slow.deadline = Millis(100);
  EXPECT_EQ(told(run_process(slow, never)), "unavailable: sh did not end within 100 ms");
  ProcessCommand loud = shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
  loud.max_output = 1000;
  EXPECT_EQ(told(run_process(loud, never)), "unavailable: sh said more than 1000 bytes");
  const std::atomic<bool> stopped = true;
  EXPECT_EQ(told(run_process(shell("sleep 1000"), stopped)), "unavailable: sh was stopped");
}

TEST(Process, WhatItLeftRunningHoldsNobodyUp) {
  const auto end = run_process(shell("sleep 30 & echo $!"), never);
  ASSERT_EQ(end.value().exit_code, 0);
  EXPECT_EQ(::kill(std::stoi(end.value().output), SIGKILL), 0);
}

TEST(Process, KeepsTheStartOfLongErrors) {
  const auto end = run_process(shell("head -c 100000 /dev/zero | tr '\\0' x >&2"), never);
  EXPECT_EQ(end.value().exit_code, 0);
  EXPECT_EQ(end.value().errors, std::string(4096, 'x'));
}

TEST(Process, IsNotFoundOrNotAllowed) {
  EXPECT_EQ(told(run_process({.program = "no-such-program"}, never)),
            "not_found: no-such-program: No such file or directory");
  EXPECT_EQ(told(run_process({.program = "/dev/null"}, never)), "denied: /dev/null: Permission denied");
}

constexpr std::string_view v1 = "client.authentication.k8s.io/v1";

std::string credential(const std::string& status) {
  return R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)" + status + "}";
}

TEST(ExecPlugin, AnswersAnExecCredential) {
  const auto token = parse_exec_credential(credential(R"({"token":"t"})"), v1);
  ASSERT_TRUE(token.ok()) << token.error().what;
  EXPECT_EQ(token.value(), (ExecCredential{.token = "t"}));
  const auto both = parse_exec_credential(
      credential(R"({"token":"t","clientCertificateData":"c","clientKeyData":"k","expirationTimestamp":null})"), v1);
  ASSERT_TRUE(both.ok()) << both.error().what;
  EXPECT_EQ(both.value(), (ExecCredential{.token = "t", .client_cert_pem = "c", .client_key_pem = "k"}));
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> want;
  };
  for (const Case& c :
       {Case{"1970-01-01T01:00:00Z", 3600}, Case{"1970-01-01T01:00:00.5Z", 3600},
        Case{"1970-01-01T01:00:00+00:30", 1800}, Case{"1970-01-01T01:00:00.25-01:00", 7200},
        Case{"0001-01-01T00:00:00Z", 0}, Case{"9999-12-31T23:59:59Z", 7'258'118'400}, Case{"1970-01-01T01:00:00", {}},
        Case{"", {}}, Case{"tomorrow", {}}, Case{"1970-01-01T01:00:00+0030", {}}, Case{"1970-01-01T01:00:00 00:30", {}},
        Case{"1970-01-01T01:00:00+xx:30", {}}}) {
    const auto got =
        parse_exec_credential(credential(R"({"token":"t","expirationTimestamp":")" + std::string(c.text) + "\"}"), v1);
    ASSERT_EQ(got.ok(), c.want.has_value()) << c.text;
    if (c.want) {
      EXPECT_EQ(got.value().expires, std::chrono::sys_seconds(Seconds(*c.want))) << c.text;
    }
  }
}

TEST(ExecPlugin, WhatIsNoCredentialIsDeniedAndNotRepeated) {
  struct Case {
    std::string text;
    std::string_view want;
  };
  for (
      const Case& c : {
          Case{"secret", "answered no ExecCredential: JSON syntax error at byte 1"},
          Case{"", "answered no ExecCredential: JSON syntax error at byte 1"},
          Case{"{}", "answered no ExecCredential of client.authentication.k8s.io/v1"},
          Case{
              R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}})",
              "answered no ExecCredential of client.authentication.k8s.io/v1"},
          Case{credential("null"), "answered neither a token nor a client certificate"},
          Case{credential(R"({"token":1})"), "answered neither a token nor a client certificate"},
          Case{credential(R"({"token":"t","clientKeyData":"k"})"),
               "answered clientCertificateData and clientKeyData only one without the other"},
          Case{credential(R"({"token":"t","expirationTimestamp":7})"),
               "answered an expirationTimestamp that is no RFC 3339 time"},
      }) {
    const auto got = parse_exec_credential(c.text, v1);
    ASSERT_FALSE(got.ok()) << c.text;
    EXPECT_EQ(got.error(), (Error{Code::denied, std::string(c.want)}));
  }
}

TEST(ExecPlugin, IsRunWithWhatItAsksFor) {
  const ExecPlugin plugin{.api_version = std::string(v1),
                          .command = shell("case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) echo '" +
                                           credential(R"({"token":"t"})") + "';; esac")};
  const auto got = run_exec_plugin(plugin, never);
  ASSERT_TRUE(got.ok()) << got.error().what;
  EXPECT_EQ(got.value(), (ExecCredential{.token = "t"}));
}

TEST(ExecPlugin, IsToldOfACaThatStandsInAFile) {
  const std::string path = testing::TempDir() + "exec-ca-" + std::to_string(::getpid());
  std::ofstream(path) << "ca";
  const ExecPlugin plugin{.api_version = std::string(v1), .cluster = {{"server", "https://h"}}, .ca_file = path};
  EXPECT_EQ(exec_info(plugin), R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":)"
                               R"({"cluster":{"certificate-authority-data":"Y2E=","server":"https://h"},)"
                               R"("interactive":false}})");
}

TEST(ExecPlugin, ThatFailsSaysHow) {
  const auto fails = [](ProcessCommand command, const std::string& hint = "") {
    const auto got =
        run_exec_plugin({.api_version = std::string(v1), .command = std::move(command), .install_hint = hint}, never);
    return got.ok() ? "ok" : std::string(name_of(got.error().code)) + ": " + got.error().what;
  };
  EXPECT_EQ(fails({.program = "no-such-plugin"}, "Get it from\nthe shop."),
            "denied: credential plugin no-such-plugin: No such file or directory. Get it from the shop.");
  EXPECT_EQ(fails({.program = "no-such-plugin"}),
            "denied: credential plugin no-such-plugin: No such file or directory");
  EXPECT_EQ(fails(shell("echo 'please log in' >&2; exit 2"), "unused"),
            "denied: credential plugin sh failed with exit code 2: please log in");
  EXPECT_EQ(fails(shell("echo secret; exit 1")), "denied: credential plugin sh failed with exit code 1");
  EXPECT_EQ(fails(shell("echo secret")),
            "denied: credential plugin sh answered no ExecCredential: JSON syntax error at byte 1");
}

TEST(Base64, IsWrittenAsItIsRead) {
  for (const auto& [bytes, text] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xFF\xFE\xFD", "//79"}}) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

}  // namespace
}  // namespace nocobase_operator::io
