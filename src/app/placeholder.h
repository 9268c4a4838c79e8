// Texts that stand where somebody was to write a value of their own.
#pragma once
#include <string_view>

namespace nocobase_operator::app {

// Whether the text was left in from a template: <password>, {{ .Values.key }}, ${KEY}, and where a secret belongs also
// your-secret-key, changeme, replace-with-random and their like.
[[nodiscard]] bool is_placeholder_text(std::string_view value, bool secret);

}  // namespace nocobase_operator::app
