// A credential plugin of a kubeconfig (users[].user.exec): the program that is run for a token or a client certificate,
// and what it answers.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/process.h"
#include "kube/json.h"

namespace nocobase_operator::io {

struct ExecPlugin {
  std::string api_version{};  // client.authentication.k8s.io/v1 or v1beta1
  ProcessCommand command{};
  std::string install_hint{};  // told when the command is absent
  // With provideClusterInfo: the cluster as the plugin is told of it, else null. A CA that stands in a file is read
  // anew for each run.
  kube::Json cluster{};
  std::string ca_file{};
};

// What a plugin answered. Not equal to an earlier one when it is to be used anew.
struct ExecCredential {
  std::string token{};
  std::string client_cert_pem{};
  std::string client_key_pem{};
  std::optional<std::chrono::sys_seconds> expires{};  // within 1970 and 2200, so that a clock can be compared with it

  friend bool operator==(const ExecCredential&, const ExecCredential&) = default;
};

// Reads an ExecCredential of that apiVersion from a plugin's standard output. Errors (denied) repeat nothing of it.
[[nodiscard]] Result<ExecCredential> parse_exec_credential(std::string_view text, std::string_view api_version);

// What KUBERNETES_EXEC_INFO tells a plugin: an ExecCredential with a spec.
[[nodiscard]] std::string exec_info(const ExecPlugin& plugin);

// Runs the plugin once. Error (denied) when it is absent, with the install hint, fails, with what it said, or answers
// no credential. Blocks; thread-safe.
[[nodiscard]] Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin, const std::atomic<bool>& stop);

}  // namespace nocobase_operator::io
