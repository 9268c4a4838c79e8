// Questions to an API server from the command line: rounds of requests and answers on one thread, ended by Ctrl-C.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/kubeconfig.h"
#include "kube/http.h"
#include "kube/kind.h"

namespace nocobase_operator::program {

// Which API server a person means.
struct ServerOptions {
  std::string kubeconfig;  // "": that of find_server()
  std::string context;     // of the kubeconfig, "" is the current one
};

// The API server of the kubeconfig files that are named, else of ~/.kube/config, else that of the Pod this runs in.
// Makes the process ready to ask: signals are no longer delivered to it, but to ask().
[[nodiscard]] Result<io::ApiServer> find_server(const ServerOptions& options);

using Answers = std::vector<Result<kube::HttpResponse>>;

// What to ask next.
struct Round {
  std::vector<kube::HttpRequest> requests;  // none: it is done
  Millis pause{0};                          // before they are sent
  Millis deadline{30'000};                  // of each of them
};

// Calls `next` with the answers to the last round, in the order of its requests (none at first), until it asks for
// nothing more. Error (unavailable): ended by a signal.
[[nodiscard]] Result<Unit> ask(const io::ApiServer& server, const std::function<Round(const Answers&, Now)>& next);

[[nodiscard]] kube::HttpRequest get_request(const kube::Ref& ref);
// The objects of a list, with the apiVersion and kind that the server leaves out.
[[nodiscard]] Result<std::vector<kube::Json>> items_of(kube::Kind kind, const Result<kube::HttpResponse>& answer);
// Selects what the operator has made for a cluster.
[[nodiscard]] std::string selector_of(const std::string& cluster);

}  // namespace nocobase_operator::program
