// What the HTTP library does of its own accord, and must not do to us. Redirects, pooled connections that were closed,
// tokens, common names, IPv6 and lines that are cut off have their tests beside the calls, streams and TLS.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::StartsWith;

class TrapTest : public TransportTest {};

void answer_all(Connection& connection) {
  while (connection.read()) {
    connection.respond(200, connection.peer_name());
  }
}

// The system's CAs are not trusted beside ours, only instead of them.
TEST_F(TrapTest, TheSystemsCasAreTrustedOnlyWhereNoneIsGiven) {
  const KeyPair system = make_certificate({.common_name = "system CA", .authority = true});
  const KeyPair ours = make_certificate({.common_name = "our CA", .authority = true});
  const KeyPair pair = make_certificate({.names = "DNS:localhost"}, &system);
  const std::string path = testing::TempDir() + "system-ca-" + std::to_string(::getpid());
  std::ofstream(path) << system.certificate;
  const char* const before = std::getenv("SSL_CERT_FILE");
  const std::string saved = before == nullptr ? "" : before;
  ASSERT_EQ(::setenv("SSL_CERT_FILE", path.c_str(), 1), 0);
  Server server(answer_all, &pair);
  const std::string url = server.url("localhost");
  EXPECT_EQ(text_of(call(*connect(url), get("/"))), "200 ");
  EXPECT_THAT(text_of(call(*connect({.url = url, .ca_pem = ours.certificate}), get("/"))),
              StartsWith("unavailable: " + url + ": TLS handshake failed: unable to get local issuer certificate"));
  ASSERT_EQ(::setenv("SSL_CERT_FILE", saved.c_str(), 1), 0);
}

TEST_F(TrapTest, ANewClientCertificateOnDiskIsUsedAtOnceAndAPooledConnectionNoMore) {
  const KeyPair authority = make_certificate({.common_name = "test CA", .authority = true});
  const KeyPair pair = make_certificate({.names = "IP:127.0.0.1"}, &authority);
  const std::string path = testing::TempDir() + "client-" + std::to_string(::getpid());
  const auto write = [&](const KeyPair& of) {
    std::ofstream(path + ".crt") << of.certificate;
    std::ofstream(path + ".key") << of.key;
  };
  write(make_certificate({.common_name = "one"}, &authority));
  Server server(answer_all, &pair, authority.certificate);
  const auto transport =
      connect({.url = server.url("127.0.0.1"),
               .ca_pem = authority.certificate,
               .credentials = {.client_cert_file = path + ".crt", .client_key_file = path + ".key"}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 one");
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 one");
  EXPECT_EQ(server.connections(), 1);
  const KeyPair two = make_certificate({.common_name = "two"}, &authority);
  std::ofstream(path + ".crt") << two.certificate;               // half replaced: the old pair stays
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files are looked at once a second
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 one");
  write(two);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_EQ(text_of(call(*transport, {"POST", "/", "", "{}"})), "200 two");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(TrapTest, ARefusedClientCertificateIsLookedAtAgainAtOnce) {
  const KeyPair authority = make_certificate({.common_name = "test CA", .authority = true});
  const KeyPair pair = make_certificate({.names = "IP:127.0.0.1"}, &authority);
  const std::string path = testing::TempDir() + "refused-" + std::to_string(::getpid());
  const auto write = [&](const KeyPair& of) {
    std::ofstream(path + ".crt") << of.certificate;
    std::ofstream(path + ".key") << of.key;
  };
  write(make_certificate({.common_name = "one"}, &authority));
  std::atomic<bool> first_is_refused = false;
  Server server(
      [&](Connection& connection) {
        while (connection.read()) {
          const bool refused = first_is_refused && connection.peer_name() == "one";
          connection.respond(refused ? 401 : 200, connection.peer_name());
        }
      },
      &pair, authority.certificate);
  const auto transport =
      connect({.url = server.url("127.0.0.1"),
               .ca_pem = authority.certificate,
               .credentials = {.client_cert_file = path + ".crt", .client_key_file = path + ".key"}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 one");
  first_is_refused = true;
  write(make_certificate({.common_name = "two"}, &authority));
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 two");
}

TEST_F(TrapTest, AnIPv6AddressInBracketsIsReached) {
  Server server(answer_all, nullptr, "", true);
  if (!server.listening()) {
    GTEST_SKIP() << "no IPv6 on this machine";
  }
  EXPECT_EQ(text_of(call(*connect(server.url("[::1]")), get("/"))), "200 ");
}

// A task of the library that failed ends the process with SIGTRAP when nobody looks at it.
TEST_F(TrapTest, FailuresThatNobodyWaitsForDoNoHarm) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.reset();
    }
  });
  for (const std::string& url : {std::string("http://127.0.0.1:1"), server.url("127.0.0.1")}) {
    for (int i = 0; i < 20; ++i) {
      const auto transport = connect(url);
      transport->call(get("/"), Millis(1), [](const Result<kube::HttpResponse>&) {});
      transport->call(get("/"), patience, [](const Result<kube::HttpResponse>&) {});
      const auto handle = transport->stream(
          get("/"), patience, [](std::string_view) {}, [](const Result<kube::HttpResponse>&) {});
    }
  }
  EXPECT_EQ(text_of(call(*connect("http://127.0.0.1:1"), get("/"))),
            "unavailable: http://127.0.0.1:1: connection refused or host unreachable");
}

std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST_F(TrapTest, TheLibraryHasOneThreadHoweverMuchThereIsToDo) {
  const auto transport = connect("http://127.0.0.1:1");
  EXPECT_THAT(text_of(call(*transport, get("/"))), StartsWith("unavailable: "));
  const std::ptrdiff_t before = threads();
  int answers = 0;
  for (int i = 0; i < 200; ++i) {
    transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>&) { ++answers; });
  }
  EXPECT_EQ(threads(), before);
  EXPECT_TRUE(loop_.until([&] { return answers == 200; }));
  EXPECT_EQ(threads(), before);
}

// What an exception in the middle of a body would be: the library hands over sizes that cannot be.
TEST_F(TrapTest, AStreamOfGarbageIsAnError) {
  for (const std::string_view garbage : garbage_answers) {
    SCOPED_TRACE(garbage);
    Server server([&](Connection& connection) {
      if (connection.read()) {
        connection.write(garbage);
      }
    });
    const auto transport = connect(server.url("127.0.0.1"));
    std::string end;
    const auto handle = transport->stream(
        get("/"), patience, [](std::string_view) {},
        [&](const Result<kube::HttpResponse>& how) { end = text_of(how); });
    EXPECT_TRUE(loop_.until([&] { return !end.empty(); }));
    EXPECT_THAT(end, StartsWith("unavailable: "));
  }
}

// A peer that is gone without a word is noticed by the kernel.
TEST_F(TrapTest, ConnectionsAreWatchedForHalfOpenPeers) {
  Server server(answer_all);
  const auto transport = connect(server.url("127.0.0.1"));
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 ");
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename().string());
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || ntohs(peer.sin_port) != server.port()) {
      continue;
    }
    ++found;
    const auto option = [fd](int level, int name) {
      int value = 0;
      socklen_t length = sizeof value;
      return ::getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
    };
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 15);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 30'000);
  }
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace nocobase_operator::io::test
