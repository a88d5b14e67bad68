#include <doctest/doctest.h>

#include "mail/received.hpp"

namespace {

std::string received_id(std::string_view value) {
    return mail::parse_received(value).id;
}

std::string received_by(std::string_view value) {
    return mail::parse_received(value).by;
}

std::string received_client(std::string_view value) {
    return mail::parse_received(value).client;
}

}  // namespace

TEST_CASE("the id of a Received field is found in what real servers write") {
    CHECK(received_id("from x by y with ESMTP id 6AM4NqxZ003998\r\n\tfor <a@b>; Mon, 23 Nov 2026 05:11:00 GMT") ==
          "6AM4NqxZ003998");
    CHECK(received_id(" from client.outside.test (client.outside.test [198.51.100.7])\r\n"
                      "\tby mx.example.test (8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id 6AM4NqxZ003998\r\n"
                      "\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NOT)\r\n"
                      "\tfor <alice@example.test>; Mon, 23 Nov 2026 05:11:00 +0000") == "6AM4NqxZ003998");
    CHECK(received_id(" from mail.test (unknown [192.0.2.1])\r\n\tby mx.test (Postfix) with SMTP id 4F2Q1z\r\n"
                      "\tfor <a@b>; date") == "4F2Q1z");
    CHECK(received_id(" from [192.0.2.1] (helo=mail.test)\r\n\tby mx.test with esmtp (Exim 4.96)\r\n"
                      "\t(envelope-from <a@b>)\r\n\tid 1r5xYz-0000Ab-1C\r\n\tfor c@d; date") == "1r5xYz-0000Ab-1C");
    CHECK(received_id("(from root@localhost)\r\n\tby mx.test (8.17.1.9/Submit) ID 6AM4;\r\n\tdate") == "6AM4");
}

TEST_CASE("an id in a comment, a quoted string, another clause or the date is none") {
    CHECK(received_id("from x (envelope id foo) by y id bar; d") == "bar");
    CHECK(received_id("from x (a (nested id foo) \\) id foo) by y; d").empty());
    CHECK(received_id("from x (a \\) id foo ) by y id bar; d") == "bar");
    CHECK(received_id("from \"x\\\" id foo \" by y id bar; d") == "bar");
    CHECK(received_id("from id by id via id with id for id; d").empty());
    CHECK(received_id("from id by y id bar; d") == "bar");
    CHECK(received_id("from \"x id foo\" by y id bar; d") == "bar");
    CHECK(received_id("from x by y; id foo").empty());
    CHECK(received_id("from x by y;id foo").empty());
    CHECK(received_id("from x by y (id foo").empty());
    CHECK(received_id("from x by y paid foo; d").empty());
}

TEST_CASE("what is no plain id is none, and never a part of it") {
    CHECK(received_id("by y id").empty());
    CHECK(received_id("by y id ; d").empty());
    CHECK(received_id("by y id <a@b>; d").empty());
    CHECK(received_id("by y id a/../b; d").empty());
    CHECK(received_id("by y id \"quoted\"; d").empty());
    CHECK(received_id("by y id " + std::string(64, 'x')).size() == 64);
    CHECK(received_id("by y id " + std::string(65, 'x')).empty());
    CHECK(received_id("").empty());
    CHECK(received_id("\\").empty());
    CHECK(received_id("id \\").empty());
    CHECK(received_id("(\\").empty());
    CHECK(received_id(")) id foo") == "foo");
}

TEST_CASE("the host that took a mail is the word behind \"by\"") {
    CHECK(received_by(
              " from client.test (client.test [198.51.100.7])\r\n\tby mx.test (8.17) with ESMTP id 6AM4;\r\n\td") ==
          "mx.test");
    CHECK(received_by("from by by y id bar; d") == "y");
    CHECK(received_by("from x (by z) by [192.0.2.1] id bar; d") == "[192.0.2.1]");
    CHECK(received_by("from x by one by two id bar; d") == "one");
    CHECK(received_by("from x id bar; by y").empty());
    CHECK(received_by("by \"y\" id bar; d").empty());
    CHECK(received_by("by " + std::string(255, 'x')).size() == 255);
    CHECK(received_by("by " + std::string(256, 'x')).empty());
}

TEST_CASE("the client's address is the last one in the comments of the from clause") {
    CHECK(received_client(" from c.test (c.test [192.0.2.7])\r\n\tby mx ([192.0.2.1]) with ESMTP id A; now") ==
          "192.0.2.7");
    CHECK(received_client("from c (IDENT:u@[6.6.6.6]@c.test [192.0.2.7] (may be forged)) by mx") == "192.0.2.7");
    CHECK(received_client("FROM [6.6.6.6] ([IPv6:2001:db8::1]) (using TLS) by mx") == "2001:db8::1");
    CHECK(received_client("from by (c [192.0.2.7]) by mx for <a@[192.0.2.9]>") == "192.0.2.7");
    CHECK(received_client("from c.test ([192.0.2.7] helo=[6.6.6.6]) by mx") == "192.0.2.7");
    CHECK(received_client("from [192.0.2.7] (helo=[6.6.6.6]) by mx") == "192.0.2.7");
    CHECK(received_client("from [192.0.2.7] (helo=c.test) by mx") == "192.0.2.7");
    CHECK(received_client("(from c.test [192.0.2.7]) by mx").empty());
    for (const auto* none :
         {"", "from", "from c by mx", "from [192.0.2.7] by mx", "(from root@localhost) by mx", "by mx ([192.0.2.7])",
          "from c (c [x.test]) by mx", "from c (c []) by mx", "from c (c [1) by mx", "from c (c [192.0.2.7"})
        CHECK_MESSAGE(received_client(none).empty(), none);
}
