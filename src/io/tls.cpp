#include "io/tls.h"

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "io/system_trust.h"
#include "io/url.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t max_names_shown = 8;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Freer<&BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<&X509_STORE_free>>;

Bio text_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The last error of OpenSSL in words; empties its queue.
std::string openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unreadable" : reason;
}

// Without this callback OpenSSL asks on the terminal for the password of an encrypted key.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = text_bio(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    certificates.emplace_back(certificate);
  }
  return certificates;
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(address) != 16) {
    return "?";
  }
  return ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) == nullptr ? "?" : text.data();
}

// The names a certificate is for, as text for an error message.
std::string names_of(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string text;
  std::size_t shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) {
      continue;
    }
    if (shown++ == max_names_shown) {
      text += ", …";
      break;
    }
    text += text.empty() ? "" : ", ";
    if (name->type == GEN_IPADD) {
      text += ip_text(name->d.iPAddress);
    } else {
      text.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(
                      name->d.dNSName)),  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) OpenSSL's bytes
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    }
  }
  GENERAL_NAMES_free(names);
  return text.empty() ? "no name at all (it has no subjectAltName)" : text;
}

// Keeps a TlsClient alive for as long as a context that uses it.
// NOLINTNEXTLINE(readability-function-size) the parameters are OpenSSL's
void free_owner(void* /*parent*/, void* owner, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*arg*/,
                void* /*pointer*/) {
  delete static_cast<std::shared_ptr<TlsClient>*>(
      owner);  // NOLINT(cppcoreguidelines-owning-memory) owned by the SSL_CTX
}

int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_owner);
  return index;
}

Result<Unit> load_system_trust(X509_STORE* store) {
  const std::string file = system_trust_file();
  const bool loaded = X509_STORE_load_file(store, file.c_str()) == 1;
  ERR_clear_error();
  if (!loaded) {
    return Error{Code::invalid, "no CA is given and the system has none at " + file};
  }
  return Unit{};
}

Result<Store> make_store(const std::string& pem, bool system) {
  Store store(X509_STORE_new());
  if (system) {
    TRY(load_system_trust(store.get()));
    return store;
  }
  const std::vector<Certificate> certificates = read_certificates(pem);
  ERR_clear_error();
  if (certificates.empty()) {
    return Error{Code::invalid, "the CA bundle holds no PEM certificate"};
  }
  for (const Certificate& certificate : certificates) {
    X509_STORE_add_cert(store.get(), certificate.get());
  }
  // Like Go's verifier, an intermediate in the bundle is trusted by itself.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return store;
}

}  // namespace

struct TlsClient::KeyPair {
  std::vector<Certificate> chain;
  Key key;
};

TlsClient::TlsClient(const ApiServer& server, std::string host)
    : host_(std::move(host)),
      ca_(server.ca_pem.empty() ? server.ca_file : "", server.ca_pem),
      certificate_(server.credentials.client_cert_pem.empty() ? server.credentials.client_cert_file : "",
                   server.credentials.client_cert_pem),
      key_(server.credentials.client_key_pem.empty() ? server.credentials.client_key_file : "",
           server.credentials.client_key_pem) {}

TlsClient::~TlsClient() {
  X509_STORE_free(store_);
}

Result<std::shared_ptr<TlsClient>> TlsClient::create(const ApiServer& server, const std::string& host) {
  const std::string name = server.tls_server_name.empty() ? without_zone(host) : server.tls_server_name;
  std::shared_ptr<TlsClient> client(new TlsClient(server, name));
  const std::scoped_lock lock(client->mutex_);
  TRY(client->refresh_trust());
  TRY(client->refresh_key_pair());
  return client;
}

// Called with the mutex held. A bundle that became unreadable leaves the last good one in place.
Result<Unit> TlsClient::refresh_trust() {
  const FileText::Version ca = ca_.current();
  if (store_ != nullptr && ca.number == store_version_) {
    return Unit{};
  }
  const bool system = ca.text.empty() && ca_.path().empty();
  Result<Store> store = make_store(ca.text, system);
  if (!store.ok()) {
    const std::string where = ca_.path().empty() ? "" : ca_.path() + ": ";
    return Error{Code::invalid, where + store.error().what};
  }
  X509_STORE_free(store_);
  store_ = std::move(store).value().release();
  store_version_ = ca.number;
  return Unit{};
}

// Called with the mutex held. Files are replaced one after the other: a pair that does not match yet is left for later.
Result<Unit> TlsClient::refresh_key_pair() {
  const FileText::Version certificate = certificate_.current();
  const FileText::Version key = key_.current();
  const bool wanted =
      !certificate.text.empty() || !certificate_.path().empty() || !key.text.empty() || !key_.path().empty();
  if (!wanted || (pair_ && pair_text_ == certificate.number + key.number)) {
    return Unit{};
  }
  TRY(set_key_pair(certificate.text, key.text));
  pair_text_ = certificate.number + key.number;
  return Unit{};
}

