// Files and streams as values.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace nocobase_operator::io {

// A whole file, "-" for stdin. Error not_found, denied, or invalid when it is larger than `max_bytes` or a folder.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// The .yaml, .yml and .json files at or below a folder, sorted; a file stays itself, "-" stays "-".
[[nodiscard]] Result<std::vector<std::string>> expand_inputs(const std::vector<std::string>& paths);

}  // namespace nocobase_operator::io
