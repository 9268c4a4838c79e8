// How we use cpprestsdk's client: one io thread, no redirects, our TLS, our headers, failures as values. Internal to
// the transport: it includes the library's headers.
#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_service.hpp>
#include <cpprest/http_client.h>

#include "base/result.h"
#include "base/time.h"
#include "io/cpprest_streams.h"
#include "io/exec_auth.h"
#include "io/file_text.h"
#include "io/kubeconfig.h"
#include "io/proxy.h"
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
class Client : public std::enable_shared_from_this<Client> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Client>> create(const ApiServer& server);

  // A client with a pool of connections of its own, for one request.
  [[nodiscard]] web::http::client::http_client connect(Millis idle) const { return connect(idle, Pool::none); }

  // The client for a call: the one that calls share, with its pool of connections. `repeatable` says whether the call
  // can be sent again when a connection of the pool turns out to be closed.
  [[nodiscard]] web::http::client::http_client for_call(bool repeatable);
  // Replaces the shared client, so that none of its connections is used again.
  void renew();

  // As whom a request is sent.
  struct Identity {
    std::string token;          // "" for none
    std::uint64_t version = 0;  // another one for another token or client certificate
  };
  // Calls `then` with who we are now, at once or when a credential plugin has been run. Error (denied) when a
  // credential is configured and cannot be had: a request must not become an anonymous one by accident.
  void sign_in(std::function<void(Result<Identity>)> then);
  // The server answered 401: the next sign_in() looks for a newer credential whatever the time.
  void refused(const Identity& used);
  // Ends a credential plugin that runs.
  void stop();

  // A request of ours as one of the library's. Error (invalid) when its path is no URI.
  [[nodiscard]] Result<web::http::http_request> encode(const kube::HttpRequest& request,
                                                       const std::string& token) const;

  // What an exception of the library means, in words that name the server.
  [[nodiscard]] Failure explain(const std::exception_ptr& thrown) const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  enum class Pool : std::uint8_t { none, shared };

  Client(const ApiServer& server, Url url, std::shared_ptr<TlsClient> tls);
  [[nodiscard]] web::http::client::http_client connect(Millis idle, Pool pool) const;
  [[nodiscard]] bool tunnels() const { return url_.https && proxy_.has_value(); }
  [[nodiscard]] Result<Identity> identify();
  [[nodiscard]] Result<Identity> identify(const ExecAuth::Signed& credential);
  [[nodiscard]] std::uint64_t key_pair_version() const { return tls_ ? tls_->key_pair_version() : 0; }

  const Url url_;
  const std::optional<Proxy> proxy_;
  const std::string name_;
  const std::shared_ptr<TlsClient> tls_;  // null for plain HTTP
  FileText token_;
  std::shared_ptr<ExecAuth> exec_;   // null without a plugin
  std::uint64_t exec_key_pair_ = 0;  // the version of the credential whose client certificate is in use
  std::unique_ptr<web::http::client::http_client> shared_;
  std::uint64_t shared_key_pair_ = 0;  // the client certificate of its connections
};

}  // namespace nocobase_operator::io
