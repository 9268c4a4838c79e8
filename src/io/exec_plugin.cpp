#include "io/exec_plugin.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/time.h"
#include "io/file.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

constexpr std::size_t max_ca_bytes = 4U << 20U;
constexpr std::size_t max_told = 512;
// The system's clock counts nanoseconds from 1970, in which neither Go's zero time (year 1) nor the year 9999 can be
// told.
constexpr std::chrono::sys_seconds long_ago{};
constexpr std::chrono::sys_seconds for_ever = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);

Error denied(std::string what) {
  return {Code::denied, std::move(what)};
}

// RFC 3339 with any offset, as Go's metav1.Time reads it.
std::optional<std::chrono::sys_seconds> time_of(const std::string& text) {
  if (text.ends_with('Z')) {
    return from_rfc3339(text);
  }
  constexpr std::size_t offset_size = 6;  // +02:00
  if (text.size() < 19 + offset_size) {
    return std::nullopt;
  }
  const std::string offset = text.substr(text.size() - offset_size);
  const auto local = from_rfc3339(text.substr(0, text.size() - offset_size) + "Z");
  const bool sound = (offset[0] == '+' || offset[0] == '-') && offset[3] == ':' &&
                     (offset.substr(1, 2) + offset.substr(4)).find_first_not_of("0123456789") == std::string::npos;
  if (!local || !sound) {
    return std::nullopt;
  }
  const std::chrono::minutes east(std::stoi(offset.substr(1, 2)) * 60 + std::stoi(offset.substr(4)));
  return offset[0] == '+' ? *local - east : *local + east;
}

// What a program said on standard error, on one line.
std::string told(const std::string& errors) {
  std::string line = errors.substr(0, max_told);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7F; }, ' ');
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

Result<ExecCredential> parse_exec_credential(std::string_view text, std::string_view api_version) {
  const Result<Json> parsed = kube::parse_json(text, {.max_bytes = 1U << 20U, .max_depth = 32});
  if (!parsed.ok()) {
    return denied("answered no ExecCredential: " + parsed.error().what);
  }
  const Json& value = parsed.value();
  if (kube::string_at(value, {"kind"}) != "ExecCredential" || kube::string_at(value, {"apiVersion"}) != api_version) {
    return denied("answered no ExecCredential of " + std::string(api_version));
  }
  ExecCredential credential{.token = kube::string_at(value, {"status", "token"}),
                            .client_cert_pem = kube::string_at(value, {"status", "clientCertificateData"}),
                            .client_key_pem = kube::string_at(value, {"status", "clientKeyData"}),
                            .expires = {}};
  if (credential.client_cert_pem.empty() != credential.client_key_pem.empty()) {
    return denied("answered clientCertificateData and clientKeyData only one without the other");
  }
  if (credential.token.empty() && credential.client_cert_pem.empty()) {
    return denied("answered neither a token nor a client certificate");
  }
  if (const Json* const expires = kube::find_path(value, {"status", "expirationTimestamp"});
      expires != nullptr && !expires->is_null()) {
    credential.expires = time_of(kube::string_at(value, {"status", "expirationTimestamp"}));
    if (!credential.expires) {
      return denied("answered an expirationTimestamp that is no RFC 3339 time");
    }
    credential.expires = std::clamp(*credential.expires, long_ago, for_ever);
  }
  return credential;
}

std::string exec_info(const ExecPlugin& plugin) {
  Json info = {{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", Json{{"interactive", false}}}};
  if (plugin.cluster.is_object()) {
    Json cluster = plugin.cluster;
    if (!plugin.ca_file.empty()) {
      const Result<std::string> ca = read_file(plugin.ca_file, max_ca_bytes);
      cluster["certificate-authority-data"] = encode_base64(ca.ok() ? ca.value() : "");
    }
    info["spec"]["cluster"] = std::move(cluster);
  }
  return kube::dump(info);
}

Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin, const std::atomic<bool>& stop) {
  ProcessCommand command = plugin.command;
  command.env.emplace_back("KUBERNETES_EXEC_INFO", exec_info(plugin));
  const std::string name = "credential plugin " + command.program;
  const Result<ProcessEnd> ended = run_process(command, stop);
  if (!ended.ok()) {
    const bool hint = ended.error().code == Code::not_found && !plugin.install_hint.empty();
    return denied("credential plugin " + ended.error().what + (hint ? ". " + told(plugin.install_hint) : ""));
  }
  if (ended.value().exit_code != 0) {
    const std::string said = told(ended.value().errors);
    return denied(name + " failed with exit code " + std::to_string(ended.value().exit_code) +
                  (said.empty() ? "" : ": " + said));
  }
  Result<ExecCredential> credential = parse_exec_credential(ended.value().output, plugin.api_version);
  if (!credential.ok()) {
    return denied(name + " " + credential.error().what);
  }
  return credential;
}

}  // namespace nocobase_operator::io
