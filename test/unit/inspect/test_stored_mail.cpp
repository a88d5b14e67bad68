#include <doctest/doctest.h>

#include "inspect/stored_mail.hpp"

using inspect::addresses_in;
using inspect::read_stored;
using Addresses = std::vector<std::string>;

namespace {

Addresses recipients_of(const inspect::StoredFacts& facts) {
    Addresses paths;
    for (const auto& recipient : facts.envelope.recipients)
        paths.push_back(recipient.path);
    return paths;
}

constexpr std::string_view kInbound =
    "Received: from far (far [198.51.100.7])\r\n\tby mx.test with ESMTP id 6A1;\r\n\tdate\r\n";
constexpr std::string_view kOurs =
    "Received: from mx.test ([127.0.0.1])\r\n\tby sandwich.test (Sandwich) with ESMTP id X;\r\n\tdate\r\n";
constexpr std::string_view kDelivery =
    "Received: from sandwich.test (localhost [127.0.0.1])\r\n\tby mx.test with ESMTP id 6A2;\r\n\tdate\r\n";

}  // namespace

TEST_CASE("addresses, however they are written") {
    CHECK(addresses_in(" a@b.test") == Addresses{"a@b.test"});
    CHECK(addresses_in("A B <a@b.test>, \"x, y@z\" <c@d.test> (f@g.test),e@f.test;") ==
          Addresses{"a@b.test", "c@d.test", "e@f.test"});
    CHECK(addresses_in("team: a@b.test,\r\n\tc@d.test;") == Addresses{"a@b.test", "c@d.test"});
    CHECK(addresses_in("\"a\\\"b\"@c.test") == Addresses{"\"a\\\"b\"@c.test"});
    CHECK(addresses_in("((nested)\\) more) a@b.test") == Addresses{"a@b.test"});
}

TEST_CASE("what is no address is left out") {
    for (const std::string_view text : {"", "<>", "nobody", "@b.test", "a@", "a b", "undisclosed:;", "\"a@b.test",
                                        "(a@b.test", "a@b\x01", "a@\xc3\xa4", "\\", "<a@b.test"})
        CHECK_MESSAGE(addresses_in(text).size() <= (text == "<a@b.test" || text == "a b" ? 1 : 0), text);
    CHECK(addresses_in(std::string(400, 'a') + "@b.test").empty());
}

TEST_CASE("the envelope is what delivery agents wrote, else what the header says") {
    auto facts = read_stored(
        "Return-Path: <r@p.test>\r\nDelivered-To: d@t.test\r\nX-Original-To: o@t.test\r\nFrom: f@t.test\r\nTo: "
        "t@t.test\r\n\r\n",
        "m@box.test", "sandwich.test");
    CHECK(facts.envelope.reverse_path == "r@p.test");
    CHECK(recipients_of(facts) == Addresses{"d@t.test", "o@t.test"});
    facts = read_stored("From: f@t.test\r\nTo: t@t.test, u@t.test\r\nCc: t@t.test\r\n\r\nTo: body@t.test\r\n",
                        "m@box.test", "x");
    CHECK(facts.envelope.reverse_path == "m@box.test");
    CHECK(recipients_of(facts) == Addresses{"t@t.test", "u@t.test"});
    CHECK(read_stored("From: f@t.test\r\n\r\n", "", "x").envelope.reverse_path == "f@t.test");
    CHECK(read_stored("From: f@t.test\r\n\r\n", "MAILER-DAEMON", "x").envelope.null_sender());
    CHECK(read_stored("Return-Path: <>\r\nFrom: f@t.test\r\n\r\n", "m@box.test", "x").envelope.null_sender());
    CHECK(recipients_of(read_stored("", "", "x")).size() == 1);
}

TEST_CASE("recipients are bounded") {
    std::string to = "To: ";
    for (int i = 0; i < 1000; ++i)
        to += "r" + std::to_string(i) + "@t.test, ";
    CHECK(recipients_of(read_stored(to + "\r\n\r\n", "", "x")).size() == inspect::kMaxGuessed);
}

TEST_CASE("what stands above our own Received field came later, and below it is the inbound server's") {
    const auto rest = std::string(kInbound) + "Delivered-To: forged@t.test\r\nTo: b@t.test\r\n\r\ntext\r\n";
    const auto text = "Delivered-To: b@t.test\r\n" + std::string(kDelivery) + std::string(kOurs) +
                      "X-Sandwich-Verdict: clean\r\n" + rest;
    const auto facts = read_stored(text, "", "Sandwich.Test");
    CHECK(text.substr(facts.begin) == rest);
    CHECK(facts.client == "198.51.100.7");
    CHECK(recipients_of(facts) == Addresses{"b@t.test"});
    // Another one's name, or one that has only the name.
    for (const auto& other : {std::string(kDelivery), std::string(kInbound)})
        CHECK(read_stored(other + rest, "", "mx.test").begin == 0);
    CHECK(read_stored(text, "", "other.test").begin == 0);
    CHECK(read_stored(text, "", "other.test").client == "198.51.100.7");
    // A second one of ours below (a circle, or forged) changes nothing.
    CHECK(read_stored(text + std::string(kOurs), "", "sandwich.test").begin == facts.begin);
}

TEST_CASE("without our field the client is the first host that is not this one") {
    CHECK(read_stored(std::string(kDelivery) + std::string(kInbound) + "\r\n", "", "x").client == "198.51.100.7");
    CHECK(read_stored(std::string(kDelivery) + "\r\n", "", "x").client.empty());
    CHECK(read_stored("\r\n" + std::string(kInbound), "", "x").client.empty());
}
