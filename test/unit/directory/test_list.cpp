// The list kept by hand.
#include <doctest/doctest.h>

#include "directory/list.hpp"

using directory::RecipientList;
using policy::Knowledge;

namespace {

Knowledge ask(const RecipientList& list, const char* address) {
    return list.find(*policy::parse_recipient(address)).knowledge;
}

}  // namespace

TEST_CASE("addresses, aliases and whole domains") {
    const auto list = RecipientList::parse(
        "# people\r\nBob@Example.test\n\nsales@example.test bob@example.test  # the same person\n@all.test");
    REQUIRE(list);
    CHECK(list->size() == 3);
    CHECK(ask(*list, "bob@EXAMPLE.test") == Knowledge::kKnown);
    CHECK(ask(*list, "BOB+lists@example.test") == Knowledge::kKnown);
    CHECK(list->find(*policy::parse_recipient("sales@example.test")).mailbox == "bob@example.test");
    CHECK(list->find(*policy::parse_recipient("bob+x@example.test")).mailbox == "bob@example.test");
    CHECK(ask(*list, "anybody@all.test") == Knowledge::kKnown);
    CHECK(ask(*list, "bo@example.test") == Knowledge::kUnknown);
    CHECK(ask(*list, "bob@example.tes") == Knowledge::kUnknown);
    CHECK(ask(*list, "+bob@example.test") == Knowledge::kUnknown);
    CHECK(ask(*list, "bob@sub.all.test") == Knowledge::kUnknown);
}

TEST_CASE("a line that is none refuses the whole list, with its number") {
    for (const auto* const wrong :
         {"bob", "bob@", "@", "@a b", "a@b c", "a@b c@d e@f", "a@b \"c d\"@e", "@.x", "a@b@"}) {
        const auto list = RecipientList::parse(std::string("ok@x.test\n") + wrong);
        CHECK_MESSAGE(!list, wrong);
        if (!list)
            CHECK(list.error().message.starts_with("line 2: "));
    }
    CHECK(RecipientList::parse("")->size() == 0);
}
