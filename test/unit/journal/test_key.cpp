#include <doctest/doctest.h>

#include "samples.hpp"

namespace {

const journal::Origin kOrigin{"a@from.test", "mx.test", "6AM4NqxZ003998"};

journal::Key key(const journal::Origin& origin, const char* recipient = "b@to.test", const char* text = "text") {
    return journal::recipient_key(origin, content_of(text), recipient);
}

}  // namespace

TEST_CASE("the same mail to the same recipient has the same key") {
    CHECK(key(kOrigin) == key(kOrigin));
}

TEST_CASE("every part of the key makes it another one") {
    const auto one = key(kOrigin);
    CHECK(key({"c@from.test", "mx.test", "6AM4NqxZ003998"}) != one);
    CHECK(key({"a@from.test", "mx2.test", "6AM4NqxZ003998"}) != one);
    CHECK(key({"a@from.test", "mx.test", "6AM4NqxZ003999"}) != one);
    CHECK(key(kOrigin, "c@to.test") != one);
    CHECK(key(kOrigin, "B@to.test") != one);  // local parts have case
    CHECK(key(kOrigin, "b@to.test", "text.") != one);
    CHECK(journal::mail_key(kOrigin, content_of("text")) != one);
    CHECK(journal::mail_key(kOrigin, content_of("text")) != key(kOrigin, ""));
}

TEST_CASE("octets cannot wander from one part to the next") {
    CHECK(key({"a", "b", "c"}) != key({"ab", "", "c"}));
    CHECK(key({"a", "bc", ""}) != key({"a", "b", "c"}));
}

TEST_CASE("host names have no case") {
    CHECK(key({"a@from.test", "MX.Test", "6AM4NqxZ003998"}) == key(kOrigin));
    CHECK(key({"a@from.test", "mx.test", "6am4nqxz003998"}) != key(kOrigin));
}

TEST_CASE("a mail is identified by host and queue id together") {
    CHECK(kOrigin.identified());
    CHECK_FALSE(journal::Origin{"a@from.test", "", "6AM4"}.identified());
    CHECK_FALSE(journal::Origin{"a@from.test", "mx.test", ""}.identified());
}

TEST_CASE("the digest is SHA-256 (FIPS 180-4, the example of three octets)") {
    const auto digest = journal::sha256("abc");
    CHECK(digest[0] == 0xba);
    CHECK(digest[1] == 0x78);
    CHECK(digest[31] == 0xad);
}
