// A PostgreSQL or MariaDB server for one test: its files and its socket are in a folder of its own, it listens on no
// port unless it is given one, and it ends with the object.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nocobase_operator {

class DatabaseServer {
 public:
  enum class Make { postgres, mariadb };

  // With a port PostgreSQL also listens there, on loopback; who connects that way needs a password.
  explicit DatabaseServer(Make make, std::uint16_t port = 0);
  ~DatabaseServer();
  DatabaseServer(const DatabaseServer&) = delete;
  DatabaseServer& operator=(const DatabaseServer&) = delete;

  // Why it does not run; "" when it does.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // What the statements print, one line per row; "error: …" when one of them fails.
  [[nodiscard]] std::string query(const std::string& statements) const;

 private:
  [[nodiscard]] bool run(const std::string& command) const;
  void launch(const std::vector<std::string>& command);

  Make make_;
  int port_;  // in the name of PostgreSQL's socket
  std::filesystem::path folder_;
  std::string as_user_;  // put before a command: neither server runs as root
  std::string problem_;
  pid_t pid_ = 0;
};

}  // namespace nocobase_operator
