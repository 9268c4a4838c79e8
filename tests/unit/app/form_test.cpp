#include "app/form.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::app::form {
namespace {

struct Case {
  std::string_view name;
  bool (*matches)(std::string_view);
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(Form, each_form_takes_what_its_pattern_takes) {
  const std::vector<Case> cases = {
      {"label", is_dns_label, {"a", "1", "a-b", "a--b"}, {"", "-a", "a-", "A", "a.b", "a_b", "é"}},
      {"1035 label", is_dns_1035_label, {"a", "a1"}, {"", "1a", "a-", "A"}},
      {"subdomain", is_dns_subdomain, {"a", "a.b", "1.2"}, {"", ".", "a.", ".a", "a..b", "a.-b"}},
      {"host name", is_hostname, {"a.b", "*.a.b"}, {"*", "*.", "a.*", "**.a"}},
      {"host",
       is_host,
       {"a", "A.b", "a_b", "10.0.0.1", "::1", "[::1]", "fe80::1"},
       {"", "a/b", "a:b:z", "-a", "a-", "tcp://a", "pg:x", "[a]", "fe80::1%eth0"}},
      {"quantity",
       is_quantity,
       {"0", "1", "+1", "0.5", ".5", "5.", "1Gi", "500m", "1E", "1e3", "1e-3", "1E+03", "128974848000m", "1k", "1u"},
       {"", "+", ".", "-1", "1gi", "1GB", "1 Gi", "1Gi ", "1ee", "1e", "1e1.5", "Gi", "1e123", "1K", "１"}},
      {"variable", is_variable_name, {"A", "a.b", "-a", "_"}, {"", "1A", "A B", "A=B", "é"}},
      {"secret key", is_secret_key, {"a", "1", "tls.crt", "_"}, {"", "a/b", "a b"}},
      {"service key",
       is_service_key,
       {"*", "a", "a:b", "@s/p:x", "a-b"},
       {"", "!", "-", "-a", "!a", "a,b", " a", "a*", "**", "é"}},
      {"package",
       is_package_name,
       {"a", "@a/b", "a-b.c", "@nocobase/plugin-x"},
       {"", "@a", "@/b", "A", "a/b", "_a", "@a/b/c"}},
      {"path", is_path, {"/", "/a/b", "/é"}, {"", "a", "/a b", "/a\n"}},
      {"percentage", is_percentage, {"0%", "100%", "25%"}, {"", "%", "25", "25.5%", "-1%", "1%%"}},
      {"interval", is_interval, {"30s", "1m", "500ms", "2h"}, {"", "s", "30", "0s", "1m30s", "1d", "-5s", "30 s"}},
      {"schema", is_schema_name, {"a", "_a", "a$1", "A-b"}, {"", "1a", "$a", "-a", "a b"}},
      {"prefix", is_table_prefix, {"a_", "1"}, {"", "a-"}},
      {"TLS mode", is_tls_mode, {"verify-full", "require"}, {"", "a b", "1"}},
  };
  for (const Case& row : cases) {
    for (const auto& text : row.good) {
      EXPECT_TRUE(row.matches(text)) << row.name << ": " << text;
    }
    for (const auto& text : row.bad) {
      EXPECT_FALSE(row.matches(text)) << row.name << ": " << text;
    }
  }
}

TEST(Form, length_counts_code_points) {
  EXPECT_EQ(length(""), 0U);
  EXPECT_EQ(length("abc"), 3U);
  EXPECT_EQ(length("日本語"), 3U);
}

}  // namespace
}  // namespace nocobase_operator::app::form
