#include "fault_proxy.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <list>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>

#include "unit/io/test_server.h"

namespace nocobase_operator::e2e {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Stream = asio::ssl::stream<tcp::socket>;
using ErrorCode = boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 17> names{
    "none",         "drop",          "reset",         "lose_reply", "delay",        "cut",
    "cut_by_reset", "expired_event", "garbage_event", "silence",    "gone",         "throttled",
    "broken",       "unavailable",   "garbage_body",  "garbage",    "unprocessable"};
constexpr std::size_t scheduled = names.size() - 1;  // and those that come by the schedule are before it
constexpr std::string_view expired =
    R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
    R"("message":"too old resource version","reason":"Expired","code":410}})"
    "\n";

// An answer that the server never gave.
std::string canned(Fault fault) {
  const auto status = [](std::string_view line, std::string_view headers, std::string_view body) {
    return "HTTP/1.1 " + std::string(line) + "\r\nContent-Type: application/json\r\n" + std::string(headers) +
           "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  };
  const auto failure = [&](int code, std::string_view line, std::string_view reason, std::string_view headers) {
    return status(
        line, headers,
        R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"made up by the test","reason":")" +
            std::string(reason) + R"(","code":)" + std::to_string(code) + "}");
  };
  switch (fault) {
    case Fault::gone:
      return failure(410, "410 Gone", "Expired", "");
    case Fault::throttled:
      return failure(429, "429 Too Many Requests", "TooManyRequests", "Retry-After: 1\r\n");
    case Fault::broken:
      return failure(500, "500 Internal Server Error", "InternalError", "");
    case Fault::unavailable:
      return failure(503, "503 Service Unavailable", "ServiceUnavailable", "");
    case Fault::garbage_body:
      return status("200 OK", "", "{\"kind\": [[[\x01");
    case Fault::garbage:
      return std::string("\x16\x03\x01 this is no answer\r\n\r\n\0\0", 29);
    case Fault::unprocessable:
      return failure(422, "422 Unprocessable Entity", "Invalid", "");
    case Fault::none:
    case Fault::drop:
    case Fault::reset:
    case Fault::lose_reply:
    case Fault::delay:
    case Fault::cut:
    case Fault::cut_by_reset:
    case Fault::expired_event:
    case Fault::garbage_event:
    case Fault::silence:
      break;
  }
  return "";
}

// What a broken answer ends with.
std::string_view last_words(Fault fault) {
  return fault == Fault::expired_event ? expired : fault == Fault::garbage_event ? "}\x02{[\n" : "";
}

bool breaks_answer(Fault fault) {
  return fault == Fault::cut || fault == Fault::cut_by_reset || fault == Fault::expired_event ||
         fault == Fault::garbage_event;
}

}  // namespace

std::string_view name_of(Fault fault) {
  return names.at(static_cast<std::size_t>(fault));
}

