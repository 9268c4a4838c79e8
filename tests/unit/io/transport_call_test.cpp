#include <fstream>

#include <gmock/gmock.h>

#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

kube::HttpRequest apply(std::string path) {
  return {"PATCH", std::move(path), "application/apply-patch+yaml", "{}"};
}
kube::HttpRequest post(std::string path) {
  return {"POST", std::move(path), "application/json", R"({"a":1})"};
}

// Answers every request with 200 and its number on that connection.
void count_requests(Connection& connection) {
  for (int i = 1; connection.read(); ++i) {
    if (!connection.respond(200, std::to_string(i))) {
      return;
    }
  }
}

TEST_F(TransportTest, SendsTheRequestAsItIs) {
  Request seen;
  Server server([&](Connection& connection) {
    if (auto request = connection.read()) {
      seen = *request;
      connection.respond(200, "{}", "Retry-After: 7\r\n");
    }
  });
  const auto transport = connect({.url = server.url("127.0.0.1"), .credentials = {.token = "abc.DEF-1"}});
  const std::string path = "/api/v1/pods?labelSelector=a%2Fb%3Dc%2Cd&fieldManager=x%20y&x=a+b&e=";
  const auto answer = call(*transport, {"PATCH", path, "application/apply-patch+yaml", "{\"x\":\"\xC3\xA9\"}"});
  ASSERT_EQ(text_of(answer), "200 {}");
  EXPECT_EQ(answer.value().retry_after, "7");
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.path, path);
  EXPECT_EQ(seen.body, "{\"x\":\"\xC3\xA9\"}");
  EXPECT_EQ(seen.headers["content-type"], "application/apply-patch+yaml");
  EXPECT_EQ(seen.headers["accept"], "application/json");
  EXPECT_EQ(seen.headers["authorization"], "Bearer abc.DEF-1");
  EXPECT_EQ(seen.headers["host"], "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_THAT(seen.headers["user-agent"], testing::StartsWith("nocobase-operator/"));
  EXPECT_EQ(seen.headers.count("accept-encoding"), 0U);
}

TEST_F(TransportTest, AGetHasNoBody) {
  Request seen;
  Server server([&](Connection& connection) {
    if (auto request = connection.read()) {
      seen = *request;
      connection.respond(200, "{}");
    }
  });
  EXPECT_EQ(text_of(call(*connect(server.url("127.0.0.1")), get("/x"))), "200 {}");
  EXPECT_EQ(seen.headers.count("content-length"), 0U);
  EXPECT_EQ(seen.headers.count("content-type"), 0U);
  EXPECT_EQ(seen.headers.count("authorization"), 0U);
}

TEST_F(TransportTest, KeepsThePathPrefixOfTheServer) {
  std::string seen;
  Server server([&](Connection& connection) {
    if (auto request = connection.read()) {
      seen = request->path;
      connection.respond(200, "{}");
    }
  });
  EXPECT_EQ(text_of(call(*connect(server.url("127.0.0.1") + "/k8s/clusters/c1/"), get("/api"))), "200 {}");
  EXPECT_EQ(seen, "/k8s/clusters/c1/api");
}

TEST_F(TransportTest, HandsOnEveryStatusWithItsBody) {
  Server server([](Connection& connection) {
    while (auto request = connection.read()) {
      connection.respond(std::stoi(request->path.substr(1)), request->path == "/204" ? "" : "b");
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  for (const int status : {200, 201, 400, 403, 404, 409, 410, 422, 429, 500, 503}) {
    EXPECT_EQ(text_of(call(*transport, get("/" + std::to_string(status)))), std::to_string(status) + " b");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(TransportTest, ReadsAnyContentType) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.write(
          "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream; charset=x-unknown\r\nContent-Length: "
          "2\r\n\r\n\xFF\xFE");
    }
  });
  EXPECT_EQ(text_of(call(*connect(server.url("127.0.0.1")), get("/"))), "200 \xFF\xFE");
}

TEST_F(TransportTest, FollowsNoRedirectAndTakesTheTokenNowhere) {
  bool reached = false;
  Server other([&](Connection& connection) {
    reached = true;
    count_requests(connection);
  });
  Server server([&](Connection& connection) {
    while (connection.read()) {
      connection.respond(302, "moved", "Location: " + other.url("127.0.0.1") + "/\r\n");
    }
  });
  const auto transport = connect({.url = server.url("127.0.0.1"), .credentials = {.token = "secret"}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "302 moved");
  EXPECT_EQ(text_of(call(*transport, post("/"))), "302 moved");
  EXPECT_FALSE(reached);
}

TEST_F(TransportTest, NothingListeningIsUnavailable) {
  std::uint16_t port = 0;
  {
    const Server closed([](Connection&) {});
    port = closed.port();
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  for (const kube::HttpRequest& request : {get("/"), post("/"), apply("/")}) {
    EXPECT_EQ(text_of(call(*connect(url), request)),
              "unavailable: " + url + ": connection refused or host unreachable");
  }
}

TEST_F(TransportTest, AnUnknownNameIsUnavailable) {
  const std::string answer = text_of(call(*connect("http://does-not-exist.invalid:1"), get("/")));
  EXPECT_EQ(answer, "unavailable: http://does-not-exist.invalid:1: the host's name cannot be resolved");
}

TEST_F(TransportTest, ADeadlineEndsACall) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.wait_for_close();
    }
  });
  const std::string url = server.url("127.0.0.1");
  const std::string late = url + ": no answer within 100 ms";
  EXPECT_EQ(text_of(call(*connect(url), get("/"), Millis(100))), "unavailable: " + late);
  EXPECT_EQ(text_of(call(*connect(url), post("/"), Millis(100))), "unknown_outcome: " + late);
  EXPECT_EQ(text_of(call(*connect(url), apply("/"), Millis(100))), "unknown_outcome: " + late);
}

