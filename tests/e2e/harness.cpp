#include "harness.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <sys/file.h>

namespace nocobase_operator::e2e {

namespace {

const std::string scripts = std::string(NBO_SOURCE_DIR) + "/tests/controlplane/";
constexpr std::string_view operator_namespace = "nocobase-operator-system";
constexpr auto poll_every = std::chrono::milliseconds(250);

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "e2e: " << why << '\n';
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): before any thread; no report is left, which counts as a failure
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    out.push_back(line);
  }
  return out;
}

std::string crd_files() {
  std::string out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(NBO_SOURCE_DIR) + "/crds")) {
    if (entry.path().extension() == ".yaml") {
      out += entry.path().string() + " ";
    }
  }
  return out;
}

class SharedControlPlane : public testing::Environment {
 public:
  void SetUp() override { ControlPlane::get().up(); }
  void TearDown() override {
    Operator::get().kill(SIGTERM);
    ControlPlane::get().down();
  }
};

const auto* const shared_control_plane = testing::AddGlobalTestEnvironment(new SharedControlPlane);

}  // namespace

void PrintTo(const Write& write, std::ostream* out) {
  *out << write.verb << ' ' << write.what << " in " << write.ns << ": " << write.code;
}

ControlPlane& ControlPlane::get() {
  static ControlPlane instance;
  return instance;
}

