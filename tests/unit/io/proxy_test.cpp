// Proxies as Go's httpproxy finds them.
#include "io/proxy.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

// "user:password@host:port" or the error.
std::string told(const Result<Proxy>& proxy) {
  if (!proxy.ok()) {
    return proxy.error().what;
  }
  const Proxy& got = proxy.value();
  return (got.user.empty() ? "" : got.user + ":" + got.password + "@") + got.host + " " + std::to_string(got.port);
}

TEST(Proxy, IsReadFromItsUrl) {
  struct Case {
    std::string_view text;
    std::string_view want;
  };
  for (const Case& c : {
           Case{"http://p", "p 80"},
           Case{"p:3128", "p 3128"},
           Case{"HTTP://10.0.0.1:8080/", "10.0.0.1 8080"},
           Case{"http://[fd00::1]:8080", "fd00::1 8080"},
           Case{"http://u:p@p:1", "u:p@p 1"},
           Case{"http://u%40d:p%3Aw%2F@p", "u@d:p:w/@p 80"},
           Case{"http://u@p", "u:@p 80"},
           Case{"https://p", "proxy: the scheme https is not supported, only http:// proxies are"},
           Case{"socks5://u:secret@p", "proxy: the scheme socks5 is not supported, only http:// proxies are"},
           Case{"socks5h://p", "proxy: the scheme socks5h is not supported, only http:// proxies are"},
           Case{"http://u:%zz@p", "proxy: the user and password before '@' are malformed"},
           Case{"http://:x@p", "proxy: the user and password before '@' are malformed"},
           Case{"http://u:secret@", "proxy: server \"http://\": the host is missing"},
           Case{"http://p:0", "proxy: server \"http://p:0\": the port must be 1 to 65535"},
           Case{"", "proxy: server \"http://\": the host is missing"},
       }) {
    EXPECT_EQ(told(parse_proxy(c.text)), c.want) << c.text;
  }
}

TEST(Proxy, NoProxyNamesHostsAsGoReadsIt) {
  struct Case {
    std::string_view list;
    std::string_view url;
    bool excluded;
  };
  for (const Case& c : {
           Case{"", "https://a.b", false},
           Case{"*", "https://a.b", true},
           Case{"x, * ,y", "https://10.0.0.1", true},
           Case{"a.b", "https://a.b", true},
           Case{"A.B", "https://a.b", true},
           Case{"a.b", "https://A.b", true},
           Case{"a.b", "https://x.a.b", true},
           Case{"a.b", "https://xa.b", false},
           Case{".a.b", "https://x.a.b", true},
           Case{".a.b", "https://a.b", false},
           Case{"*.a.b", "https://x.a.b", true},
           Case{"*.a.b", "https://a.b", false},
           Case{"a.b:6443", "https://a.b:6443", true},
           Case{"a.b:6443", "https://a.b", false},
           Case{"a.b:443", "https://a.b", true},
           Case{"a.b:80", "http://a.b", true},
           Case{"10.0.0.1", "https://10.0.0.1:6443", true},
           Case{"10.0.0.1:6443", "https://10.0.0.1:6443", true},
           Case{"10.0.0.1:6443", "https://10.0.0.1", false},
           Case{"10.0.0.1", "https://10.0.0.11", false},
           Case{"10.0.0.0/8", "https://10.9.8.7", true},
           Case{"10.0.0.0/8", "https://11.0.0.1", false},
           Case{"10.96.0.0/12", "https://10.111.0.1", true},
           Case{"10.96.0.0/12", "https://10.112.0.1", false},
           Case{"0.0.0.0/0", "https://9.9.9.9", true},
           Case{"0.0.0.0/0", "https://[fd00::1]", false},
           Case{"0.0.0.0/0", "https://a.b", false},
           Case{"10.0.0.0/33", "https://10.0.0.1", false},
           Case{"10.0.0.0/x", "https://10.0.0.1", false},
           Case{"fd00::/8", "https://[fd00::1]", true},
           Case{"fd00::/8", "https://[fe00::1]", false},
           Case{"fd00::1", "https://[fd00::1]", true},
           Case{"fd00:0::1", "https://[fd00::1]", true},
           Case{"[fd00::1]:6443", "https://[fd00::1]:6443", true},
           Case{"[fd00::1]:6443", "https://[fd00::1]", false},
           Case{"0.0.1", "https://10.0.0.1", false},
           Case{" , ,", "https://a.b", false},
           Case{":443", "https://a.b", false},
       }) {
    EXPECT_EQ(is_excluded(parse_url(c.url).value(), c.list), c.excluded) << c.list << " " << c.url;
  }
}

TEST(Proxy, IsTheOneOfTheServersSchemeAndNeverForLoopback) {
  const ProxyVariables both{.https_proxy = "s:1", .http_proxy = "h:2", .no_proxy = "no"};
  const auto of = [](std::string_view url, const ProxyVariables& variables) {
    const Result<std::optional<Proxy>> proxy = proxy_for(parse_url(url).value(), variables);
    return !proxy.ok() ? proxy.error().what : proxy.value() ? told(*proxy.value()) : "direct";
  };
  EXPECT_EQ(of("https://a", both), "s 1");
  EXPECT_EQ(of("http://a", both), "h 2");
  EXPECT_EQ(of("https://no", both), "direct");
  EXPECT_EQ(of("https://a", {.https_proxy = "", .http_proxy = "h:2", .no_proxy = ""}), "direct");
  for (const std::string_view host : {"localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"}) {
    EXPECT_EQ(of("https://" + std::string(host) + ":6443", both), "direct") << host;
  }
  const ProxyVariables socks{.https_proxy = "socks5://s", .http_proxy = "", .no_proxy = ""};
  EXPECT_EQ(of("https://a", socks), "HTTPS_PROXY: proxy: the scheme socks5 is not supported, only http:// proxies are");
  EXPECT_EQ(of("https://localhost", socks), "direct");
}

TEST(Proxy, VariablesInUpperCaseComeFirst) {
  const std::initializer_list<const char*> names = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
                                                    "http_proxy",  "NO_PROXY",    "no_proxy"};
  for (const char* const name : names) {
    ASSERT_EQ(unsetenv(name), 0);
  }
  EXPECT_EQ(proxy_variables().https_proxy, "");
  ASSERT_EQ(setenv("https_proxy", "low", 1), 0);
  ASSERT_EQ(setenv("http_proxy", "plain", 1), 0);
  ASSERT_EQ(setenv("no_proxy", "none", 1), 0);
  EXPECT_EQ(proxy_variables().https_proxy, "low");
  EXPECT_EQ(proxy_variables().http_proxy, "plain");
  EXPECT_EQ(proxy_variables().no_proxy, "none");
  ASSERT_EQ(setenv("HTTPS_PROXY", "high", 1), 0);
  EXPECT_EQ(proxy_variables().https_proxy, "high");
  for (const char* const name : names) {
    ASSERT_EQ(unsetenv(name), 0);
  }
}

}  // namespace
}  // namespace nocobase_operator::io
