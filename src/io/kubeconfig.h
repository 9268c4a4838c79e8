// Where the API server is and who we are: from a kubeconfig file or from the Pod's service account.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/exec_plugin.h"
#include "io/proxy.h"

namespace nocobase_operator::io {

// Material is kept as PEM text or as the path it is read from again on use (tokens and certificates rotate on disk).
struct Credentials {
  std::string token{};            // inline bearer token
  std::string token_file{};       // wins over token
  std::string client_cert_pem{};  // inline certificate chain
  std::string client_key_pem{};
  std::string client_cert_file{};  // used when the inline one is empty
  std::string client_key_file{};
  std::optional<ExecPlugin> exec{};  // gives the token or certificate; the others are empty then
};

struct ApiServer {
  std::string url{};     // "https://host:port", IPv6 hosts in brackets, no trailing slash
  std::string ca_pem{};  // inline CA bundle; wins over ca_file
  std::string ca_file{};
  std::string tls_server_name{};  // "" is the URL's host
  std::string ns{};               // namespace of the context or of the Pod, "default" when none is given
  std::optional<Proxy> proxy{};
  Credentials credentials{};
};

// Reads a kubeconfig as client-go does. `path` may be a list joined by ':' (the first file wins); `context` "" is the
// current one. Relative paths are relative to the file they stand in. The proxy is the one of proxy-url, else of the
// environment. What is not supported (auth-provider plugins, plugins that need a terminal, insecure-skip-tls-verify,
// username and password, impersonation, proxies other than http://) is an error that names it.
[[nodiscard]] Result<ApiServer> load_kubeconfig(const std::string& path, const std::string& context);

// The same from what stands in the files.
struct KubeconfigText {
  std::string file;
  std::string text;
};
[[nodiscard]] Result<ApiServer> read_kubeconfig(const std::vector<KubeconfigText>& files, const std::string& context,
                                                const ProxyVariables& proxies);

// The service account of the Pod this process runs in: KUBERNETES_SERVICE_HOST and _PORT and the files below
// `mount` (/var/run/secrets/kubernetes.io/serviceaccount).
[[nodiscard]] Result<ApiServer> in_cluster(const std::string& mount);

}  // namespace nocobase_operator::io
