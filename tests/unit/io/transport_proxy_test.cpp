// The API server behind an HTTP proxy.
#include <future>

#include <gmock/gmock.h>

#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

kube::HttpRequest post(std::string path) {
  return {"POST", std::move(path), "application/json", R"({"a":1})"};
}

void answer_all(Connection& connection) {
  while (auto request = connection.read()) {
    connection.respond(200, request->method + " " + request->path);
  }
}

class ProxyTest : public TransportTest {
 protected:
  // A proxy that leads every CONNECT to `target` and notes what it was asked for.
  [[nodiscard]] Server::Handler leading_to(const Server& target) {
    return [this, &target](Connection& connection) {
      const auto request = connection.read();
      if (!request) {
        return;
      }
      {
        const std::scoped_lock lock(mutex_);
        asked_.push_back(request->method + " " + request->path);
        headers_ = request->headers;
      }
      connection.tunnel_to(target.port());
    };
  }
  [[nodiscard]] std::vector<std::string> asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  [[nodiscard]] KeyPair issue(const std::string& names) const {
    return make_certificate({.names = names}, &authority_);
  }
  [[nodiscard]] ApiServer behind(const Server& proxy, const std::string& url) const {
    return {.url = url,
            .ca_pem = authority_.certificate,
            .proxy = Proxy{.host = "127.0.0.1", .port = proxy.port()},
            .credentials = {.token = "secret"}};
  }

  const KeyPair authority_ = make_certificate({.common_name = "test CA", .authority = true});
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::map<std::string, std::string> headers_;
};

TEST_F(ProxyTest, AnHttpsServerIsReachedThroughATunnel) {
  const KeyPair pair = issue("DNS:api.kubernetes.test");
  std::string token;
  Server target(
      [&](Connection& connection) {
        while (auto request = connection.read()) {
          token = request->headers["authorization"];
          connection.respond(200, request->path);
        }
      },
      &pair);
  Server proxy(leading_to(target));
  ApiServer server = behind(proxy, "https://api.kubernetes.test:6443");
  server.proxy->user = "us:er";
  server.proxy->password = "p@ss";
  const auto transport = connect(server);
  EXPECT_EQ(text_of(call(*transport, get("/api?x=1"))), "200 /api?x=1");
  EXPECT_EQ(text_of(call(*transport, get("/apis"))), "200 /apis");
  EXPECT_THAT(asked(), ElementsAre("CONNECT api.kubernetes.test:6443")) << "the tunnel is used again";
  EXPECT_EQ(token, "Bearer secret");
  EXPECT_EQ(headers_["proxy-authorization"], "Basic dXM6ZXI6cEBzcw==");
  EXPECT_EQ(headers_.count("authorization"), 0U) << "the token is none of the proxy's business";
}

TEST_F(ProxyTest, TheServersCertificateIsVerifiedThroughATunnel) {
  const KeyPair pair = issue("DNS:other.test");
  Server target(answer_all, &pair);
  Server proxy(leading_to(target));
  const auto transport = connect(behind(proxy, "https://api.kubernetes.test"));
  EXPECT_EQ(text_of(call(*transport, get("/"))),
            "unavailable: https://api.kubernetes.test: TLS handshake failed: hostname mismatch: the certificate is for "
            "other.test, not for api.kubernetes.test");
  EXPECT_THAT(asked(), ElementsAre("CONNECT api.kubernetes.test:443"));
}

TEST_F(ProxyTest, AnIPv6ServerIsNamedInBrackets) {
  const KeyPair pair = issue("IP:fd00::1");
  Server target(answer_all, &pair);
  Server proxy(leading_to(target));
  EXPECT_EQ(text_of(call(*connect(behind(proxy, "https://[fd00::1]:6443")), get("/x"))), "200 GET /x");
  EXPECT_THAT(asked(), ElementsAre("CONNECT [fd00::1]:6443"));
}

TEST_F(ProxyTest, AStreamHasATunnelOfItsOwn) {
  const KeyPair pair = issue("DNS:api.test");
  Server target(
      [](Connection& connection) {
        if (connection.read() && connection.start_chunks()) {
          connection.chunk("one");
          connection.chunk("two");
          connection.end_chunks();
        }
      },
      &pair);
  Server proxy(leading_to(target));
  const auto transport = connect(behind(proxy, "https://api.test"));
  for (int i = 1; i <= 2; ++i) {
    std::string bytes;
    std::string end;
    const auto handle = transport->stream(
        get("/watch"), patience, [&](std::string_view more) { bytes += more; },
        [&](const Result<kube::HttpResponse>& how) { end = text_of(how); });
    EXPECT_TRUE(loop_.until([&] { return !end.empty(); }));
    EXPECT_EQ(end, "200 ");
    EXPECT_EQ(bytes, "onetwo");
    EXPECT_EQ(asked().size(), static_cast<std::size_t>(i));
  }
}