void ControlPlane::up() {
  const char* kept = std::getenv("E2E_RUN");
  keep_ = kept != nullptr;
  const char* shard = std::getenv("GTEST_SHARD_INDEX");  // shards run side by side
  run_ = keep_ ? std::string(kept) : std::string(NBO_BINARY_DIR) + "/e2e" + (shard == nullptr ? "" : shard);
  std::filesystem::create_directories(run_);
  const int lock = open(file("test.lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);  // held until the program ends
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
    give_up("another run uses " + run_);
  }
  const Output built = run({scripts + "build.sh"});
  if (built.code != 0) {
    give_up("no control plane: " + built.err);
  }
  bin_ = lines_of(built.out).back();
  const std::array<std::pair<const char*, std::string>, 8> settings{
      {{"CP_RUN", run_},
       {"CP_PORT", "auto"},
       {"CP_NODES", "6"},
       {"CP_METRICS", "fake"},
       {"CP_ADMISSION", "OwnerReferencesPermissionEnforcement"},
       {"CP_AUDIT", "1"},
       {"CP_CRDS", crd_files()},
       {"KUBECONFIG", file("admin.kubeconfig")}}};
  for (const auto& [name, value] : settings) {
    setenv(name, value.c_str(), 1);
  }
  if (!keep_) {
    setenv("CP_OWNER", std::to_string(getpid()).c_str(), 1);
    if (run({scripts + "down.sh"}).code != 0) {  // what a run that was killed has left
      give_up("cannot stop what runs in " + run_);
    }
  }
  if (run_shown({scripts + "up.sh"}) != 0) {
    give_up("the control plane did not start");
  }
}

void ControlPlane::down() {
  if (!keep_ && run({scripts + "down.sh"}).code != 0) {
    ADD_FAILURE() << "the control plane did not stop";
  }
}

Output ControlPlane::kubectl(std::vector<std::string> args, std::string_view in) const {
  args.insert(args.begin(), {bin_ + "/kubectl", "--request-timeout=20s"});
  return run(args, in);
}

std::optional<Json> ControlPlane::find(const std::string& kind, const std::string& ns, const std::string& name) const {
  const Output got = kubectl({"get", kind, name, "-n", ns, "--ignore-not-found", "-o", "json"});
  Json object = Json::parse(got.out, nullptr, false);
  return object.is_object() ? std::optional(std::move(object)) : std::nullopt;
}

std::vector<Json> ControlPlane::list(const std::string& kind, const std::string& ns) const {
  const Json got = Json::parse(kubectl({"get", kind, "-n", ns, "-o", "json"}).out, nullptr, false);
  return got.is_object() ? at(got, "/items", std::vector<Json>()) : std::vector<Json>();
}

std::vector<std::map<std::string, std::string>> ControlPlane::table(const std::string& kind,
                                                                    const std::string& ns) const {
  const auto lines = lines_of(kubectl({"get", kind, "-n", ns}).out);
  if (lines.empty()) {
    return {};
  }
  std::vector<std::size_t> starts;  // a column begins under its heading; a cell may be empty
  for (std::size_t i = 0; i < lines[0].size(); ++i) {
    if (lines[0][i] != ' ' && (i == 0 || lines[0][i - 1] == ' ')) {
      starts.push_back(i);
    }
  }
  const auto cell = [&](const std::string& line, std::size_t column) {
    const std::size_t from = std::min(starts[column], line.size());
    const std::size_t to = column + 1 < starts.size() ? starts[column + 1] : std::string::npos;
    const std::string text = line.substr(from, to == std::string::npos ? to : to - from);
    return text.substr(0, text.find_last_not_of(' ') + 1);
  };
  std::vector<std::map<std::string, std::string>> out;
  for (std::size_t row = 1; row < lines.size(); ++row) {
    auto& cells = out.emplace_back();
    for (std::size_t column = 0; column < starts.size(); ++column) {
      cells[cell(lines[0], column)] = cell(lines[row], column);
    }
  }
  return out;
}

void ControlPlane::restart(const std::string& name, const std::string& signal, seconds pause,
                           const std::string& args) const {
  const Output done = run({"env", "CP_RUN=" + run_, "CP_ARGS=" + args, scripts + "restart.sh", name, signal,
                           std::to_string(pause.count())});
  EXPECT_EQ(done.code, 0) << done.err;
}

bool ControlPlane::restart_api_server(const std::string& signal, seconds pause, const std::string& args) const {
  restart("kube-apiserver", signal, pause, args);
  if (!wait_for("the API server is ready", seconds(60), [&] {
        const Output ready = kubectl({"get", "--raw", "/readyz"});
        return ready.code == 0 ? "" : ready.err;
      })) {
    return false;
  }
  static int count = 0;
  const std::string ns = "e2e-" + std::to_string(getpid()) + "-restarted-" + std::to_string(++count);
  const std::vector<std::vector<std::string>> making = {{"create", "namespace", ns},
                                                        {"create", "deployment", "probe", "--image=probe", "-n", ns}};
  for (const auto& args_of_one : making) {
    const Output made = kubectl(args_of_one);
    EXPECT_EQ(made.code, 0) << made.err;
  }
  const bool works = wait_for("the controllers work again", seconds(180), [&] {
    const auto probe = find("deployment", ns, "probe");
    return probe && at(*probe, "/status/readyReplicas", 0) == 1 ? std::string()
           : probe                                              ? at(*probe, "/status", Json()).dump()
                                                                : "no Deployment";
  });
  const Output gone = kubectl({"delete", "namespace", ns, "--wait=false"});
  EXPECT_EQ(gone.code, 0) << gone.err;
  return works;
}

std::uint64_t ControlPlane::mark() const {
  std::error_code none;
  const auto size = std::filesystem::file_size(file("audit.log"), none);
  return none ? 0 : size;
}

void ControlPlane::each_request(std::uint64_t mark, std::string_view user,
                                const std::function<void(const Json&)>& visit) const {
  std::ifstream in(file("audit.log"));
  in.seekg(static_cast<std::streamoff>(mark));
  for (std::string line; std::getline(in, line) && !in.eof();) {  // a line without its end is still being written
    const Json event = Json::parse(line, nullptr, false);
    if (event.is_object() && text_at(event, "/user/username") == user) {
      visit(event);
    }
  }
}

std::vector<Write> ControlPlane::writes_since(std::uint64_t mark, std::string_view user, std::string_view ns) const {
  static constexpr std::array<std::string_view, 5> writing{"create", "update", "patch", "delete", "deletecollection"};
  std::vector<Write> out;
  each_request(mark, user, [&](const Json& event) {
    const std::string subresource = text_at(event, "/objectRef/subresource");
    const std::string resource = text_at(event, "/objectRef/resource") + (subresource.empty() ? "" : "/" + subresource);
    const Write write{text_at(event, "/verb"), resource + "/" + text_at(event, "/objectRef/name"),
                      text_at(event, "/objectRef/namespace"), at(event, "/responseStatus/code", 0)};
    if (std::find(writing.begin(), writing.end(), write.verb) != writing.end() && resource != "leases" &&
        resource != "events" && (ns.empty() || write.ns == ns)) {
      out.push_back(write);
    }
  });
  return out;
}

std::vector<std::string> ControlPlane::reads_since(std::uint64_t mark, std::string_view user,
                                                   std::string_view ns) const {
  std::vector<std::string> out;
  each_request(mark, user, [&](const Json& event) {
    if (text_at(event, "/verb") == "get" && text_at(event, "/objectRef/namespace") == ns) {
      out.push_back(text_at(event, "/objectRef/resource") + "/" + text_at(event, "/objectRef/name"));
    }
  });
  return out;
}

std::map<std::string, std::size_t> ControlPlane::requests_since(std::uint64_t mark, std::string_view user,
                                                                std::string_view ns) const {
  std::map<std::string, std::size_t> out;
  each_request(mark, user, [&](const Json& event) {
    const std::string verb = text_at(event, "/verb");
    const std::string resource = text_at(event, "/objectRef/resource");
    const std::string subresource = text_at(event, "/objectRef/subresource");
    if (verb != "watch" && resource != "leases" && resource != "events" &&
        text_at(event, "/objectRef/namespace") == ns) {
      ++out[verb + " " + resource + (subresource.empty() ? "" : "/" + subresource)];
    }
  });
  return out;
}

Operator& Operator::get() {
  static Operator instance;
  return instance;
}

void Operator::ensure_running() {
  if (running()) {
    return;
  }
  const auto& cp = ControlPlane::get();
  const std::string source = std::string(NBO_SOURCE_DIR) + "/operator/";
  const Output rights = cp.kubectl({"apply", "--server-side", "--force-conflicts", "-f", source + "rbac.yaml"});
  ASSERT_EQ(rights.code, 0) << rights.err;
  const std::string path = cp.file("operator.kubeconfig");
  // The script calls kubectl by its name; the control plane's is put first.
  const Output config =
      run({"bash", "-c", "source \"$1\" && exec \"$2\"", "_", cp.file("env.sh"), source + "kubeconfig.sh"});
  ASSERT_EQ(config.code, 0) << config.err;
  std::ofstream(path) << config.out;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  // The same identity each time: after a kill it is still the holder of its Lease.
  ASSERT_TRUE(process_.start({NBO_OPERATOR, "run", "--kubeconfig", path, "--lease-namespace",
                              std::string(operator_namespace), "--identity", "e2e", "--reread-period", "2"},
                             cp.file("log/operator.log")))
      << "cannot start " << NBO_OPERATOR;
  std::ofstream(cp.file("pids"), std::ios::app)
      << "operator " << process_.pid() << ' ' << start_time(process_.pid()) << '\n';
}

void Operator::kill(int signal) {
  process_.stop(signal);
}

std::string Operator::log_tail() const {
  return tail(ControlPlane::get().file("log/operator.log"), 25);
}

bool wait_for(std::string_view what, seconds limit, const std::function<std::string()>& missing) {
  const auto end = std::chrono::steady_clock::now() + limit;
  std::string last;
  do {
    last = missing();
    if (last.empty()) {
      return true;
    }
    std::this_thread::sleep_for(poll_every);
  } while (std::chrono::steady_clock::now() < end);
  ADD_FAILURE() << "after " << limit.count() << " s still not: " << what << "\n  " << last
                << "\nThe operator's log ends with:\n"
                << Operator::get().log_tail();
  return false;
}

bool slow() {
  return std::getenv("E2E_SLOW") != nullptr;
}

std::string text_at(const Json& object, const std::string& pointer) {
  return at(object, pointer, std::string());
}

std::string condition(const Json& object, std::string_view type) {
  for (const auto& each : at(object, "/status/conditions", std::vector<Json>())) {
    if (text_at(each, "/type") == type) {
      return text_at(each, "/status") + " " + text_at(each, "/reason");
    }
  }
  return "";
}

void NamespaceTest::SetUp() {
  static int count = 0;
  ns = "e2e-" + std::to_string(getpid()) + "-" + std::to_string(++count);
  const Output made = cp().kubectl({"create", "namespace", ns});
  ASSERT_EQ(made.code, 0) << made.err;
}

void NamespaceTest::TearDown() {
  const Output gone = cp().kubectl({"delete", "namespace", ns, "--wait=false"});
  EXPECT_EQ(gone.code, 0) << gone.err;
}

void NamespaceTest::apply(const Json& object) const {
  const Output done =
      cp().kubectl({"apply", "--server-side", "--field-manager=e2e", "-n", ns, "-f", "-"}, object.dump());
  ASSERT_EQ(done.code, 0) << done.err;
}

Json NamespaceTest::get(const std::string& kind, const std::string& name) const {
  auto object = cp().find(kind, ns, name);
  EXPECT_TRUE(object.has_value()) << "no " << kind << "/" << name;
  return object.value_or(Json());
}

void OperatorTest::SetUp() {
  NamespaceTest::SetUp();
  if (!HasFatalFailure()) {
    for (const auto* secret : {"postgres", "redis"}) {
      apply({{"apiVersion", "v1"},
             {"kind", "Secret"},
             {"metadata", {{"name", secret}}},
             {"stringData", {{"password", "for tests"}}}});
    }
    Operator::get().ensure_running();
  }
}

void OperatorTest::TearDown() {
  // Clusters first: in a namespace that is going away the operator could only be told that it is.
  const Output gone = cp().kubectl({"delete", "nbc", "--all", "-n", ns, "--wait=false"});
  EXPECT_EQ(gone.code, 0) << gone.err;
  NamespaceTest::TearDown();
}

Json cluster(const std::string& name, Json roles) {
  return {{"apiVersion", "nocobase.com/v1alpha1"},
          {"kind", "NocoBaseCluster"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"image", "nocobase/nocobase:2.2.15-full"},
            {"roles", std::move(roles)},
            {"database",
             {{"dialect", "postgres"},
              {"host", "postgres"},
              {"name", "nocobase"},
              {"user", "nocobase"},
              {"passwordSecretRef", {{"name", "postgres"}, {"key", "password"}}}}},
            {"coordination",
             {{"redis", {{"host", "redis"}, {"passwordSecretRef", {{"name", "redis"}, {"key", "password"}}}}}}},
            {"storage", {{"size", "1Gi"}}}}}};
}

