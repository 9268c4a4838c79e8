#include "io/cpprest_client.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <poll.h>
#include <string_view>
#include <system_error>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>

#include "io/cpprest_transport.h"
#include "io/system_trust.h"

// The library takes a proxy's user and password into a string for each CONNECT, and frees it on Windows only
// (src/utilities/web_utilities.cpp). It finds this definition before its own.
void web::details::zero_memory_deleter::operator()(utility::string_t* data) const {
  OPENSSL_cleanse(data->data(), data->size());
  delete data;  // NOLINT(cppcoreguidelines-owning-memory) what a deleter is for
}

namespace nocobase_operator::io {
namespace {

namespace http = web::http;
using boost::asio::ip::tcp;

// The shared client's own time-out: each call has a deadline of its own, which is shorter.
constexpr Millis longest_call = std::chrono::minutes(10);
constexpr std::string_view user_agent = "nocobase-operator/" NBO_VERSION;

// A peer that is gone without a word (a lost node, a load balancer that forgot us) is noticed within half a minute.
void set_socket_options(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

// Whether the server has closed its end of a pooled connection.
bool is_stale(int socket) {
  pollfd polled{socket, POLLRDHUP, 0};
  return ::poll(&polled, 1, 0) != 0;
}

// The library calls this before each request. A socket that is not open yet is opened here to take options; for a name
// the family is not known, so such a socket gets them when it is used again, and until then the idle time-outs guard
// it. `host` is who is connected to.
void prepare_socket(tcp::socket& socket, const std::string& host) {
  if (socket.is_open()) {
    // Without this a request would be written into the void, and nobody could tell that it never arrived. Now it fails
    // while it is written, and is repeated on a new connection.
    if (is_stale(socket.native_handle())) {
      ::shutdown(socket.native_handle(), SHUT_RDWR);
    }
  } else if (is_ip_address(host)) {
    boost::system::error_code ignored;
    socket.open(host.find(':') == std::string::npos ? tcp::v4() : tcp::v6(), ignored);
  }
  if (socket.is_open()) {
    set_socket_options(socket.native_handle());
  }
}

tcp::socket& tls_socket(http::client::native_handle handle) {
  return static_cast<boost::asio::ssl::stream<tcp::socket&>*>(handle)->next_layer();
}

tcp::socket& plain_socket(http::client::native_handle handle) {
  return *static_cast<tcp::socket*>(handle);
}

bool has_credentials(const Credentials& credentials) {
  return !credentials.token.empty() || !credentials.token_file.empty() || !credentials.client_cert_pem.empty() ||
         !credentials.client_cert_file.empty() || credentials.exec;
}

// Anything else could smuggle a header in.
bool is_token(const std::string& token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

boost::asio::io_service& io_thread() {
  return crossplat::threadpool::shared_instance().service();
}

void settle_io_thread() {
  // The end of a request runs through a chain of the library's tasks, each posted by the one before.
  constexpr int longest_chain = 32;
  for (int round = 0; round < longest_chain; ++round) {
    std::promise<void> reached;
    io_thread().post([&reached] { reached.set_value(); });
    reached.get_future().wait();
  }
}

void start_io_threads() {
  static std::once_flag once;
  std::call_once(once, [] {
    // The library's thread may still be opening a connection when main returns: OpenSSL must not be taken down before.
    CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1);
    hide_system_trust();
    bool started = true;
    try {
      crossplat::threadpool::initialize_with_threads(1);
    } catch (const std::exception&) {
      started = false;
    }
    CHECK(started);  // somebody used the library before us, with its 40 threads
    static_cast<void>(io_thread());
  });
}

Client::Client(const ApiServer& server, Url url, std::shared_ptr<TlsClient> tls)
    : url_(std::move(url)),
      proxy_(server.proxy),
      name_(to_string(url_)),
      tls_(std::move(tls)),
      token_(server.credentials.token_file, server.credentials.token) {
  if (server.credentials.exec) {
    exec_ = std::make_shared<ExecAuth>(*server.credentials.exec,
                                       [](std::function<void()> work) { io_thread().post(std::move(work)); });
  }
}

Result<std::shared_ptr<Client>> Client::create(const ApiServer& server) {
  Url url = TRY(parse_url(server.url));
  const bool stays_here = is_loopback(url.host) && (!server.proxy || is_loopback(server.proxy->host));
  if (!url.https && has_credentials(server.credentials) && !stays_here) {
    return Error{Code::invalid, "server " + to_string(url) + ": credentials are only sent over https"};
  }
  std::shared_ptr<TlsClient> tls;
  if (url.https) {
    tls = TRY(TlsClient::create(server, url.host));
  }
  return std::shared_ptr<Client>(new Client(server, std::move(url), std::move(tls)));
}

http::client::http_client Client::connect(Millis idle, Pool pool) const {
  http::client::http_client_config config;
  config.set_timeout(idle);
  config.set_max_redirects(0);
  config.set_tlsext_sni_enabled(false);  // TlsClient sets it: the library would send an address or a Host header
  // Through a tunnel the library hands over a plain socket before it is made and a TLS stream afterwards, and does not
  // say which: only a client for one request has just the former.
  if (!tunnels() || pool == Pool::none) {
    const bool plain = !url_.https || tunnels();
    config.set_nativehandle_options(
        [plain, host = proxy_ ? proxy_->host : url_.host](http::client::native_handle handle) {
          prepare_socket(plain ? plain_socket(handle) : tls_socket(handle), host);
        });
  }
  if (proxy_) {
    web::web_proxy proxy(
        web::uri_builder().set_scheme("http").set_host(proxy_->host).set_port(static_cast<int>(proxy_->port)).to_uri());
    if (!proxy_->user.empty()) {
      proxy.set_credentials({proxy_->user, proxy_->password});
    }
    config.set_proxy(proxy);
  }
  if (tls_) {
    config.set_ssl_context_callback(
        [tls = tls_](boost::asio::ssl::context& context) { tls->configure(context.native_handle()); });
  }
  // Built from its parts because the library resolves no IPv6 address in brackets. A proxy is told the address as it
  // stands in a URL.
  const bool in_brackets = proxy_ && url_.host.find(':') != std::string::npos;
  const web::uri base = web::uri_builder()
                            .set_scheme(url_.https ? "https" : "http")
                            .set_host(in_brackets ? "[" + without_zone(url_.host) + "]" : url_.host)
                            .set_port(static_cast<int>(url_.port))
                            .to_uri();
  return {base, config};
}

http::client::http_client Client::for_call(bool repeatable) {
  // Whether a pooled connection through a tunnel is closed is only seen when it is used: see connect().
  if (tunnels() && !repeatable) {
    return connect(longest_call);
  }
  if (!shared_ || shared_key_pair_ != key_pair_version()) {
    renew();
  }
  return *shared_;
}

void Client::renew() {
  shared_key_pair_ = key_pair_version();
  shared_ = std::make_unique<http::client::http_client>(connect(longest_call, Pool::shared));
}

Result<http::http_request> Client::encode(const kube::HttpRequest& request, const std::string& token) const {
  http::http_request encoded(request.method);
  const std::string path = url_.prefix + request.path_and_query;
  if (!path.starts_with('/') || !web::uri::validate(path)) {
    return Error{Code::invalid, "no valid request path: " + path};
  }
  encoded.set_request_uri(web::uri(path));
  http::http_headers& headers = encoded.headers();
  headers.add("Accept", "application/json");
  headers.add("User-Agent", std::string(user_agent));
  if (url_.host.find(':') != std::string::npos) {
    headers.add("Host", authority(url_));
  }
  if (!token.empty()) {
    headers.add("Authorization", "Bearer " + token);
  }
  if (request.method != "GET") {
    const std::string type = request.content_type.empty() ? "application/json" : request.content_type;
    encoded.set_body(make_one_shot(std::make_shared<const std::string>(request.body)), request.body.size(), type);
  }
  return encoded;
}

void Client::sign_in(std::function<void(Result<Identity>)> then) {
  if (!exec_) {
    then(identify());
    return;
  }
  exec_->get([self = shared_from_this(), then = std::move(then)](const Result<ExecAuth::Signed>& credential) {
    then(credential.ok() ? self->identify(credential.value()) : credential.error());
  });
}

Result<Client::Identity> Client::identify() {
  const FileText::Version token = token_.current();
  if (token.text.empty() && !token_.path().empty()) {
    return Error{Code::denied, "token file " + token_.path() + ": missing, unreadable or empty"};
  }
  if (!is_token(token.text)) {
    return Error{Code::denied, "the bearer token holds a blank or a control character"};
  }
  return Identity{token.text, token.number + key_pair_version()};
}

Result<Client::Identity> Client::identify(const ExecAuth::Signed& credential) {
  const ExecCredential& got = credential.credential;
  if (!is_token(got.token)) {
    return Error{Code::denied, "the credential plugin's token holds a blank or a control character"};
  }
  if (!got.client_cert_pem.empty() && tls_ && exec_key_pair_ != credential.version) {
    const Result<Unit> used = tls_->use_key_pair(got.client_cert_pem, got.client_key_pem);
    if (!used.ok()) {
      return Error{Code::denied, "the credential plugin's " + used.error().what};
    }
    exec_key_pair_ = credential.version;
  }
  if (got.token.empty() && !tls_) {
    return Error{Code::denied, "the credential plugin's client certificate is of no use without https"};
  }
  return Identity{got.token, credential.version};
}

void Client::refused(const Identity& used) {
  token_.expire();
  if (exec_) {
    exec_->refused(used.version);
  }
  if (tls_) {
    tls_->expire_key_pair();
  }
}

void Client::stop() {
  if (exec_) {
    exec_->stop();
  }
}

Failure Client::explain(const std::exception_ptr& thrown) const {
  Failure failure;
  std::string_view what;
  std::string text;
  try {
    std::rethrow_exception(thrown);
  } catch (const http::http_exception& e) {
    text = e.what();
    if (e.error_code() == std::errc::timed_out) {
      return {Failure::Stage::timeout, name_ + ": timed out"};
    }
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
    text = "unknown failure";
  }
  what = text;
  // The texts are the library's, which changes no more. An error code alone does not tell these apart.
  if (what.starts_with("Failed to connect to any resolved proxy")) {
    failure = {Failure::Stage::connect, "the proxy refuses connections or is unreachable"};
  } else if (what.starts_with("Error resolving proxy")) {
    failure = {Failure::Stage::connect, "the proxy's name cannot be resolved"};
  } else if (what.find("proxy") != std::string_view::npos) {
    failure = {Failure::Stage::connect, "the proxy opens no tunnel: " + text};
  } else if (what.starts_with("Failed to connect") || what.starts_with("Failed to resolve")) {
    failure = {Failure::Stage::connect, "connection refused or host unreachable"};
  } else if (what.starts_with("Error resolving")) {
    failure = {Failure::Stage::connect, "the host's name cannot be resolved"};
  } else if (what.starts_with("Error in SSL handshake")) {
    failure = {Failure::Stage::connect, "TLS handshake failed"};
  } else {
    failure = {Failure::Stage::exchange, text};
  }
  const std::string reason = tls_ ? tls_->failure_reason() : "";
  failure.what = name_ + ": " + failure.what + (reason.empty() ? "" : ": " + reason);
  return failure;
}

}  // namespace nocobase_operator::io
