#include "io/http_server.h"

#include <atomic>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace nocobase_operator::io {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class Session;

// What the sessions share; touched on the server's thread, but for what says otherwise. The context is not in here: it
// owns the sessions through their pending operations, and they own this.
struct Shared {
  Shared(HttpServer::Options server_options, Loop& server_loop, HttpServer::Handler server_handler,
         asio::io_context& server_context)
      : options(std::move(server_options)),
        loop(server_loop),
        handler(std::move(server_handler)),
        context(server_context) {}

  HttpServer::Options options;
  Loop& loop;
  HttpServer::Handler handler;     // called on the loop's thread
  asio::io_context& context;       // gone once `alive` is false
  std::atomic<bool> alive = true;  // the server still stands
  std::list<Session*> waiting;     // those without a complete request, the oldest first
  std::list<Session*> answering;   // the others
  std::size_t connections = 0;
};

// Whether the peer sent something that is no HTTP, rather than nothing or half of it.
bool is_malformed(const ErrorCode& error) {
  return error.category() == http::make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

using Response = http::response<http::string_body>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Shared> shared)
      : shared_(std::move(shared)), stream_(std::move(socket)), reply_timer_(shared_->context) {
    ++shared_->connections;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    leave();
    --shared_->connections;
  }

  void read() {
    enter(shared_->waiting);
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->options.max_header_bytes));
    parser_->body_limit(0);
    stream_.expires_after(shared_->options.header_timeout);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_header(error); });
  }

  // Ends the session; what is pending on it completes with an error.
  void close() {
    leave();
    asked_ = false;
    reply_timer_.cancel();
    ErrorCode ignored;
    stream_.socket().close(ignored);
  }

 private:
  void enter(std::list<Session*>& list) {
    leave();
    list_ = &list;
    place_ = list.insert(list.end(), this);
  }
  void leave() {
    if (list_ != nullptr) {
      std::exchange(list_, nullptr)->erase(place_);
    }
  }

  void on_header(ErrorCode error) {
    enter(shared_->answering);
    if (is_malformed(error)) {
      respond({400, "text/plain; charset=utf-8", "bad request\n"}, false);
      return;
    }
    if (error) {
      close();
      return;
    }
    const auto& request = parser_->get();
    head_ = request.method() == http::verb::head;
    if (!head_ && request.method() != http::verb::get) {
      respond({405, "text/plain; charset=utf-8", "only GET and HEAD\n"}, false);
      return;
    }
    if (!parser_->is_done()) {  // a body was announced
      respond({413, "text/plain; charset=utf-8", "no bodies\n"}, false);
      return;
    }
    const std::string_view target(request.target().data(), request.target().size());
    ask(std::string(target.substr(0, target.find('?'))), request.keep_alive());
  }

  // Has the loop's thread answer, or answers 503 when it does not in time.
  void ask(std::string path, bool keep_alive) {
    asked_ = true;
    reply_timer_.expires_after(shared_->options.reply_timeout);
    reply_timer_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (!error && std::exchange(self->asked_, false)) {
        self->respond({503, "text/plain; charset=utf-8", "no answer in time\n"}, false);
      }
    });
    // The loop's thread must never be the one that ends a session, so it holds none.
    shared_->loop.post([weak = weak_from_this(), shared = shared_, path = std::move(path), keep_alive] {
      if (!shared->alive) {
        return;
      }
      asio::post(shared->context, [weak, reply = shared->handler(path), keep_alive]() mutable {
        const auto self = weak.lock();
        if (self != nullptr && std::exchange(self->asked_, false)) {
          self->reply_timer_.cancel();
          self->respond(std::move(reply), keep_alive);
        }
      });
    });
  }

  void respond(HttpReply reply, bool keep_alive) {
    response_ = Response(static_cast<http::status>(reply.status), 11);
    response_.set(http::field::content_type, reply.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.keep_alive(keep_alive);
    response_.content_length(reply.body.size());
    if (!head_) {
      response_.body() = std::move(reply.body);
    }
    stream_.expires_after(shared_->options.reply_timeout);
    http::async_write(stream_, response_, [self = shared_from_this(), keep_alive](ErrorCode error, std::size_t) {
      if (error || !keep_alive) {
        self->close();
        return;
      }
      self->head_ = false;
      self->read();
    });
  }

  std::shared_ptr<Shared> shared_;
  beast::tcp_stream stream_;
  asio::steady_timer reply_timer_;
  beast::flat_buffer buffer_{16384};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
  std::list<Session*>* list_ = nullptr;  // that it is in
  std::list<Session*>::iterator place_;
  bool asked_ = false;
  bool head_ = false;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(Options options, Loop& loop, Handler handler)
      : shared_(std::make_shared<Shared>(std::move(options), loop, std::move(handler), context_)),
        acceptor_(context_),
        pause_(context_) {}
  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;
  ~BeastServer() override {
    shared_->alive = false;
    context_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  // Binds and starts the thread. To be called once.
  [[nodiscard]] ErrorCode listen(const asio::ip::address& address) {
    ErrorCode error;
    const tcp::endpoint endpoint(address, shared_->options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(128, error);
    }
    if (!error) {
      port_ = acceptor_.local_endpoint(error).port();
    }
    if (!error) {
      accept();
      thread_ = std::thread([this] { context_.run(); });
    }
    return error;
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

 private:
  void accept() {
    acceptor_.async_accept([this](ErrorCode error, tcp::socket socket) {
      if (error) {  // out of file descriptors, say: trying again at once would spin
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](ErrorCode) { accept(); });
        return;
      }
      if (shared_->connections >= shared_->options.max_connections) {
        // Who does not read its answer can keep others out no longer than who does not ask.
        auto& oldest = shared_->waiting.empty() ? shared_->answering : shared_->waiting;
        if (!oldest.empty()) {
          oldest.front()->close();
        }
      }
      std::make_shared<Session>(std::move(socket), shared_)->read();
      accept();
    });
  }

  asio::io_context context_{1};
  std::shared_ptr<Shared> shared_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(Options options, Loop& loop, Handler handler) {
  ErrorCode error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) {
    return Error{Code::invalid, "'" + options.address + "' is no IP address to listen on"};
  }
  const std::string where = options.address + " port " + std::to_string(options.port);
  auto server = std::make_unique<BeastServer>(std::move(options), loop, std::move(handler));
  if (const auto failure = server->listen(address)) {
    return Error{Code::unavailable, "cannot listen on " + where + ": " + failure.message()};
  }
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace nocobase_operator::io
