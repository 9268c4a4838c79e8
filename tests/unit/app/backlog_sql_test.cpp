// What counts a role's waiting work, run on real servers: on tables shaped as NocoBase 2.2.15 defines them, with rows
// of which it is known who waits.
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/backlog.h"
#include "database_server.h"

namespace nocobase_operator::app {
namespace {

using Make = DatabaseServer::Make;

struct Layout {
  std::string name;
  std::string schema;  // PostgreSQL; "" is none
  std::string prefix;
  bool underscored = false;
};

const std::vector<Layout> layouts = {{"as it is installed", "", "", false},
                                     {"underscored", "", "", true},
                                     {"with a prefix", "", "nb_", false},
                                     {"underscored, with a prefix of capitals", "", "Nb", true},
                                     {"in a schema of its own", "Crm app", "", false},
                                     {"all of it", "crm", "x_", true}};

// The tables of one layout, written here once more: by the words of upstream's collections and not by our code.
class Tables {
 public:
  Tables(const Layout& layout, Make make) : layout_(layout), make_(make) {}

  [[nodiscard]] std::string name(const std::string& collection) const {
    std::string table = quoted(layout_.prefix + spelt(collection));
    if (make_ == Make::mariadb) {
      return table;
    }
    return quoted(layout_.schema.empty() ? "public" : layout_.schema) + "." + table;
  }
  [[nodiscard]] std::string columns(const std::vector<std::string>& names) const {
    std::string list;
    for (const std::string& column : names) {
      list += (list.empty() ? "" : ", ") + quoted(spelt(column));
    }
    return list;
  }
  [[nodiscard]] std::string made() const {
    const bool mysql = make_ == Make::mariadb;
    const std::string time = mysql ? " DATETIME(3)" : " TIMESTAMP WITH TIME ZONE";
    const std::string json = mysql ? " JSON" : " JSONB";
    const std::string flag = mysql ? " TINYINT(1)" : " BOOLEAN";
    const auto column = [&](const std::string& of) { return columns({of}); };
    return "CREATE TABLE " + name("workflows") + " (" + column("id") + " BIGINT PRIMARY KEY, " + column("key") +
           " VARCHAR(255), " + column("title") + " VARCHAR(255), " + column("enabled") + flag + " DEFAULT FALSE, " +
           column("type") + " VARCHAR(255), " + column("config") + json + ", " + column("current") + flag + ");\n" +
           "CREATE TABLE " + name("executions") + " (" + column("id") + " BIGINT PRIMARY KEY, " + column("workflowId") +
           " BIGINT, " + column("key") + " VARCHAR(255), " + column("eventKey") + " VARCHAR(255) UNIQUE, " +
           column("context") + json + ", " + column("status") + " INTEGER, " + column("reason") + " VARCHAR(255), " +
           column("dispatched") + flag + " DEFAULT FALSE, " + column("parentExecutionId") + " BIGINT, " +
           column("startedAt") + time + ", " + column("expiresAt") + time + ", " + column("createdAt") + time + ");\n" +
           "CREATE TABLE " + name("asyncTasks") + " (" + column("id") + " CHAR(36) PRIMARY KEY, " + column("origin") +
           " VARCHAR(255), " + column("type") + " VARCHAR(255), " + column("params") + json + ", " + column("status") +
           " INTEGER, " + column("result") + json + ", " + column("startedAt") + time + ", " + column("doneAt") + time +
           ");\n";
  }
  // Three executions wait, and two tasks.
  [[nodiscard]] std::string filled() const {
    return "INSERT INTO " + name("workflows") + " (" + columns({"id", "key", "enabled"}) +
           ") VALUES (1, 'on', TRUE), (2, 'off', FALSE), (3, 'unsaid', NULL);\n" + "INSERT INTO " + name("executions") +
           " (" + columns({"id", "workflowId", "status", "dispatched", "startedAt"}) + ") VALUES " +
           "(11, 1, NULL, FALSE, NULL), (12, 1, NULL, FALSE, NULL), (13, 1, NULL, FALSE, NULL), "  // wait
           "(21, 2, NULL, FALSE, NULL), (22, 3, NULL, FALSE, NULL), "             // of workflows that are switched off
           "(23, 99, NULL, FALSE, NULL), (24, NULL, NULL, FALSE, NULL), "         // of workflows that are gone
           "(31, 1, NULL, TRUE, NULL), "                                          // on its way to a worker
           "(32, 1, 0, TRUE, '2026-01-01 00:00:00'), "                            // runs
           "(33, 1, NULL, FALSE, '2026-01-01 00:00:00'), "                        // was claimed
           "(34, 1, 1, TRUE, '2026-01-01 00:00:00'), (35, 1, -1, TRUE, NULL);\n"  // over
           "INSERT INTO " +
           name("asyncTasks") + " (" + columns({"id", "status"}) +
           ") VALUES ('a', NULL), ('b', NULL), ('c', 0), ('d', 1), ('e', -1), ('f', -2);\n";
  }

