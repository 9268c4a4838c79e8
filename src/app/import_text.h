// Files of variables (.env) and ${NAME} in texts, both as docker-compose reads them (docs.docker.com/reference/
// compose-file/interpolation, …/compose/environment-variables/variable-interpolation). No environment of this process
// is looked at.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/import.h"
#include "base/result.h"

namespace nocobase_operator::app::importing {

// Variables by name; nothing where there is one whose value is not known.
using KnownVariables = std::map<std::string, std::optional<std::string>, std::less<>>;

struct Interpolated {
  std::string text;
  std::vector<std::string> missing;  // variables without a value that the text wants
  bool malformed = false;            // $ before something that is no name: the text is as it was
};

// $NAME, ${NAME}, ${NAME:-text}, ${NAME-text}, ${NAME:?text}, ${NAME?text}, ${NAME:+text}, ${NAME+text}, and $$ for $.
[[nodiscard]] Interpolated interpolate(std::string_view text, const KnownVariables& known);

inline constexpr std::string_view ambiguous_value =
    "its value has a #, $ or backslash, which readers of such files take differently: it was read as docker-compose "
    "does, so compare it with what the application has";

// One line of a file of variables.
struct TextVariable {
  std::string name;
  std::optional<std::string> value;  // nothing when it is not known
  std::string unknown;               // why it is not
  bool ambiguous = false;            // has a $ or # that other readers take for something else
  kube::Mark mark;
};

// The variables of a file, in order; each is known to those after it, and added to `known`. `raw`: values are taken as
// they stand. Error (invalid) with file:line:column.
[[nodiscard]] Result<std::vector<TextVariable>> parse_variables(const VariablesFile& file, KnownVariables& known,
                                                                bool raw = false);

// "A and B have no value here", for Setting::unknown.
[[nodiscard]] std::string no_value_text(const std::vector<std::string>& names);

}  // namespace nocobase_operator::app::importing
