#include "unit/io/test_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/check.h"

namespace nocobase_operator::io::test {
namespace {

std::string pem_of(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  CHECK(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

BIO* bio_of(const std::string& text) {
  return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

X509* certificate_of(const std::string& pem) {
  BIO* bio = bio_of(pem);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  CHECK(certificate != nullptr);
  return certificate;
}

EVP_PKEY* key_of(const std::string& pem) {
  BIO* bio = bio_of(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  CHECK(key != nullptr);
  return key;
}

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

SSL_CTX* make_context(const KeyPair& pair, const std::string& client_ca) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  X509* certificate = certificate_of(pair.certificate);
  EVP_PKEY* key = key_of(pair.key);
  CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
  CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!client_ca.empty()) {
    X509* authority = certificate_of(client_ca);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}

}  // namespace

KeyPair make_certificate(const CertificateOptions& options, const KeyPair* issuer) {
  static std::atomic<long> serial = 1;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), options.starts_in);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.ends_in);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(options.common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate, key);
  X509* parent = issuer == nullptr ? certificate : certificate_of(issuer->certificate);
  EVP_PKEY* signer = issuer == nullptr ? key : key_of(issuer->key);
  X509_set_issuer_name(certificate, X509_get_subject_name(parent));
  add_extension(certificate, parent, NID_basic_constraints, options.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!options.names.empty()) {
    add_extension(certificate, parent, NID_subject_alt_name, options.names);
  }
  CHECK(X509_sign(certificate, signer, EVP_sha256()) > 0);
  KeyPair pair{pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }), pem_of([&](BIO* bio) {
                 return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
               })};
  if (issuer != nullptr) {
    X509_free(parent);
    EVP_PKEY_free(signer);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

Connection::~Connection() {
  if (ssl_ != nullptr) {
    SSL_free(static_cast<SSL*>(ssl_));
  }
}

int Connection::receive(char* buffer, int size) {
  if (ssl_ == nullptr) {
    return static_cast<int>(::recv(socket_, buffer, static_cast<std::size_t>(size), 0));
  }
  return SSL_read(static_cast<SSL*>(ssl_), buffer, size);
}

std::optional<Request> Connection::read() {
  const auto more = [&] {
    std::array<char, 16384> buffer{};
    const int count = receive(buffer.data(), static_cast<int>(buffer.size()));
    if (count > 0) {
      buffered_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return count > 0;
  };
  std::size_t end = 0;
  while ((end = buffered_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) {
      return std::nullopt;
    }
  }
  Request request;
  std::string head = buffered_.substr(0, end + 2);
  buffered_.erase(0, end + 4);
  const std::size_t first = head.find("\r\n");
  const std::string line = head.substr(0, first);
  request.method = line.substr(0, line.find(' '));
  request.path = line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
  head.erase(0, first + 2);
  while (!head.empty()) {
    const std::string header = head.substr(0, head.find("\r\n"));
    head.erase(0, header.size() + 2);
    const std::size_t colon = header.find(':');
    request.headers[lower(header.substr(0, colon))] =
        header.substr(std::min(header.find_first_not_of(' ', colon + 1), header.size()));
  }
  const auto length = request.headers.find("content-length");
  const std::size_t size = length == request.headers.end() ? 0 : std::strtoul(length->second.c_str(), nullptr, 10);
  while (buffered_.size() < size) {
    if (!more()) {
      return std::nullopt;
    }
  }
  request.body = buffered_.substr(0, size);
  buffered_.erase(0, size);
  return request;
}

bool Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const int count = ssl_ == nullptr
                          ? static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL))
                          : SSL_write(static_cast<SSL*>(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    if (count <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool Connection::respond(int status, std::string_view body, std::string_view extra_headers) {
  return write("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n" + std::string(extra_headers) + "\r\n" + std::string(body));
}

bool Connection::start_chunks() {
  return write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool Connection::chunk(std::string_view bytes) {
  std::array<char, 32> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return write(std::string(size.data()) + std::string(bytes) + "\r\n");
}

void Connection::tunnel_to(std::uint16_t port) {
  const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  CHECK(::connect(other, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  write("HTTP/1.1 200 Connection established\r\n\r\n");
  std::array<pollfd, 2> polled{{{socket_, POLLIN, 0}, {other, POLLIN, 0}}};
  std::array<char, 16384> buffer{};
  for (bool open = true; open && ::poll(polled.data(), polled.size(), -1) > 0;) {
    for (std::size_t i = 0; i < polled.size() && open; ++i) {
      if (polled.at(i).revents != 0) {
        const ssize_t count = ::recv(polled.at(i).fd, buffer.data(), buffer.size(), 0);
        open =
            count > 0 && ::send(polled.at(1 - i).fd, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) > 0;
      }
    }
  }
  ::close(other);
  ::shutdown(socket_, SHUT_RDWR);
}

std::string Connection::peer_name() const {
  X509* certificate = ssl_ == nullptr ? nullptr : SSL_get1_peer_certificate(static_cast<SSL*>(ssl_));
  if (certificate == nullptr) {
    return "";
  }
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  X509_free(certificate);
  return name.data();
}

void Connection::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void Connection::wait_for_close() {
  std::array<char, 1024> buffer{};
  while (receive(buffer.data(), static_cast<int>(buffer.size())) > 0) {
  }
}

Server::Server(Handler handler, const KeyPair* tls, const std::string& client_ca, bool ipv6)
    : handler_(std::move(handler)), tls_(tls != nullptr) {
  if (tls_) {
    context_ = make_context(*tls, client_ca);
  }
  listener_ = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* address = ipv6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  socklen_t size = ipv6 ? sizeof six : sizeof four;
  if (listener_ < 0 || ::bind(listener_, address, size) != 0 || ::listen(listener_, 128) != 0) {
    return;
  }
  sockaddr_storage bound{};
  size = sizeof bound;
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  port_ = ntohs(ipv6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                     : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  acceptor_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  if (acceptor_.joinable()) {
    const std::uint64_t one = 1;
    CHECK(::write(stop_, &one, sizeof one) == static_cast<ssize_t>(sizeof one));
    acceptor_.join();
  }
  {
    const std::scoped_lock lock(mutex_);
    for (const int socket : open_) {
      ::shutdown(socket, SHUT_RDWR);
    }
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  ::close(listener_);
  ::close(stop_);
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

std::string Server::url(const std::string& host) const {
  return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

void Server::accept_all() {
  std::array<pollfd, 2> polled{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
  for (;;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      continue;
    }
    if (polled[1].revents != 0) {
      return;
    }
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      continue;
    }
    ++connections_;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::scoped_lock lock(mutex_);
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void Server::serve(int socket) {
  SSL* ssl = nullptr;
  bool ready = true;
  if (tls_) {
    ssl = SSL_new(static_cast<SSL_CTX*>(context_));
    SSL_set_fd(ssl, socket);
    ready = SSL_accept(ssl) == 1;
  }
  {
    Connection connection(socket, ssl);
    if (ready) {
      handler_(connection);
    } else {
      // The alert must reach the client before a reset does.
      std::array<char, 1024> rest{};
      ::shutdown(socket, SHUT_WR);
      while (::recv(socket, rest.data(), rest.size(), 0) > 0) {
      }
    }
  }
  ERR_clear_error();
  const std::scoped_lock lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), socket));
  ::close(socket);
}

}  // namespace nocobase_operator::io::test
