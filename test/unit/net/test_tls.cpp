// Context and Engine without a socket: what two engines say to each other, cut into any pieces.
#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "net/tls.hpp"

namespace {

using namespace net::tls;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

// A certificate that signs itself, for mx.test, in force until so many seconds from now.
struct Pair {
    std::string certificate;
    std::string key;

    explicit Pair(long seconds = 3600) {
        EVP_PKEY* pair = EVP_EC_gen("P-256");
        X509* x509 = X509_new();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
        X509_gmtime_adj(X509_getm_notBefore(x509), -7200);
        X509_gmtime_adj(X509_getm_notAfter(x509), seconds);
        X509_set_pubkey(x509, pair);
        auto* name = X509_get_subject_name(x509);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("mx"), -1, -1, 0);
        X509_set_issuer_name(x509, name);
        X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:mx.test");
        X509_add_ext(x509, names, -1);
        X509_EXTENSION_free(names);
        X509_sign(x509, pair, EVP_sha256());
        BIO* bio = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(bio, x509);
        certificate = text_of(bio);
        bio = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(bio, pair, nullptr, nullptr, 0, nullptr, nullptr);
        key = text_of(bio);
        X509_free(x509);
        EVP_PKEY_free(pair);
    }
};

const Pair& own() {
    static const Pair pair;
    return pair;
}

ContextPtr server_context(const Pair& pair = own(), Version minimum = Version::k12) {
    auto made = Context::server({pair.certificate, pair.key, minimum, ClientCertificates::kNo, {}});
    REQUIRE(made.has_value());
    return *made;
}

ContextPtr client_context(const ClientOptions& options = {}) {
    auto made = Context::client(options);
    REQUIRE(made.has_value());
    return *made;
}

std::string why_not(const ServerOptions& options) {
    const auto made = Context::server(options);
    return made ? "" : made.error().message;
}

struct Talk {
    Engine server;
    Engine client;
    std::string at_server;  // text that arrived
    std::string at_client;

    explicit Talk(const ContextPtr& to_client = client_context(), const Peer& peer = {"mx.test", "127.0.0.1"},
                  const ContextPtr& of_server = server_context())
        : server(of_server), client(to_client) {
        begun = client.begin(peer).has_value();
    }
    bool begun;

    // Carries everything to and fro, `piece` octets at a time.
    void carry(std::size_t piece = std::string::npos) {
        for (bool moved = true; moved;) {
            moved = move(client, server, at_server, piece);
            moved = move(server, client, at_client, piece) || moved;
        }
    }
    static bool move(Engine& from, Engine& to, std::string& text, std::size_t piece) {
        const auto octets = from.take_output();
        for (std::size_t at = 0; at < octets.size(); at += std::min(piece, octets.size()))
            to.feed(std::string_view(octets).substr(at, piece), text);
        return !octets.empty();
    }
};

}  // namespace

TEST_CASE("text arrives, in whatever pieces") {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
        Talk talk;
        talk.carry(piece);
        REQUIRE(talk.server.established());
        REQUIRE(talk.client.established());
        const std::string big(100'000, 'x');
        talk.client.write("EHLO x\r\n");
        talk.client.write(big);
        talk.server.write("250 y\r\n");
        talk.carry(piece);
        CHECK(talk.at_server == "EHLO x\r\n" + big);
        CHECK(talk.at_client == "250 y\r\n");
        CHECK(talk.server.description().starts_with("TLSv1.3/TLS_"));
        CHECK_FALSE(talk.server.closed_by_peer());
    }
}

TEST_CASE("nothing leaves before the handshake is done") {
    Talk talk;
    talk.client.take_output();
    talk.client.write("secret");
    talk.server.write("secret");
    talk.server.close();
    CHECK(talk.client.take_output().empty());
    CHECK(talk.server.take_output().empty());
    CHECK(talk.server.description().empty());
}

TEST_CASE("text before a close_notify counts, and what comes behind it does not") {
    Talk talk;
    talk.carry();
    talk.client.write("last words");
    talk.client.close();
    auto octets = talk.client.take_output();
    talk.server.feed(octets + "garbage", talk.at_server);
    CHECK(talk.at_server == "last words");
    CHECK(talk.server.closed_by_peer());
    CHECK_FALSE(talk.server.failed());
}

TEST_CASE("what is no TLS fails, and is no text") {
    for (const bool established : {false, true}) {
        Talk talk;
        if (established)
            talk.carry();
        talk.server.feed("EHLO injected\r\nMAIL FROM:<a@b>\r\n", talk.at_server);
        CHECK(talk.server.failed());
        CHECK(talk.at_server.empty());
        talk.server.write("250 ok\r\n");
        CHECK(talk.server.take_output().find("250") == std::string::npos);
    }
}

