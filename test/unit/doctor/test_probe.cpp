// Where the two messages of --probe may end, and what is said of it.
#include <doctest/doctest.h>

#include "doctor/probe.hpp"

using namespace doctor;

namespace {

constexpr const char* kDelivered =
    "1K1BNHR81S16TN: inbound=6ASM6Tt3000155, from=<>, size=1, nrcpts=1, msgid=<x>, proto=ESMTP, relay=a [127.0.0.1], "
    "to=<a@b>, "
    "delay=00:00:00, xdelay=00:00:00, mailer=smtp, next=127.0.0.1:19000, outbound=6ASM6TJc000158, dsn=2.0.0, "
    "verdict=clean, "
    "generation=1/1, stat=Sent (6ASM6TJc000158 Message accepted for delivery)";
constexpr const char* kHeld =
    "1K1BNHRF93PPNA: inbound=6ASM6Tv8000159, to=<a@b>, delay=00:00:00, mailer=quarantine, dsn=2.0.0, verdict=found "
    "Eicar-Test, "
    "generation=1/1, stat=Sent (quarantined)";

std::string with(std::string line, std::string_view from, std::string_view to) {
    return line.replace(line.find(from), from.size(), to);
}

ProbeFacts arrived(bool infected) {
    ProbeFacts facts;
    facts.infected = infected;
    facts.inbound_id = "6ASM6Tt3000155";
    facts.line = infected ? kHeld : kDelivered;
    facts.mailbox = infected ? "" : "/var/mail/a";
    return facts;
}

Level judged(ProbeFacts facts, const auto& how) {
    how(facts);
    return judge_probe(facts).level;
}

}  // namespace

TEST_CASE("fields and ids of log lines") {
    CHECK(field_of(kDelivered, "outbound") == "6ASM6TJc000158");
    CHECK(field_of(kDelivered, "dsn") == "2.0.0");
    CHECK(field_of(kHeld, "verdict") == "found Eicar-Test");
    CHECK(field_of(kDelivered, "stat") == "Sent (6ASM6TJc000158 Message accepted for delivery)");
    CHECK(field_of(kHeld, "outbound").empty());
    CHECK(queue_id_in("2.0.0 6ASM6Tt3000155 Message accepted for delivery") == "6ASM6Tt3000155");
    CHECK(queue_id_in("Message accepted").empty());
}

TEST_CASE("what should become of both") {
    CHECK(judge_probe(arrived(false)).level == Level::kOk);
    CHECK(judge_probe(arrived(true)).level == Level::kOk);
    CHECK(judge_probe(arrived(false))
              .text.find("-> sandwichd 1K1BNHR81S16TN (smtp, verdict clean) -> delivery 6ASM6TJc000158 -> "
                         "/var/mail/a") != std::string::npos);
}

TEST_CASE("either may not come to sandwichd") {
    for (const bool infected : {false, true}) {
        CHECK(judged(arrived(infected), [](auto& facts) { facts.refused = "RCPT: 550 no"; }) == Level::kFailure);
        const auto lost = [&](const auto& how) {
            return judged(arrived(infected), [&](auto& facts) {
                facts.line.clear();
                facts.mailbox.clear();
                how(facts);
            });
        };
        CHECK(lost([](auto&) {}) == Level::kFailure);
        CHECK(lost([](auto& facts) { facts.in_inbound_queue = true; }) == Level::kFailure);
        CHECK(lost([](auto& facts) { facts.mailbox = "/var/mail/a"; }) == Level::kFailure);  // past the scanner
        CHECK(lost([](auto& facts) { facts.knows_all = false; }) == Level::kWarning);
    }
}

TEST_CASE("the clean one behind sandwichd") {
    const auto facts = [](const auto& how) {
        return judged(arrived(false), [&](auto& one) {
            one.mailbox.clear();
            how(one);
        });
    };
    CHECK(facts([](auto&) {}) == Level::kWarning);  // nothing more can be seen
    CHECK(facts([](auto& one) { one.delivery_stat = "Sent"; }) == Level::kOk);
    CHECK(facts([](auto& one) { one.delivery_stat = "User unknown"; }) == Level::kFailure);
    CHECK(facts([](auto& one) { one.in_delivery_queue = true; }) == Level::kFailure);
    CHECK(facts([](auto& one) { one.line = kHeld; }) == Level::kFailure);  // taken for a bad one
    CHECK(facts([](auto& one) { one.line = with(kDelivered, "dsn=2.0.0", "dsn=4.4.1"); }) == Level::kFailure);
}

TEST_CASE("the virus behind sandwichd") {
    const auto facts = [](const auto& how) { return judged(arrived(true), how); };
    CHECK(facts([](auto& one) { one.line = kDelivered; }) == Level::kFailure);  // not found
    CHECK(facts([](auto& one) { one.line = with(with(kHeld, "found Eicar-Test", "none"), "quarantine", "defer"); }) ==
          Level::kFailure);
    CHECK(facts([](auto& one) { one.line = with(kHeld, "dsn=2.0.0", "dsn=4.3.0"); }) ==
          Level::kFailure);  // the quarantine is full
    CHECK(facts([](auto& one) {
              one.line = with(with(kHeld, "mailer=quarantine", "mailer=reject"), "dsn=2.0.0", "dsn=5.7.1");
          }) == Level::kOk);
    const auto passed = with(kHeld, "mailer=quarantine", "mailer=smtp");
    CHECK(facts([&](auto& one) { one.line = passed; }) == Level::kWarning);
    CHECK(facts([&](auto& one) {
              one.line = passed;
              one.when_found = policy::Action::kTagAndDeliver;
          }) == Level::kOk);
}
