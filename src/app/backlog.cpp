#include "app/backlog.h"

#include "app/defaults.h"
#include "base/check.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

constexpr std::string_view key_workflow = "workflow:process";
constexpr std::string_view key_tasks = "async-task:process";

bool is_mysql(Dialect dialect) {
  switch (dialect) {
    case Dialect::mysql:
    case Dialect::mariadb:
      return true;
    case Dialect::postgres:
    case Dialect::kingbase:
    case Dialect::sqlite:
      return false;
  }
  CHECK(false);
}

// Names as NocoBase writes them: it spells its own names in snake case where the database is underscored, and puts the
// prefix in front of a table's name as it is (packages/core/database/src/collection.ts, database.ts).
class Names {
 public:
  explicit Names(const Database& database)
      : database_(database),
        quote_(is_mysql(database.dialect) ? '`' : '"'),
        underscored_(database.underscored.value_or(false)) {}

  // `spelt` is the name in snake case.
  [[nodiscard]] std::string table(std::string_view name, std::string_view spelt) const {
    const std::string full = database_.table_prefix.value_or("") + std::string(underscored_ ? spelt : name);
    if (quote_ == '`') {
      return quoted(full);  // the connection names the database
    }
    // Without a schema NocoBase sets the search path to this one; that of the role that connects may be another.
    return quoted(database_.schema.value_or("public")) + "." + quoted(full);
  }
  [[nodiscard]] std::string column(std::string_view of, std::string_view name, std::string_view spelt) const {
    return std::string(of) + "." + quoted(underscored_ ? spelt : name);
  }
  [[nodiscard]] std::string column(std::string_view of, std::string_view name) const { return column(of, name, name); }

 private:
  [[nodiscard]] std::string quoted(std::string_view name) const {
    std::string out(1, quote_);
    for (const char c : name) {
      out.append(c == quote_ ? 2 : 1, c);
    }
    return out += quote_;
  }

  const Database& database_;
  char quote_;
  bool underscored_;
};

// What plugin-workflow takes for work to be done (src/server/Dispatcher.ts, findQueueingExecutions). An execution of a
// workflow that is switched off waits for ever: counted, it would keep every pod up.
std::string waiting_executions(const Names& names) {
  return "SELECT COUNT(*) FROM " + names.table("executions", "executions") + " e JOIN " +
         names.table("workflows", "workflows") + " w ON " + names.column("w", "id") + " = " +
         names.column("e", "workflowId", "workflow_id") + " WHERE " + names.column("e", "dispatched") +
         " = FALSE AND " + names.column("e", "status") + " IS NULL AND " +
         names.column("e", "startedAt", "started_at") + " IS NULL AND " + names.column("w", "enabled") + " = TRUE";
}

// plugin-async-task-manager: a task without a status is pending (src/common/constants.ts).
std::string waiting_tasks(const Names& names) {
  return "SELECT COUNT(*) FROM " + names.table("asyncTasks", "async_tasks") + " t WHERE " +
         names.column("t", "status") + " IS NULL";
}

}  // namespace

std::vector<std::string_view> backlog_keys(const Role& role) {
  std::vector<std::string_view> keys;
  const Result<std::string> mode = worker_mode_of(role);
  if (!mode.ok()) {
    return keys;
  }
  const auto parsed = nocobase::worker_mode::Mode::parse(mode.value());
  for (const std::string_view key : {key_workflow, key_tasks}) {
    if (parsed.serves(key)) {
      keys.push_back(key);
    }
  }
  return keys;
}

std::string backlog_query(const Database& database, const std::vector<std::string_view>& keys) {
  CHECK(!keys.empty());
  const Names names(database);
  std::string query;
  for (const std::string_view key : keys) {
    CHECK(key == key_workflow || key == key_tasks);
    query += query.empty() ? "SELECT (" : " + (";
    query += (key == key_workflow ? waiting_executions(names) : waiting_tasks(names)) + ")";
  }
  return query + " AS backlog";
}

bool has_readable_backlog(const Database& database) {
  return database.dialect != Dialect::sqlite && database.password.has_value();
}

}  // namespace nocobase_operator::app
