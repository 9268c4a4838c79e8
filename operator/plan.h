// The command `plan`: where a NocoBaseCluster leads, from nothing, from another one, or from what a Kubernetes cluster
// has. It reads and never writes.
#pragma once
#include <string>

#include "operator/offline.h"

namespace nocobase_operator::program {

struct PlanOptions {
  std::string input;            // a file, or "-"
  std::string from;             // a file with the clusters as they were; "" for none
  bool live = false;            // from what the API server has, unless `from` is given
  std::string kubeconfig;       // "": as find_server() finds it
  std::string context;          // of the kubeconfig, "" is the current one
  std::string ns;               // of clusters that name none; "" is the kubeconfig's, or "default"
  std::string output = "text";  // text, json
};

// The exit code: 0 when what is asked for is reached, 1 when a person has to do something or the input has errors, 2
// when it cannot be read or the API server cannot be asked.
[[nodiscard]] int plan(const PlanOptions& options, const Streams& streams);

}  // namespace nocobase_operator::program