TEST_F(TransportTest, ADeadlineEndsACallInTheMiddleOfItsBody) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
      connection.wait_for_close();
    }
  });
  const std::string url = server.url("127.0.0.1");
  EXPECT_EQ(text_of(call(*connect(url), get("/"), Millis(100))), "unavailable: " + url + ": no answer within 100 ms");
}

TEST_F(TransportTest, ALateAnswerIsDropped) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      connection.respond(200, "late");
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  int answers = 0;
  transport->call(get("/"), Millis(50), [&](const Result<kube::HttpResponse>&) { ++answers; });
  loop_.settle(std::chrono::milliseconds(400));
  EXPECT_EQ(answers, 1);
}

// The server answers one request per connection and closes it without saying so, as it does after an idle time.
void one_request(Connection& connection) {
  if (connection.read()) {
    connection.respond(200, "one");
  }
}

TEST_F(TransportTest, AConnectionThatTheServerClosedIsReplacedForEveryMethod) {
  Server server(one_request);
  const auto transport = connect(server.url("127.0.0.1"));
  int calls = 0;
  for (const kube::HttpRequest& request :
       {get("/"), post("/"), apply("/"), post("/"), kube::HttpRequest{"DELETE", "/", "", ""}}) {
    EXPECT_EQ(text_of(call(*transport, request)), "200 one");
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // the server's FIN must arrive
  }
  EXPECT_EQ(server.connections(), calls);
}

// Answers the first request of the first connection and kills every connection at its next request.
struct KillSecond {
  std::atomic<int> received = 0;
  bool always = false;

  void operator()(Connection& connection) {
    const bool first = !always && received == 0;
    while (connection.read()) {
      const int number = ++received;
      if (number > 1 && (first || always)) {
        connection.reset();
        return;
      }
      connection.respond(200, std::to_string(number));
    }
  }
};

TEST_F(TransportTest, WhatMayBeRepeatedIsRepeatedOnceOnAFreshConnection) {
  const kube::HttpRequest guarded{"DELETE", "/", "application/json", R"({"preconditions":{"uid":"u"}})"};
  for (const kube::HttpRequest& request : {get("/"), apply("/"), guarded}) {
    SCOPED_TRACE(request.method);
    KillSecond behaviour;
    Server server(std::ref(behaviour));
    const auto transport = connect(server.url("127.0.0.1"));
    EXPECT_EQ(text_of(call(*transport, get("/"))), "200 1");
    EXPECT_EQ(text_of(call(*transport, request)), "200 3");
    EXPECT_EQ(behaviour.received, 3);
  }
}

TEST_F(TransportTest, WhatMayNotBeRepeatedHasAnUnknownOutcome) {
  const kube::HttpRequest unguarded{"DELETE", "/", "", ""};
  const kube::HttpRequest update{"PUT", "/", "application/json", "{}"};
  const kube::HttpRequest merge{"PATCH", "/", "application/merge-patch+json", "{}"};
  for (const kube::HttpRequest& request : {post("/"), unguarded, update, merge}) {
    SCOPED_TRACE(request.method);
    KillSecond behaviour;
    Server server(std::ref(behaviour));
    const auto transport = connect(server.url("127.0.0.1"));
    EXPECT_EQ(text_of(call(*transport, get("/"))), "200 1");
    EXPECT_THAT(text_of(call(*transport, request)), testing::StartsWith("unknown_outcome: "));
    EXPECT_EQ(behaviour.received, 2) << "the request was sent twice";
  }
}

