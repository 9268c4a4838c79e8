// The program's log: one line per event on stderr, as text or as JSON. The only door to spdlog. Values come as fields,
// so that no text is parsed later and no secret is printed by way of a sentence.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace nocobase_operator::io {

enum class Level : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json };

// A name and a value: text, an integer or a truth value.
struct Field {
  Field(std::string_view field_key, std::string_view field_text) : key(field_key), value(field_text), quoted(true) {}
  Field(std::string_view field_key, const char* field_text) : Field(field_key, std::string_view(field_text)) {}
  Field(std::string_view field_key, const std::string& field_text) : Field(field_key, std::string_view(field_text)) {}
  Field(std::string_view field_key, bool truth) : key(field_key), value(truth ? "true" : "false"), quoted(false) {}
  template <std::integral Number>
  Field(std::string_view field_key, Number number) : key(field_key), value(std::to_string(number)), quoted(false) {}

  std::string_view key;
  std::string value;
  bool quoted;
};

// Sets format and least level. Before it, text from info on. Call once, in main.
void set_log(LogFormat format, Level least);

// Changes the least level from here on. On the thread that calls log().
void set_level(Level least);

// Writes one line. The value of a field named like a credential (token, password, authorization) is masked, as is
// whatever follows "Bearer " in a text; control characters are escaped and long values are cut.
void log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

// The line without time and level, as log() would write it.
[[nodiscard]] std::string format_line(LogFormat format, std::string_view message, std::initializer_list<Field> fields);

}  // namespace nocobase_operator::io
