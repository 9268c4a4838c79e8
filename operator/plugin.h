// The commands of `kubectl nocobase` that talk to a cluster: status and maintenance.
#pragma once
#include <string>
#include <vector>

#include "operator/ask.h"
#include "operator/offline.h"

namespace nocobase_operator::program {

// Whether a program of this name (argv[0]) is `kubectl nocobase`: kubectl runs it by its name.
[[nodiscard]] bool is_plugin(const std::string& path);

struct StatusOptions {
  ServerOptions server;
  std::string ns;  // "" is that of the kubeconfig
  std::string name;
};

// Prints how a cluster stands: 0 when it is Ready, 1 when it is not, 2 when that cannot be told.
[[nodiscard]] int status(const StatusOptions& options, const Streams& streams);

// The names of the clusters in a namespace, for a shell that completes one; none when they cannot be asked for soon.
[[nodiscard]] std::vector<std::string> cluster_names(const ServerOptions& options, const std::string& ns);

struct MaintenanceOptions {
  ServerOptions server;
  std::string ns;  // "" is that of the kubeconfig
  std::string name;
  std::string state;  // on, off
  bool wait = false;  // until it is reached
  int timeout = 600;  // seconds to wait at most
};

// Asks for maintenance or takes it out: 0 when that is done, and reached if waited for; 1 when it is not reached; 2
// when the API server cannot be asked or refuses.
[[nodiscard]] int maintenance(const MaintenanceOptions& options, const Streams& streams);

}  // namespace nocobase_operator::program
