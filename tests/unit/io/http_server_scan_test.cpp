// What a port scanner and worse may send: the server answers or closes, takes no memory for it, and lives on.
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/http_server.h"
#include "raw_client.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t mebibyte = 1U << 20U;
constexpr std::size_t allowed_growth = 20 * mebibyte;

// A server with the limits of production, and what it has taken of memory since the test began.
class HttpServerScanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    thread_ = std::thread([this] { loop_->run([](Now) {}, [] { return std::optional<Instant>(); }); });
    auto server = HttpServer::start({.address = "127.0.0.1", .port = 0}, *loop_, [](std::string_view path) {
      return HttpReply{200, "text/plain", path == "/large" ? std::string(mebibyte / 5, 'x') : "ok\n"};
    });
    ASSERT_TRUE(server.ok()) << server.error().what;
    server_ = std::move(server).value();
    ASSERT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200");
    before_ = resident_bytes("self");
  }
  void TearDown() override {
    EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200") << "it lives on";
    const std::size_t now = resident_bytes("self");
    std::cout << "  resident: " << before_ / mebibyte << " MiB before, " << now / mebibyte << " MiB after\n";
    EXPECT_LT(now, before_ + allowed_growth);
    loop_->stop();
    thread_.join();
    server_.reset();
  }
  // The status of the first answer to raw bytes, "" when the server closes without one.
  [[nodiscard]] std::string status_of(std::string_view bytes) const {
    const RawClient client(server_->port());
    client.send(bytes);
    const std::string line = client.read_until("\r\n");
    return line.size() < 12 ? "" : line.substr(9, 3);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

 private:
  std::unique_ptr<Loop> loop_ = make_loop();
  std::thread thread_;
  std::unique_ptr<HttpServer> server_;
  std::size_t before_ = 0;
};

TEST_F(HttpServerScanTest, oddities_are_refused_and_end_the_connection) {
  struct Case {
    std::string_view name;
    std::string bytes;
    std::string status;
  };
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  const std::string second = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const Case cases[] = {
      {"a chunk of -1", get + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + second, "413"},
      {"a chunk of 2^64", get + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + second, "413"},
      {"two lengths", get + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + second, "400"},
      {"a length and chunks", get + "Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
       "400"},
      {"a length of -1", get + "Content-Length: -1\r\n\r\n" + second, "400"},
      {"a length with a sign", get + "Content-Length: +0\r\n\r\n" + second, "400"},
      {"a length of 2^64", get + "Content-Length: 18446744073709551616\r\n\r\n" + second, "400"},
      {"a blank before the colon", get + "Content-Length : 44\r\n\r\n" + second, "400"},
      {"a NUL in a name", get + std::string("A\0B: c\r\n\r\n", 11) + second, "400"},
      {"no version", "GET /\r\n\r\n" + second, "400"},
      {"another version", "GET / HTTP/3.7\r\nHost: x\r\n\r\n" + second, "400"},
      {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + second, "400"},
      {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15) + second, "400"},
      {"SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n" + second, "400"},
      {"bytes", std::string(300, '\xff') + "\r\n\r\n" + second, "400"},
      {"NULs", std::string(300, '\0') + "\r\n\r\n" + second, "400"},
      {"CONNECT", "CONNECT db:5432 HTTP/1.1\r\nHost: db\r\n\r\n" + second, "405"},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n" + second, "405"},
      {"a long method", std::string(5'000, 'A') + " / HTTP/1.1\r\n\r\n" + second, "405"},
      {"a long target", "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n" + second, "400"},
      {"many fields",
       get +
           [] {
             std::string fields;
             for (int i = 0; i < 5'000; ++i) {
               fields += "A: b\r\n";
             }
             return fields;
           }() +
           "\r\n" + second,
       "400"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const RawClient client(port());
    client.send(item.bytes);
    const std::string all = client.read_all();
    EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 " + item.status) << all;
    EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << "what follows is not taken for a request";
  }
}

TEST_F(HttpServerScanTest, a_header_of_a_gigabyte_is_not_kept) {
  const RawClient client(port());
  client.send("GET / HTTP/1.1\r\nX: ");
  EXPECT_FALSE(client.send_many(std::string(mebibyte, 'a'), 1'024)) << "the server took it all";
}

TEST_F(HttpServerScanTest, ten_thousand_slow_connections_are_capped) {
  const std::size_t count = std::min<std::size_t>(10'000, max_connections());
  std::vector<RawClient> slow;
  slow.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    slow.emplace_back(port());
    ASSERT_TRUE(slow.back().connected()) << i;
    slow.back().send("GET / HTTP/1.1\r\nX-" + std::to_string(i) + ": ");
    if (i % 1'000 == 0) {
      EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200") << i;
    }
  }
  std::cout << "  " << count << " connections\n";
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200");
}

TEST_F(HttpServerScanTest, a_byte_now_and_then_keeps_nobody_out) {
  std::vector<RawClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(port());
  }
  const std::string_view request = "GET / HTTP/1.1\r\nHost: slow\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
  for (const char byte : request) {
    for (const RawClient& client : slow) {
      client.send({&byte, 1});
    }
    EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200");
  }
}

TEST_F(HttpServerScanTest, clients_that_do_not_read_what_does_not_fit_keep_nobody_out) {
  std::vector<RawClient> deaf;
  for (int i = 0; i < 100; ++i) {
    deaf.emplace_back(port());
    for (int request = 0; request < 40; ++request) {
      deaf.back().send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200") << i;
  }
}

TEST_F(HttpServerScanTest, clients_that_do_not_read_keep_nobody_out) {
  std::vector<RawClient> deaf;
  for (int i = 0; i < 100; ++i) {
    deaf.emplace_back(port());
    for (int request = 0; request < 50; ++request) {
      deaf.back().send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
  }
  EXPECT_EQ(status_of("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "200");
}

}  // namespace
}  // namespace nocobase_operator::io
