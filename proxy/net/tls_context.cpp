// Context: certificates, keys and what is demanded, from PEM texts into OpenSSL.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <climits>
#include <utility>

#include "net/tls.hpp"

namespace net::tls {
namespace {

constexpr int kMaxChain = 100;  // certificates in one PEM text that are sent along; more is a wrong file

template <typename T, void (*release)(T*)>
struct Releaser {
    void operator()(T* object) const { release(object); }
};
using Certificate = std::unique_ptr<X509, Releaser<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY, EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Releaser<BIO, BIO_free_all>>;

// OpenSSL's own words for the first thing that went wrong; the queue is empty afterwards.
std::string reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "unknown error" : text;
}

Bio reader(std::string_view pem) {
    return Bio(pem.size() > INT_MAX ? nullptr : BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Without it OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

// The end of a PEM text shows as "no start line"; everything else is damage.
bool at_end_of_pem() {
    const auto code = ERR_peek_last_error();
    const bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return end;
}

base::Result<std::vector<Certificate>> read_certificates(std::string_view pem) {
    ERR_clear_error();
    const auto bio = reader(pem);
    if (!bio)
        return base::error("too big");
    std::vector<Certificate> found;
    while (auto* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
        found.emplace_back(certificate);
        if (found.size() > kMaxChain * 10)
            return base::error("holds too many certificates");
    }
    if (!at_end_of_pem())
        return base::error("certificate {} in it cannot be read", found.size() + 1);
    if (found.empty())
        return base::error("holds no certificate in PEM form");
    return found;
}

base::Status use_certificate(SSL_CTX* context, std::string_view pem, std::string& warning) {
    auto chain = read_certificates(pem);
    if (!chain)
        return base::error("the certificate file: {}", chain.error().message);
    if (chain->size() > kMaxChain)
        return base::error("the certificate file holds too many certificates");
    const auto& own = chain->front();
    if (SSL_CTX_use_certificate(context, own.get()) != 1)
        return base::error("the certificate cannot be used: {}", reason());
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
            return base::error("certificate {} of the certificate file cannot be used: {}", i + 1, reason());
    if (X509_cmp_current_time(X509_get0_notAfter(own.get())) < 0)
        warning = "the certificate has expired";
    else if (X509_cmp_current_time(X509_get0_notBefore(own.get())) > 0)
        warning = "the certificate is not valid yet";
    return base::ok();
}

base::Status use_key(SSL_CTX* context, std::string_view pem) {
    ERR_clear_error();
    const auto bio = reader(pem);
    const Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!key) {
        const bool encrypted = pem.find("ENCRYPTED") != std::string_view::npos;
        ERR_clear_error();
        return base::error("the key file {}", encrypted ? "is protected by a passphrase, which nobody could type in"
                                                        : "holds no private key in PEM form");
    }
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
        ERR_clear_error();
        return base::error("the key does not belong to the certificate");
    }
    return base::ok();
}

base::Status trust(SSL_CTX* context, std::string_view pem, bool name_to_clients) {
    auto authorities = read_certificates(pem);
    if (!authorities)
        return base::error("the CA file: {}", authorities.error().message);
    for (const auto& authority : *authorities) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1)
            return base::error("a certificate of the CA file cannot be used: {}", reason());
        if (name_to_clients && SSL_CTX_add_client_CA(context, authority.get()) != 1)
            return base::error("a certificate of the CA file cannot be named to clients: {}", reason());
    }
    return base::ok();
}

// The certificate is judged, and the judgement kept for the log; the handshake goes on.
int accept_any(int, X509_STORE_CTX*) {
    return 1;
}

base::Result<SSL_CTX*> make(bool server, Version minimum) {
    ERR_clear_error();
    SSL_CTX* context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (context == nullptr)
        return base::error("TLS: {}", reason());
    SSL_CTX_set_min_proto_version(context, minimum == Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // An idle connection keeps no record buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_dh_auto(context, 1);
    return context;
}

}  // namespace

base::Result<std::shared_ptr<const Context>> Context::server(const ServerOptions& options) {
    auto made = make(true, options.minimum);
    if (!made)
        return made.error();
    const std::shared_ptr<Context> context(new Context);
    context->context_ = *made;
    context->is_server_ = true;
    context->asks_clients_ = options.clients != ClientCertificates::kNo;
    if (auto used = use_certificate(*made, options.certificate, context->warning_); !used)
        return used.error();
    if (auto used = use_key(*made, options.key); !used)
        return used.error();
    if (context->asks_clients_) {
        if (auto trusted = trust(*made, options.client_ca, true); !trusted)
            return trusted.error();
        if (options.clients == ClientCertificates::kRequire)
            SSL_CTX_set_verify(*made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        else
            SSL_CTX_set_verify(*made, SSL_VERIFY_PEER, accept_any);
    }
    return std::shared_ptr<const Context>(context);
}

base::Result<std::shared_ptr<const Context>> Context::client(const ClientOptions& options) {
    auto made = make(false, Version::k12);
    if (!made)
        return made.error();
    const std::shared_ptr<Context> context(new Context);
    context->context_ = *made;
    context->fingerprint_ = options.fingerprint;
    if (!options.ca.empty()) {
        if (auto trusted = trust(*made, options.ca, false); !trusted)
            return trusted.error();
        context->verifies_name_ = true;
        SSL_CTX_set_verify(*made, SSL_VERIFY_PEER, nullptr);
    }
    return std::shared_ptr<const Context>(context);
}

Context::~Context() {
    SSL_CTX_free(context_);
}

}  // namespace net::tls
