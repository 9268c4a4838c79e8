#include "app/import_text.h"

#include <algorithm>
#include <utility>

namespace nocobase_operator::app::importing {
namespace {

constexpr std::size_t max_expanded_bytes = 256U << 10U;  // of one text; the spec takes no longer value than 32 KiB
constexpr std::size_t max_nesting = 16;
constexpr std::size_t max_variables = 2'000;
constexpr std::size_t max_values_bytes = 4U << 20U;  // of one file, after variables in them were replaced

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

std::string_view name_at(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && (size == 0 ? is_name_start(text[0]) : is_name_part(text[size]))) {
    ++size;
  }
  return text.substr(0, size);
}

// The offset of the brace that closes the ${ at the start of `text`; npos when there is none.
std::size_t closing_brace(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) {
      ++depth;
      ++i;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

class Expansion {
 public:
  explicit Expansion(const KnownVariables& known) : known_(known) {}

  [[nodiscard]] bool malformed() const { return malformed_; }
  [[nodiscard]] std::vector<std::string> take_missing() { return std::move(missing_); }

  std::string expand(std::string_view text, std::size_t depth) {
    std::string out;
    while (!text.empty() && !malformed_) {
      const std::size_t dollar = std::min(text.find('$'), text.size());
      out += text.substr(0, dollar);
      text.remove_prefix(dollar);
      if (!text.empty()) {
        out += reference(text, depth);
      }
      malformed_ = malformed_ || out.size() > max_expanded_bytes;
    }
    return out;
  }

 private:
  // Takes what begins with $ off the front of `text`.
  std::string reference(std::string_view& text, std::size_t depth) {
    if (text.starts_with("$$")) {
      text.remove_prefix(2);
      return "$";
    }
    if (!text.starts_with("${")) {
      const std::string_view name = name_at(text.substr(1));
      malformed_ = malformed_ || name.empty();
      text.remove_prefix(1 + name.size());
      return plain(name);
    }
    const std::size_t end = closing_brace(text);
    if (end == std::string_view::npos || depth >= max_nesting) {
      malformed_ = true;
      return "";
    }
    const std::string_view inner = text.substr(2, end - 2);
    text.remove_prefix(end + 1);
    return braced(inner, depth);
  }

  std::string braced(std::string_view inner, std::size_t depth) {
    const std::string_view name = name_at(inner);
    std::string_view rest = inner.substr(name.size());
    const bool empty_counts_as_unset = rest.starts_with(':');
    rest.remove_prefix(empty_counts_as_unset ? 1 : 0);
    const char sign = rest.empty() ? '\0' : rest[0];
    if (name.empty() || (sign == '\0' ? empty_counts_as_unset : std::string_view("-?+").find(sign) == rest.npos)) {
      malformed_ = true;
      return "";
    }
    if (sign == '\0') {
      return plain(name);
    }
    rest.remove_prefix(1);
    const auto found = known_.find(name);
    const bool known = found != known_.end() && found->second;
    const bool is_set = found != known_.end() && !(empty_counts_as_unset && found->second && found->second->empty());
    if (sign == '+') {
      return is_set ? expand(rest, depth + 1) : "";
    }
    if (is_set && known) {
      return *found->second;
    }
    return sign == '-' && !is_set ? expand(rest, depth + 1) : lacking(name);
  }

  std::string plain(std::string_view name) {
    const auto found = known_.find(name);
    return found != known_.end() && found->second ? *found->second : lacking(name);
  }

  std::string lacking(std::string_view name) {
    if (std::find(missing_.begin(), missing_.end(), name) == missing_.end() && !name.empty()) {
      missing_.emplace_back(name);
    }
    return "";
  }

  const KnownVariables& known_;
  std::vector<std::string> missing_;
  bool malformed_ = false;
};

// Reads one file of variables.
class VariablesReader {
 public:
  VariablesReader(const VariablesFile& file, KnownVariables& known, bool raw)
      : file_(file), known_(known), raw_(raw), rest_(file.text) {}

  Result<std::vector<TextVariable>> read() {
    if (rest_.starts_with("\xEF\xBB\xBF")) {
      rest_.remove_prefix(3);
    }
    std::vector<TextVariable> out;
    std::size_t bytes = 0;
    while (skip_to_statement()) {
      out.push_back(TRY(statement()));
      bytes += out.back().value.value_or("").size();
      if (out.size() > max_variables || bytes > max_values_bytes) {
        return error("more than " + std::to_string(max_variables) + " variables or " +
                     std::to_string(max_values_bytes) + " bytes of values");
      }
      known_.insert_or_assign(out.back().name, out.back().value);
    }
    return out;
  }

 private:
  [[nodiscard]] Error error(const std::string& what) const {
    return {Code::invalid, file_.file + ":" + std::to_string(line_) + ":1: " + what};
  }

  void take(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    line_ += static_cast<std::uint32_t>(std::count(taken.begin(), taken.end(), '\n'));
    rest_.remove_prefix(std::min(bytes, rest_.size()));
  }

  bool skip_to_statement() {
    for (;;) {
      take(std::min(rest_.find_first_not_of(" \t\r\n\v\f"), rest_.size()));
      if (!rest_.starts_with('#')) {
        return !rest_.empty();
      }
      take(std::min(rest_.find('\n'), rest_.size()));
    }
  }

  Result<TextVariable> statement() {
    if (rest_.starts_with("export ") || rest_.starts_with("export\t")) {
      take(7);
      take(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }
    TextVariable out;
    out.mark = {line_, 1};
    const std::string_view line = rest_.substr(0, std::min(rest_.find('\n'), rest_.size()));
    const std::size_t end = std::min(line.find_first_of("=:"), line.size());
    std::string_view name = line.substr(0, end);
    name = name.substr(0, std::min(name.find_last_not_of(" \t\r") + 1, name.size()));
    const auto is_part = [](char c) { return is_name_part(c) || c == '.' || c == '-'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_part)) {
      return error("this is no variable: want NAME=value");
    }
    out.name = name;
    take(end);
    if (end == line.size()) {
      out.unknown = "it has no value here, but is taken from the shell of whoever starts docker-compose";
      return out;
    }
    take(1);
    take(std::min(rest_.find_first_not_of(" \t\v\f"), rest_.size()));
    TRY(value(out));
    return out;
  }

  Result<Unit> value(TextVariable& out) {
    const char quote = rest_.empty() ? '\0' : rest_[0];
    if (raw_ || (quote != '"' && quote != '\'')) {
      plain_value(out);
      return Unit{};
    }
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) {
      end += rest_[end] == '\\' && end + 1 < rest_.size() ? 2U : 1U;
    }
    if (end >= rest_.size()) {
      return error("the quoted value of " + out.name + " is not closed");
    }
    const std::string text(rest_.substr(1, end - 1));
    take(end + 1);
    take(std::min(rest_.find('\n'), rest_.size()));
    if (quote == '\'') {
      out.value = text;
    } else {
      settle(out, unescaped(text));
    }
    return Unit{};
  }

  void plain_value(TextVariable& out) {
    std::string_view text = rest_.substr(0, std::min(rest_.find('\n'), rest_.size()));
    take(text.size());
    if (!raw_) {
      const std::size_t comment = text.starts_with('#') ? 0 : std::min(text.find(" #"), text.find("\t#"));
      text = text.substr(0, comment);
    }
    text = text.substr(0, text.find_last_not_of(" \t\r\v\f") + 1);
    if (raw_) {
      out.value = std::string(text);
      return;
    }
    out.ambiguous = text.find_first_of("#$\\") != std::string_view::npos;
    settle(out, std::string(text));
  }

  void settle(TextVariable& out, const std::string& text) {
    Interpolated result = interpolate(text, known_);
    if (!result.missing.empty()) {
      out.unknown = no_value_text(result.missing);
    } else {
      out.value = result.malformed ? text : std::move(result.text);
    }
  }

  // In double quotes; a $ that is escaped stays one.
  static std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out += text[i];
        continue;
      }
      const char c = text[++i];
      switch (c) {
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case '$':
          out += "$$";
          break;
        case '"':
        case '\\':
          out += c;
          break;
        default:
          out += '\\';
          out += c;
      }
    }
    return out;
  }

  const VariablesFile& file_;
  KnownVariables& known_;
  bool raw_;
  std::string_view rest_;
  std::uint32_t line_ = 1;
};

}  // namespace

