#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "chunks.hpp"
#include "smtp/reply.hpp"

namespace {

using namespace std::string_literals;
using smtp::Reply;
using smtp::ReplyParser;

struct Parsed {
    std::vector<Reply> replies;
    bool garbage = false;
};

Parsed parse(const chunks::Pieces& pieces) {
    ReplyParser parser;
    Parsed parsed;
    for (auto piece : pieces) {
        while (true) {
            auto outcome = parser.feed(piece);
            if (auto* reply = std::get_if<Reply>(&outcome)) {
                parsed.replies.push_back(*reply);
                continue;
            }
            if (std::holds_alternative<ReplyParser::Garbage>(outcome)) {
                parsed.garbage = true;
                return parsed;
            }
            CHECK(piece.empty());
            break;
        }
    }
    return parsed;
}

Parsed parse(std::string_view text) {
    return parse(chunks::Pieces{text});
}

bool is_garbage(std::string_view text) {
    return parse(text).garbage;
}

}  // namespace

TEST_CASE("a reply of one line and one of several are read") {
    const auto parsed = parse("220 mx ESMTP\r\n250-mx\r\n250-SIZE 100\r\n250 DSN\r\n");
    CHECK_FALSE(parsed.garbage);
    REQUIRE(parsed.replies.size() == 2);
    CHECK(parsed.replies[0] == Reply{220, {"mx ESMTP"}});
    CHECK(parsed.replies[1] == Reply{250, {"mx", "SIZE 100", "DSN"}});
}

TEST_CASE("replies are the same in any chunking") {
    const std::string text = "250-2.1.5 a\r\n250 b\r\n354 go\n550 5.1.1 no\r\n";
    const auto expected = parse(text).replies;
    REQUIRE(expected.size() == 3);
    chunks::for_every_cut(text, [&](const auto& pieces) { CHECK(parse(pieces).replies == expected); });
}

TEST_CASE("a code alone, a code with an empty text and a bare LF are taken") {
    const auto parsed = parse("250\r\n250 \r\n250-\r\n250\r\n354\n");
    REQUIRE(parsed.replies.size() == 4);
    CHECK(parsed.replies[0] == Reply{250, {""}});
    CHECK(parsed.replies[1] == Reply{250, {""}});
    CHECK(parsed.replies[2] == Reply{250, {"", ""}});
    CHECK(parsed.replies[3] == Reply{354, {""}});
}

TEST_CASE("what is no reply is garbage") {
    for (const auto* text :
         {"\r\n", "25\r\n", "2x0 ok\r\n", "hello\r\n", "2500 ok\r\n", "250_ok\r\n", "099 x\r\n", "100 wait\r\n",
          "199 x\r\n", "600 x\r\n", "999 x\r\n", " 250 ok\r\n", "HTTP/1.0 400 Bad request\r\n"}) {
        CAPTURE(text);
        CHECK(is_garbage(text));
    }
    CHECK_FALSE(is_garbage("200 x\r\n"));
    CHECK_FALSE(is_garbage("599 x\r\n"));
}

TEST_CASE("a reply whose lines have different codes is garbage") {
    CHECK(is_garbage("250-a\r\n550 b\r\n"));
    CHECK(is_garbage("250-a\r\n250-b\r\n251 c\r\n"));
}

TEST_CASE("a line up to the limit is taken and one octet more is garbage, with or without its end") {
    const std::string longest = "250 " + std::string(ReplyParser::kMaxLine - 6, 'x') + "\r\n";
    CHECK(longest.size() == ReplyParser::kMaxLine);
    CHECK(parse(longest).replies.size() == 1);
    CHECK(is_garbage("250 x" + longest.substr(4)));
    CHECK(is_garbage(std::string(ReplyParser::kMaxLine + 1, '2')));
    std::string octets(ReplyParser::kMaxLine + 1, '2');
    CHECK(
        parse(chunks::Pieces{std::string_view(octets).substr(0, 4000), std::string_view(octets).substr(4000)}).garbage);
}

