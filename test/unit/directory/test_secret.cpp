// What is left of a password.
#include <doctest/doctest.h>

#include <type_traits>

#include "directory/secret.hpp"

using directory::Secret;

static_assert(!std::is_copy_constructible_v<Secret>);

TEST_CASE("a secret takes the text and leaves nothing of it behind") {
    for (const auto* text : {"short", "one that is too long to be kept within a string itself"}) {
        std::string given = text;
        const char* const octets = given.data();
        const auto size = given.size();
        Secret secret(std::move(given));
        CHECK(secret.view() == text);
        CHECK(given.empty());
        // The buffer is still the string's own.
        CHECK(std::string(octets, size).find_first_not_of('\0') == std::string::npos);
    }
}

TEST_CASE("a secret that has moved is empty, and so is its memory") {
    Secret one(std::string("short"));
    Secret other(std::move(one));
    CHECK(other.view() == "short");
    CHECK(one.empty());
    Secret third(std::string("another one"));
    third = std::move(other);
    CHECK(third.view() == "short");
    CHECK(other.empty());
}

TEST_CASE("wiping reaches what a shorter text has left behind") {
    std::string text = "a rather long password that stays in memory";
    const char* const octets = text.data();
    const auto size = text.size();
    text.resize(3);
    directory::wipe(text);
    CHECK(text.empty());
    CHECK(std::string(octets, size).find_first_not_of('\0') == std::string::npos);
}
