#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "chunks.hpp"
#include "dialogue.hpp"
#include "smtp/after_data.hpp"

using smtp::AfterData;
using smtp::is_stray;
using namespace std::string_literals;

namespace {

// True when `bytes` and everything it begins with is no stray: what a reader sees who gets it octet by octet.
bool passes(std::string_view bytes, AfterData permitted) {
    for (std::size_t i = 0; i <= bytes.size(); ++i) {
        if (is_stray(bytes.substr(0, i), permitted))
            return false;
    }
    return true;
}

constexpr AfterData kEverybody[] = {AfterData::kQuitOnly, AfterData::kPipelines};

}  // namespace

TEST_CASE("nothing and exactly QUIT CRLF are no stray, whole or in part, for anybody") {
    for (const auto permitted : kEverybody)
        CHECK(passes("QUIT\r\n", permitted));
}

TEST_CASE("RSET and MAIL and what follows them are left to clients that pipeline") {
    for (const std::string text : {"RSET\r\n", "MAIL FROM:<a@b>\r\n", "mail from:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
                                   "Rset\r\nMAIL FROM:<>\r\n"}) {
        CAPTURE(text);
        CHECK(passes(text, AfterData::kPipelines));
        CHECK(is_stray(text, AfterData::kQuitOnly));
        CHECK(is_stray(text.substr(0, 1), AfterData::kQuitOnly));
    }
}

TEST_CASE("everything else is a stray for everybody") {
    for (const std::string& text : {"\r\n"s,         "\n"s,
                                    ".\r\n"s,        "\0"s,
                                    " QUIT\r\n"s,    "quit\r\n"s,
                                    "QUIT\n"s,       "QUIT \r\n"s,
                                    "QUIT\r\n\r\n"s, "QUIT\r\nQUIT\r\n"s,
                                    "QUITE"s,        "NOOP\r\n"s,
                                    "EHLO a\r\n"s,   "RCPT TO:<a@b>\r\n"s,
                                    "DATA\r\n"s,     "MAIL\r\n"s,
                                    "MAIL <a>"s,     "RSET x\r\n"s,
                                    "RSET\n"s,       "text of a body\r\n"s,
                                    "\xff"s}) {
        CAPTURE(text);
        for (const auto permitted : kEverybody)
            CHECK(is_stray(text, permitted));
    }
}

TEST_CASE("each octet but the first of a permitted command is a stray at the first place") {
    for (int octet = 0; octet < 256; ++octet) {
        const std::string text(1, static_cast<char>(octet));
        CHECK(is_stray(text, AfterData::kQuitOnly) == (text != "Q"));
        CHECK(is_stray(text, AfterData::kPipelines) == (text.find_first_of("QRMrm") == std::string::npos));
    }
}

TEST_CASE("a server judges what follows the end of data until that is answered, however it is cut") {
    const std::string wire = "body\r\n.\r\nNOOP\r\n";
    chunks::for_every_cut(wire, [&](const chunks::Pieces& pieces) {
        dialogue::Dialogue smtp;
        smtp.data();
        std::size_t ends = 0;
        std::size_t given = 0;
        smtp.on_event = [&](const dialogue::Server::Event& event) {
            ends += std::holds_alternative<dialogue::Server::EndOfData>(event) ? 1 : 0;
        };
        for (const auto piece : pieces) {
            smtp.feed(piece);
            given += piece.size();
            CHECK(smtp.server.strays(smtp.input) == (given > wire.find("NOOP")));
        }
        CHECK(ends == 1);
        CHECK(smtp.input == "NOOP\r\n");
        CHECK(smtp.output().empty());
        smtp.answer(250);
        CHECK_FALSE(smtp.server.strays(smtp.input));
    });
}

TEST_CASE("nowhere else is there a stray") {
    dialogue::Dialogue smtp;
    CHECK_FALSE(smtp.server.strays("x"));
    smtp.hello();
    smtp.feed("MAIL FROM:<a@b>\r\n");
    CHECK_FALSE(smtp.server.strays("x"));
    smtp.answer(250);
    smtp.recipient();
    smtp.feed("DATA\r\n");
    CHECK_FALSE(smtp.server.strays("x"));
    smtp.answer(354);
    CHECK_FALSE(smtp.server.strays("x"));
    smtp.feed(".\r\n");
    CHECK(smtp.server.strays("x"));
    smtp.server.close(smtp::make_reply(421, "", "x"));
    CHECK_FALSE(smtp.server.strays("x"));
}

TEST_CASE("a client that pipelines may send the next mail, and it is carried out after the answer") {
    smtp::ServerLimits limits;
    limits.after_data = AfterData::kPipelines;
    dialogue::Dialogue smtp(limits);
    smtp.data();
    smtp.feed("x\r\n.\r\nMAIL FROM:<c@d>\r\n");
    CHECK_FALSE(smtp.server.strays(smtp.input));
    smtp.answer(250);
    CHECK(smtp.feed("") == dialogue::Events{"MAIL <c@d>"});
}
