// Filters with places for an address: what is refused, and that no address gets out of its place.
#include <doctest/doctest.h>

#include "config/filter_template.hpp"

using config::FilterTemplate;

namespace {

std::string filled(std::string_view text, std::string_view address) {
    const auto parsed = FilterTemplate::parse(text);
    REQUIRE_MESSAGE(parsed, (parsed ? std::string() : parsed.error().message));
    return parsed->fill(address);
}

std::string fault(std::string_view text) {
    const auto parsed = FilterTemplate::parse(text);
    return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("the address, its local part and its domain have places") {
    CHECK(filled("(mail=%s)", "a@example.test") == "(mail=a@example.test)");
    CHECK(filled("(&(uid=%u)(ou=%d))", "a@example.test") == "(&(uid=a)(ou=example.test))");
    CHECK(filled("(|(mail=%s)(proxyAddresses=smtp:%s)(!(x=1)))", "a@b.test") ==
          "(|(mail=a@b.test)(proxyAddresses=smtp:a@b.test)(!(x=1)))");
    CHECK(filled("(&(cn=100%%)(mail=%s))", "a@b.test") == "(&(cn=100%)(mail=a@b.test))");
    CHECK(filled("(&(uid=%u)(ou=%d))", "alone") == "(&(uid=alone)(ou=))");
    CHECK(filled("(uid=%u)", "a@b@example.test") == "(uid=a@b)");
    CHECK(filled("(member:1.2.840.113556.1.4.1941:=cn=%u)", "a@b.test") == "(member:1.2.840.113556.1.4.1941:=cn=a)");
}

// RFC 4515 section 3.
TEST_CASE("what would end or widen a value is escaped") {
    CHECK(filled("(mail=%s)", "*@example.test") == "(mail=\\2a@example.test)");
    CHECK(filled("(mail=%s)", "a)(uid=*@example.test") == "(mail=a\\29\\28uid=\\2a@example.test)");
    CHECK(filled("(mail=%s)", "a\\2a@example.test") == "(mail=a\\5c2a@example.test)");
    CHECK(filled("(mail=%s)", std::string_view("a\0b\n\x7f", 5)) == "(mail=a\\00b\\0a\\7f)");
    CHECK(filled("(mail=%s)", "j\xc3\xb6rg@\xff.test") == "(mail=j\\c3\\b6rg@\\ff.test)");
    CHECK(filled("(mail=%s)", "%u%s@example.test") == "(mail=%u%s@example.test)");
    for (int octet = 0; octet < 256; ++octet) {
        const auto escaped = config::escape_filter_value(std::string(1, static_cast<char>(octet)));
        CHECK(escaped.find_first_of("*()") == std::string::npos);
        CHECK((escaped.size() == 1 || (escaped.size() == 3 && escaped[0] == '\\')));
    }
}

TEST_CASE("what is no filter is refused, with its place") {
    CHECK(fault("mail=%s") == "a \"(\" is missing (character 1)");
    CHECK(fault("(mail=%s") == "a \")\" is missing (character 9)");
    CHECK(fault("(mail=%s))") == "something follows the filter (character 10)");
    CHECK(fault("(&(mail=%s)(uid=%u)") == "a \")\" is missing (character 20)");
    CHECK(fault("(&)") == "a filter in parentheses is missing (character 3)");
    CHECK(fault("(!(a=%s)(b=%s))") == "\"!\" takes one filter in parentheses (character 15)");
    CHECK(fault("(mail%s)") == "a \"=\" is missing (character 6)");
    CHECK(fault("(=%s)") == "the name of an attribute is missing (character 2)");
    CHECK(fault("(mail=a(b%s)") == "a \"(\" in a value has to be written \\28 (character 8)");
    CHECK(fault("(mail=%s\\2)") == "a \"\\\" has to be followed by two hex digits (character 9)");
    CHECK(fault("(mail=%m)") == "a \"%\" has to be followed by s, u, d or % (character 8)");
    CHECK(fault("(mail=%") == "a \"%\" has to be followed by s, u, d or % (character 8)");
    CHECK(fault("") == "a \"(\" is missing (character 1)");
    CHECK(fault("(%s=a)") == "the name of an attribute is missing (character 2)");
    CHECK(fault("(mail=postmaster@example.test)") == "%s, %u and %d are missing: every address would be found");
    std::string deep(40, '(');
    for (std::size_t i = 0; i < deep.size(); i += 2)
        deep[i + 1] = '&';
    CHECK(fault(deep).find("nested too deep") != std::string::npos);
}
