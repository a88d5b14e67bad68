#include <doctest/doctest.h>

#include "config/tls_files.hpp"

TEST_CASE("the TLS files survive the way to another process") {
    const config::TlsFiles files{"certificate\n", std::string("k\0\n5\n", 5), "", "12\n", "a\n"};
    const auto again = config::TlsFiles::unpack(files.pack());
    REQUIRE(again.has_value());
    CHECK(again->certificate == files.certificate);
    CHECK(again->key == files.key);
    CHECK(again->client_ca.empty());
    CHECK(again->downstream_ca == files.downstream_ca);
    CHECK(again->server_passwords == files.server_passwords);
}

TEST_CASE("damaged TLS files are refused") {
    const auto packed = config::TlsFiles{"one", "two", "three", "four", "five"}.pack();
    for (std::size_t size = 0; size < packed.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(config::TlsFiles::unpack(packed.substr(0, size)).has_value());
    }
    CHECK_FALSE(config::TlsFiles::unpack(packed + "x").has_value());
    CHECK_FALSE(config::TlsFiles::unpack("99999999999999999999\n").has_value());
    CHECK_FALSE(config::TlsFiles::unpack("-1\n0\n0\n0\n0\n").has_value());
    CHECK(config::TlsFiles::unpack("0\n0\n0\n0\n0\n").has_value());
}