TEST_F(TransportTest, ARepeatThatFailsTooIsAnError) {
  KillSecond behaviour{.always = true};
  behaviour.received = 1;
  Server server(std::ref(behaviour));
  const auto transport = connect(server.url("127.0.0.1"));
  EXPECT_THAT(text_of(call(*transport, get("/"))), testing::StartsWith("unavailable: "));
  EXPECT_THAT(text_of(call(*transport, apply("/"))), testing::StartsWith("unknown_outcome: "));
  EXPECT_EQ(behaviour.received, 5);
}

TEST_F(TransportTest, AResponseWithoutItsEndIsAnError) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    }
  });
  EXPECT_THAT(text_of(call(*connect(server.url("127.0.0.1")), get("/"))), testing::StartsWith("unavailable: "));
  EXPECT_THAT(text_of(call(*connect(server.url("127.0.0.1")), post("/"))), testing::StartsWith("unknown_outcome: "));
}

TEST_F(TransportTest, GarbageIsAnError) {
  for (const std::string_view garbage : garbage_answers) {
    SCOPED_TRACE(garbage);
    Server server([&](Connection& connection) {
      if (connection.read()) {
        connection.write(garbage);
      }
    });
    EXPECT_THAT(text_of(call(*connect(server.url("127.0.0.1")), get("/"))), testing::StartsWith("unavailable: "));
  }
}

TEST_F(TransportTest, ALargeResponseIsRead) {
  const std::string body(20U << 20U, 'x');
  Server server([&](Connection& connection) {
    while (connection.read()) {
      connection.respond(200, body);
    }
  });
  EXPECT_TRUE(text_of(call(*connect(server.url("127.0.0.1")), get("/"))) == "200 " + body);
}

TEST_F(TransportTest, AResponseBeyondTheLimitIsCutOff) {
  Server server([](Connection& connection) {
    if (connection.read() && connection.start_chunks()) {
      const std::string chunk(1U << 20U, 'x');
      while (connection.chunk(chunk)) {
      }
    }
  });
  const std::string url = server.url("127.0.0.1");
  EXPECT_EQ(text_of(call(*connect(url), get("/"))), "invalid: " + url + ": the response is larger than 33554432 bytes");
  EXPECT_EQ(text_of(call(*connect(url), post("/"))),
            "unknown_outcome: " + url + ": the response is larger than 33554432 bytes");
}

TEST_F(TransportTest, AnInvalidPathIsInvalid) {
  Server server(count_requests);
  const auto transport = connect(server.url("127.0.0.1"));
  for (const std::string_view path : {"", "x", "/a b", "/a\r\nX: y", "/a\"b"}) {
    EXPECT_EQ(text_of(call(*transport, get(std::string(path)))),
              "invalid: no valid request path: " + std::string(path));
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(TransportTest, ManyCallsShareFewConnections) {
  Server server(count_requests);
  const auto transport = connect(server.url("127.0.0.1"));
  for (int i = 1; i <= 50; ++i) {
    EXPECT_EQ(text_of(call(*transport, get("/"))), "200 " + std::to_string(i));
  }
  int answers = 0;
  for (int i = 0; i < 50; ++i) {
    transport->call(get("/"), patience,
                    [&](const Result<kube::HttpResponse>& result) { answers += result.ok() ? 1 : 0; });
  }
  EXPECT_TRUE(loop_.until([&] { return answers == 50; }));
}

TEST_F(TransportTest, ANewCallMayBeMadeFromACallback) {
  Server server(count_requests);
  const auto transport = connect(server.url("127.0.0.1"));
  std::string second;
  transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>&) {
    transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>& result) { second = text_of(result); });
  });
  EXPECT_TRUE(loop_.until([&] { return !second.empty(); }));
  EXPECT_EQ(second, "200 2");
}

TEST_F(TransportTest, NoCallbackRunsAfterTheTransportIsGone) {
  std::atomic<int> asked = 0;
  Server server([&](Connection& connection) {
    while (connection.read()) {
      ++asked;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      connection.respond(200, "x");
    }
  });
  auto transport = connect(server.url("127.0.0.1"));
  bool called = false;
  auto witness = std::make_shared<int>(1);
  for (int i = 0; i < 20; ++i) {
    transport->call(get("/"), patience, [&called, witness](const Result<kube::HttpResponse>&) { called = true; });
  }
  while (asked == 0) {
    std::this_thread::yield();
  }
  transport.reset();
  EXPECT_EQ(witness.use_count(), 1) << "callbacks are destroyed with the transport";
  loop_.settle(std::chrono::milliseconds(100));
  EXPECT_FALSE(called);
}

