// What the end-to-end tests share: one control plane per run, the operator as a process beside it, kubectl, the API
// server's audit log, and waiting. It knows the product only by its command line and its API.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "process.h"

namespace nocobase_operator::e2e {

using Json = nlohmann::json;
using std::chrono::seconds;

// One request that changes something, from the audit log.
struct Write {
  std::string verb;  // create, update, patch, delete
  std::string what;  // resource[/subresource]/name
  std::string ns;
  int code = 0;
  friend bool operator==(const Write&, const Write&) = default;
};
void PrintTo(const Write& write, std::ostream* out);

// Started before the first test and stopped after the last. E2E_RUN=DIR keeps it there, running, for the next run.
class ControlPlane {
 public:
  static ControlPlane& get();

  void up();  // ends the program when it cannot
  void down();

  // kubectl with the administrator's rights, or those of another kubeconfig of the run folder.
  [[nodiscard]] Output kubectl(std::vector<std::string> args, std::string_view in = {}) const;
  // The object, or nothing when there is none. `kind` as kubectl takes it.
  [[nodiscard]] std::optional<Json> find(const std::string& kind, const std::string& ns, const std::string& name) const;
  [[nodiscard]] std::vector<Json> list(const std::string& kind, const std::string& ns) const;
  // What `kubectl get` shows: a row per object, a cell per column.
  [[nodiscard]] std::vector<std::map<std::string, std::string>> table(const std::string& kind,
                                                                      const std::string& ns) const;

  // Ends a process of the control plane and starts it again after the pause, with more arguments until the next
  // restart.
  void restart(const std::string& name, const std::string& signal, seconds pause, const std::string& args = "") const;
  // The same for the API server, and waits until the others have found it again: a Deployment's pod becomes ready.
  // After a few outages in a row their watches stay away for up to a minute, as long as a test waits for a cluster.
  [[nodiscard]] bool restart_api_server(const std::string& signal, seconds pause, const std::string& args = "") const;

  // A place in the audit log: what is written from now on.
  [[nodiscard]] std::uint64_t mark() const;
  // The writes of `user` after `mark` in namespace `ns` ("" is all of them), Leases and Events left out.
  [[nodiscard]] std::vector<Write> writes_since(std::uint64_t mark, std::string_view user, std::string_view ns) const;

  // What `user` has read one by one since then in the namespace: resource/name.
  [[nodiscard]] std::vector<std::string> reads_since(std::uint64_t mark, std::string_view user,
                                                     std::string_view ns) const;

  // Everything that `user` has asked for since then in the namespace, watches, Leases and Events left out: how often
  // each "verb resource[/subresource]".
  [[nodiscard]] std::map<std::string, std::size_t> requests_since(std::uint64_t mark, std::string_view user,
                                                                  std::string_view ns) const;

  [[nodiscard]] std::string file(const std::string& name) const { return run_ + "/" + name; }
  // A program of the control plane's.
  [[nodiscard]] std::string program(const std::string& name) const { return bin_ + "/" + name; }

 private:
  // Calls `visit` with each request of `user` after `mark`.
  void each_request(std::uint64_t mark, std::string_view user, const std::function<void(const Json&)>& visit) const;

  std::string run_;
  std::string bin_;
  bool keep_ = false;
};

// The operator under test, with the rights of its own ServiceAccount.
class Operator {
 public:
  static Operator& get();
  static constexpr std::string_view user = "system:serviceaccount:nocobase-operator-system:nocobase-operator";

  void ensure_running();  // a test failure when it cannot
  void kill(int signal);
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] std::string log_tail() const;

 private:
  Background process_;
};

// True once `missing` returns ""; a test failure, with its last answer and the end of the operator's log, after the
// limit.
[[nodiscard]] bool wait_for(std::string_view what, seconds limit, const std::function<std::string()>& missing);

// E2E_SLOW=1: waits as long as a promise says, not only long enough to see it broken.
[[nodiscard]] bool slow();

// A value at a JSON pointer, or `otherwise` when there is none of that type.
template <class T>
[[nodiscard]] T at(const Json& object, const std::string& pointer, T otherwise) {
  const Json::json_pointer where(pointer);
  if (!object.contains(where) || object.at(where).is_null()) {
    return otherwise;
  }
  return object.at(where).get<T>();
}
[[nodiscard]] std::string text_at(const Json& object, const std::string& pointer);

// A condition's "status reason", "" when there is none.
[[nodiscard]] std::string condition(const Json& object, std::string_view type);

// A test with a namespace of its own.
class NamespaceTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] static ControlPlane& cp() { return ControlPlane::get(); }
  // Applies an object server-side in the test's namespace; a test failure when it is refused.
  void apply(const Json& object) const;
  // The object as it is now; a test failure and null when there is none.
  [[nodiscard]] Json get(const std::string& kind, const std::string& name) const;

  std::string ns;
};

// A test of the running operator, in a namespace with the Secrets that clusters refer to.
class OperatorTest : public NamespaceTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  // True once the cluster is Ready at its present generation.
  [[nodiscard]] bool wait_ready(const std::string& name, seconds limit = seconds(60)) const;
  // The operator's writes in this namespace.
  [[nodiscard]] std::vector<Write> writes_since(std::uint64_t mark) const;
  // True once the operator has dealt with a new cluster: what it had to do before is done, its caches are filled.
  [[nodiscard]] bool wait_caught_up() const;
};

// A NocoBaseCluster of these roles, with the Secrets of OperatorTest.
[[nodiscard]] Json cluster(const std::string& name, Json roles);

// Role web: requests; workflow: "workflow:process"; tasks: "async-task:process". One pod each.
[[nodiscard]] Json three_roles();

}  // namespace nocobase_operator::e2e
