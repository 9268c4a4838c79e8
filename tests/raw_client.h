// A TCP client that sends what it is told, for tests of servers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace nocobase_operator {

// A client socket that gives up on a silent server after ten seconds.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }

  void send(std::string_view bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) {
        return;  // the server has closed: what it answered can still be read
      }
      at += static_cast<std::size_t>(n);
    }
  }
  // Sends `count` times the same bytes, or until the server closes. Whether it took them all.
  [[nodiscard]] bool send_many(std::string_view bytes, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) <= 0) {
        return false;
      }
    }
    return true;
  }
  // All bytes until the server closes.
  [[nodiscard]] std::string read_all() const { return read_until("\n\n\n never"); }
  // Bytes up to and including `end`, or until the server closes.
  [[nodiscard]] std::string read_until(std::string_view end) const {
    std::string out;
    char byte = 0;
    while (recv(fd_, &byte, 1, 0) == 1) {
      out += byte;
      if (out.ends_with(end)) {
        break;
      }
    }
    return out;
  }
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  int fd_;
  bool connected_ = false;
};

// How many connections this process may open, with as many descriptors left for other uses.
[[nodiscard]] inline std::size_t max_connections() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_max > 1'000 ? static_cast<std::size_t>(limit.rlim_max) - 500 : 100;
}

// Resident memory of a process in bytes, 0 when there is none ("self" is this one).
[[nodiscard]] inline std::size_t resident_bytes(const std::string& pid) {
  std::ifstream in("/proc/" + pid + "/statm");
  std::size_t whole = 0;
  std::size_t resident = 0;
  in >> whole >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace nocobase_operator
