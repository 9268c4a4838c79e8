// Which values of variables are not to be shown, as far as names and texts tell.
#pragma once
#include <string_view>

namespace nocobase_operator::app {

// Whether a variable of this name usually holds a secret: DB_PASSWORD, API_TOKEN, APP_KEY; not SECRET_PATH.
[[nodiscard]] bool is_secret_name(std::string_view name);
// Whether everybody knows this APP_KEY: from NocoBase's examples, or as what it takes where it is told none.
[[nodiscard]] bool is_public_app_key(std::string_view value);
// Whether the text is a URL with a password in it.
[[nodiscard]] bool has_password(std::string_view url);

}  // namespace nocobase_operator::app
