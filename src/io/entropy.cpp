#include "io/entropy.h"

#include <cerrno>

#include <sys/random.h>

#include "base/check.h"

namespace nocobase_operator::io {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (got < 0) {
      CHECK(errno == EINTR);
      continue;
    }
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace nocobase_operator::io
