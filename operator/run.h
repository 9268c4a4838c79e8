// The composition root of `run`: the only place that knows every layer. It wires machines to the outside and decides
// nothing.
#pragma once
#include <string>

namespace nocobase_operator::program {

struct RunOptions {
  std::string kubeconfig;       // "" is the service account of the Pod
  std::string context;          // of the kubeconfig, "" is the current one
  std::string ns;               // watch this namespace only, "" is all of them
  std::string lease_namespace;  // "" is the namespace of the context or Pod
  std::string lease_name = "nocobase-operator";
  std::string identity;             // "" is host name and a random suffix
  std::string listen;               // "address:port" of /metrics, /healthz and /readyz, "" for none
  std::string log_format = "text";  // text, json
  std::string log_level = "info";   // debug, info, warning, error
  int reread_period = 60;           // seconds until Secrets and ConfigMaps that pods refer to are read again
};

// Runs the controller until SIGTERM or SIGINT; releases the Lease before it returns. The exit code: 0 after a signal, 2
// when it cannot even start (kubeconfig, certificates).
[[nodiscard]] int run(const RunOptions& options);

}  // namespace nocobase_operator::program
