#include "io/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <sys/stat.h>

namespace nocobase_operator::io {
namespace {

namespace fs = std::filesystem;

constexpr int max_folder_depth = 16;
constexpr std::size_t max_files = 10'000;

Error failure(const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::not_found
                    : error == EACCES || error == EPERM ? Code::denied
                                                        : Code::invalid;
  return {code, path + ": " + std::generic_category().message(error)};
}

// Closes what it opened; leaves stdin alone.
class Descriptor {
 public:
  explicit Descriptor(const std::string& path)
      : own_(path != "-"),
        fd_(own_ ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO) {
  }  // NOLINT(cppcoreguidelines-pro-type-vararg) POSIX
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (own_ && fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  bool own_;
  int fd_;
};

bool has_input_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// Hidden files and folders are left out, as are links, which could lead round in a circle.
Result<Unit> collect(const fs::path& folder, int depth, std::vector<std::string>& found) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    const fs::path& path = entries->path();
    if (path.filename().string().starts_with('.')) {
      continue;
    }
    std::error_code ignored;
    const fs::file_status status = entries->symlink_status(ignored);
    if (fs::is_directory(status)) {
      if (depth >= max_folder_depth) {
        return Error{Code::invalid, path.string() + ": folders are nested too deep"};
      }
      TRY(collect(path, depth + 1, found));
    } else if (has_input_name(path) && fs::is_regular_file(entries->status(ignored))) {
      found.push_back(path.string());
    }
    if (found.size() > max_files) {
      return Error{Code::invalid, folder.string() + ": more than " + std::to_string(max_files) + " files"};
    }
  }
  if (error) {
    return failure(folder.string(), error.value());
  }
  return Unit{};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const Descriptor file(path);
  if (file.get() < 0) {
    return failure(path, errno);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && static_cast<std::size_t>(info.st_size) > max_bytes) {
    return Error{Code::invalid, path + ": larger than " + std::to_string(max_bytes) + " bytes"};
  }
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failure(path, errno);
    }
    if (count == 0) {
      return text;
    }
    if (text.size() + static_cast<std::size_t>(count) > max_bytes) {
      return Error{Code::invalid, path + ": larger than " + std::to_string(max_bytes) + " bytes"};
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

Result<std::vector<std::string>> expand_inputs(const std::vector<std::string>& paths) {
  std::vector<std::string> inputs;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path != "-" && fs::is_directory(path, error)) {
      std::vector<std::string> found;
      TRY(collect(path, 0, found));
      std::sort(found.begin(), found.end());
      inputs.insert(inputs.end(), found.begin(), found.end());
    } else {
      inputs.push_back(path);
    }
  }
  return inputs;
}

}  // namespace nocobase_operator::io
