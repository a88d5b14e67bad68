#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "policy/decision.hpp"
#include "policy/pattern.hpp"

using policy::Action;
using policy::matches_recipient;
using policy::Outcome;

namespace {

policy::ScanReport found() {
    return {{{"clamav", Outcome::kFound, policy::Cause::kNone, "Eicar-Signature", ""}}, "", {}};
}

policy::ScanReport clean() {
    return {{{"clamav", Outcome::kClean, policy::Cause::kNone, "", ""}}, "", {}};
}

mail::Envelope to(const std::vector<std::string>& recipients, std::string sender = "a@from.test") {
    mail::Envelope envelope{std::move(sender), "", {}};
    for (const auto& recipient : recipients)
        envelope.recipients.push_back({recipient, ""});
    return envelope;
}

// "quarantine 0,2; deliver 1"
std::string in_words(const std::vector<policy::Group>& groups) {
    std::string words;
    for (const auto& group : groups) {
        words += words.empty() ? "" : "; ";
        words += std::string(policy::to_string(group.decision.action)) + " ";
        for (const auto recipient : group.recipients)
            words += (words.back() == ' ' ? "" : ",") + std::to_string(recipient);
    }
    return words;
}

const policy::Rules kRules{true,
                           {Action::kQuarantine, Action::kDefer, Action::kDefer},
                           {{"abuse@*", {Action::kTagAndDeliver, Action::kDeliverWithMark, Action::kDeliverWithMark}},
                            {"strict.test", {Action::kReject, Action::kQuarantine, Action::kQuarantine}},
                            {"*.test", {Action::kDiscard, Action::kDefer, Action::kDefer}}}};

}  // namespace

TEST_CASE("a pattern without @ is about the domain, with @ about the address; case does not matter") {
    CHECK(matches_recipient("example.test", "bob@Example.TEST"));
    CHECK_FALSE(matches_recipient("example.test", "bob@sub.example.test"));
    CHECK_FALSE(matches_recipient("example.test", "bob@example.test.org"));
    CHECK(matches_recipient("*.example.test", "bob@sub.example.test"));
    CHECK_FALSE(matches_recipient("*.example.test", "bob@example.test"));
    CHECK(matches_recipient("bob@example.test", "BOB@example.test"));
    CHECK_FALSE(matches_recipient("bob@example.test", "jimbob@example.test"));
    CHECK(matches_recipient("*bob@example.test", "jimbob@example.test"));
    CHECK(matches_recipient("*@example.test", "bob@example.test"));
    CHECK(matches_recipient("list-*@*", "list-a@b"));
    CHECK(matches_recipient("*", "bob@example.test"));
    CHECK(matches_recipient("**a**b**@*", "xaxbx@y"));
}

TEST_CASE("an address without a domain is matched by patterns with @ only, and only as it is") {
    CHECK_FALSE(matches_recipient("*", "postmaster"));
    CHECK_FALSE(matches_recipient("postmaster@*", "postmaster"));
}

TEST_CASE("the domain of a quoted or a routed address is what stands behind its last @") {
    CHECK(matches_recipient("example.test", "\"a@other.test\"@example.test"));
    CHECK_FALSE(matches_recipient("other.test", "\"a@other.test\"@example.test"));
    CHECK(matches_recipient("example.test", "@relay.test:bob@example.test"));
}

TEST_CASE("a pattern of many stars is no way to keep the proxy busy") {
    const std::string stars = std::string(200, '*') + "b@*";
    CHECK_FALSE(matches_recipient(stars, std::string(1000, 'a') + "@x"));
}

TEST_CASE("recipients under one rule make one group") {
    CHECK(in_words(divide({found(), to({"a@x", "b@y"})}, {0, 1}, kRules, true)) == "quarantine 0,1");
    CHECK(in_words(divide({clean(), to({"a@x", "abuse@y", "c@strict.test"})}, {0, 1, 2}, kRules, true)) ==
          "deliver 0,1,2");
}

TEST_CASE("the first pattern that matches counts, and groups come in the order in which nothing can be lost") {
    const auto envelope = to({"a@strict.test", "abuse@strict.test", "b@more.test", "c@x"});
    CHECK(in_words(divide({found(), envelope}, {0, 1, 2, 3}, kRules, false)) ==
          "quarantine 3; discard 2; tag-and-deliver 1; reject 0");
}

TEST_CASE("one reply cannot refuse some recipients only: they are held") {
    const auto envelope = to({"a@strict.test", "c@x", "d@strict.test"});
    const auto groups = divide({found(), envelope}, {0, 1, 2}, kRules, true);
    CHECK(in_words(groups) == "quarantine 0,1,2");
    CHECK(groups[0].decision.rule ==
          "recipients strict.test action, but one reply cannot refuse some recipients, and others");
    CHECK(in_words(divide({found(), to({"a@strict.test", "b@strict.test"})}, {0, 1}, kRules, true)) == "reject 0,1");
    // The other one was answered already: it was delivered by an earlier try.
    CHECK(in_words(divide({found(), to({"a@strict.test", "b@strict.test"})}, {1}, kRules, true)) == "quarantine 1");
}

TEST_CASE("the null sender is never rejected, for no recipient") {
    CHECK(in_words(divide({found(), to({"a@strict.test"}, "")}, {0}, kRules, false)) == "quarantine 0");
}

TEST_CASE("only the recipients that were asked about are divided") {
    CHECK(in_words(divide({clean(), to({"a@x", "b@x", "c@x"})}, {0, 2}, kRules, true)) == "deliver 0,2");
    CHECK(divide({clean(), to({"a@x"})}, {}, kRules, true).empty());
}