TEST_F(ProxyTest, ATunnelThatTheServerClosedIsReplacedForEveryMethod) {
  const KeyPair pair = issue("DNS:api.test");
  Server target(
      [](Connection& connection) {
        if (connection.read()) {
          connection.respond(200, "one");
        }
      },
      &pair);
  Server proxy(leading_to(target));
  const auto transport = connect(behind(proxy, "https://api.test"));
  for (const kube::HttpRequest& request :
       {get("/"), post("/"), get("/"), kube::HttpRequest{"PATCH", "/", "application/apply-patch+yaml", "{}"},
        kube::HttpRequest{"PUT", "/", "", "{}"}}) {
    EXPECT_EQ(text_of(call(*transport, request)), "200 one") << request.method;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // the end must arrive
  }
}

TEST_F(ProxyTest, AProxyThatOpensNoTunnelIsNamed) {
  for (const auto& [answer, why] : std::initializer_list<std::pair<std::string, std::string>>{
           {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "the proxy opens no tunnel: Expected a 200 response from proxy, received: 407"},
           {"HTTP/1.1 403 Forbidden\r\n\r\n",
            "the proxy opens no tunnel: Expected a 200 response from proxy, received: 403"},
           {"SSH-2.0-x\r\n\r\n", "the proxy opens no tunnel: Invalid HTTP status line during proxy connection"},
           {"", "the proxy opens no tunnel: Failed to read HTTP status line from proxy"},
       }) {
    Server proxy([&answer = answer](Connection& connection) {
      if (connection.read()) {
        connection.write(answer);
      }
    });
    const auto transport = connect(behind(proxy, "https://api.test"));
    EXPECT_EQ(text_of(call(*transport, get("/"))), "unavailable: https://api.test: " + why);
    EXPECT_EQ(text_of(call(*transport, post("/"))), "unavailable: https://api.test: " + why) << "nothing was sent";
  }
}

TEST_F(ProxyTest, AProxyThatIsNotThereIsNamed) {
  const ApiServer refused{.url = "https://api.test", .ca_pem = authority_.certificate, .proxy = Proxy{"127.0.0.1", 1}};
  EXPECT_EQ(text_of(call(*connect(refused), get("/"))),
            "unavailable: https://api.test: the proxy refuses connections or is unreachable");
  const ApiServer unknown{
      .url = "https://api.test", .ca_pem = authority_.certificate, .proxy = Proxy{"does-not-exist.invalid", 1}};
  EXPECT_EQ(text_of(call(*connect(unknown), get("/"))),
            "unavailable: https://api.test: the proxy's name cannot be resolved");
}

TEST_F(ProxyTest, ADeadlineEndsACallWhoseProxyIsSilent) {
  std::promise<void> answered;
  Server proxy([&](Connection& connection) {
    if (connection.read()) {
      answered.get_future().wait();
    }
  });
  const auto transport = connect(behind(proxy, "https://api.test"));
  EXPECT_EQ(text_of(call(*transport, post("/"), Millis(100))),
            "unavailable: https://api.test: no answer within 100 ms");
  answered.set_value();  // the library ends a request only once its tunnel is made or refused
}

TEST_F(ProxyTest, APlainServerIsAskedForThroughTheProxy) {
  Server proxy(answer_all);
  const auto transport =
      connect({.url = "http://api.test:8001/prefix", .proxy = Proxy{.host = "127.0.0.1", .port = proxy.port()}});
  EXPECT_EQ(text_of(call(*transport, get("/api?x=a%2Fb"))), "200 GET http://api.test:8001/prefix/api?x=a%2Fb");
  EXPECT_EQ(text_of(call(*transport, post("/api"))), "200 POST http://api.test:8001/prefix/api");
  EXPECT_EQ(proxy.connections(), 1);
}

TEST_F(ProxyTest, CredentialsForLoopbackAreNotSentInTheClearToAProxyElsewhere) {
  const auto made = make_cpprest_transport(
      {.url = "http://127.0.0.1:8001", .proxy = Proxy{.host = "10.0.0.1", .port = 80}, .credentials = {.token = "t"}},
      loop_);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error(), (Error{Code::invalid, "server http://127.0.0.1:8001: credentials are only sent over https"}));
}

}  // namespace
}  // namespace nocobase_operator::io::test
