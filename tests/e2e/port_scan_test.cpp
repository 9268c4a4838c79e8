// The port of metrics and health of the real program, under what a scanner and worse sends to it.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <vector>

#include "harness.h"
#include "raw_client.h"

namespace nocobase_operator::e2e {

namespace {

constexpr std::size_t mebibyte = 1U << 20U;

// A program of its own, with a Lease of its own that it need not get.
class PortScanTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    Operator::get().ensure_running();
    const std::string log = cp().file("log/port-scan.log");
    ASSERT_TRUE(process_.start(
        {NBO_OPERATOR, "run", "--kubeconfig", cp().file("operator.kubeconfig"), "--namespace", ns, "--lease-namespace",
         "nocobase-operator-system", "--identity", "port-scan", "--listen", "127.0.0.1:0"},
        log));
    ASSERT_TRUE(wait_for("it listens", seconds(60), [&]() -> std::string {
      const std::string text = tail(log, 25);
      const std::size_t at = text.find("listening port=");
      port_ = at == std::string::npos ? 0 : static_cast<std::uint16_t>(std::stoul(text.substr(at + 15)));
      return port_ != 0 ? "" : "it says: " + text;
    }));
    ASSERT_EQ(healthz(), "HTTP/1.1 200 OK");
  }
  void TearDown() override {
    process_.stop(SIGTERM);
    NamespaceTest::TearDown();
  }

  [[nodiscard]] std::string healthz() const {
    const RawClient client(port_);
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string line = client.read_until("\r\n");
    return line.substr(0, line.find('\r'));
  }
  [[nodiscard]] std::size_t resident() const { return resident_bytes(std::to_string(process_.pid())); }

  Background process_;
  std::uint16_t port_ = 0;
};

TEST_F(PortScanTest, it_lives_on_in_the_same_memory) {
  const std::size_t before = resident();
  std::vector<RawClient> slow;
  const std::size_t count = std::min<std::size_t>(10'000, max_connections());
  slow.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    slow.emplace_back(port_);
    slow.back().send("GET /metrics HTTP/1.1\r\nX: ");
  }
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
        std::string("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00", 7), std::string("SSH-2.0-x\r\n\r\n"), std::string(10'000, '\0')}) {
    const RawClient client(port_);
    client.send(bytes);
    client.send("\r\n\r\n");
    EXPECT_FALSE(client.read_until("\r\n").starts_with("HTTP/1.1 200")) << bytes;
  }
  const RawClient large(port_);
  large.send("GET / HTTP/1.1\r\nX: ");
  EXPECT_FALSE(large.send_many(std::string(mebibyte, 'a'), 1'024));
  EXPECT_EQ(healthz(), "HTTP/1.1 200 OK");
  EXPECT_TRUE(process_.running());
  std::cout << "  " << count << " slow connections; resident: " << before / 1024 << " KiB before, " << resident() / 1024
            << " KiB after\n";
  EXPECT_LT(resident(), 40 * mebibyte);
}

}  // namespace

}  // namespace nocobase_operator::e2e
