// The text of a file that others rewrite: tokens, certificates and CA bundles that rotate on disk.
#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace nocobase_operator::io {

class FileText {
 public:
  // An empty path has the constant text `inline_text`.
  FileText(std::string path, std::string inline_text);

  struct Version {
    std::string text;
    std::uint64_t number = 0;  // grows whenever the text is another one
  };

  // The text now. The file is looked at again at most once a second; while it is missing, unreadable or empty the last
  // good text stays. Thread-safe.
  [[nodiscard]] Version current();
  // Makes the next current() look at the file whatever the time.
  void expire();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
  std::mutex mutex_;
  Version last_;
  std::chrono::steady_clock::time_point next_read_;
};

}  // namespace nocobase_operator::io
