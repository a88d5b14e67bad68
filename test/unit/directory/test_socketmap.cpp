// What Sendmail is told, and how it asks.
#include <doctest/doctest.h>

#include "directory/socketmap_server.hpp"

using directory::parse_socketmap_key;
using directory::socketmap_reply;
using policy::Knowledge;

TEST_CASE("only unknown is told as such") {
    CHECK(socketmap_reply({Knowledge::kUnknown}) == "OK unknown");
    CHECK(socketmap_reply({Knowledge::kKnown}) == "OK known");
    CHECK(socketmap_reply({Knowledge::kCannotTell}) == "NOTFOUND ");
    CHECK(socketmap_reply({Knowledge::kElsewhere}) == "NOTFOUND ");
    CHECK(socketmap_reply({Knowledge::kDown}).starts_with("TEMP "));
}

TEST_CASE("a key may begin with Sendmail's client") {
    CHECK(parse_socketmap_key("bob@x.test").address == "bob@x.test");
    CHECK(parse_socketmap_key("bob@x.test").client.empty());
    CHECK(parse_socketmap_key("192.0.2.1/bob@x.test").client == "192.0.2.1");
    CHECK(parse_socketmap_key("192.0.2.1/bob@x.test").address == "bob@x.test");
    CHECK(parse_socketmap_key("IPv6:2001:db8:0:0:0:0:0:1/a/b@x.test").client == "2001:db8::1");
    CHECK(parse_socketmap_key("IPv6:2001:db8:0:0:0:0:0:1/a/b@x.test").address == "a/b@x.test");
    CHECK(parse_socketmap_key("/192.0.2.1/bob@x.test").address == "192.0.2.1/bob@x.test");
    CHECK(parse_socketmap_key("/192.0.2.1/bob@x.test").client.empty());
    CHECK(parse_socketmap_key("a/b@x.test").address == "a/b@x.test");
    CHECK(parse_socketmap_key("a/b@x.test").client.empty());
}