 private:
  [[nodiscard]] std::string quoted(const std::string& text) const {
    return make_ == Make::mariadb ? "`" + text + "`" : "\"" + text + "\"";
  }
  [[nodiscard]] std::string spelt(const std::string& text) const {
    std::string out;
    for (const char c : text) {
      const bool capital = std::isupper(static_cast<unsigned char>(c)) != 0;
      out += layout_.underscored && capital ? "_" : "";
      out += layout_.underscored ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : c;
    }
    return out;
  }

  const Layout& layout_;
  Make make_;
};

Database database_of(const Layout& layout, Dialect dialect) {
  Database database;
  database.dialect = dialect;
  if (!layout.schema.empty()) {
    database.schema = layout.schema;
  }
  if (!layout.prefix.empty()) {
    database.table_prefix = layout.prefix;
  }
  if (layout.underscored) {
    database.underscored = true;
  }
  return database;
}

// `fresh` makes an empty database for the layout and is put before every statement.
void expect_counted(const DatabaseServer& server, const Layout& layout, Make make, const std::string& fresh,
                    const std::string& in) {
  const Tables tables(layout, make);
  const Database database = database_of(layout, make == Make::mariadb ? Dialect::mariadb : Dialect::postgres);
  ASSERT_EQ(server.query(fresh + tables.made()), "");
  const auto count = [&](const std::vector<std::string_view>& keys) {
    return server.query(in + backlog_query(database, keys) + ";");
  };
  EXPECT_EQ(count({"workflow:process", "async-task:process"}), "0\n") << "nothing is there";
  ASSERT_EQ(server.query(in + tables.filled()), "");
  EXPECT_EQ(count({"workflow:process"}), "3\n");
  EXPECT_EQ(count({"async-task:process"}), "2\n");
  EXPECT_EQ(count({"workflow:process", "async-task:process"}), "5\n") << "one sum";
}

TEST(BacklogSql, CountsWhatWaitsInPostgreSql) {
  const DatabaseServer server(Make::postgres);
  ASSERT_EQ(server.problem(), "") << "cmake/packages.sh installs what is missing";
  for (const Layout& layout : layouts) {
    SCOPED_TRACE(layout.name);
    std::string fresh = "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n";
    if (!layout.schema.empty()) {
      fresh += "DROP SCHEMA IF EXISTS \"" + layout.schema + "\" CASCADE; CREATE SCHEMA \"" + layout.schema + "\";\n";
    }
    // Whoever reads may have another search path.
    expect_counted(server, layout, Make::postgres, fresh, "SET search_path = pg_catalog;\n");
  }
}

TEST(BacklogSql, CountsWhatWaitsInMariaDb) {
  const DatabaseServer server(Make::mariadb);
  ASSERT_EQ(server.problem(), "") << "cmake/packages.sh installs what is missing";
  for (const Layout& layout : layouts) {
    if (!layout.schema.empty()) {
      continue;  // it has none
    }
    SCOPED_TRACE(layout.name);
    expect_counted(server, layout, Make::mariadb,
                   "DROP DATABASE IF EXISTS nocobase; CREATE DATABASE nocobase; USE nocobase;\n", "USE nocobase;\n");
  }
}

}  // namespace
}  // namespace nocobase_operator::app
