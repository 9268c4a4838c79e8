// How much work waits for a role in the application's own database: what a role scales on, whatever its queue adapter.
// Text only; nothing here connects to a database.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "app/spec.h"

namespace nocobase_operator::app {

// The service keys of a role whose waiting work the database tells; none for a role that serves requests alone or keys
// of plugins. In a fixed order.
[[nodiscard]] std::vector<std::string_view> backlog_keys(const Role& role);

// One SELECT that gives one number: how many items wait for these keys together. With the names that NocoBase gives its
// tables and columns by the dialect, schema, tablePrefix and underscored of the spec. Keys as backlog_keys() gives
// them, one at least.
[[nodiscard]] std::string backlog_query(const Database& database, const std::vector<std::string_view>& keys);

// Whether somebody else can read that number: the dialect has a server, and one logs in with a password.
[[nodiscard]] bool has_readable_backlog(const Database& database);

}  // namespace nocobase_operator::app
