// Child processes for the end-to-end tests: run one and read what it says, or start one and stop it later.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace nocobase_operator::e2e {

// What a finished process left.
struct Output {
  int code = 0;  // exit code, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

// Runs `command` (found on PATH) with `in` on its standard input until it has ended.
[[nodiscard]] Output run(const std::vector<std::string>& command, std::string_view in = {});

// Runs `command` with this process's own input and output; returns the exit code.
[[nodiscard]] int run_shown(const std::vector<std::string>& command);

// A process that runs beside the test, its output appended to a file. Not stopped by the destructor: the control
// plane's list of processes ends it with the rest.
class Background {
 public:
  // False when it could not be started.
  [[nodiscard]] bool start(const std::vector<std::string>& command, const std::string& log_file);
  // Sends the signal and waits until it has ended.
  void stop(int signal);
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

// When the process began, in clock ticks since boot (/proc/PID/stat, field 22): with the pid it names a process for
// good.
[[nodiscard]] std::string start_time(pid_t pid);

// The end of a file: its last `lines` lines.
[[nodiscard]] std::string tail(const std::string& file, std::size_t lines);

}  // namespace nocobase_operator::e2e
