#include "app/placeholder.h"

#include <algorithm>
#include <array>
#include <string>

namespace nocobase_operator::app {
namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool is_bracketed(std::string_view text, std::string_view open, std::string_view close) {
  return text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close);
}

}  // namespace

bool is_placeholder_text(std::string_view value, bool secret) {
  const std::string text = lowered(value);
  const bool angled = is_bracketed(text, "<", ">") && text.find_first_of("<>", 1) == text.size() - 1;
  if (angled || is_bracketed(text, "{{", "}}") || is_bracketed(text, "${", "}") || text == "replace-me" ||
      text == "replace-me.invalid") {
    return true;
  }
  static constexpr std::array<std::string_view, 8> words = {"test-key", "app-key-test", "xxx",        "xxxx",
                                                            "todo",     "placeholder",  "replace_me", "password-here"};
  static constexpr std::array<std::string_view, 8> starts = {"your-",    "your_",   "change-",  "change_",
                                                             "changeme", "change ", "replace-", "replace_with"};
  return secret && (std::find(words.begin(), words.end(), text) != words.end() ||
                    std::any_of(starts.begin(), starts.end(),
                                [&text](std::string_view start) { return text.starts_with(start); }));
}

}  // namespace nocobase_operator::app
