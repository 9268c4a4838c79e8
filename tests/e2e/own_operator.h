// Operators that a test starts for itself, beside or in place of the one that the others share: each with its own
// ServiceAccount, arguments and log, and, if the test likes, a server in between.
#pragma once
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "harness.h"

namespace nocobase_operator::e2e {

// Where the API server is, and what signed its certificate.
struct Server {
  std::string url;
  std::string ca_pem;
};
[[nodiscard]] Server api_server();

// Writes a kubeconfig with the rights of a ServiceAccount into the run's folder and returns its path.
[[nodiscard]] std::string kubeconfig_of(const std::string& ns, const std::string& account, const Server& server);

// The shared operator's ClusterRole, Lease role and namespace, for a ServiceAccount of that name: a test failure when
// they cannot be made.
void grant_all_rights(const std::string& account);

class OwnOperator {
 public:
  // `name` is that of its log, and its identity.
  explicit OwnOperator(std::string name) : name_(std::move(name)) {}
  OwnOperator(const OwnOperator&) = delete;
  OwnOperator& operator=(const OwnOperator&) = delete;
  OwnOperator(OwnOperator&&) = delete;
  OwnOperator& operator=(OwnOperator&&) = delete;
  ~OwnOperator() { stop(SIGKILL); }

  // Starts `run` with this kubeconfig and these arguments; a test failure when it does not listen soon.
  void start(const std::string& kubeconfig, const std::vector<std::string>& args);
  void stop(int signal) { process_.stop(signal); }
  void signal(int number) const { ::kill(process_.pid(), number); }
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  // What it has logged since it was started first.
  [[nodiscard]] std::string log() const;
  // "200 body" or "503 body" of a path; "" when nothing answers.
  [[nodiscard]] std::string http(const std::string& path) const;
  // Its resident memory, in bytes.
  [[nodiscard]] std::uint64_t rss() const;

 private:
  std::string name_;
  std::string port_;
  Background process_;
};

// Everything `inner` says is in `outer`, which may say more: members of objects, not entries of lists. Returns the
// place of the first difference, "" when there is none.
[[nodiscard]] std::string missing_from(const Json& outer, const Json& inner, const std::string& where = "");

// What `render` prints for a cluster, by kind/name.
[[nodiscard]] std::map<std::string, Json> rendered(const Json& cluster);

}  // namespace nocobase_operator::e2e
