#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "mail/headers.hpp"

namespace {

struct Field {
    std::string name;
    std::string value;
    std::string octets;  // the whole range

    bool operator==(const Field&) const = default;
};

std::vector<Field> fields_of(std::string_view mail) {
    std::vector<Field> fields;
    mail::HeaderReader reader(mail);
    std::size_t expected_begin = 0;
    while (const auto field = reader.next()) {
        CHECK(field->begin == expected_begin);
        CHECK(field->end > field->begin);
        expected_begin = field->end;
        fields.push_back({std::string(field->name), std::string(field->value),
                          std::string(mail.substr(field->begin, field->end - field->begin))});
    }
    CHECK_FALSE(reader.next());
    return fields;
}

}  // namespace

TEST_CASE("fields are ranges that follow each other up to the empty line") {
    CHECK(fields_of("From: a\r\nSubject:b\r\n\r\nNot-A-Field: c\r\n") ==
          std::vector<Field>{{"From", " a", "From: a\r\n"}, {"Subject", "b", "Subject:b\r\n"}});
}

TEST_CASE("a folded field is one field, its folds kept") {
    CHECK(fields_of("A: 1\r\n\t2\r\n  3: 4\r\nB:\r\n \r\n\r\nbody\r\n") ==
          std::vector<Field>{{"A", " 1\r\n\t2\r\n  3: 4", "A: 1\r\n\t2\r\n  3: 4\r\n"}, {"B", "\r\n ", "B:\r\n \r\n"}});
}

TEST_CASE("a header section may end with the mail") {
    CHECK(fields_of("").empty());
    CHECK(fields_of("\r\n").empty());
    CHECK(fields_of("A: b\r\n").size() == 1);
    CHECK(fields_of("A: b\r\n c") == std::vector<Field>{{"A", " b\r\n c", "A: b\r\n c"}});
    CHECK(fields_of("A: b\r") == std::vector<Field>{{"A", " b", "A: b\r"}});
}

TEST_CASE("lines that are no field have an empty name and the walk goes on") {
    CHECK(fields_of(
              "From a@b Mon Nov 23 05:11:00 2026\r\nA: b\r\nno colon\r\n: empty\r\nCaf\xc3\xa9: x\r\nC: d\r\n\r\n") ==
          std::vector<Field>{{"", "", "From a@b Mon Nov 23 05:11:00 2026\r\n"},
                             {"A", " b", "A: b\r\n"},
                             {"", "", "no colon\r\n"},
                             {"", "", ": empty\r\n"},
                             {"", "", "Caf\xc3\xa9: x\r\n"},
                             {"C", " d", "C: d\r\n"}});
    CHECK(fields_of(" begins folded\r\n more: x\r\nA: b\r\n").front() ==
          Field{"", "", " begins folded\r\n more: x\r\n"});
}

TEST_CASE("blanks before the colon do not belong to the name") {
    CHECK(fields_of("Subject \t: x\r\n").front().name == "Subject");
}

TEST_CASE("field names are compared without regard to case, as a whole") {
    mail::HeaderField field;
    field.name = "rECEIVED";
    CHECK(mail::field_name_is(field, "Received"));
    CHECK_FALSE(mail::field_name_is(field, "Receive"));
    CHECK_FALSE(mail::field_name_is(field, "Received-SPF"));
}

TEST_CASE("the id of a Received field is found in what real servers write") {
    CHECK(mail::received_id("from x by y with ESMTP id 6AM4NqxZ003998\r\n\tfor <a@b>; Mon, 23 Nov 2026 05:11:00 GMT") ==
          "6AM4NqxZ003998");
    CHECK(mail::received_id(" from client.outside.test (client.outside.test [198.51.100.7])\r\n"
                            "\tby mx.example.test (8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id 6AM4NqxZ003998\r\n"
                            "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NOT)\r\n"
                            "\tfor <alice@example.test>; Mon, 23 Nov 2026 05:11:00 +0000") == "6AM4NqxZ003998");
    CHECK(mail::received_id(" from mail.test (unknown [192.0.2.1])\r\n\tby mx.test (Postfix) with SMTP id 4F2Q1z\r\n"
                            "\tfor <a@b>; date") == "4F2Q1z");
    CHECK(mail::received_id(" from [192.0.2.1] (helo=mail.test)\r\n\tby mx.test with esmtp (Exim 4.96)\r\n"
                            "\t(envelope-from <a@b>)\r\n\tid 1r5xYz-0000Ab-1C\r\n\tfor c@d; date") ==
          "1r5xYz-0000Ab-1C");
    CHECK(mail::received_id("(from root@localhost)\r\n\tby mx.test (8.17.1.9/Submit) ID 6AM4;\r\n\tdate") == "6AM4");
}

