// A real API server with this project's CRDs, and one request at a time to it. Started from tests/controlplane unless
// CONFORMANCE_KUBECONFIG names one that runs (kubectl is then taken from the PATH).
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/process.h"
#include "kube/json.h"

namespace nocobase_operator::conformance {

struct Answer {
  int code = 0;  // HTTP status; 0 when there was no answer
  kube::Json body;
};

class ApiServer {
 public:
  ~ApiServer();

  // False with a reason on stderr when there is none to be had.
  [[nodiscard]] bool up();
  [[nodiscard]] Answer request(std::string_view method, const std::string& path, std::string_view body,
                               std::string_view content_type = "application/json") const;
  // kubectl with the administrator's rights.
  [[nodiscard]] e2e::Output kubectl(std::vector<std::string> args) const;

 private:
  [[nodiscard]] bool start();
  [[nodiscard]] bool apply_definitions() const;
  [[nodiscard]] bool start_proxy();

  std::string run_;
  std::string kubectl_ = "kubectl";
  std::string kubeconfig_;
  bool ours_ = false;
  e2e::Background proxy_;
};

// Whether a request to a definition that has just been applied, which takes a moment to be served, comes to be answered
// within ten seconds.
[[nodiscard]] bool is_served(const std::function<bool()>& is_answered);

}  // namespace nocobase_operator::conformance
