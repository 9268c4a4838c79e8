#include <algorithm>

#include "kube/http.h"

namespace nocobase_operator::kube {
namespace {

// Reads on through a JSON text without understanding more of it than where its values end. What is no JSON leads
// nowhere: then nothing is found.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Calls `member` with each name of the object that begins here until it returns false; it takes the value. Whether
  // the object was read to its end.
  template <class Member>
  bool each_member(const Member& member) {
    if (!take('{')) {
      return false;
    }
    while (!take('}')) {
      const std::optional<std::string_view> name = string();
      if (!name || !take(':') || !member(*name)) {
        return false;
      }
      static_cast<void>(take(','));
    }
    return true;
  }

  // The string that begins here, as it is written.
  std::optional<std::string_view> string() {
    if (!take('"')) {
      return std::nullopt;
    }
    const std::size_t start = at_;
    if (!skip_string()) {
      return std::nullopt;
    }
    return text_.substr(start, at_ - start - 1);
  }

  bool skip_value() {
    skip_blanks();
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (!skip_string()) {
          return false;
        }
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        depth -= depth > 0 ? 1U : 0U;
      }
      const char next = at_ < text_.size() ? text_[at_] : '\0';
      if (depth == 0 && (c == '"' || next == ',' || next == '}' || next == ']' || next == ' ' || next == '\0')) {
        return true;
      }
    }
    return false;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool take(char wanted) {
    skip_blanks();
    const bool is_it = at_ < text_.size() && text_[at_] == wanted;
    at_ += is_it ? 1U : 0U;
    return is_it;
  }

  // To behind the quote that ends the string we are inside of.
  bool skip_string() {
    for (;;) {
      at_ = text_.find_first_of("\"\\", at_);
      if (at_ == std::string_view::npos) {
        at_ = text_.size();
        return false;
      }
      if (text_[at_++] == '"') {
        return true;
      }
      ++at_;  // what is escaped
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<WatchHead> head_of(std::string_view line) {
  WatchHead head;
  Scanner scanner(line);
  const auto take = [&scanner](std::string_view& into) {
    const std::optional<std::string_view> text = scanner.string();
    into = text.value_or("");
    return text.has_value() && text->find('\\') == std::string_view::npos;
  };
  const auto in_metadata = [&](std::string_view name) {
    if (name == "name") {
      return take(head.name);
    }
    if (name == "namespace") {
      return take(head.ns);
    }
    if (name == "resourceVersion") {
      return take(head.version);
    }
    return scanner.skip_value();
  };
  const auto in_object = [&](std::string_view name) {
    return name == "metadata" ? scanner.each_member(in_metadata) && head.version.empty() : scanner.skip_value();
  };
  const auto in_event = [&](std::string_view name) {
    return name == "type" ? take(head.type) : name == "object" ? scanner.each_member(in_object) : scanner.skip_value();
  };
  static_cast<void>(scanner.each_member(in_event));
  if (head.type.empty() || head.name.empty() || head.version.empty()) {
    return std::nullopt;
  }
  return head;
}

}  // namespace nocobase_operator::kube
