// Calls whose credential a plugin gives.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>

#include "kube/json.h"
#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::ElementsAre;

class ExecTest : public TransportTest {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "exec-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Has the plugin answer this status at its n-th run, and the last one from then on.
  void answer(const std::vector<kube::Json>& statuses) const {
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      std::ofstream(folder_ + "/" + std::to_string(i + 1)) << kube::Json{
          {"apiVersion", "client.authentication.k8s.io/v1"}, {"kind", "ExecCredential"}, {"status", statuses[i]}};
    }
  }
  [[nodiscard]] ApiServer with_plugin(const std::string& url, const std::string& before = "") const {
    const std::string script = before + "cd '" + folder_ +
                               "'; echo >> runs; n=$(wc -l < runs); while [ ! -e $n ]; do " +
                               "n=$((n - 1)); done; cat $n";
    return {.url = url,
            .credentials = {.exec = ExecPlugin{.api_version = "client.authentication.k8s.io/v1",
                                               .command = {.program = "sh", .args = {"-c", script}}}}};
  }
  [[nodiscard]] std::size_t runs() const {
    std::ifstream in(folder_ + "/runs");
    return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
  }
  // Answers with the token it saw; 401 unless that is among those wanted.
  Server::Handler taking(std::vector<std::string> wanted) {
    return [wanted = std::move(wanted)](Connection& connection) {
      while (auto request = connection.read()) {
        const std::string token = request->headers["authorization"];
        connection.respond(std::count(wanted.begin(), wanted.end(), token) != 0 ? 200 : 401, token);
      }
    };
  }

  std::string folder_;
};

TEST_F(ExecTest, ATokenIsKept) {
  answer({{{"token", "one"}, {"expirationTimestamp", "2999-01-01T00:00:00Z"}}, {{"token", "two"}}});
  Server server(taking({"Bearer one"}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1")));
  int answers = 0;
  for (int i = 0; i < 10; ++i) {
    transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>& result) {
      EXPECT_EQ(text_of(result), "200 Bearer one");
      ++answers;
    });
  }
  EXPECT_TRUE(loop_.until([&] { return answers == 10; }));
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 Bearer one");
  EXPECT_EQ(runs(), 1U) << "however many asked at once";
}

TEST_F(ExecTest, AnExpiredTokenIsReplaced) {
  answer({{{"token", "one"}, {"expirationTimestamp", "2001-01-01T00:00:00Z"}}, {{"token", "two"}}});
  Server server(taking({"Bearer one", "Bearer two"}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1")));
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 Bearer one");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // one that has expired already is used for a second
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 Bearer two");
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 Bearer two");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecTest, ARefusedTokenIsReplacedAtOnce) {
  answer({{{"token", "one"}}, {{"token", "two"}}});
  Server server(taking({"Bearer two"}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1")));
  EXPECT_EQ(text_of(call(*transport, {"POST", "/", "", "{}"})), "200 Bearer two");
  EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecTest, APluginIsNotRunAgainAndAgainWhenItsTokenIsRefused) {
  answer({{{"token", "one"}}});
  Server server(taking({}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1")));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(text_of(call(*transport, get("/"))), "401 Bearer one");
  }
  EXPECT_EQ(runs(), 2U);
}

TEST_F(ExecTest, AStreamIsSignedToo) {
  answer({{{"token", "one"}}, {{"token", "two"}}});
  Server server(taking({"Bearer two"}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1")));
  std::vector<std::string> ends;
  for (std::size_t i = 1; i <= 2; ++i) {
    const auto handle = transport->stream(
        get("/"), patience, [&](std::string_view) {},
        [&](const Result<kube::HttpResponse>& how) { ends.push_back(text_of(how)); });
    EXPECT_TRUE(loop_.until([&] { return ends.size() == i; }));
  }
  EXPECT_THAT(ends, ElementsAre("401 Bearer one", "200 "));
}

TEST_F(ExecTest, APluginThatFailsMakesNoAnonymousRequest) {
  Server server(taking({}));
  const auto transport = connect(with_plugin(server.url("127.0.0.1"), "echo 'log in first' >&2; exit 1; "));
  EXPECT_EQ(text_of(call(*transport, get("/"))), "denied: credential plugin sh failed with exit code 1: log in first");
  std::string end;
  const auto handle = transport->stream(
      get("/"), patience, [](std::string_view) {}, [&](const Result<kube::HttpResponse>& how) { end = text_of(how); });
  EXPECT_TRUE(loop_.until([&] { return !end.empty(); }));
  EXPECT_EQ(end, "denied: credential plugin sh failed with exit code 1: log in first");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(ExecTest, ATokenThatIsNoneIsRefused) {
  answer({{{"token", "one\r\nX-Injected: yes"}}});
  Server server(taking({}));
  EXPECT_EQ(text_of(call(*connect(with_plugin(server.url("127.0.0.1"))), get("/"))),
            "denied: the credential plugin's token holds a blank or a control character");
  answer({{{"clientCertificateData", "c"}, {"clientKeyData", "k"}}});
  EXPECT_EQ(text_of(call(*connect(with_plugin(server.url("127.0.0.1"))), get("/"))),
            "denied: the credential plugin's client certificate is of no use without https");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(ExecTest, ASlowPluginHoldsUpNeitherDeadlinesNorTheEnd) {
  answer({{{"token", "one"}}});
  Server server(taking({"Bearer one"}));
  auto transport = connect(with_plugin(server.url("127.0.0.1"), "sleep 1000; "));
  EXPECT_EQ(text_of(call(*transport, get("/"), Millis(100))),
            "unavailable: " + server.url("127.0.0.1") + ": no answer within 100 ms");
  bool called = false;
  transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>&) { called = true; });
  const auto handle = transport->stream(
      get("/"), patience, [](std::string_view) {}, [&](const Result<kube::HttpResponse>&) { called = true; });
  const auto other = connect(server.url("127.0.0.1"));
  EXPECT_EQ(text_of(call(*other, get("/"))), "401 ") << "others go on meanwhile";
  transport.reset();
  loop_.settle(std::chrono::milliseconds(50));
  EXPECT_FALSE(called);
}

TEST_F(ExecTest, ANewClientCertificateIsUsedForNewConnections) {
  const KeyPair authority = make_certificate({.common_name = "test CA", .authority = true});
  const KeyPair pair = make_certificate({.names = "IP:127.0.0.1"}, &authority);
  const KeyPair one = make_certificate({.common_name = "one"}, &authority);
  const KeyPair two = make_certificate({.common_name = "two"}, &authority);
  const auto status = [](const KeyPair& of) {
    return kube::Json{{"clientCertificateData", of.certificate}, {"clientKeyData", of.key}};
  };
  answer({status(one), status(two)});
  Server server(
      [](Connection& connection) {
        while (connection.read()) {
          connection.respond(connection.peer_name() == "two" ? 200 : 401, connection.peer_name());
        }
      },
      &pair, authority.certificate);
  ApiServer with = with_plugin(server.url("127.0.0.1"));
  with.ca_pem = authority.certificate;
  const auto transport = connect(with);
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 two");
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 two");
  EXPECT_EQ(runs(), 2U);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(ExecTest, CredentialsAreNotSentInTheClearToAnotherHost) {
  const auto made = make_cpprest_transport(with_plugin("http://10.0.0.1"), loop_);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error(), (Error{Code::invalid, "server http://10.0.0.1: credentials are only sent over https"}));
}

}  // namespace
}  // namespace nocobase_operator::io::test
