// How we use cpprestsdk's client: one io thread, no redirects, our TLS, our headers, failures as values. Internal to
// the transport: it includes the library's headers.
#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_service.hpp>
#include <cpprest/http_client.h>

#include "base/result.h"
#include "base/time.h"
#include "io/cpprest_streams.h"
#include "io/file_text.h"
#include "io/kubeconfig.h"
#include "io/tls.h"
#include "io/url.h"
#include "kube/http.h"

namespace nocobase_operator::io {

// The library's one thread. Everything of ours that touches the library runs there, as do its continuations: so a
// socket is never closed on one thread while another reads from it.
[[nodiscard]] boost::asio::io_service& io_thread();

// Waits until the io thread has done what was posted to it and what that led to, so that what was cancelled has ended.
// Not to be called on that thread.
void settle_io_thread();

// What went wrong with a request inside the library.
struct Failure {
  enum class Stage : std::uint8_t {
    connect,   // no connection, no name, no TLS: nothing was sent
    exchange,  // after that
    timeout,   // the library's time-out, at any stage
  };
  Stage stage = Stage::exchange;
  std::string what;
};

// One server and the credentials for it. Shared by all its calls and streams; used on the io thread only, but for
// create.
class Client {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Client>> create(const ApiServer& server);

  // A client with a pool of connections of its own.
  [[nodiscard]] web::http::client::http_client connect(Millis idle) const;

  // The client that calls share, and the same after replacing it and its pool by a new one.
  [[nodiscard]] web::http::client::http_client& shared();
  void renew();

  // A request of ours as one of the library's. Error (invalid) when its path is no URI.
  [[nodiscard]] Result<web::http::http_request> encode(const kube::HttpRequest& request,
                                                       const std::string& token) const;

  // The bearer token now, "" when none is configured. Error (denied) when one is and it cannot be had: a request must
  // not become an anonymous one by accident.
  [[nodiscard]] Result<std::string> token();
  // Makes the next token() look at the file again: the server said 401.
  void expire_token() { token_.expire(); }

  // What an exception of the library means, in words that name the server.
  [[nodiscard]] Failure explain(const std::exception_ptr& thrown) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Client(const ApiServer& server, Url url, std::shared_ptr<TlsClient> tls);

  const Url url_;
  const std::string name_;
  const std::shared_ptr<TlsClient> tls_;  // null for plain HTTP
  FileText token_;
  std::unique_ptr<web::http::client::http_client> shared_;
};

}  // namespace nocobase_operator::io