// Called with the mutex held.
Result<Unit> TlsClient::set_key_pair(const std::string& certificate, const std::string& key) {
  auto pair = std::make_unique<KeyPair>();
  pair->chain = read_certificates(certificate);
  ERR_clear_error();
  if (pair->chain.empty()) {
    return Error{Code::invalid, "client certificate " + certificate_.path() + ": no PEM certificate"};
  }
  const Bio bio = text_bio(key);
  pair->key = Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!pair->key) {
    return Error{Code::invalid, "client key " + key_.path() + ": " + openssl_error()};
  }
  if (X509_check_private_key(pair->chain.front().get(), pair->key.get()) != 1) {
    return Error{Code::invalid, "the client certificate and the client key do not belong together: " + openssl_error()};
  }
  pair_ = std::move(pair);
  ++pair_version_;
  return Unit{};
}

Result<Unit> TlsClient::use_key_pair(const std::string& certificate, const std::string& key) {
  const std::scoped_lock lock(mutex_);
  return set_key_pair(certificate, key);
}

std::uint64_t TlsClient::key_pair_version() {
  const std::scoped_lock lock(mutex_);
  static_cast<void>(refresh_key_pair().ok());  // half replaced files: the last good pair stays
  return pair_version_;
}

void TlsClient::expire_key_pair() {
  certificate_.expire();
  key_.expire();
}

void TlsClient::configure(SSL_CTX* context) {
  const Result<Unit> configured = try_configure(context);
  if (!configured.ok()) {
    set_reason(configured.error().what);
    SSL_CTX_set_cert_verify_callback(
        context, [](X509_STORE_CTX*, void*) { return 0; }, nullptr);
  }
}

Result<Unit> TlsClient::try_configure(SSL_CTX* context) {
  const std::scoped_lock lock(mutex_);
  // What was good once stays in use when its file is in the middle of being replaced.
  const Result<Unit> trust = refresh_trust();
  if (!trust.ok() && store_ == nullptr) {
    return trust.error();
  }
  const Result<Unit> pair = refresh_key_pair();
  if (!pair.ok() && !pair_) {
    return pair.error();
  }
  X509_STORE_up_ref(store_);
  SSL_CTX_set_cert_store(context, store_);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  SSL_CTX_set_info_callback(context, on_progress);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // a watch is quiet for most of its time
  if (pair_) {
    bool used = SSL_CTX_use_certificate(context, pair_->chain.front().get()) == 1;
    for (std::size_t i = 1; used && i < pair_->chain.size(); ++i) {
      used = SSL_CTX_add1_chain_cert(context, pair_->chain[i].get()) == 1;
    }
    if (!used || SSL_CTX_use_PrivateKey(context, pair_->key.get()) != 1) {
      return Error{Code::invalid, "client certificate: " + openssl_error()};
    }
  }
  auto owner = std::make_unique<std::shared_ptr<TlsClient>>(shared_from_this());
  if (SSL_CTX_set_ex_data(context, owner_index(), owner.get()) != 1) {
    return Error{Code::invalid, openssl_error()};
  }
  static_cast<void>(owner.release());  // free_owner deletes it with the context
  return Unit{};
}

std::shared_ptr<TlsClient> TlsClient::of(const SSL* ssl) {
  const auto* owner =
      static_cast<std::shared_ptr<TlsClient>*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_index()));
  return owner == nullptr ? nullptr : *owner;
}

// Replaces OpenSSL's check of the chain and the HTTP library's check of the name, which also accepts a common name.
int TlsClient::verify(X509_STORE_CTX* context, void* /*unused*/) {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const std::shared_ptr<TlsClient> self = of(ssl);
  if (!self) {
    return 0;
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool named = is_ip_address(self->host_)
                         ? X509_VERIFY_PARAM_set1_ip_asc(parameters, self->host_.c_str()) == 1
                         : X509_VERIFY_PARAM_set1_host(parameters, self->host_.c_str(), self->host_.size()) == 1;
  if (!named) {
    self->set_reason("the name \"" + self->host_ + "\" cannot be verified");
    return 0;
  }
  X509_STORE_CTX_set_verify_cb(context, [](int ok, X509_STORE_CTX*) { return ok; });
  const int verified = X509_verify_cert(context);
  if (verified == 1) {
    self->set_reason("");
    return 1;
  }
  const int error = X509_STORE_CTX_get_error(context);
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    self->set_reason("hostname mismatch: the certificate is for " + names_of(X509_STORE_CTX_get0_cert(context)) +
                     ", not for " + self->host_);
  } else {
    self->set_reason(X509_verify_cert_error_string(error));
  }
  return 0;
}

// Sets the server name before the hello is written (only names: RFC 6066 allows no addresses) and keeps fatal alerts.
void TlsClient::on_progress(const SSL* ssl, int where, int value) {
  const std::shared_ptr<TlsClient> self = of(ssl);
  if (!self) {
    return;
  }
  if ((where & SSL_CB_HANDSHAKE_START) != 0 && !is_ip_address(self->host_)) {
    // OpenSSL hands its own callback a const SSL although it allows changes here.
    SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), self->host_.c_str());
  }
  constexpr int read_alert = SSL_CB_ALERT | SSL_CB_READ;
  if ((where & read_alert) == read_alert && (value >> 8) == SSL3_AL_FATAL) {
    self->set_reason(std::string("the server refused: ") + SSL_alert_desc_string_long(value));
  }
}

void TlsClient::set_reason(std::string reason) {
  const std::scoped_lock lock(mutex_);
  reason_ = std::move(reason);
}

std::string TlsClient::failure_reason() {
  const std::scoped_lock lock(mutex_);
  return reason_;
}

}  // namespace nocobase_operator::io
