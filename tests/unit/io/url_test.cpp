#include "io/url.h"

#include <string>

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

using std::string_literals::operator""s;

TEST(Url, an_address_of_ipv6_may_have_a_zone_that_is_a_name) {
  struct Case {
    std::string text;
    std::string host;  // "" when it is refused
  };
  for (const Case& c :
       {Case{"https://[::1]:6443", "::1"}, Case{"https://[fe80::1%25eth0]:6443", "fe80::1%eth0"},
        Case{"https://[fe80::1%eth0]", "fe80::1%eth0"}, Case{"https://[fe80::1%2525]", "fe80::1%25"},
        Case{"https://[fe80::1%25]", ""}, Case{"https://[fe80::1%]", ""}, Case{"https://[fe80::1%25a b]", ""},
        Case{"https://[fe80::1\0%25eth0]"s, ""}, Case{"https://[fe80::1%25e\0]"s, ""}, Case{"https://[::1\0]"s, ""}}) {
    SCOPED_TRACE(c.text);
    const Result<Url> url = parse_url(c.text);
    EXPECT_EQ(url.ok() ? url.value().host : "", c.host);
    if (url.ok()) {
      const Result<Url> again = parse_url(to_string(url.value()));
      EXPECT_TRUE(again.ok() && again.value() == url.value()) << to_string(url.value());
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::io
