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

TEST_CASE("the facts come from the topmost Received field and the first Message-ID") {
    const auto facts = mail::read_header_facts(
        "Return-Path: <a@b>\r\nreceived: by mx id ONE; d\r\nReceived: by other id TWO; d\r\n"
        "message-id:\r\n <x@y>\r\nMessage-ID: <z@y>\r\n\r\nReceived: by body id THREE\r\n");
    CHECK(facts.received.id == "ONE");
    CHECK(facts.message_id == "<x@y>");
}

TEST_CASE("what lies below the topmost Received field begins behind its last line") {
    const std::string mail = "A: b\r\nReceived: by mx\r\n\tid ONE; d\r\nReceived: by other; d\r\n\r\nbody\r\n";
    const auto facts = mail::read_header_facts(mail);
    CHECK(facts.received.by == "mx");
    CHECK(mail.substr(facts.below_received) == "Received: by other; d\r\n\r\nbody\r\n");
    CHECK(mail::read_header_facts("A: b\r\n\r\nReceived: by mx id ONE; d\r\n").below_received == 0);
}

TEST_CASE("a topmost Received field without an id gives none, whatever the ones below say") {
    CHECK(mail::read_header_facts("Received: by mx; d\r\nReceived: by other id TWO; d\r\n\r\n").received.id.empty());
}

TEST_CASE("facts are not looked for in the body, nor behind too many fields") {
    const auto in_body = mail::read_header_facts("A: b\r\n\r\nReceived: by y id X; d\r\nMessage-ID: <a@b>\r\n");
    CHECK(in_body.received.id.empty());
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