TEST_F(TransportTest, ATransportMayBeDestroyedInItsOwnCallback) {
  Server server(count_requests);
  auto transport = connect(server.url("127.0.0.1"));
  bool called = false;
  transport->call(get("/"), patience, [&](const Result<kube::HttpResponse>&) {
    transport.reset();
    called = true;
  });
  EXPECT_TRUE(loop_.until([&] { return called; }));
}

class TokenTest : public TransportTest {
 protected:
  void SetUp() override { write("one\n"); }
  void write(std::string_view text) const {
    std::ofstream(path_ + ".new") << text;
    ASSERT_EQ(std::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  // Takes the token `wanted` and answers 401 to any other.
  void serve(Connection& connection) {
    while (auto request = connection.read()) {
      const std::string token = request->headers["authorization"];
      const std::scoped_lock lock(mutex_);
      seen_.push_back(token);
      connection.respond(token == "Bearer " + wanted_ ? 200 : 401, "x");
    }
  }
  void want(std::string token) {
    const std::scoped_lock lock(mutex_);
    wanted_ = std::move(token);
    seen_.clear();
  }

  const std::string path_ = testing::TempDir() + "token-" + std::to_string(::getpid());
  std::mutex mutex_;
  std::string wanted_ = "one";
  std::vector<std::string> seen_;
};

TEST_F(TokenTest, ARefusedTokenIsReadAgainAtOnce) {
  Server server([this](Connection& connection) { serve(connection); });
  const auto transport =
      connect({.url = server.url("127.0.0.1"), .credentials = {.token = "inline", .token_file = path_}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 x");
  write("two");
  want("two");
  EXPECT_EQ(text_of(call(*transport, post("/"))), "200 x");
  EXPECT_EQ(seen_, (std::vector<std::string>{"Bearer one", "Bearer two"}));
  want("three");
  EXPECT_EQ(text_of(call(*transport, post("/"))), "401 x");
  EXPECT_EQ(seen_, (std::vector<std::string>{"Bearer two"})) << "the same token is not tried twice";
}

TEST_F(TokenTest, ANewTokenIsUsedBeforeTheOldOneIsRefused) {
  Server server([this](Connection& connection) { serve(connection); });
  const auto transport = connect({.url = server.url("127.0.0.1"), .credentials = {.token_file = path_}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 x");
  write("two");
  want("two");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // files are looked at once a second
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 x");
  EXPECT_EQ(seen_, std::vector<std::string>{"Bearer two"});
}

TEST_F(TokenTest, AnEmptyOrMissingFileKeepsTheLastToken) {
  Server server([this](Connection& connection) { serve(connection); });
  const auto transport = connect({.url = server.url("127.0.0.1"), .credentials = {.token_file = path_}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "200 x");
  write("");
  want("other");
  EXPECT_EQ(text_of(call(*transport, get("/"))), "401 x");
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  EXPECT_EQ(text_of(call(*transport, get("/"))), "401 x");
  EXPECT_EQ(seen_, (std::vector<std::string>{"Bearer one", "Bearer one"}));
}

TEST_F(TokenTest, AMissingTokenIsNoAnonymousRequest) {
  ASSERT_EQ(std::remove(path_.c_str()), 0);
  Server server([this](Connection& connection) { serve(connection); });
  const auto transport = connect({.url = server.url("127.0.0.1"), .credentials = {.token_file = path_}});
  EXPECT_EQ(text_of(call(*transport, get("/"))), "denied: token file " + path_ + ": missing, unreadable or empty");
  write("one\nX-Injected: yes\n");
  const auto other = connect({.url = server.url("127.0.0.1"), .credentials = {.token_file = path_}});
  EXPECT_EQ(text_of(call(*other, get("/"))), "denied: the bearer token holds a blank or a control character");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(TransportTest, CredentialsAreNotSentInTheClearToAnotherHost) {
  const ApiServer server{.url = "http://10.0.0.1", .credentials = {.token = "t"}};
  const auto made = make_cpprest_transport(server, loop_);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error(), (Error{Code::invalid, "server http://10.0.0.1: credentials are only sent over https"}));
}

}  // namespace
}  // namespace nocobase_operator::io::test