TEST_CASE("a changed octet fails") {
    Talk talk;
    talk.carry();
    talk.client.write("first");
    const auto good = talk.client.take_output();
    talk.client.write("second");
    auto bad = talk.client.take_output();
    bad.back() = static_cast<char>(bad.back() ^ 1);
    talk.server.feed(good + bad, talk.at_server);
    CHECK(talk.at_server == "first");
    CHECK(talk.server.failed());
}

TEST_CASE("a peer that sends nothing but key updates is held to a bound") {
    // A client of OpenSSL's own: ours never updates a key by itself.
    Engine server(server_context());
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* client = SSL_new(context);
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(client, in, out);
    SSL_set_connect_state(client);
    std::string text;
    std::size_t answered = 0;
    const auto exchange = [&] {
        char* data = nullptr;
        const long size = BIO_get_mem_data(out, &data);
        server.feed(std::string_view(data, static_cast<std::size_t>(size)), text);
        BIO_reset(out);
        const auto answer = server.take_output();
        answered += answer.size();
        BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    };
    for (int round = 0; round < 3; ++round) {
        SSL_do_handshake(client);
        exchange();
    }
    REQUIRE(server.established());
    answered = 0;
    for (int round = 0; round < 10'000 && !server.failed(); ++round) {
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(client);
        exchange();
    }
    MESSAGE("answered with ", answered, " octets; ", server.failure());
    CHECK(server.failed());
    CHECK(answered <= Engine::kMaxHousekeeping + 1024);
    CHECK(text.empty());
    SSL_free(client);
    SSL_CTX_free(context);
}

TEST_CASE("the minimum version is kept") {
    Talk talk(client_context(), {}, server_context(own(), Version::k13));
    talk.carry();
    CHECK(talk.client.description().starts_with("TLSv1.3/"));
}

TEST_CASE("a client verifies what it was told to") {
    const Pair stranger;
    const Pair expired(-3600);
    const auto succeeds = [](const ClientOptions& options, const Peer& peer, const Pair& pair) {
        Talk talk(client_context(options), peer, server_context(pair));
        talk.carry();
        CHECK(talk.client.established() != talk.client.failed());
        return talk.client.established();
    };
    const Peer right{"mx.test", "127.0.0.1"};
    CHECK(succeeds({own().certificate, ""}, right, own()));
    CHECK_FALSE(succeeds({own().certificate, ""}, {"other.test", "127.0.0.1"}, own()));
    CHECK_FALSE(succeeds({own().certificate, ""}, {"mx", "127.0.0.1"}, own()));  // the subject is no name
    CHECK_FALSE(succeeds({own().certificate, ""}, {"", "127.0.0.1"}, own()));
    CHECK_FALSE(succeeds({own().certificate, ""}, right, stranger));
    CHECK_FALSE(succeeds({expired.certificate, ""}, right, expired));
    CHECK(succeeds({}, right, stranger));
    CHECK_FALSE(succeeds({"", std::string(64, '0')}, right, own()));
    CHECK_FALSE(succeeds({own().certificate, std::string(64, '0')}, right, own()));
}

TEST_CASE("a server says what is wrong with its files") {
    const Pair other;
    const Pair expired(-3600);
    const auto options = [](std::string_view certificate, std::string_view key) {
        return ServerOptions{certificate, key, Version::k12, ClientCertificates::kNo, {}};
    };
    CHECK(why_not(options("", own().key)).find("holds no certificate") != std::string::npos);
    CHECK(why_not(options(own().key, own().key)).find("holds no certificate") != std::string::npos);
    CHECK(why_not(options(own().certificate + own().certificate.substr(0, 100) + "\n-----END CERTIFICATE-----\n",
                          own().key))
              .find("certificate 2 in it cannot be read") != std::string::npos);
    CHECK(why_not(options(own().certificate, "")).find("holds no private key") != std::string::npos);
    CHECK(why_not(options(own().certificate, other.key)).find("does not belong") != std::string::npos);
    CHECK(why_not(options(own().certificate, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n")).find("passphrase") !=
          std::string::npos);
    CHECK(why_not({own().certificate, own().key, Version::k12, ClientCertificates::kAsk, ""}).find("CA file") !=
          std::string::npos);
    CHECK(why_not(options(own().certificate, own().key)).empty());
    CHECK(server_context()->certificate_warning().empty());
    CHECK(server_context(expired)->certificate_warning().find("expired") != std::string::npos);
}
