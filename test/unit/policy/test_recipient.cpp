// What follows from the sources' answers, as a whole table; and what an address is.
#include <doctest/doctest.h>

#include "policy/recipient.hpp"

using namespace policy;

namespace {

Knowledge combined(std::vector<Knowledge> given) {
    std::vector<SourceAnswer> answers;
    for (const auto one : given)
        answers.push_back({one});
    return combine(answers).knowledge;
}

}  // namespace

TEST_CASE("the first that knows wins, and unknown needs that nobody is unclear") {
    using K = Knowledge;
    CHECK(combined({}) == K::kElsewhere);
    CHECK(combined({K::kUnknown}) == K::kUnknown);
    CHECK(combined({K::kUnknown, K::kKnown}) == K::kKnown);
    CHECK(combined({K::kDown, K::kKnown}) == K::kKnown);
    CHECK(combined({K::kUnknown, K::kDown}) == K::kDown);
    CHECK(combined({K::kDown, K::kUnknown}) == K::kDown);
    CHECK(combined({K::kUnknown, K::kCannotTell}) == K::kCannotTell);
    CHECK(combined({K::kCannotTell, K::kDown}) == K::kDown);
    CHECK(combined({K::kElsewhere, K::kUnknown}) == K::kUnknown);
    CHECK(combined({K::kElsewhere, K::kElsewhere}) == K::kElsewhere);
    const auto first = combine({{K::kKnown, "a", "box"}, {K::kKnown, "b", {}}});
    CHECK(first.detail == "a");
    CHECK(first.mailbox == "box");
    CHECK(settles(K::kKnown));
    for (const auto other : {K::kUnknown, K::kElsewhere, K::kCannotTell, K::kDown})
        CHECK_FALSE(settles(other));
}

TEST_CASE("only unknown is ever refused") {
    using K = Knowledge;
    using V = RecipientVerdict;
    for (const auto down : {WhenUnclear::kDefer, WhenUnclear::kAccept})
        for (const auto open : {WhenUnclear::kDefer, WhenUnclear::kAccept}) {
            const RecipientChoices choices{down, open};
            CHECK(judge(K::kKnown, choices) == V::kAccept);
            CHECK(judge(K::kElsewhere, choices) == V::kAccept);
            CHECK(judge(K::kUnknown, choices) == V::kRefuse);
            CHECK(judge(K::kDown, choices) == (down == WhenUnclear::kDefer ? V::kDefer : V::kAccept));
            CHECK(judge(K::kCannotTell, choices) == (open == WhenUnclear::kDefer ? V::kDefer : V::kAccept));
        }
}

TEST_CASE("an address is the text around the last at sign") {
    const auto plain = parse_recipient("Bob@Example.TEST.");
    REQUIRE(plain);
    CHECK(plain->local == "Bob");
    CHECK(plain->domain == "example.test");
    CHECK(plain->text() == "Bob@example.test");
    CHECK(parse_recipient("postmaster")->domain.empty());
    CHECK(parse_recipient("\"a b\"@x.test")->local == "a b");
    CHECK(parse_recipient("\"a@b\"@x.test")->local == "a@b");
    CHECK(parse_recipient("a\\@b@x.test")->local == "a@b");
    for (const auto* const wrong :
         {"", "@x.test", "@a,@b:c@d.test", "a@", "a@.", "\"@x.test", "a\"b@x.test", "a\\", "\"\"@x.test"})
        CHECK_FALSE(parse_recipient(wrong));
    CHECK_FALSE(parse_recipient("a\r\nb@x.test"));
    CHECK_FALSE(parse_recipient(std::string(400, 'a') + "@x.test"));
}
