// TLS 1.2 and 1.3 (OpenSSL 3) without a socket: a Context made of PEM texts, and the Engine of one connection, which
// turns what the network brings into text and text into what goes to the network. net::Stream does the rest.
//
// A Context never changes and is shared by all threads; a reload makes another one, and connections keep theirs. No
// compression, no renegotiation, no session resumption: each has had its attack, and none helps connections that are
// pooled. OpenSSL's own headers stay out of here. Not for files: whoever has the right to read them hands in the text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// NOLINTBEGIN(readability-identifier-naming): OpenSSL's names
struct ssl_ctx_st;
struct ssl_st;
struct bio_st;
// NOLINTEND(readability-identifier-naming)

namespace net::tls {

enum class Version { k12, k13 };

enum class ClientCertificates {
    kNo,       // not asked for
    kAsk,      // asked for; what comes is judged, for the log, and the connection goes on in any case
    kRequire,  // without a valid one there is no connection
};

struct ServerOptions {
    std::string_view certificate;  // PEM: our own first, then those of its issuers
    std::string_view key;          // PEM, without a passphrase
    Version minimum = Version::k12;
    ClientCertificates clients = ClientCertificates::kNo;
    std::string_view client_ca;  // PEM: who issues the clients' certificates; needed unless kNo
};

struct ClientOptions {
    // Any of the two makes the connection depend on the server's certificate; with both, both must hold.
    std::string_view ca;      // PEM: the certificate must come from one of these, be in force, and be for Peer::name
    std::string fingerprint;  // SHA-256 of the certificate itself, 64 lower-case hex digits
};

// Whom a client expects to meet.
struct Peer {
    std::string name;     // in the certificate and in SNI; empty: `address` is looked for in the certificate
    std::string address;  // the server's IP address as text
};

class Context {
  public:
    // Error: what is wrong with which of the texts, for the administrator.
    static base::Result<std::shared_ptr<const Context>> server(const ServerOptions& options);
    static base::Result<std::shared_ptr<const Context>> client(const ClientOptions& options);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    // Why our own certificate is of no use at this moment (expired, not yet valid); empty when it is.
    [[nodiscard]] const std::string& certificate_warning() const { return warning_; }

  private:
    friend class Engine;
    Context() = default;

    ssl_ctx_st* context_ = nullptr;
    bool is_server_ = false;
    bool asks_clients_ = false;
    bool verifies_name_ = false;
    std::string fingerprint_;
    std::string warning_;
};
using ContextPtr = std::shared_ptr<const Context>;

class Engine {
  public:
    // After the handshake the peer makes us send at most this much that is no text (alerts, key updates).
    static constexpr std::size_t kMaxHousekeeping = 64 * 1024;

    explicit Engine(ContextPtr context);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // A client says whom it expects, and begins. Error: the name cannot be verified as it is.
    base::Status begin(const Peer& peer);

    // What the network brought; text is appended to `text`. Look at the state afterwards: text that came before a
    // failure is good. There may be output to send.
    void feed(std::string_view network, std::string& text);
    // Precondition: established(), else the text is dropped: nothing may leave in the clear.
    void write(std::string_view text);
    // "Nothing more comes from us" (close_notify).
    void close();
    // What is to go to the network, and empties it.
    std::string take_output();

    [[nodiscard]] bool established() const { return established_; }
    // The peer has said that nothing more comes. An end of the connection without that may be an attacker's work.
    [[nodiscard]] bool closed_by_peer() const { return closed_by_peer_; }
    [[nodiscard]] bool failed() const { return !failure_.empty(); }
    [[nodiscard]] const std::string& failure() const { return failure_; }  // for the log

    // "TLSv1.3/TLS_AES_256_GCM_SHA384", and what was thought of a client's certificate that was asked for:
    // ", verify=OK", ", verify=NO" (there was none), ", verify=FAIL". Empty before it is established.
    [[nodiscard]] std::string description() const;

  private:
    void advance();
    void read(std::string& text);
    void collect();
    void fail(std::string why);
    [[nodiscard]] std::string why_handshake_failed() const;

    ContextPtr context_;
    ssl_st* ssl_ = nullptr;
    bio_st* from_network_ = nullptr;  // both belong to ssl_
    bio_st* to_network_ = nullptr;
    std::string output_;
    std::size_t housekeeping_ = 0;
    bool established_ = false;
    bool closed_by_peer_ = false;
    std::string failure_;
};

}  // namespace net::tls
