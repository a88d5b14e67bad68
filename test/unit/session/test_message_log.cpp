#include <doctest/doctest.h>
#include <fmt/format.h>

#include "session/message_log.hpp"

using session::outbound_id;

TEST_CASE("the delivery server's queue id is found in the words of Sendmail, Postfix and Exim") {
    CHECK(outbound_id("6AM4NqNc004002 Message accepted for delivery") == "6AM4NqNc004002");
    CHECK(outbound_id("Ok: queued as 4B3F2A10") == "4B3F2A10");
    CHECK(outbound_id("OK id=1abcDE-0001ab-Xy") == "1abcDE-0001ab-Xy");
    CHECK(outbound_id("Ok").empty());
    CHECK(outbound_id("Message accepted").empty());
    CHECK(outbound_id("").empty());
    CHECK(outbound_id(std::string(500, '7')).size() == 64);
    CHECK(outbound_id("queued as ").empty());
}

namespace {

session::MessageRecord message() {
    session::MessageRecord record;
    record.id = "01ARZ3NDEKTSV4";
    record.inbound_id = "6AM4NqxZ003998";
    record.message_id = "<m@outside.test>";
    record.relay = "mx.example.test [127.0.0.1]";
    record.protocol = "ESMTP";
    record.size = 149;
    record.reverse_path = "s@outside.test";
    record.recipients = 2;
    record.delay = std::chrono::seconds(61);
    record.configuration = 3;
    record.signatures = 2;
    return record;
}

session::RecipientRecord delivered(std::vector<std::string> recipients) {
    session::RecipientRecord outcome;
    outcome.recipients = std::move(recipients);
    outcome.xdelay = std::chrono::seconds(1);
    outcome.mailer = "smtp";
    outcome.downstream = "127.0.0.1:19000";
    outcome.outbound_id = "6AM4NqNc004002";
    outcome.dsn = "2.0.0";
    outcome.verdict = "clean";
    outcome.stat = "Sent (6AM4NqNc004002 Message accepted for delivery)";
    return outcome;
}

}  // namespace

TEST_CASE("a message has one line with Sendmail's fields in Sendmail's order") {
    auto record = message();
    record.outcomes = {delivered({"alice@example.test", "bob@example.test"})};
    const auto lines = session::message_log_lines(record);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] ==
          "01ARZ3NDEKTSV4: inbound=6AM4NqxZ003998, from=<s@outside.test>, size=149, nrcpts=2, msgid=<m@outside.test>, "
          "proto=ESMTP, relay=mx.example.test [127.0.0.1], to=<alice@example.test>,<bob@example.test>, delay=00:01:01, "
          "xdelay=00:00:01, mailer=smtp, next=127.0.0.1:19000, outbound=6AM4NqNc004002, dsn=2.0.0, verdict=clean, "
          "generation=3/2, "
          "stat=Sent (6AM4NqNc004002 Message accepted for delivery)");
}

TEST_CASE("recipients of whom something else became have a line of their own") {
    auto record = message();
    session::RecipientRecord held;
    held.recipients = {"bob@example.test"};
    held.mailer = "quarantine";
    held.dsn = "2.0.0";
    held.verdict = "found Eicar-Signature";
    held.rule = "viruses";
    held.stat = "Sent (quarantined)";
    record.outcomes = {delivered({"alice@example.test"}), held};
    const auto lines = session::message_log_lines(record);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].find("to=<alice@example.test>, delay=") != std::string::npos);
    CHECK(lines[1] ==
          "01ARZ3NDEKTSV4: to=<bob@example.test>, delay=00:01:01, xdelay=00:00:00, mailer=quarantine, dsn=2.0.0, "
          "verdict=found Eicar-Signature, rule=viruses, generation=3/2, stat=Sent (quarantined)");
}

TEST_CASE("many recipients are split over lines that each name the message, and none is missing") {
    std::vector<std::string> recipients;
    for (int i = 0; i < 300; ++i)
        recipients.push_back(fmt::format("user{:03}@example.test", i));
    auto record = message();
    record.outcomes = {delivered(recipients)};
    const auto lines = session::message_log_lines(record);
    CHECK(lines.size() > 5);
    std::string all;
    for (const auto& line : lines) {
        CHECK(line.size() < 1100);
        CHECK(line.rfind("01ARZ3NDEKTSV4: ", 0) == 0);
        all += line;
    }
    for (const auto& recipient : recipients)
        CHECK(all.find("<" + recipient + ">") != std::string::npos);
}
