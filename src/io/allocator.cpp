#include "io/allocator.h"

#include <cstdlib>
#include <filesystem>
#include <malloc.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace nocobase_operator::io {

void enlarge_thread_caches([[maybe_unused]] char** argv) {
#ifdef __GLIBC__
  constexpr const char* name = "GLIBC_TUNABLES";
  // 7 of each size up to 1 KiB unless told: a decision frees some thousand nodes of few small sizes, and the next one
  // needs them again. More, or larger ones, save little and hold memory.
  constexpr const char* value = "glibc.malloc.tcache_count=400:glibc.malloc.tcache_max=128";
  if (const char* const given = std::getenv(name)) {
    if (std::string_view(value).starts_with(given)) {  // what glibc has read ends at the first colon
      unsetenv(name);
    }
    return;
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error || setenv(name, value, 0) != 0) {
    return;
  }
  execv(self.c_str(), argv);
  unsetenv(name);
#endif
}

void bound_arenas() {
#ifdef __GLIBC__
  // What one thread allocates and the other frees goes back to both: bodies of replies are such.
  static_cast<void>(mallopt(M_ARENA_MAX, 1));
  // What is as large as this is given back at once: glibc raises both limits when it has seen a larger one.
  constexpr int large = 256 << 10;
  static_cast<void>(mallopt(M_MMAP_THRESHOLD, large));
  static_cast<void>(mallopt(M_TRIM_THRESHOLD, large));
#endif
}

}  // namespace nocobase_operator::io