bool OperatorTest::wait_ready(const std::string& name, seconds limit) const {
  return wait_for("nbc/" + name + " is Ready", limit, [&]() -> std::string {
    const auto object = cp().find("nbc", ns, name);
    if (!object) {
      return "it does not exist";
    }
    const bool seen = at(*object, "/status/observedGeneration", -1) == at(*object, "/metadata/generation", 0);
    return seen && condition(*object, "Ready").starts_with("True") ? "" : at(*object, "/status", Json()).dump();
  });
}

std::vector<Write> OperatorTest::writes_since(std::uint64_t mark) const {
  return cp().writes_since(mark, Operator::user, ns);
}

bool OperatorTest::wait_caught_up() const {
  const std::string other = ns + "-probe";
  EXPECT_EQ(cp().kubectl({"create", "namespace", other}).code, 0);
  Json probe = cluster("probe", Json::array({{{"name", "web"}, {"requests", true}, {"replicas", 0}}}));
  EXPECT_EQ(cp().kubectl({"apply", "--server-side", "-n", other, "-f", "-"}, probe.dump()).code, 0);
  const bool done = wait_for("a new cluster is dealt with", seconds(60), [&]() -> std::string {
    const auto object = cp().find("nbc", other, "probe");
    return object && at(*object, "/status/observedGeneration", -1) == at(*object, "/metadata/generation", 0)
               ? ""
               : "its status does not say so yet";
  });
  (void)cp().kubectl({"delete", "nbc", "probe", "-n", other, "--wait=false"});
  (void)cp().kubectl({"delete", "namespace", other, "--wait=false"});
  return done;
}

Json three_roles() {
  return Json::array({{{"name", "web"}, {"requests", true}, {"replicas", 1}},
                      {{"name", "workflow"}, {"services", {"workflow:process"}}, {"replicas", 1}},
                      {{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", 1}}});
}

}  // namespace nocobase_operator::e2e
