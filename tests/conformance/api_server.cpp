#include "api_server.h"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

namespace nocobase_operator::conformance {
namespace {

const std::string source = NBO_SOURCE_DIR;

int connect_to(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) {
    return -1;
  }
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

std::string send_and_read(int fd, std::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return "";
    }
    request.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string reply;
  char buffer[16384];
  for (ssize_t got = 0; (got = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    reply.append(buffer, static_cast<std::size_t>(got));
  }
  return reply;
}

}  // namespace

ApiServer::~ApiServer() {
  if (proxy_.pid() > 0) {
    proxy_.stop(SIGTERM);
  }
  if (ours_) {
    static_cast<void>(e2e::run({source + "/tests/controlplane/down.sh"}));
  }
}

bool ApiServer::start() {
  run_ = std::string(NBO_BINARY_DIR) + "/conformance";
  std::filesystem::create_directories(run_);
  if (const char* const given = std::getenv("CONFORMANCE_KUBECONFIG"); given != nullptr) {
    kubeconfig_ = given;
    return true;
  }
  const e2e::Output built = e2e::run({source + "/tests/controlplane/build.sh"});
  const std::size_t end = built.out.find_last_not_of('\n');
  if (built.code != 0 || end == std::string::npos) {
    std::cerr << "no control plane: " << built.err << '\n';
    return false;
  }
  const std::string lines = built.out.substr(0, end + 1);
  kubectl_ = lines.substr(lines.rfind('\n') + 1) + "/kubectl";
  kubeconfig_ = run_ + "/admin.kubeconfig";
  setenv("CP_RUN", run_.c_str(), 1);
  setenv("CP_PORT", "auto", 1);
  setenv("CP_NODES", "1", 1);
  setenv("CP_OWNER", std::to_string(getpid()).c_str(), 1);
  ours_ = true;
  return e2e::run_shown({source + "/tests/controlplane/up.sh"}) == 0;
}

e2e::Output ApiServer::kubectl(std::vector<std::string> args) const {
  args.insert(args.begin(), {kubectl_, "--kubeconfig", kubeconfig_});
  return e2e::run(args);
}

bool ApiServer::apply_definitions() const {
  const e2e::Output applied = kubectl({"apply", "--server-side", "--force-conflicts", "-f", source + "/crds/"});
  if (applied.code != 0) {
    std::cerr << "the CRDs are refused: " << applied.err << '\n';
    return false;
  }
  return kubectl({"wait", "--for=condition=Established", "--timeout=30s", "crd", "nocobaseclusters.nocobase.com",
                  "nocobaseroles.nocobase.com"})
             .code == 0;
}

bool ApiServer::start_proxy() {
  const std::string socket_path = run_ + "/proxy.sock";
  std::filesystem::remove(socket_path);
  if (!proxy_.start({kubectl_, "--kubeconfig", kubeconfig_, "proxy", "--unix-socket", socket_path},
                    run_ + "/proxy.log")) {
    return false;
  }
  for (int attempt = 0; attempt < 300; ++attempt) {
    if (request("GET", "/version", "").code == 200) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::cerr << "kubectl proxy does not answer: " << e2e::tail(run_ + "/proxy.log", 5) << '\n';
  return false;
}

bool ApiServer::up() {
  return start() && apply_definitions() && start_proxy();
}

// HTTP/1.0, so that the reply ends with the connection and is never chunked.
Answer ApiServer::request(std::string_view method, const std::string& path, std::string_view body,
                          std::string_view content_type) const {
  const int fd = connect_to(run_ + "/proxy.sock");
  if (fd < 0) {
    return {};
  }
  const std::string reply =
      send_and_read(fd, std::string(method) + " " + path +
                            " HTTP/1.0\r\nHost: localhost\r\nContent-Type: " + std::string(content_type) +
                            "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  close(fd);
  Answer answer;
  const std::size_t space = reply.find(' ');
  const std::size_t blank = reply.find("\r\n\r\n");
  if (space == std::string::npos || blank == std::string::npos) {
    return answer;
  }
  std::from_chars(reply.data() + space + 1, reply.data() + reply.size(), answer.code);
  answer.body = kube::Json::parse(reply.begin() + static_cast<std::ptrdiff_t>(blank) + 4, reply.end(), nullptr, false);
  return answer;
}

bool is_served(const std::function<bool()>& is_answered) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (is_answered()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

}  // namespace nocobase_operator::conformance
