// A small HTTP server for metrics and health: GET only, no bodies, and limits on everything, because anything may talk
// to it. Boost.Beast's headers stay in the .cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/loop.h"

namespace nocobase_operator::io {

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  // Answers a path without its query. Runs on the Loop's thread, so that an answer shows that the loop turns.
  using Handler = std::function<HttpReply(std::string_view path)>;

  struct Options {
    std::string address = "0.0.0.0";  // an IP address, of either family
    std::uint16_t port = 8080;        // 0 takes a free one
    // One more closes the one that has been longest without a request, or without having read its answer.
    std::size_t max_connections = 64;
    std::size_t max_header_bytes = 8192;
    Millis header_timeout{
        5'000};                   // from a connection, or the last reply on it, to the end of the next request's header
    Millis reply_timeout{5'000};  // for the loop to answer, then 503; and for the peer to read the answer
  };

  HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Closes all connections and joins the server's thread. The handler does not run after that. To be destroyed on the
  // loop's thread, or when the loop no longer runs.
  virtual ~HttpServer() = default;

  // The port it listens on.
  [[nodiscard]] virtual std::uint16_t port() const = 0;

  // Listens and starts one thread. `loop` must outlive the server. Error (unavailable) when it cannot listen there,
  // invalid when the address is none.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(Options options, Loop& loop, Handler handler);
};

}  // namespace nocobase_operator::io
