#include <dirent.h>

#include <gmock/gmock.h>

#include "unit/io/transport_fixture.h"

namespace nocobase_operator::io::test {
namespace {

using testing::StartsWith;

// A stream under test: what came and how it ended.
struct Watched {
  std::string bytes;
  std::string end;
  int ends = 0;
  std::shared_ptr<void> handle;
};

class StreamTest : public TransportTest {
 protected:
  void open(Transport& transport, Watched& into, Millis idle = patience) {
    into.handle = transport.stream(
        get("/watch"), idle, [&into](std::string_view bytes) { into.bytes += bytes; },
        [&into](const Result<kube::HttpResponse>& result) {
          into.end = text_of(result);
          ++into.ends;
        });
  }
  void wait_for_end(const Watched& watched) {
    EXPECT_TRUE(loop_.until([&] { return watched.ends > 0; })) << "the stream did not end";
  }
};

TEST_F(StreamTest, DeliversTheBodyInOrderWhateverTheChunks) {
  std::string sent;
  for (int i = 0; i < 20000; ++i) {
    sent += "{\"line\":" + std::to_string(i) + ",\"text\":\"\xC3\xA9\xF0\x9F\x98\x80\"}\n";
  }
  Server server([&](Connection& connection) {
    if (connection.read() && connection.start_chunks()) {
      std::size_t size = 1;
      for (std::size_t at = 0; at < sent.size(); at += size, size = size * 7 % 4093 + 1) {
        connection.chunk(sent.substr(at, size));
      }
      connection.end_chunks();
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "200 ");
  std::size_t size = 1;
  std::string want;
  for (std::size_t at = 0; at < sent.size(); at += size, size = size * 7 % 4093 + 1) {
    want += sent.substr(at, size);
  }
  EXPECT_TRUE(watched.bytes == want);
}

TEST_F(StreamTest, DeliversAChunkBeforeTheNextIsSent) {
  std::mutex mutex;
  std::condition_variable changed;
  int received = 0;
  Server server([&](Connection& connection) {
    if (!connection.read() || !connection.start_chunks()) {
      return;
    }
    for (int i = 0; i < 10; ++i) {
      connection.chunk("x");
      std::unique_lock lock(mutex);
      if (!changed.wait_for(lock, patience, [&] { return received > i; })) {
        return;
      }
    }
    connection.end_chunks();
  });
  const auto transport = connect(server.url("127.0.0.1"));
  std::string end;
  const auto handle = transport->stream(
      get("/"), patience,
      [&](std::string_view bytes) {
        const std::scoped_lock lock(mutex);
        received += static_cast<int>(bytes.size());
        changed.notify_one();
      },
      [&](const Result<kube::HttpResponse>& result) { end = text_of(result); });
  EXPECT_TRUE(loop_.until([&] { return !end.empty(); }));
  EXPECT_EQ(end, "200 ");
  EXPECT_EQ(received, 10);
}

TEST_F(StreamTest, AnotherStatusComesWithItsBody) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.respond(410, "gone", "Retry-After: 3\r\n");
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "410 gone");
  EXPECT_EQ(watched.bytes, "");
}

TEST_F(StreamTest, AnOverlongErrorBodyIsCut) {
  Server server([](Connection& connection) {
    if (connection.read()) {
      connection.respond(500, std::string(3U << 20U, 'e'));
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  wait_for_end(watched);
  EXPECT_EQ(watched.end.size(), 4 + (1U << 20U));
}

TEST_F(StreamTest, ALostConnectionIsAnErrorAfterWhatCame) {
  for (const bool hard : {true, false}) {
    Server server([&](Connection& connection) {
      if (connection.read() && connection.start_chunks()) {
        connection.chunk("{\"a\":1}\n");
        connection.write("20\r\n{\"half\"");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        if (hard) {
          connection.reset();
        }
      }
    });
    const auto transport = connect(server.url("127.0.0.1"));
    Watched watched;
    open(*transport, watched);
    wait_for_end(watched);
    EXPECT_THAT(watched.end, StartsWith("unavailable: "));
    EXPECT_EQ(watched.bytes, "{\"a\":1}\n");
  }
}

TEST_F(StreamTest, SilenceIsAnErrorAndBytesAreNot) {
  Server server([](Connection& connection) {
    if (connection.read() && connection.start_chunks()) {
      for (int i = 0; i < 6; ++i) {
        connection.chunk("x");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
      connection.wait_for_close();
    }
  });
  const std::string url = server.url("127.0.0.1");
  const auto transport = connect(url);
  Watched watched;
  open(*transport, watched, Millis(400));
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "unavailable: " + url + ": no byte within 400 ms");
  EXPECT_EQ(watched.bytes, "xxxxxx");
}

TEST_F(StreamTest, NothingListeningIsUnavailable) {
  const auto transport = connect("http://127.0.0.1:1");
  Watched watched;
  open(*transport, watched);
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "unavailable: http://127.0.0.1:1: connection refused or host unreachable");
}

// Sends until the client has gone.
void flood(Connection& connection) {
  if (connection.read() && connection.start_chunks()) {
    const std::string chunk(32768, 'x');
    while (connection.chunk(chunk)) {
    }
  }
}

TEST_F(StreamTest, ASlowLoopHoldsTheServerBack) {
  std::atomic<std::size_t> sent = 0;
  Server server([&](Connection& connection) {
    if (connection.read() && connection.start_chunks()) {
      const std::string chunk(32768, 'x');
      // More than our buffer and the kernel's hold; more would only take longer with sanitizers.
      while (sent < (32U << 20U) && connection.chunk(chunk)) {
        sent += chunk.size();
      }
      connection.end_chunks();
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (sent <= 1U << 20U && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(sent, 1U << 20U);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(sent, 24U << 20U) << "128 KiB of ours and what the kernel takes";
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "200 ");
  EXPECT_EQ(watched.bytes.size(), 32U << 20U);
}

TEST_F(StreamTest, DroppingTheHandleEndsIt) {
  std::atomic<int> closed = 0;
  Server server([&](Connection& connection) {
    flood(connection);
    ++closed;
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  EXPECT_TRUE(loop_.until([&] { return !watched.bytes.empty(); }));
  watched.handle.reset();
  const std::size_t size = watched.bytes.size();
  while (closed == 0) {
    loop_.settle(std::chrono::milliseconds(10));
  }
  loop_.settle(std::chrono::milliseconds(50));
  EXPECT_EQ(watched.bytes.size(), size);
  EXPECT_EQ(watched.ends, 0);
}

TEST_F(StreamTest, DroppingTheHandleWhileTheServerIsHeldBackEndsIt) {
  std::atomic<int> closed = 0;
  Server server([&](Connection& connection) {
    flood(connection);
    ++closed;
  });
  const auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  watched.handle.reset();
  while (closed == 0) {
    loop_.settle(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(watched.bytes, "");
}

TEST_F(StreamTest, TheHandleMayBeDroppedInsideACallback) {
  Server server(flood);
  const auto transport = connect(server.url("127.0.0.1"));
  int pieces = 0;
  std::shared_ptr<void> handle;
  auto witness = std::make_shared<int>(1);
  handle = transport->stream(
      get("/"), patience,
      [&, witness](std::string_view) {
        ++pieces;
        handle.reset();
      },
      [&](const Result<kube::HttpResponse>&) { ++pieces; });
  EXPECT_TRUE(loop_.until([&] { return pieces > 0; }));
  loop_.settle(std::chrono::milliseconds(50));
  EXPECT_EQ(pieces, 1);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(StreamTest, TheHandleMayOutliveTheTransport) {
  Server server(flood);
  auto transport = connect(server.url("127.0.0.1"));
  Watched watched;
  open(*transport, watched);
  EXPECT_TRUE(loop_.until([&] { return !watched.bytes.empty(); }));
  transport.reset();
  const std::size_t size = watched.bytes.size();
  loop_.settle(std::chrono::milliseconds(50));
  EXPECT_EQ(watched.bytes.size(), size);
  watched.handle.reset();
  EXPECT_EQ(watched.ends, 0);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) {
    ++count;
  }
  ::closedir(folder);
  return count;
}

TEST_F(StreamTest, AThousandStartsAndCancelsLeaveNothingBehind) {
  Server server([](Connection& connection) {
    if (connection.read() && connection.start_chunks()) {
      connection.chunk("x");
      connection.wait_for_close();
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    Watched watched;
    open(*transport, watched);
    if (i % 4 == 1) {
      std::this_thread::sleep_for(std::chrono::microseconds(i));
    } else if (i % 4 == 2) {
      EXPECT_TRUE(loop_.until([&] { return !watched.bytes.empty(); }));
    }
    watched.handle.reset();
    EXPECT_EQ(watched.ends, 0);
  }
  for (int i = 0; i < 500 && open_descriptors() > before + 4; ++i) {
    loop_.settle(std::chrono::milliseconds(10));
  }
  EXPECT_LE(open_descriptors(), before + 4);
}

TEST_F(StreamTest, CallsGoOnBesideManyStreams) {
  Server server([](Connection& connection) {
    while (auto request = connection.read()) {
      if (request->path == "/watch") {
        connection.start_chunks();
        connection.chunk("x");
        connection.wait_for_close();
        return;
      }
      connection.respond(200, "ok");
    }
  });
  const auto transport = connect(server.url("127.0.0.1"));
  std::vector<std::unique_ptr<Watched>> streams;
  for (int i = 0; i < 40; ++i) {
    open(*transport, *streams.emplace_back(std::make_unique<Watched>()));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(text_of(call(*transport, get("/"))), "200 ok");
  }
  EXPECT_TRUE(loop_.until([&] {
    return std::all_of(streams.begin(), streams.end(), [](const auto& stream) { return stream->bytes == "x"; });
  }));
}

TEST_F(StreamTest, WorksOverTls) {
  const KeyPair authority = make_certificate({.common_name = "test CA", .authority = true});
  const KeyPair pair = make_certificate({.names = "IP:127.0.0.1"}, &authority);
  Server server(
      [](Connection& connection) {
        if (connection.read() && connection.start_chunks()) {
          for (int i = 0; i < 1000; ++i) {
            connection.chunk(std::string(1000, static_cast<char>('a' + i % 26)));
          }
          connection.end_chunks();
        }
      },
      &pair);
  const auto transport = connect({.url = server.url("127.0.0.1"), .ca_pem = authority.certificate});
  Watched watched;
  open(*transport, watched);
  wait_for_end(watched);
  EXPECT_EQ(watched.end, "200 ");
  EXPECT_EQ(watched.bytes.size(), 1'000'000U);
  Watched dropped;
  open(*transport, dropped);
  dropped.handle.reset();
}

}  // namespace
}  // namespace nocobase_operator::io::test
