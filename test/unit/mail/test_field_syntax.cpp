// Which header fields can be read by their standard.
#include <doctest/doctest.h>

#include <string>

#include "mail/field_syntax.hpp"

using mail::is_well_formed;

namespace {

void all(const char* name, bool expected, std::initializer_list<std::string> values) {
    for (const auto& value : values) {
        CAPTURE(name);
        CAPTURE(value);
        CHECK(is_well_formed(name, value) == expected);
    }
}

}  // namespace

TEST_CASE("dates") {
    all("date", true,
        {" Fri, 21 Nov 1997 09:55:06 -0600", "Mon, 1 Jan 2024 00:00:00 +0000", "1 Jan 2024 00:00 GMT",
         " Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland "
         "Time)",
         "21 Nov 97 09:55:06 GMT", "fri, 21 nov 1997 09(comment):55:60 z", "Sat, 6 Jun 2026 10:00:00 +0200 (CEST)"});
    all("resent-date", true, {"21 Nov 1997 09:55:06 -0600"});
    all("date", false,
        {"", "yesterday", "Fri 21 Nov 1997 09:55:06 -0600", "Foo, 21 Nov 1997 09:55:06 -0600",
         "Fri, 21 Nov 1997 24:00:00 -0600", "Fri, 21 Nov 1997 09:60:00 -0600", "Fri, 32 Nov 1997 09:55:06 -0600",
         "Fri, 21 Nob 1997 09:55:06 -0600", "Fri, 21 Nov 1997 09:55:06", "Fri, 21 Nov 1997 09:55:06 -0600 x",
         "2024-01-01T00:00:00Z", "Fri, 21 Nov 1997 09:55:06 -06", "Fri, 21 Nov 1997 09:55:06 -0600 (open"});
}

TEST_CASE("addresses") {
    all("from", true,
        {" a@b.test", "A B <a@b.test>", "\"B, A\" <a@b.test>", "=?utf-8?Q?J=C3=BCrgen?= <j@b.test>",
         "John Q. Public <a@b.test>", "a@b.test (A B)", "<a@b.test>", "a@[192.0.2.1]", "a@b.test, C <c@d.test>",
         "\"a b\"@c.test", "J\xc3\xbcrgen <j\xc3\xbc@b.test>", "A <@route.test,@other.test:a@b.test>", "a.b@c.test,,",
         "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"});
    all("to", true, {"undisclosed-recipients:;", "Group: a@b.test, B <b@b.test>; , c@b.test"});
    all("bcc", true, {"", " ", "a@b.test"});
    all("sender", true, {"a@b.test"});
    all("from", false,
        {"", " ", "a", "a@", "@b.test", "A <a@b.test", "A a@b.test>", "<>", "a@b.test c@d.test", "a@b@c.test",
         "a b@c.test", "\"open <a@b.test>", "a@b.test (open", "A <a@b.test> B", "a@b..test", ".a@b.test", "a@b.test;"});
    all("to", false, {"Group: a@b.test", "Group a@b.test;"});
    all("sender", false, {"a@b.test, c@d.test", ""});
    all("cc", false, {"[192.0.2.1]"});
}

TEST_CASE("identifiers and versions") {
    all("message-id", true, {"<1@from.test>", " <a.b$c=d%e@[192.0.2.1]> ", "\r\n <1@from.test>", "<1@a> (made by x)"});
    all("message-id", false, {"", "1@from.test", "<1>", "<@a>", "<1@>", "<1@a", "<1@a> <2@a>", "<1 2@a>", "<a@b@c>"});
    all("references", true, {"<1@a>\r\n <2@a>", "<1@a><2@a>", "Your message of \"Monday\" <1@a>"});
    all("in-reply-to", false, {"<1@a", "<12>"});
    all("references", true, {"<1@a> (first)", "(none)"});
    all("references", false, {"(abc", "<1@a> (abc", "<1@a> word (abc", "<1@a>, (abc"});
    all("mime-version", true, {"1.0", " 1 . 0 (made by x)"});
    all("mime-version", false, {"", "1", "1.0.0", "one"});
}

TEST_CASE("octets and lengths of any field") {
    all("x-anything", true,
        {"", "whatever <> @ \"", "\ttab", "gr\xc3\xbc\xc3\x9f", std::string(998, 'x'),
         std::string(900, 'x') + "\r\n " + std::string(900, 'x')});
    all("x-anything", false, {"gr\xfc\xdf", std::string("a\0b", 3), "a\x01", "a\rb", "a\x7f", std::string(999, 'x')});
    all("subject", false, {"\xe4\xf6\xfc"});
}

TEST_CASE("a field of any length is read in one pass") {
    std::string many;
    for (int i = 0; i < 200000; ++i)
        many += "(\"<a@";
    CHECK_FALSE(is_well_formed("from", many));
    std::string deep(300000, '(');
    CHECK_FALSE(is_well_formed("to", deep));
    std::string folded;
    for (int i = 0; i < 100000; ++i)
        folded += "a@b.test,\r\n ";
    CHECK(is_well_formed("to", folded));
}
