// Random bytes from the kernel, for keys and passwords. Nothing else in the program makes secrets.
#pragma once
#include <cstddef>
#include <string>

namespace nocobase_operator::io {

// `count` bytes from getrandom(); aborts when the kernel has none to give.
[[nodiscard]] std::string random_bytes(std::size_t count);

}  // namespace nocobase_operator::io
