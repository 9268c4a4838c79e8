// An HTTP server on loopback that does what a test tells it, byte by byte, with or without TLS; and certificates for
// it.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace nocobase_operator::io::test {

struct KeyPair {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct CertificateOptions {
  std::string common_name = "test";
  std::string names{};  // subjectAltName as OpenSSL writes it: "DNS:localhost,IP:127.0.0.1"; "" for none
  long starts_in = -3600;
  long ends_in = 3600;
  bool authority = false;
};

// Signed by `issuer`, or by itself when there is none.
[[nodiscard]] KeyPair make_certificate(const CertificateOptions& options, const KeyPair* issuer = nullptr);

struct Request {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One accepted connection. Everything blocks.
class Connection {
 public:
  Connection(int socket, void* ssl) : socket_(socket), ssl_(ssl) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection();

  // The next request, or nothing when the client has gone.
  [[nodiscard]] std::optional<Request> read();
  bool write(std::string_view bytes);
  // A whole response with a length.
  bool respond(int status, std::string_view body, std::string_view extra_headers = "");
  bool start_chunks();
  bool chunk(std::string_view bytes);
  bool end_chunks() { return write("0\r\n\r\n"); }
  // As a proxy that has agreed to a CONNECT: bytes go to and fro between the client and a port on loopback until either
  // end closes.
  void tunnel_to(std::uint16_t port);
  // The common name of the client's certificate, "" without one.
  [[nodiscard]] std::string peer_name() const;
  // Closes the connection with a reset instead of an orderly end.
  void reset();
  // Waits until the client has closed the connection.
  void wait_for_close();

 private:
  [[nodiscard]] int receive(char* buffer, int size);

  int socket_;
  void* ssl_;
  std::string buffered_;
};

class Server {
 public:
  using Handler = std::function<void(Connection&)>;

  // Serves each connection on a thread of its own with `handler`. `tls` null is plain HTTP; `client_ca` asks for a
  // client certificate signed by it.
  explicit Server(Handler handler, const KeyPair* tls = nullptr, const std::string& client_ca = "", bool ipv6 = false);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Server(Server&&) = delete;
  Server& operator=(Server&&) = delete;
  ~Server();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool listening() const { return port_ != 0; }
  // "https://localhost:PORT" and its like.
  [[nodiscard]] std::string url(const std::string& host) const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int socket);

  Handler handler_;
  bool tls_;
  void* context_ = nullptr;
  int listener_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace nocobase_operator::io::test
