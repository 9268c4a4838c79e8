// Where the system's CA certificates are. OpenSSL would read them anew for every context the HTTP library makes, which
// took more CPU than all else that a call does (22 ms); so what tells it where they are is hidden from it, and neither
// from us nor from the programs that we start.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nocobase_operator::io {

// Hides it for the rest of the process. Changes the environment, so it must run before threads do; once is enough.
void hide_system_trust();

// The bundle to load: SSL_CERT_FILE as a person has set it, or OpenSSL's default.
[[nodiscard]] std::string system_trust_file();

// The variables that are hidden, each with the value that another program is to see; nothing where it is to see none.
[[nodiscard]] std::vector<std::pair<std::string, std::optional<std::string>>> hidden_variables();

}  // namespace nocobase_operator::io