// A thread per connection, all of it blocking: shutting a socket down is what wakes a thread.
class FaultProxy::Impl {
 public:
  explicit Impl(Options options)
      : random_(options.seed),
        certificate_(io::test::make_certificate({.common_name = "proxy", .names = "IP:127.0.0.1", .authority = true})),
        acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    const auto port = options.server.substr(options.server.rfind(':') + 1);
    upstream_ = tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(port)));
    downstream_tls_.use_certificate(asio::buffer(certificate_.certificate), asio::ssl::context::pem);
    downstream_tls_.use_private_key(asio::buffer(certificate_.key), asio::ssl::context::pem);
    upstream_tls_.load_verify_file(options.ca_file);
    upstream_tls_.set_verify_mode(asio::ssl::verify_peer);
    threads_.emplace_back([this] { accept_all(); });
    threads_.emplace_back([this] { disturb(); });
  }

  ~Impl() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      for (const Entry& entry : open_) {
        ::shutdown(entry.socket, SHUT_RDWR);
      }
      wake_.notify_all();
    }
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    for (std::thread& thread : threads_) {  // the acceptor's thread is first, and adds none after it has ended
      thread.join();
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  [[nodiscard]] std::string url() const {
    return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  [[nodiscard]] const std::string& ca_pem() const { return certificate_.certificate; }

  void set(bool faults, Choice choice) {
    const std::scoped_lock lock(mutex_);
    faults_ = faults;
    choice_ = std::move(choice);
    silent_until_ = {};
    wake_.notify_all();
  }

  [[nodiscard]] std::map<std::string, int> counts() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  // A socket that is open, so that another thread can end it.
  struct Entry {
    int socket;
    bool reset = false;
  };
  using Place = std::list<Entry>::iterator;

  // Registers a socket for as long as it lives.
  class Registered {
   public:
    Registered(Impl& impl, tcp::socket& socket) : impl_(impl), socket_(socket) {
      const std::scoped_lock lock(impl_.mutex_);
      place_ = impl_.open_.insert(impl_.open_.end(), {socket_.native_handle()});
      if (impl_.stopping_) {
        ::shutdown(place_->socket, SHUT_RDWR);
      }
    }
    ~Registered() {
      const std::scoped_lock lock(impl_.mutex_);
      if (place_->reset) {
        ErrorCode ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
      }
      ErrorCode ignored;
      socket_.close(ignored);
      impl_.open_.erase(place_);
    }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
    Registered(Registered&&) = delete;
    Registered& operator=(Registered&&) = delete;

    void reset() {
      const std::scoped_lock lock(impl_.mutex_);
      place_->reset = true;
    }

   private:
    Impl& impl_;
    tcp::socket& socket_;
    Place place_;
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }  // with mutex_ held

  void sleep(milliseconds time) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, time, [this] { return stopping_; });
  }

  void wait_while_silent() {
    std::unique_lock lock(mutex_);
    while (!stopping_ && Clock::now() < silent_until_) {
      wake_.wait_until(lock, silent_until_);
    }
  }

  Fault draw(std::string_view method, std::string_view target, std::uint64_t& random) {
    const std::scoped_lock lock(mutex_);
    random = random_();
    Fault fault = Fault::none;
    if (choice_) {
      fault = choice_(method, target);
    } else if (faults_ && below(3) == 0) {
      fault = static_cast<Fault>(1 + below(scheduled - 1));
      if (fault == Fault::silence && below(4) != 0) {
        fault = Fault::delay;  // a silence ends only when the client gives up: few are enough
      }
    }
    if (fault != Fault::none) {
      ++counts_[std::string(name_of(fault))];
    }
    return fault;
  }

  void accept_all() {
    for (;;) {
      ErrorCode error;
      tcp::socket socket(context_);
      acceptor_.accept(socket, error);
      const std::scoped_lock lock(mutex_);
      if (stopping_) {
        return;
      }
      if (!error) {
        threads_.emplace_back([this, peer = std::move(socket)]() mutable { serve(std::move(peer)); });
      }
    }
  }

  // Ends connections and falls silent while there are to be faults.
  void disturb() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, milliseconds(1'000 + below(2'000)), [this] { return stopping_; })) {
      if (!faults_) {
        continue;
      }
      if (below(10) == 0) {
        silent_until_ = Clock::now() + milliseconds(2'000 + below(6'000));
        ++counts_["all silent"];
      }
      if (!open_.empty()) {
        Entry& entry = *std::next(open_.begin(), static_cast<std::ptrdiff_t>(below(open_.size())));
        entry.reset = below(2) == 0;
        ::shutdown(entry.socket, SHUT_RDWR);
        ++counts_["connection ended"];
      }
    }
  }

  void serve(tcp::socket socket) {
    Stream client(std::move(socket), downstream_tls_);
    Registered registered(*this, client.next_layer());
    ErrorCode error;
    client.handshake(asio::ssl::stream_base::server, error);
    beast::flat_buffer buffer;
    while (!error) {
      http::request_parser<http::string_body> request;
      request.body_limit(std::uint64_t{64} << 20U);
      http::read(client, buffer, request, error);
      if (error || !answer(client, registered, request.get())) {
        return;
      }
    }
  }

  // Whether the connection can take another request.
  bool answer(Stream& client, Registered& registered, http::request<http::string_body>& request) {
    std::uint64_t random = 0;
    const std::string_view target(request.target().data(), request.target().size());
    const Fault fault = draw({request.method_string().data(), request.method_string().size()}, target, random);
    ErrorCode error;
    if (const std::string reply = canned(fault); !reply.empty()) {
      asio::write(client, asio::buffer(reply), error);
      return false;
    }
    if (fault == Fault::reset || fault == Fault::cut_by_reset) {
      registered.reset();
    }
    if (fault == Fault::drop || fault == Fault::reset) {
      return false;
    }
    if (fault == Fault::silence) {
      std::array<char, 1> nothing{};
      (void)client.read_some(asio::buffer(nothing), error);
      return false;
    }
    if (fault == Fault::delay) {
      sleep(milliseconds(random % 4'000));
    }
    Stream server(context_, upstream_tls_);
    server.next_layer().connect(upstream_, error);
    if (error) {
      return false;
    }
    const Registered upstream(*this, server.next_layer());
    server.handshake(asio::ssl::stream_base::client, error);
    if (error) {
      return false;
    }
    http::write(server, request, error);
    return !error && relay(server, client, fault, random);
  }

  // Passes an answer on while it comes; a broken one up to some byte of its body.
  bool relay(Stream& server, Stream& client, Fault fault, std::uint64_t random) {
    beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Boost 1.74 takes "none" for zero
    ErrorCode error;
    http::read_header(server, buffer, parser, error);
    if (error || fault == Fault::lose_reply) {
      return false;
    }
    http::response_serializer<http::buffer_body> serializer(parser.get());
    wait_while_silent();
    http::write_header(client, serializer, error);
    std::size_t left = breaks_answer(fault) ? random % 4'000 : SIZE_MAX;
    std::array<char, 16'384> bytes{};
    while (!error && !parser.is_done()) {
      auto& body = parser.get().body();
      body.data = bytes.data();
      body.size = bytes.size();
      http::read_some(server, buffer, parser, error);
      if (error == http::error::need_buffer) {
        error = {};
      }
      if (error) {
        return false;
      }
      body.size = bytes.size() - body.size;
      body.data = bytes.data();
      body.more = !parser.is_done();
      const bool broken = body.size >= left;
      if (broken) {
        body.size = left;
        body.more = true;
      }
      left -= std::min(left, body.size);
      wait_while_silent();
      write_body(client, serializer, error);
      if (broken) {
        const std::string words(last_words(fault));
        body.data = const_cast<char*>(words.data());  // the serializer only reads it
        body.size = words.size();
        write_body(client, serializer, error);
        return false;
      }
    }
    return !error && !breaks_answer(fault) && parser.keep_alive();
  }

  static void write_body(Stream& client, http::response_serializer<http::buffer_body>& serializer, ErrorCode& error) {
    if (serializer.get().body().size == 0 && serializer.get().body().more) {
      return;
    }
    http::write(client, serializer, error);
    if (error == http::error::need_buffer) {
      error = {};
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::mt19937_64 random_;
  bool faults_ = false;
  bool stopping_ = false;
  Choice choice_;
  Clock::time_point silent_until_{};
  std::map<std::string, int> counts_;
  std::list<Entry> open_;

  io::test::KeyPair certificate_;
  asio::io_context context_;
  asio::ssl::context downstream_tls_{asio::ssl::context::tls_server};
  asio::ssl::context upstream_tls_{asio::ssl::context::tls_client};
  tcp::endpoint upstream_;
  tcp::acceptor acceptor_;
  std::list<std::thread> threads_;
};

FaultProxy::FaultProxy(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
FaultProxy::~FaultProxy() = default;

std::string FaultProxy::url() const {
  return impl_->url();
}

const std::string& FaultProxy::ca_pem() const {
  return impl_->ca_pem();
}

void FaultProxy::start_faults() {
  impl_->set(true, nullptr);
}

void FaultProxy::choose_faults(Choice choice) {
  impl_->set(false, std::move(choice));
}

void FaultProxy::stop_faults() {
  impl_->set(false, nullptr);
}

std::map<std::string, int> FaultProxy::counts() const {
  return impl_->counts();
}

}  // namespace nocobase_operator::e2e
