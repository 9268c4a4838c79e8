// CHECK: a broken invariant ends the process, in release builds too. A restart is cheap, a wrong write is not.
#pragma once

namespace nocobase_operator {

// Writes file, line and expression to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression);

}  // namespace nocobase_operator

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (!(condition)) {                                                  \
      ::nocobase_operator::check_failed(__FILE__, __LINE__, #condition); \
    }                                                                    \
  } while (false)
