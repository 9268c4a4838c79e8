// The table of NocoBase's variables as import sees them: where each goes in the spec, or why it is left out.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace nocobase_operator::app::importing {

enum class Home : std::uint8_t {
  worker_mode,  // roles[].requests and services
  app_key,      // keys.secretRef
  aes_key,
  admin_email,  // initialAdmin.secretRef
  admin_password,
  dialect,  // database, a field each
  host,
  port,
  database,
  user,
  password,
  schema,
  table_prefix,
  underscored,
  tls_mode,
  tls_ca,
  tls_cert,
  tls_key,
  tls_reject,
  cache_store,  // coordination
  cache_url,
  pubsub_url,
  lock_adapter,
  lock_url,
  queue_adapter,
  queue_url,
  rabbitmq_url,
  worker_id_url,
  plugins,
  env,           // spec.env, or the role's where roles differ
  secret,        // the same, with the value in a Secret
  setup,         // setup.env: read by the setup Pod alone
  setup_secret,  // the same, with the value in a Secret
  dropped,       // nowhere: see `why`
  needs,         // nowhere, and a person has to see to it: see `why`
};

struct Variable {
  std::string_view name;
  Home home;
  std::string_view why;  // of dropped and needs
};

// Sorted by name.
[[nodiscard]] std::span<const Variable> known_variables();
// Where a variable goes. One that the table does not have is carried over: in a Secret where its name says so.
[[nodiscard]] Variable home_of(std::string_view name);
// The one variable that has this home; aborts where it is the home of many.
[[nodiscard]] std::string_view variable_at(Home home);

}  // namespace nocobase_operator::app::importing
