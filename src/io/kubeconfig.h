// Where the API server is and who we are: from a kubeconfig file or from the Pod's service account.
#pragma once
#include <string>

#include "base/result.h"

namespace nocobase_operator::io {

// Material is kept as PEM text or as the path it is read from again on use (tokens and certificates rotate on disk).
struct Credentials {
  std::string token{};            // inline bearer token
  std::string token_file{};       // wins over token
  std::string client_cert_pem{};  // inline certificate chain
  std::string client_key_pem{};
  std::string client_cert_file{};  // used when the inline one is empty
  std::string client_key_file{};
};

struct ApiServer {
  std::string url{};     // "https://host:port", IPv6 hosts in brackets, no trailing slash
  std::string ca_pem{};  // inline CA bundle; wins over ca_file
  std::string ca_file{};
  std::string tls_server_name{};  // "" is the URL's host
  std::string ns{};               // namespace of the context or of the Pod, "default" when none is given
  Credentials credentials{};
};

// Reads a kubeconfig as client-go does. `path` may be a list joined by ':' (the first file wins); `context` "" is the
// current one. Relative paths are relative to the file they stand in. What is not supported (exec and auth-provider
// plugins, insecure-skip-tls-verify, proxy-url, username and password) is an error that names it.
[[nodiscard]] Result<ApiServer> load_kubeconfig(const std::string& path, const std::string& context);

// The service account of the Pod this process runs in: KUBERNETES_SERVICE_HOST and _PORT and the files below
// `mount` (/var/run/secrets/kubernetes.io/serviceaccount).
[[nodiscard]] Result<ApiServer> in_cluster(const std::string& mount);

}  // namespace nocobase_operator::io
