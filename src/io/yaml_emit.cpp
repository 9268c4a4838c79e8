#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "io/yaml.h"
#include "io/yaml_scalar.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

// Longer keys are written as "? key", because readers look for the ": " of a simple one in 1024 characters only.
constexpr std::size_t max_simple_key = 512;

bool is_one_of(char c, std::string_view characters) {
  return characters.find(c) != std::string_view::npos;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What a reader of YAML 1.1 or 1.2 could take for a number, a time or a date.
bool looks_numeric(std::string_view text) {
  return !is_letter(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_one_of(c, "0123456789abcdefABCDEFxXoO_.:+-eETtZz ");
  });
}

bool is_word(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  for (const std::string_view word : {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}) {
    if (lower == word) {
      return true;
    }
  }
  return false;
}

// Whether the text can stand unquoted and every reader takes it for the same text.
bool is_plain(std::string_view text) {
  if (text.empty() || !(std::isalnum(static_cast<unsigned char>(text[0])) != 0 || is_one_of(text[0], "/_."))) {
    return false;
  }
  const bool safe = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || is_one_of(c, " /_.-:@%+=,;()$~^*!<>|&");
  });
  const bool splits = text.find(": ") != std::string_view::npos || text.back() == ':' || text.back() == ' ';
  if (!safe || splits || is_word(text) || looks_numeric(text) || text.starts_with("...")) {
    return false;
  }
  const Result<Json> read = resolve_plain(text);
  return read.ok() && read.value().is_string();
}

// A code point that YAML wants escaped although JSON does not.
bool is_unprintable(std::string_view rest) {
  return rest.starts_with('\x7f') ||
         (rest.starts_with('\xC2') && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xA1) ||
         rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9") || rest.starts_with("\xEF\xBB\xBF") ||
         rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF");
}

bool has_unprintable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_unprintable(text.substr(i))) {
      return true;
    }
  }
  return false;
}

std::string escaped(std::string_view rest, std::size_t& size) {
  static constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(rest[i])); };
  unsigned point = byte(0);
  size = 1;
  if (byte(0) >= 0xE0) {
    point = ((byte(0) & 0x0FU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU);
    size = 3;
  } else if (byte(0) >= 0xC0) {
    point = ((byte(0) & 0x1FU) << 6U) | (byte(1) & 0x3FU);
    size = 2;
  }
  return {
      '\\', 'u', digits[point >> 12U], digits[(point >> 8U) & 15U], digits[(point >> 4U) & 15U], digits[point & 15U]};
}

// A double-quoted scalar: JSON's, with a few more characters escaped.
std::string in_quotes(const std::string& text) {
  std::string json = kube::dump(Json(text));
  if (!has_unprintable(json)) {
    return json;
  }
  std::string result;
  for (std::size_t i = 0; i < json.size();) {
    const std::string_view rest = std::string_view(json).substr(i);
    std::size_t size = 1;
    result += is_unprintable(rest) ? escaped(rest, size) : std::string(1, json[i]);
    i += size;
  }
  return result;
}

// Whether the text can stand as a literal block: lines of printable text, of which the first tells the indentation.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || is_one_of(text[0], " \t\n") || has_unprintable(text)) {
    return false;
  }
  const bool printable = std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t'; });
  // A line of blanks alone would be taken for indentation.
  const bool blank_line =
      text.find("\n ") != std::string_view::npos && text.find_last_not_of(" \t\n") == std::string_view::npos;
  return printable && !blank_line && kube::dump(Json(std::string(text))).find("\xEF\xBF\xBD") == std::string::npos;
}

class Emitter {
 public:
  [[nodiscard]] std::string take() { return std::move(out_); }

  // A value at the start of a line, or after "- " when `inlined`.
  void node(const Json& value, std::size_t indent, bool inlined) {
    if (value.is_object() && !value.empty()) {
      object(value, indent, inlined);
    } else if (value.is_array() && !value.empty()) {
      array(value, indent, inlined);
    } else {
      scalar(value, indent);
    }
  }

 private:
  void pad(std::size_t indent, bool skip) {
    if (!skip) {
      out_.append(indent, ' ');
    }
  }

  void object(const Json& value, std::size_t indent, bool inlined) {
    for (const auto& [key, member] : value.items()) {
      pad(indent, inlined);
      inlined = false;
      const std::string written = is_plain(key) ? key : in_quotes(key);
      out_ += written.size() > max_simple_key ? "? " + written + "\n" + std::string(indent, ' ') + ":" : written + ":";
      if (member.is_structured() && !member.empty()) {
        out_ += '\n';
        node(member, member.is_array() ? indent : indent + 2, false);
      } else {
        out_ += ' ';
        scalar(member, indent + 2);
      }
    }
  }

  void array(const Json& value, std::size_t indent, bool inlined) {
    for (const Json& item : value) {
      pad(indent, inlined);
      inlined = false;
      out_ += "- ";
      node(item, indent + 2, true);
    }
  }

  void scalar(const Json& value, std::size_t indent) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) {
      out_ += kube::dump(value) + "\n";
    } else if (is_plain(*text)) {
      out_ += *text + "\n";
    } else if (is_block(*text)) {
      block(*text, indent);
    } else {
      out_ += in_quotes(*text) + "\n";
    }
  }

  void block(std::string_view text, std::size_t indent) {
    const bool ends = text.ends_with('\n');
    const bool keeps = text.ends_with("\n\n");
    out_ += keeps ? "|+\n" : ends ? "|\n" : "|-\n";
    if (ends) {
      text.remove_suffix(1);
    }
    for (;;) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (end > 0) {
        out_.append(std::max<std::size_t>(indent, 2), ' ').append(text.substr(0, end));
      }
      out_ += '\n';
      if (end == text.size()) {
        return;
      }
      text.remove_prefix(end + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string to_yaml(const Json& value) {
  Emitter emitter;
  emitter.node(value, 0, false);
  return emitter.take();
}

}  // namespace nocobase_operator::io
