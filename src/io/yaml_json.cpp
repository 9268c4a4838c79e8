#include "io/yaml_json.h"

#include <cmath>
#include <string>
#include <utility>

#include "kube/reader.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

constexpr std::size_t max_path_bytes = 512;
constexpr std::string_view white_space = " \t\r\n";

// The end of the string that starts at `at` with a quote.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') {
      ++at;
    }
  }
  return std::min(at + 1, text.size());
}

// Walks valid JSON beside the value that was read from it.
class Walker {
 public:
  Walker(std::string_view text, std::size_t offset, const Places& places, kube::SourceDocument& document)
      : text_(text), offset_(offset), places_(places), document_(document) {}

  [[nodiscard]] std::size_t values() const { return values_; }

  void walk(Json& value, const std::string& path) {
    ++values_;
    skip();
    if (value.is_object()) {
      object(value, path);
    } else if (value.is_array()) {
      array(value, path);
    } else if (value.is_string()) {
      at_ = string_end(text_, at_);
    } else {
      at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
      whole(value);
    }
  }

 private:
  void skip() { at_ = std::min(text_.find_first_not_of(white_space, at_), text_.size()); }

  // Takes the bracket or separator that stands next.
  void take() {
    skip();
    ++at_;
  }

  void mark(const std::string& path, std::size_t at) {
    if (path.size() <= max_path_bytes) {
      document_.marks.insert_or_assign(path, places_.at(offset_ + at));
    }
  }

  void object(Json& value, const std::string& path) {
    take();
    for (std::size_t left = value.size(); left > 0; --left) {
      skip();
      const std::size_t start = at_;
      at_ = string_end(text_, at_);
      const Result<Json> key = kube::parse_json(text_.substr(start, at_ - start));
      const auto* name = key.ok() ? key.value().get_ptr<const std::string*>() : nullptr;
      const auto member = name == nullptr ? value.end() : value.find(*name);
      CHECK(member != value.end());
      const std::string inner = path.size() > max_path_bytes ? path : kube::join_path(path, *name);
      mark(inner, start);
      take();
      walk(*member, inner);
      if (left > 1) {
        take();
      }
    }
    take();
  }

  void array(Json& value, const std::string& path) {
    take();
    for (std::size_t i = 0; i < value.size(); ++i) {
      skip();
      const std::string inner = path.size() > max_path_bytes ? path : kube::join_path(path, i);
      mark(inner, at_);
      walk(value[i], inner);
      if (i + 1 < value.size()) {
        take();
      }
    }
    take();
  }

  // kubectl reads 2.0 and writes 2.
  static void whole(Json& value) {
    constexpr double limit = 9223372036854775808.0;  // 2^63
    if (value.is_number_float()) {
      const double number = value.get<double>();
      if (std::trunc(number) == number && number < limit && number >= -limit) {
        value = static_cast<std::int64_t>(number);
      }
    }
  }

  std::string_view text_;
  std::size_t offset_;
  const Places& places_;
  kube::SourceDocument& document_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

std::size_t json_extent(std::string_view text) {
  std::size_t depth = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
      continue;
    }
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) {
        return depth == 1 ? at + 1 : 0;
      }
      --depth;
    }
    ++at;
  }
  return 0;
}

std::optional<kube::SourceDocument> read_json(std::string_view text, std::size_t offset, const Places& places,
                                              const YamlLimits& limits) {
  Result<Json> parsed = kube::parse_json(text, {.max_bytes = limits.max_document_bytes, .max_depth = limits.max_depth});
  if (!parsed.ok()) {
    return std::nullopt;
  }
  kube::SourceDocument document{};
  document.value = std::move(parsed).value();
  Walker walker(text, offset, places, document);
  walker.walk(document.value, "");
  document.marks.insert_or_assign("", places.at(offset + std::min(text.find_first_not_of(white_space), text.size())));
  if (walker.values() > limits.max_nodes) {
    return std::nullopt;
  }
  return document;
}

}  // namespace nocobase_operator::io