Interpolated interpolate(std::string_view text, const KnownVariables& known) {
  Expansion expansion(known);
  Interpolated out;
  out.text = expansion.expand(text, 0);
  out.malformed = expansion.malformed();
  out.missing = expansion.take_missing();
  if (out.malformed) {
    out.text = text;
    out.missing.clear();
  }
  return out;
}

Result<std::vector<TextVariable>> parse_variables(const VariablesFile& file, KnownVariables& known, bool raw) {
  return VariablesReader(file, known, raw).read();
}

std::string no_value_text(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < 8; ++i) {
    out += (out.empty() ? "" : i + 1 == names.size() ? " and " : ", ") + names[i].substr(0, 128);
  }
  return out + (names.size() == 1 ? " has" : " have") + " no value here";
}

}  // namespace nocobase_operator::app::importing

namespace nocobase_operator::app {

bool is_variables_text(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  while (!text.empty()) {
    std::string_view line = text.substr(0, std::min(text.find('\n'), text.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    if (line.starts_with("export ")) {
      line.remove_prefix(std::min(line.find_first_not_of(' ', 7), line.size()));
    }
    const std::string_view name = importing::name_at(line);
    line.remove_prefix(name.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return !name.empty() && line.starts_with('=');
  }
  return false;
}

}  // namespace nocobase_operator::app
