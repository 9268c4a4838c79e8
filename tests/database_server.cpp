#include "database_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

namespace nocobase_operator {
namespace {

namespace fs = std::filesystem;

constexpr int nobody = 65534;

// Debian keeps the programs of PostgreSQL out of PATH, by version.
fs::path postgres_programs() {
  std::vector<fs::path> versions;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(entry.path() / "bin/postgres")) {
      versions.push_back(entry.path() / "bin");
    }
  }
  return versions.empty() ? fs::path() : *std::max_element(versions.begin(), versions.end());
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

DatabaseServer::DatabaseServer(Make make, std::uint16_t port) : make_(make), port_(port == 0 ? 5432 : port) {
  std::string folder = (fs::temp_directory_path() / "nbo-database-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    problem_ = "no folder " + folder;
    return;
  }
  folder_ = folder;
  if (geteuid() == 0) {
    as_user_ = "setpriv --reuid=65534 --regid=65534 --clear-groups --pdeathsig=KILL ";
    if (chown(folder.c_str(), nobody, nobody) != 0) {
      problem_ = "cannot give " + folder + " away";
      return;
    }
  }
  std::string make_files;
  std::string serve;
  if (make_ == Make::postgres) {
    const std::string programs = postgres_programs().string();
    make_files = programs + "/initdb -D " + folder +
                 "/data -U postgres --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --no-sync";
    serve = programs + "/postgres -D " + folder + "/data -k " + folder + " -c fsync=off" +
            (port == 0 ? " -c listen_addresses=" : " -h 127.0.0.1 -c port=" + std::to_string(port));
  } else {
    make_files = "mariadb-install-db --no-defaults --datadir=" + folder +
                 "/data --auth-root-authentication-method=normal --skip-test-db --tmpdir=" + folder;
    serve = "mariadbd --no-defaults --skip-networking --innodb-flush-log-at-trx-commit=0 --datadir=" + folder +
            "/data --socket=" + folder + "/socket --pid-file=" + folder + "/pid --tmpdir=" + folder;
  }
  if (!run(as_user_ + make_files)) {
    problem_ = make_files + ": " + text_of(folder_ / "log");
    return;
  }
  std::vector<std::string> command;
  std::istringstream words(as_user_ + serve);
  for (std::string word; words >> word;) {
    command.push_back(word);
  }
  launch(command);
  for (int tries = 0; tries < 300; ++tries) {
    if (query("SELECT 1;") == "1\n") {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  problem_ = "it does not answer: " + text_of(folder_ / "log");
}

DatabaseServer::~DatabaseServer() {
  if (pid_ > 0) {
    kill(pid_, make_ == Make::postgres ? SIGINT : SIGTERM);  // to PostgreSQL: at once, and in order
    waitpid(pid_, nullptr, 0);
  }
  std::error_code none;
  fs::remove_all(folder_, none);
}

std::string DatabaseServer::query(const std::string& statements) const {
  const std::string in = (folder_ / "in.sql").string();
  const std::string out = (folder_ / "out").string();
  std::ofstream(in) << statements;
  const std::string client = make_ == Make::postgres
                                 ? "psql -X -q -A -t -v ON_ERROR_STOP=1 -h " + folder_.string() + " -p " +
                                       std::to_string(port_) + " -U postgres -d postgres -f " + in
                                 : "mariadb --no-defaults -N -B -u root -S " + folder_.string() + "/socket < " + in;
  const int status = std::system((client + " > " + out + " 2> " + out + ".err").c_str());
  return status == 0 ? text_of(out) : "error: " + text_of(out + ".err");
}

bool DatabaseServer::run(const std::string& command) const {
  return std::system((command + " > " + (folder_ / "log").string() + " 2>&1").c_str()) == 0;
}

void DatabaseServer::launch(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  const std::string log = (folder_ / "log").string();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it outlives no test, however that ends; setpriv has to be told as well
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execvp(arguments.front(), arguments.data());
    _exit(127);
  }
}

}  // namespace nocobase_operator
