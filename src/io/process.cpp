#include "io/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include <sys/wait.h>

#include "io/system_trust.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t max_errors = 4096;
// How often the end of the program and `stop` are looked at.
constexpr int look_every_ms = 20;

// A pipe's two ends, closed with it.
class Pipe {
 public:
  Pipe() { ok_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  Pipe(Pipe&&) = delete;
  Pipe& operator=(Pipe&&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_end(std::size_t end) {
    if (ends_.at(end) >= 0) {
      ::close(ends_.at(end));
      ends_.at(end) = -1;
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  bool ok_ = false;
};

// The environment that this process was started with, with some variables set.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> result;
  const auto hidden = hidden_variables();
  const auto sets = [](const std::string& name, std::string_view entry) {
    return entry.starts_with(name) && entry.substr(name.size()).starts_with('=');
  };
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto is_it = [&](const auto& variable) { return sets(variable.first, text); };
    const bool replaced = std::any_of(more.begin(), more.end(), is_it);
    const bool is_hidden = std::any_of(hidden.begin(), hidden.end(), is_it);
    if (!replaced && !is_hidden) {
      result.emplace_back(text);
    }
  }
  for (const auto& [name, value] : more) {
    result.push_back(name + "=" + value);
  }
  for (const auto& [name, value] : hidden) {
    const bool replaced =
        std::any_of(more.begin(), more.end(), [&name = name](const auto& variable) { return variable.first == name; });
    if (value && !replaced) {
      result.push_back(name + "=" + *value);
    }
  }
  return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Starts the program. It gets no descriptor but the three, no signal mask of ours and no terminal to ask on.
Result<pid_t> spawn(const ProcessCommand& command, int output, int errors) {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none{};
  sigset_t all{};
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> args{command.program};
  args.insert(args.end(), command.args.begin(), command.args.end());
  std::vector<std::string> environment = environment_with(command.env);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, command.program.c_str(), &actions, &attributes, pointers_to(args).data(),
                                   pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    const Code code = error == ENOENT ? Code::not_found : error == EACCES ? Code::denied : Code::unavailable;
    return Error{code, command.program + ": " + std::generic_category().message(error)};
  }
  return pid;
}

// Takes what a pipe holds now. False once it has ended or holds more than `room`; what is beyond that is dropped.
bool take(int reader, std::string& into, std::size_t room) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(reader, buffer.data(), buffer.size());
  if (count < 0) {
    return errno == EINTR || errno == EAGAIN;
  }
  into.append(buffer.data(), std::min(static_cast<std::size_t>(count), room + 1 - std::min(into.size(), room + 1)));
  return count > 0;
}

// The program that runs: watched until it has ended or must be.
class Run {
 public:
  Run(pid_t pid, const ProcessCommand& command) : pid_(pid), command_(command) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  Run(Run&&) = delete;
  Run& operator=(Run&&) = delete;
  // Nothing of it outlives the run; one that has ended is left alone, as its number may be another's by now.
  ~Run() {
    if (!ended_) {
      ::kill(-pid_, SIGKILL);
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
    }
  }

  Result<ProcessEnd> watch(int output, int errors, const std::atomic<bool>& stop) {
    const auto end = std::chrono::steady_clock::now() + command_.deadline;
    ::fcntl(output, F_SETFL, O_NONBLOCK);  // NOLINT(cppcoreguidelines-pro-type-vararg) POSIX
    ::fcntl(errors, F_SETFL, O_NONBLOCK);  // NOLINT(cppcoreguidelines-pro-type-vararg) POSIX
    ProcessEnd result;
    std::array<pollfd, 2> polled{{{output, POLLIN, 0}, {errors, POLLIN, 0}}};
    for (;;) {
      // What somebody it started may still write is nobody's business: its own end ends the run.
      const bool over = has_ended(result.exit_code);
      ::poll(polled.data(), polled.size(), over ? 0 : look_every_ms);
      const bool more_output = polled[0].revents != 0 && take(output, result.output, command_.max_output);
      const bool more_errors = polled[1].revents != 0 && take(errors, result.errors, max_errors);
      polled[0].fd = polled[0].revents != 0 && !more_output ? -1 : polled[0].fd;
      polled[1].fd = polled[1].revents != 0 && !more_errors ? -1 : polled[1].fd;
      if (result.output.size() > command_.max_output) {
        return failed("said more than " + std::to_string(command_.max_output) + " bytes");
      }
      if (over && !more_output && !more_errors) {
        result.errors.resize(std::min(result.errors.size(), max_errors));
        return result;
      }
      if (stop) {
        return failed("was stopped");
      }
      if (std::chrono::steady_clock::now() >= end) {
        return failed("did not end within " + std::to_string(command_.deadline.count()) + " ms");
      }
    }
  }

 private:
  [[nodiscard]] Error failed(const std::string& what) const {
    return {Code::unavailable, command_.program + " " + what};
  }

  bool has_ended(int& exit_code) {
    int status = 0;
    if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return ended_;
  }

  const pid_t pid_;
  const ProcessCommand& command_;
  bool ended_ = false;
};

}  // namespace

Result<ProcessEnd> run_process(const ProcessCommand& command, const std::atomic<bool>& stop) {
  Pipe output;
  Pipe errors;
  if (!output.ok() || !errors.ok()) {
    return Error{Code::unavailable, command.program + ": " + std::generic_category().message(errno)};
  }
  const pid_t pid = TRY(spawn(command, output.writer(), errors.writer()));
  output.close_end(1);
  errors.close_end(1);
  return Run(pid, command).watch(output.reader(), errors.reader(), stop);
}

}  // namespace nocobase_operator::io