TEST_CASE("the lines and the octets of one reply are bounded, those of a session are not") {
    std::string lines;
    for (std::size_t i = 1; i < ReplyParser::kMaxLines; ++i)
        lines += "250-x\r\n";
    CHECK(parse(lines + "250 x\r\n").replies.size() == 1);
    CHECK(is_garbage(lines + "250-x\r\n250 x\r\n"));

    std::string octets;
    while (octets.size() <= ReplyParser::kMaxReply)
        octets += "250-" + std::string(1000, 'x') + "\r\n";
    CHECK(is_garbage(octets));

    std::string session;
    for (int i = 0; i < 1000; ++i)
        session += "250 " + std::string(1000, 'x') + "\r\n";
    CHECK(parse(session).replies.size() == 1000);
}

TEST_CASE("replies of our own put the enhanced code before the text") {
    CHECK(smtp::make_reply(550, "5.1.1", "No such user") == Reply{550, {"5.1.1 No such user"}});
    CHECK(smtp::make_reply(354, "", "Go on") == Reply{354, {"Go on"}});
    CHECK(smtp::make_reply(250, "2.0.0", "") == Reply{250, {"2.0.0"}});
}

TEST_CASE("the wire form has a hyphen in every line but the last") {
    CHECK(smtp::to_wire({250, {"a"}}) == "250 a\r\n");
    CHECK(smtp::to_wire({250, {}}) == "250 \r\n");
    CHECK(smtp::to_wire({250, {"a", "b", "c"}}) == "250-a\r\n250-b\r\n250 c\r\n");
}

TEST_CASE("a foreign text cannot put a line of its own on the wire or into a log") {
    const Reply foreign{550, {"5.1.1 no\r\n250 yes", "a\0b\x1b[31m\x7f"s, "tab\there caf\xc3\xa9"}};
    CHECK(smtp::to_wire(foreign) == "550-5.1.1 no??250 yes\r\n550-a?b?[31m?\r\n550 tab\there caf\xc3\xa9\r\n");
    CHECK(smtp::text_of(foreign) == "no??250 yes a?b?[31m? tab\there caf\xc3\xa9");
    const auto parsed = parse("250 a\rb\0c\r\n"s);
    REQUIRE(parsed.replies.size() == 1);
    CHECK(smtp::to_wire(parsed.replies[0]) == "250 a?b?c\r\n");
}

TEST_CASE("no line on the wire is longer than 512 octets") {
    const auto wire = smtp::to_wire({250, {std::string(5000, 'x'), "end"}});
    CHECK(wire.find("\r\n") == 510);
    CHECK(wire.ends_with("\r\n250 end\r\n"));
}

TEST_CASE("an enhanced code is one of the reply's own class, whole and at the front") {
    const auto code = [](int reply_code, const char* text) {
        const Reply reply{reply_code, {text}};
        return std::string(smtp::enhanced_code(reply));
    };
    CHECK(code(250, "2.1.5 ok") == "2.1.5");
    CHECK(code(550, "5.1.1") == "5.1.1");
    CHECK(code(452, "4.123.456\tx") == "4.123.456");
    CHECK(code(550, "2.1.5 x").empty());
    CHECK(code(550, "4.1.1 x").empty());
    CHECK(code(354, "3.0.0 x").empty());
    for (const auto* text : {"", "2", "2.", "2.1", "2.1.", "2..1", "2.1.5x", "2.1.5.6 x", "2.1234.5 x", "2.1.1234 x",
                             "22.1.5 x", " 2.1.5 x", "mail.example.test 2.1.5", "5.1.1 x", "4.1.1 x"}) {
        CAPTURE(text);
        CHECK(code(250, text).empty());
    }
}

TEST_CASE("the text of a reply has no enhanced codes and one blank between lines") {
    CHECK(smtp::text_of({250, {"2.0.0 6AM4NqNc004002 Message accepted for delivery"}}) ==
          "6AM4NqNc004002 Message accepted for delivery");
    CHECK(smtp::text_of({550, {"5.7.1 no", "5.7.1 really", "", "5.7.1", "2.0.0 kept"}}) == "no really 2.0.0 kept");
    CHECK(smtp::text_of({250, {""}}).empty());
}

TEST_CASE("each code has one class") {
    CHECK(Reply{250, {""}}.positive());
    CHECK(Reply{354, {""}}.intermediate());
    CHECK(Reply{421, {""}}.transient());
    CHECK(Reply{599, {""}}.permanent());
    CHECK_FALSE(Reply{354, {""}}.positive());
    CHECK_FALSE(Reply{500, {""}}.transient());
}
