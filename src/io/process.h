// Another program, run to its end: no shell, no terminal, a deadline and a limit on what it may say.
#pragma once
#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace nocobase_operator::io {

struct ProcessCommand {
  std::string program{};  // a path, or a name that is looked for along PATH
  std::vector<std::string> args{};
  std::vector<std::pair<std::string, std::string>> env{};  // set on top of this process's environment
  Millis deadline{60'000};
  std::size_t max_output = 1U << 20U;
};

struct ProcessEnd {
  int exit_code = 0;   // 128 and the signal's number when a signal ended it
  std::string output;  // what it wrote to standard output
  std::string errors;  // the start of what it wrote to standard error
};

// Runs the program with an empty standard input, in a process group of its own. Error not_found when there is no such
// program, denied when it may not be executed, unavailable when it takes longer than the deadline, says more than the
// limit or `stop` becomes true: then it and what it started are killed. Blocks; thread-safe.
[[nodiscard]] Result<ProcessEnd> run_process(const ProcessCommand& command, const std::atomic<bool>& stop);

}  // namespace nocobase_operator::io
