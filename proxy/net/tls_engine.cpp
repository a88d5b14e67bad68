// Engine: one connection's TLS over two memory buffers.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>
#include <new>
#include <utility>

#include "net/tls.hpp"

namespace net::tls {
namespace {

std::string last_error() {
    const auto code = ERR_peek_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? std::string() : text;
}

int as_int(std::size_t octets) {
    return static_cast<int>(std::min<std::size_t>(octets, INT_MAX));
}

// Lower-case hex of the certificate's SHA-256; empty when there is no certificate.
std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest.data(), &length) != 1)
        return {};
    std::string text;
    for (unsigned i = 0; i < length; ++i)
        text += fmt::format("{:02x}", digest[i]);
    return text;
}

}  // namespace

Engine::Engine(ContextPtr context)
    : context_(std::move(context)),
      ssl_(SSL_new(context_->context_)),
      from_network_(BIO_new(BIO_s_mem())),
      to_network_(BIO_new(BIO_s_mem())) {
    if (ssl_ == nullptr || from_network_ == nullptr || to_network_ == nullptr)
        throw std::bad_alloc();
    // An empty buffer means "later", not "the end".
    BIO_set_mem_eof_return(from_network_, -1);
    BIO_set_mem_eof_return(to_network_, -1);
    SSL_set_bio(ssl_, from_network_, to_network_);
    if (context_->is_server_)
        SSL_set_accept_state(ssl_);
    else
        SSL_set_connect_state(ssl_);
}

Engine::~Engine() {
    SSL_free(ssl_);
}

base::Status Engine::begin(const Peer& peer) {
    ERR_clear_error();
    if (!peer.name.empty() && SSL_set_tlsext_host_name(ssl_, peer.name.c_str()) != 1)
        return base::error("the name {} cannot be asked for", peer.name);
    if (context_->verifies_name_) {
        SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        auto* const parameters = SSL_get0_param(ssl_);
        const bool set = peer.name.empty() ? X509_VERIFY_PARAM_set1_ip_asc(parameters, peer.address.c_str()) == 1
                                           : SSL_set1_host(ssl_, peer.name.c_str()) == 1;
        if (!set)
            return base::error("{} cannot be verified", peer.name.empty() ? peer.address : peer.name);
    }
    advance();
    collect();
    if (failed())
        return base::error("{}", failure_);
    return base::ok();
}

void Engine::feed(std::string_view network, std::string& text) {
    if (failed() || closed_by_peer_)
        return;
    while (!network.empty()) {
        const int took = BIO_write(from_network_, network.data(), as_int(network.size()));
        if (took <= 0)
            return fail("out of memory");
        network.remove_prefix(static_cast<std::size_t>(took));
    }
    ERR_clear_error();
    const bool was_established = established_;
    if (!established_)
        advance();
    if (established_ && !failed())
        read(text);
    const auto before = output_.size();
    collect();
    // RFC 8446 section 4.6.3: each key update may demand one of ours. A peer that does nothing else would fill memory.
    if (was_established)
        housekeeping_ += output_.size() - before;
    if (housekeeping_ > kMaxHousekeeping && !failed())
        fail("too many messages of TLS itself");
}

void Engine::advance() {
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) {
        if (!context_->fingerprint_.empty() &&
            fingerprint_of(SSL_get0_peer_certificate(ssl_)) != context_->fingerprint_)
            return fail("the certificate has another fingerprint");
        established_ = true;
        return;
    }
    const int error = SSL_get_error(ssl_, done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        fail(why_handshake_failed());
}

std::string Engine::why_handshake_failed() const {
    const auto verified = SSL_get_verify_result(ssl_);
    const auto why = last_error();
    if (verified != X509_V_OK)
        return fmt::format("TLS handshake: {} ({})", why.empty() ? "failed" : why,
                           X509_verify_cert_error_string(verified));
    return fmt::format("TLS handshake: {}", why.empty() ? "failed" : why);
}

void Engine::read(std::string& text) {
    std::array<char, 16 * 1024> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by SSL_read
    for (;;) {
        const int got = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
        if (got > 0) {
            text.append(piece.data(), static_cast<std::size_t>(got));
            continue;
        }
        const int error = SSL_get_error(ssl_, got);
        if (error == SSL_ERROR_ZERO_RETURN)
            closed_by_peer_ = true;
        else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            fail(fmt::format("TLS: {}", last_error().empty() ? "failed" : last_error()));
        return;
    }
}

void Engine::write(std::string_view text) {
    if (!established_ || failed())
        return;
    ERR_clear_error();
    while (!text.empty()) {
        const int took = SSL_write(ssl_, text.data(), as_int(text.size()));
        if (took <= 0)
            return fail(fmt::format("TLS: {}", last_error().empty() ? "cannot write" : last_error()));
        text.remove_prefix(static_cast<std::size_t>(took));
    }
    collect();
}

void Engine::close() {
    if (!established_ || failed())
        return;
    ERR_clear_error();
    SSL_shutdown(ssl_);
    collect();
    ERR_clear_error();
}

std::string Engine::take_output() {
    return std::exchange(output_, {});
}

void Engine::collect() {
    std::array<char, 16 * 1024> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by BIO_read
    int got = 0;
    while ((got = BIO_read(to_network_, piece.data(), static_cast<int>(piece.size()))) > 0)
        output_.append(piece.data(), static_cast<std::size_t>(got));
}

void Engine::fail(std::string why) {
    failure_ = std::move(why);
    collect();  // the alert that tells the peer
    ERR_clear_error();
}

std::string Engine::description() const {
    if (!established_)
        return {};
    auto text = fmt::format("{}/{}", SSL_get_version(ssl_), SSL_get_cipher_name(ssl_));
    if (!context_->asks_clients_)
        return text;
    if (SSL_get0_peer_certificate(ssl_) == nullptr)
        return text + ", verify=NO";
    return text + (SSL_get_verify_result(ssl_) == X509_V_OK ? ", verify=OK" : ", verify=FAIL");
}

}  // namespace net::tls
