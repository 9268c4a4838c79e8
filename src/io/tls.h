// Strict TLS for the API server with OpenSSL alone: our own trust, SAN checks only, reasons that people can act on.
// Knows nothing of the HTTP library.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include <openssl/ssl.h>

#include "base/result.h"
#include "io/file_text.h"
#include "io/kubeconfig.h"

namespace nocobase_operator::io {

// The TLS settings towards one server; made once, used for every connection. Thread-safe.
class TlsClient : public std::enable_shared_from_this<TlsClient> {
 public:
  // `host` is the URL's host, used when the server has no tls_server_name. Error (invalid) when the CA or the client's
  // key pair cannot be read.
  [[nodiscard]] static Result<std::shared_ptr<TlsClient>> create(const ApiServer& server, const std::string& host);

  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  TlsClient(TlsClient&&) = delete;
  TlsClient& operator=(TlsClient&&) = delete;
  ~TlsClient();

  // Prepares a fresh context: trust, verification, client certificate, SNI, TLS 1.2 or newer. The context keeps this
  // object alive. When that fails, handshakes of the context fail too, with the reason.
  void configure(SSL_CTX* context);

  // Uses this client certificate from the next connection on, instead of one that files or the server's settings give.
  [[nodiscard]] Result<Unit> use_key_pair(const std::string& certificate, const std::string& key);
  // Grows whenever the client certificate is another one; looks at its files. Connections made before it has grown
  // still use the old one.
  [[nodiscard]] std::uint64_t key_pair_version();
  // Makes the next look at the client certificate's files happen whatever the time.
  void expire_key_pair();

  // Why the last handshake failed: "certificate has expired", "hostname mismatch: …"; "" when it did not.
  [[nodiscard]] std::string failure_reason();

 private:
  struct KeyPair;

  TlsClient(const ApiServer& server, std::string host);
  [[nodiscard]] Result<Unit> try_configure(SSL_CTX* context);
  static int verify(X509_STORE_CTX* context, void* unused);
  static void on_progress(const SSL* ssl, int where, int value);
  static std::shared_ptr<TlsClient> of(const SSL* ssl);
  [[nodiscard]] Result<Unit> refresh_trust();
  [[nodiscard]] Result<Unit> refresh_key_pair();
  [[nodiscard]] Result<Unit> set_key_pair(const std::string& certificate, const std::string& key);
  void set_reason(std::string reason);

  const std::string host_;
  FileText ca_;
  FileText certificate_;
  FileText key_;
  std::mutex mutex_;
  X509_STORE* store_ = nullptr;
  std::uint64_t store_version_ = 0;
  std::unique_ptr<KeyPair> pair_;
  std::uint64_t pair_text_ = 0;  // of the files, as read
  std::uint64_t pair_version_ = 0;
  std::string reason_;
};

}  // namespace nocobase_operator::io
