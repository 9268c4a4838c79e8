#include "process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <unistd.h>

#include <sys/wait.h>

extern char** environ;

namespace nocobase_operator::e2e {

namespace {

std::vector<char*> arguments(const std::vector<std::string>& command) {
  std::vector<char*> out;
  out.reserve(command.size() + 1);
  for (const auto& word : command) {
    out.push_back(const_cast<char*>(word.c_str()));  // the C interface takes char*, and does not write
  }
  out.push_back(nullptr);
  return out;
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Both ends of a pipe, closed with it.
struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      std::abort();
    }
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(std::size_t which) {
    if (ends[which] >= 0) {
      close(ends[which]);
      ends[which] = -1;
    }
  }
};

// Appends what can be read; closes the pipe at its end.
void read_some(Pipe& from, std::string& to) {
  std::array<char, 65536> buffer{};
  const ssize_t got = read(from.ends[0], buffer.data(), buffer.size());
  if (got > 0) {
    to.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    from.close_end(0);
  }
}

// Writes what fits; closes the pipe when nothing is left.
void write_some(Pipe& to, std::string_view& in) {
  const ssize_t put = in.empty() ? 0 : write(to.ends[1], in.data(), in.size());
  if (put > 0) {
    in.remove_prefix(static_cast<std::size_t>(put));
  }
  if (in.empty() || (put < 0 && errno != EINTR)) {
    to.close_end(1);
  }
}

}  // namespace

Output run(const std::vector<std::string>& command, std::string_view in) {
  std::signal(SIGPIPE, SIG_IGN);  // a process that ends before it has read its input
  Pipe to;
  Pipe out;
  Pipe err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, command[0].c_str(), &actions, nullptr, arguments(command).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return {127, "", "cannot start " + command[0]};
  }
  to.close_end(0);
  out.close_end(1);
  err.close_end(1);
  Output output;
  while (out.ends[0] >= 0 || err.ends[0] >= 0 || to.ends[1] >= 0) {
    std::array<pollfd, 3> waiting{
        {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}, {to.ends[1], POLLOUT, 0}}};  // a closed one is ignored
    if (poll(waiting.data(), waiting.size(), -1) < 0) {
      continue;
    }
    if (waiting[0].revents != 0) {
      read_some(out, output.out);
    }
    if (waiting[1].revents != 0) {
      read_some(err, output.err);
    }
    if (waiting[2].revents != 0) {
      write_some(to, in);
    }
  }
  output.code = wait_for_end(pid);
  return output;
}

int run_shown(const std::vector<std::string>& command) {
  pid_t pid = 0;
  if (posix_spawnp(&pid, command[0].c_str(), nullptr, nullptr, arguments(command).data(), environ) != 0) {
    return 127;
  }
  return wait_for_end(pid);
}

bool Background::start(const std::vector<std::string>& command, const std::string& log_file) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const int failed = posix_spawnp(&pid_, command[0].c_str(), &actions, nullptr, arguments(command).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    pid_ = 0;
  }
  return failed == 0;
}

void Background::stop(int signal) {
  if (pid_ != 0) {
    kill(pid_, signal);
    (void)wait_for_end(pid_);
    pid_ = 0;
  }
}

bool Background::running() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) {
    pid_ = 0;
  }
  return pid_ != 0;
}

std::string start_time(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) {
    return "";
  }
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int after_the_name = 20;  // field 22, where the name is field 2
  std::string field;
  for (int i = 0; i < after_the_name; ++i) {
    fields >> field;
  }
  return field;
}

std::string tail(const std::string& file, std::size_t lines) {
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::size_t at = text.size();
  for (std::size_t i = 0; i <= lines && at != std::string::npos && at != 0; ++i) {
    at = text.rfind('\n', at - 1);
  }
  return at == std::string::npos || at == 0 ? text : text.substr(at + 1);
}

}  // namespace nocobase_operator::e2e
