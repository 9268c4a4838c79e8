#include <fstream>

#include <gmock/gmock.h>

#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

void answer_all(Connection& connection) {
  while (connection.read()) {
    connection.respond(200, "ok");
  }
}

class TlsTest : public TransportTest {
 protected:
  [[nodiscard]] KeyPair issue(const CertificateOptions& options) const {
    return make_certificate(options, &authority_);
  }
  std::string ask(const ApiServer& server) { return text_of(call(*connect(server), get("/"))); }

  const KeyPair authority_ = make_certificate({.common_name = "test CA", .authority = true});
};

TEST_F(TlsTest, OnlyACertificateOfOurCaForTheRightNameIsTrusted) {
  struct Case {
    std::string_view name;
    CertificateOptions certificate;
    std::string host;
    std::string tls_name;
    std::string reason;  // "" when it is trusted
  };
  const std::string localhost = "localhost";
  const std::string address = "127.0.0.1";
  const std::vector<Case> cases = {
      {"a name", {.names = "DNS:localhost"}, localhost, "", ""},
      {"an address", {.names = "IP:127.0.0.1"}, address, "", ""},
      {"one of several", {.names = "DNS:x,DNS:localhost,IP:10.0.0.1"}, localhost, "", ""},
      {"a common name only",
       {.common_name = "localhost"},
       localhost,
       "",
       "hostname mismatch: the certificate is for no name at all (it has no subjectAltName), not for localhost"},
      {"a common name beside another name",
       {.common_name = "localhost", .names = "DNS:other"},
       localhost,
       "",
       "hostname mismatch: the certificate is for other, not for localhost"},
      {"another address",
       {.names = "IP:10.0.0.1,DNS:kubernetes"},
       address,
       "",
       "hostname mismatch: the certificate is for 10.0.0.1, kubernetes, not for 127.0.0.1"},
      {"an address as a name",
       {.names = "DNS:127.0.0.1"},
       address,
       "",
       "hostname mismatch: the certificate is for 127.0.0.1, not for 127.0.0.1"},
      {"an IPv6 address beside",
       {.names = "IP:::1"},
       address,
       "",
       "hostname mismatch: the certificate is for ::1, not for 127.0.0.1"},
      {"expired",
       {.names = "DNS:localhost", .starts_in = -7200, .ends_in = -3600},
       localhost,
       "",
       "certificate has expired"},
      {"not valid yet",
       {.names = "DNS:localhost", .starts_in = 3600, .ends_in = 7200},
       localhost,
       "",
       "certificate is not yet valid"},
      {"a server name of its own", {.names = "DNS:kubernetes"}, address, "kubernetes", ""},
      {"a wrong server name of its own",
       {.names = "IP:127.0.0.1"},
       address,
       "kubernetes",
       "hostname mismatch: the certificate is for 127.0.0.1, not for kubernetes"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    const KeyPair pair = issue(row.certificate);
    Server server(answer_all, &pair);
    const std::string url = server.url(row.host);
    const std::string want =
        row.reason.empty() ? "200 ok" : "unavailable: " + url + ": TLS handshake failed: " + row.reason;
    EXPECT_EQ(ask({.url = url, .ca_pem = authority_.certificate, .tls_server_name = row.tls_name}), want);
  }
}

TEST_F(TlsTest, AnotherCaIsNotTrusted) {
  const KeyPair other = make_certificate({.common_name = "test CA", .authority = true});
  const KeyPair pair = issue({.names = "DNS:localhost"});
  Server server(answer_all, &pair);
  EXPECT_THAT(
      ask({.url = server.url("localhost"), .ca_pem = other.certificate}),
      testing::AnyOf(EndsWith("unable to get local issuer certificate"), EndsWith("certificate signature failure")));
  const KeyPair self_signed = make_certificate({.names = "DNS:localhost"});
  Server lonely(answer_all, &self_signed);
  EXPECT_THAT(ask({.url = lonely.url("localhost"), .ca_pem = authority_.certificate}),
              EndsWith("self-signed certificate"));
}

TEST_F(TlsTest, ABundleMayHoldSeveralCas) {
  const KeyPair other = make_certificate({.common_name = "old CA", .authority = true});
  const KeyPair pair = issue({.names = "DNS:localhost"});
  Server server(answer_all, &pair);
  EXPECT_EQ(ask({.url = server.url("localhost"), .ca_pem = other.certificate + "\n# new\n" + authority_.certificate}),
            "200 ok");
}

TEST_F(TlsTest, APlainServerIsNoTlsServer) {
  Server server([](Connection& connection) { connection.respond(400, "speak HTTP"); });
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(ask({.url = url, .ca_pem = authority_.certificate}), "unavailable: " + url + ": TLS handshake failed");
}

TEST_F(TlsTest, IPv6AddressesWork) {
  const KeyPair pair = issue({.names = "IP:::1"});
  std::string host;
  Server server(
      [&](Connection& connection) {
        while (auto request = connection.read()) {
          host = request->headers["host"];
          connection.respond(200, "ok");
        }
      },
      &pair, "", true);
  if (!server.listening()) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  const auto transport = connect({.url = server.url("[::1]"), .ca_pem = authority_.certificate});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 ok");
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 ok");
  EXPECT_EQ(host, "[::1]:" + std::to_string(server.port()));
  EXPECT_EQ(server.connections(), 1) << "connections are pooled for IPv6 too";
}

TEST_F(TlsTest, AClientCertificateIsSent) {
  const KeyPair pair = issue({.names = "DNS:localhost"});
  const KeyPair client = issue({.common_name = "operator"});
  Server server(answer_all, &pair, authority_.certificate);
  const Credentials inlined{.client_cert_pem = client.certificate, .client_key_pem = client.key};
  EXPECT_EQ(ask({.url = server.url("localhost"), .ca_pem = authority_.certificate, .credentials = inlined}), "200 ok");
  const std::string folder = testing::TempDir() + "pair-" + std::to_string(::getpid());
  std::ofstream(folder + ".crt") << client.certificate;
  std::ofstream(folder + ".key") << client.key;
  std::ofstream(folder + "-ca.crt") << authority_.certificate;
  const Credentials files{.client_cert_file = folder + ".crt", .client_key_file = folder + ".key"};
  EXPECT_EQ(ask({.url = server.url("localhost"), .ca_file = folder + "-ca.crt", .credentials = files}), "200 ok");
  EXPECT_THAT(ask({.url = server.url("localhost"), .ca_pem = authority_.certificate}),
              HasSubstr("the server refused: "));
}

TEST_F(TlsTest, UnusableMaterialIsInvalid) {
  const KeyPair client = issue({.common_name = "operator"});
  const KeyPair other = issue({.common_name = "other"});
  struct Case {
    std::string_view name;
    ApiServer server;
    std::string_view what;
  };
  const std::string& ca = authority_.certificate;
  const std::vector<Case> cases = {
      {"no PEM", {.ca_pem = "x"}, "the CA bundle holds no PEM certificate"},
      {"no file", {.ca_file = "/does/not/exist"}, "/does/not/exist: the CA bundle holds no PEM certificate"},
      {"no certificate",
       {.ca_pem = ca, .credentials = {.client_cert_pem = "x", .client_key_pem = client.key}},
       "client certificate : no PEM certificate"},
      {"another key",
       {.ca_pem = ca, .credentials = {.client_cert_pem = client.certificate, .client_key_pem = other.key}},
       "the client certificate and the client key do not belong together: key values mismatch"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    ApiServer server = row.server;
    server.url = "https://127.0.0.1:1";
    const auto made = make_cpprest_transport(server, loop_);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error(), (Error{Code::invalid, std::string(row.what)}));
  }
}

TEST_F(TlsTest, ANewCaOnDiskIsUsedForNewConnections) {
  const std::string path = testing::TempDir() + "ca-" + std::to_string(::getpid());
  std::ofstream(path) << authority_.certificate;
  const KeyPair pair = issue({.names = "DNS:localhost"});
  auto server = std::make_unique<Server>(answer_all, &pair);
  const auto transport = connect({.url = server->url("localhost"), .ca_file = path});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 ok");
  const KeyPair renewed = make_certificate({.common_name = "new CA", .authority = true});
  std::ofstream(path) << "half a file";
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files are looked at once a second
  std::shared_ptr<void> stream;
  std::string closed;
  stream = transport->stream(
      get("/"), patience, [](std::string_view) {}, [&](const auto& end) { closed = text_of(end); });
  EXPECT_TRUE(loop_.until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed, "200 ") << "an unreadable bundle leaves the old one in use";
  std::ofstream(path) << renewed.certificate;
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  closed.clear();
  stream = transport->stream(
      get("/"), patience, [](std::string_view) {}, [&](const auto& end) { closed = text_of(end); });
  EXPECT_TRUE(loop_.until([&] { return !closed.empty(); }));
  EXPECT_THAT(closed, HasSubstr("TLS handshake failed: "));
}

}  // namespace
}  // namespace nocobase_operator::io::test
