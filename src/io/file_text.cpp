#include "io/file_text.h"

#include <utility>

#include "io/file.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t max_bytes = 4U << 20U;
constexpr std::chrono::seconds reread_after{1};

}  // namespace

FileText::FileText(std::string path, std::string inline_text)
    : path_(std::move(path)), last_{.text = std::move(inline_text), .number = 1} {}

FileText::Version FileText::current() {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (path_.empty() || now < next_read_) {
    return last_;
  }
  next_read_ = now + reread_after;
  Result<std::string> read = read_file(path_, max_bytes);
  if (!read.ok()) {
    return last_;
  }
  std::string text = std::move(read).value();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\t')) {
    text.pop_back();
  }
  if (!text.empty() && text != last_.text) {
    last_ = {.text = std::move(text), .number = last_.number + 1};
  }
  return last_;
}

void FileText::expire() {
  const std::scoped_lock lock(mutex_);
  next_read_ = {};
}

}  // namespace nocobase_operator::io