TEST_CASE("an id in a comment, a quoted string, another clause or the date is none") {
    CHECK(mail::received_id("from x (envelope id foo) by y id bar; d") == "bar");
    CHECK(mail::received_id("from x (a (nested id foo) \\) id foo) by y; d").empty());
    CHECK(mail::received_id("from x (a \\) id foo ) by y id bar; d") == "bar");
    CHECK(mail::received_id("from \"x\\\" id foo \" by y id bar; d") == "bar");
    CHECK(mail::received_id("from id by id via id with id for id; d").empty());
    CHECK(mail::received_id("from id by y id bar; d") == "bar");
    CHECK(mail::received_id("from \"x id foo\" by y id bar; d") == "bar");
    CHECK(mail::received_id("from x by y; id foo").empty());
    CHECK(mail::received_id("from x by y;id foo").empty());
    CHECK(mail::received_id("from x by y (id foo").empty());
    CHECK(mail::received_id("from x by y paid foo; d").empty());
}

TEST_CASE("what is no plain id is none, and never a part of it") {
    CHECK(mail::received_id("by y id").empty());
    CHECK(mail::received_id("by y id ; d").empty());
    CHECK(mail::received_id("by y id <a@b>; d").empty());
    CHECK(mail::received_id("by y id a/../b; d").empty());
    CHECK(mail::received_id("by y id \"quoted\"; d").empty());
    CHECK(mail::received_id("by y id " + std::string(64, 'x')).size() == 64);
    CHECK(mail::received_id("by y id " + std::string(65, 'x')).empty());
    CHECK(mail::received_id("").empty());
    CHECK(mail::received_id("\\").empty());
    CHECK(mail::received_id("id \\").empty());
    CHECK(mail::received_id("(\\").empty());
    CHECK(mail::received_id(")) id foo") == "foo");
}

TEST_CASE("the facts come from the topmost Received field and the first Message-ID") {
    const auto facts = mail::read_header_facts(
        "Return-Path: <a@b>\r\nreceived: by mx id ONE; d\r\nReceived: by other id TWO; d\r\n"
        "message-id:\r\n <x@y>\r\nMessage-ID: <z@y>\r\n\r\nReceived: by body id THREE\r\n");
    CHECK(facts.inbound_id == "ONE");
    CHECK(facts.message_id == "<x@y>");
}

TEST_CASE("a topmost Received field without an id gives none, whatever the ones below say") {
    CHECK(mail::read_header_facts("Received: by mx; d\r\nReceived: by other id TWO; d\r\n\r\n").inbound_id.empty());
}

TEST_CASE("facts are not looked for in the body, nor behind too many fields") {
    const auto in_body = mail::read_header_facts("A: b\r\n\r\nReceived: by y id X; d\r\nMessage-ID: <a@b>\r\n");
    CHECK(in_body.inbound_id.empty());
    CHECK(in_body.message_id.empty());
    CHECK(mail::read_header_facts("A: b\r\nMessage-ID: <a@b>\r\n", 2).message_id == "<a@b>");
    CHECK(mail::read_header_facts("A: b\r\nMessage-ID: <a@b>\r\n", 1).message_id.empty());
}

TEST_CASE("facts are not looked for behind an endless field") {
    const auto mail_with = [](std::size_t octets) {
        return "A: " + std::string(octets, 'x') + "\r\nMessage-ID: <a@b>\r\n";
    };
    CHECK(mail::read_header_facts(mail_with(200000)).message_id == "<a@b>");
    CHECK(mail::read_header_facts(mail_with(300000)).message_id.empty());
}

TEST_CASE("a Message-ID is bounded and fit for a log line") {
    const auto id = [](const std::string& value) {
        return mail::read_header_facts("Message-ID:" + value + "\r\n\r\n").message_id;
    };
    CHECK(id(" <a@b> (comment)") == "<a@b>");
    CHECK(id(" <a\x01\x1b"
             "b@c>") == "<ab@c>");
    CHECK(id(" no brackets") == "no brackets");
    CHECK(id(" <a\r\n b@c>") == "<a b@c>");
    CHECK(id(" <" + std::string(500, 'x') + ">").size() == 200);
    CHECK(id("").empty());
}
