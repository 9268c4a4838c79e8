// The metrics and health server against clients that mean well and others that do not.
#include "io/http_server.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "raw_client.h"

namespace nocobase_operator::io {
namespace {

// A loop on a thread of its own with a server whose handler echoes the path.
class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    thread_ = std::thread([this] { loop_->run([](Now) {}, [] { return std::optional<Instant>(); }); });
    start({.address = "127.0.0.1", .port = 0, .max_connections = 8});
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    server_.reset();
  }
  void start(const HttpServer::Options& options) {
    server_.reset();
    auto server = HttpServer::start(options, *loop_, [](std::string_view path) {
      return path == "/none" ? HttpReply{404, "text/plain", "no\n"}
                             : HttpReply{200, "text/plain", std::string(path) + "\n"};
    });
    ASSERT_TRUE(server.ok()) << server.error().what;
    server_ = std::move(server).value();
  }
  // The status line of the answer to raw bytes.
  std::string first_line(std::string_view bytes) {
    const RawClient client(server_->port());
    client.send(bytes);
    auto line = client.read_until("\r\n");
    return line.substr(0, line.find('\r'));
  }

  std::unique_ptr<Loop> loop_ = make_loop();
  std::thread thread_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, a_get_is_answered_by_the_handler_without_its_query) {
  const RawClient client(server_->port());
  client.send("GET /healthz?verbose HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto answer = client.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/healthz\n")) << answer;
}

TEST_F(HttpServerTest, a_connection_is_kept_for_the_next_request) {
  const RawClient client(server_->port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_until("/a\n").ends_with("\r\n\r\n/a\n"));
  client.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_until("/b\n").ends_with("\r\n\r\n/b\n"));
}

TEST_F(HttpServerTest, head_has_the_length_and_no_body) {
  const RawClient client(server_->port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto answer = client.read_all();
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, what_is_no_plain_get_is_refused) {
  EXPECT_EQ(first_line("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 Not Found");
  EXPECT_EQ(first_line("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_EQ(first_line("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(first_line("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(first_line("\x16\x03\x01\x02 TLS garbage\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(first_line("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a')), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(first_line("GET /still-alive HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK");
}

TEST_F(HttpServerTest, connections_that_say_nothing_do_not_keep_others_out) {
  std::vector<RawClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(server_->port());
    slow.back().send("GET /slow HTTP/1.1\r\nX: ");
  }
  EXPECT_EQ(first_line("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK");
  EXPECT_EQ(slow.front().read_all(), "");  // the one that waited longest was closed
}

TEST_F(HttpServerTest, a_request_that_never_ends_is_given_up) {
  start({.address = "127.0.0.1", .port = 0, .header_timeout = Millis(50)});
  const RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(HttpServerTest, a_loop_that_does_not_turn_is_an_answer_of_503) {
  start({.address = "127.0.0.1", .port = 0, .reply_timeout = Millis(50)});
  const auto release = std::make_shared<std::atomic<bool>>(false);  // the loop may look once more after the test
  loop_->post([release] {
    while (!*release) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(first_line("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 503 Service Unavailable");
  *release = true;
}

TEST_F(HttpServerTest, a_port_in_use_and_a_wrong_address_are_errors) {
  const auto handler = [](std::string_view) { return HttpReply{}; };
  const auto in_use = HttpServer::start({.address = "127.0.0.1", .port = server_->port()}, *loop_, handler);
  ASSERT_FALSE(in_use.ok());
  EXPECT_EQ(in_use.error().code, Code::unavailable);
  const auto no_address = HttpServer::start({.address = "localhost", .port = 0}, *loop_, handler);
  ASSERT_FALSE(no_address.ok());
  EXPECT_EQ(no_address.error(), (Error{Code::invalid, "'localhost' is no IP address to listen on"}));
}

}  // namespace
}  // namespace nocobase_operator::io
