#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "chunks.hpp"
#include "smtp/data_codec.hpp"

namespace {

using namespace std::string_literals;

struct Decoded {
    std::string text;
    bool ended = false;
    std::string rest;  // what follows the end of data
    std::size_t mended = 0;
    bool undotted = true;

    bool operator==(const Decoded&) const = default;
};

Decoded decode(const chunks::Pieces& pieces) {
    smtp::DataDecoder decoder;
    Decoded decoded;
    for (auto piece : pieces) {
        decoded.text += decoder.take_plain(piece);
        if (!decoded.ended)
            decoded.ended = decoder.feed(piece, decoded.text);
        decoded.rest += piece;
    }
    decoded.mended = decoder.mended();
    decoded.undotted = decoder.undotted();
    return decoded;
}

Decoded decode(std::string_view wire) {
    return decode(chunks::Pieces{wire});
}

std::string joined(const smtp::Runs& runs) {
    std::string text;
    for (const auto run : runs)
        text += run;
    return text;
}

std::string encode(const chunks::Pieces& pieces) {
    smtp::DataEncoder encoder;
    smtp::Runs runs;
    for (auto piece : pieces)
        while (!piece.empty())
            piece.remove_prefix(encoder.feed(piece, runs, runs.size() + 1));
    encoder.finish(runs);
    return joined(runs);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

// What RFC 5321 says, on the whole input at once: the end is searched, the rest split at CRLF, each line unstuffed and
// mended by itself.
Decoded decode_by_the_book(std::string_view wire) {
    std::string_view text = wire;
    Decoded decoded;
    if (wire.starts_with(".\r\n"))
        return {"", true, std::string(wire.substr(3)), 0};
    const auto end = wire.find("\r\n.\r\n");
    REQUIRE(end != std::string_view::npos);
    decoded.ended = true;
    decoded.rest = wire.substr(end + 5);
    for (text = wire.substr(0, end + 2); !text.empty();) {
        const auto crlf = text.find("\r\n");
        std::string line(text.substr(0, crlf));
        text.remove_prefix(crlf + 2);
        if (line.starts_with('.')) {
            line.erase(0, 1);
            decoded.undotted = false;
        }
        for (const char octet : line)
            decoded.mended += octet == '\r' || octet == '\n' ? 1 : 0;
        decoded.text += replace_all(replace_all(line, "\r", " "), "\n", "\r\n") + "\r\n";
    }
    decoded.undotted = decoded.undotted && decoded.mended == 0;
    return decoded;
}

std::string random_text(std::mt19937& random, std::size_t octets, const std::vector<std::string>& fragments) {
    std::uniform_int_distribution<std::size_t> pick(0, fragments.size() - 1);
    std::string text;
    while (text.size() < octets)
        text += fragments[pick(random)];
    return text;
}

}  // namespace

TEST_CASE("data ends at CRLF dot CRLF and what follows is left alone") {
    CHECK(decode("Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n") ==
          Decoded{"Subject: x\r\n\r\nhello\r\n", true, "QUIT\r\n", 0});
}

TEST_CASE("a dot at once is an empty message") {
    CHECK(decode(".\r\nMAIL FROM:<>\r\n") == Decoded{"", true, "MAIL FROM:<>\r\n", 0});
    CHECK(decode("\r\n.\r\n") == Decoded{"\r\n", true, "", 0});
}

TEST_CASE("a stuffed dot is taken off, once and only at the start of a line") {
    CHECK(decode("..\r\n...two\r\na.b\r\n.x\r\n.\r\n").text == ".\r\n..two\r\na.b\r\nx\r\n");
}

TEST_CASE("no other octets end data, however they are cut") {
    struct Case {
        std::string wire;  // without the true end
        std::string text;
    };
    const std::vector<Case> cases{
        {"a\r\n.\nMAIL FROM:<b>\r\n", "a\r\n\r\nMAIL FROM:<b>\r\n"},
        {"a\n.\r\nMAIL FROM:<b>\r\n", "a\r\n.\r\nMAIL FROM:<b>\r\n"},
        {"a\n.\nMAIL FROM:<b>\r\n", "a\r\n.\r\nMAIL FROM:<b>\r\n"},
        {"a\r.\r\nMAIL FROM:<b>\r\n", "a .\r\nMAIL FROM:<b>\r\n"},
        {"a\r\n.\rMAIL FROM:<b>\r\n", "a\r\n MAIL FROM:<b>\r\n"},
        {"a\r.\rMAIL FROM:<b>\r\n", "a . MAIL FROM:<b>\r\n"},
        {"a\n.\rMAIL FROM:<b>\r\n", "a\r\n. MAIL FROM:<b>\r\n"},
        {"a\r\n.\r\r\nb\r\n", "a\r\n \r\nb\r\n"},
        {"a\r\n\0.\r\nb\r\n"s, "a\r\n\0.\r\nb\r\n"s},
        {"a\r\n.\0\r\nb\r\n"s, "a\r\n\0\r\nb\r\n"s},
        {".\nb\r\n", "\r\nb\r\n"},
        {".\rb\r\n", " b\r\n"},
    };
    for (const auto& c : cases) {
        const auto& wire = c.wire;
        CAPTURE(wire);
        chunks::for_every_cut(wire, [&](const auto& pieces) { CHECK_FALSE(decode(pieces).ended); });
        const auto whole = wire + ".\r\nrest";
        chunks::for_every_cut(whole, [&](const auto& pieces) {
            const auto decoded = decode(pieces);
            CHECK(decoded.ended);
            CHECK(decoded.text == c.text);
            CHECK(decoded.rest == "rest");
        });
    }
}

TEST_CASE("bare CR becomes a blank, bare LF becomes CRLF, and both are counted") {
    const auto decoded = decode("a\rb\nc\r\r\n\n\r\n.\r\n");
    CHECK(decoded.text == "a b\r\nc \r\n\r\n\r\n");
    CHECK(decoded.mended == 4);
}

TEST_CASE("a dot after a mended line end is text: the sender saw no line start and stuffed none") {
    CHECK(decode("a\n.b\n..c\r\n.\r\n").text == "a\r\n.b\r\n..c\r\n");
}

TEST_CASE("NUL and 8-bit octets pass") {
    CHECK(decode("\0\xff\x80\r\n.\r\n"s).text == "\0\xff\x80\r\n"s);
}

TEST_CASE(
    "every text of CR, LF, NUL, dot and a letter up to seven octets decodes by the book, in one piece, two, or "
    "octets") {
    constexpr std::string_view kAlphabet{"\r\n\0.a", 5};
    std::size_t wrong = 0;
    std::size_t tried = 0;
    unsigned texts = 1;
    for (unsigned length = 0; length <= 7; ++length, texts *= 5) {
        for (unsigned number = 0; number < texts; ++number) {
            std::string wire;
            for (unsigned place = 0, rest = number; place < length; ++place, rest /= 5)
                wire += kAlphabet[rest % 5];
            wire += "\r\n.\r\nNOOP";
            const auto expected = decode_by_the_book(wire);
            const std::string_view view = wire;
            chunks::Pieces octets;
            for (std::size_t i = 0; i < view.size(); ++i) {
                wrong += decode({view.substr(0, i), view.substr(i)}) == expected ? 0 : 1;
                octets.push_back(view.substr(i, 1));
            }
            wrong += decode(octets) == expected ? 0 : 1;
            ++tried;
        }
    }
    CHECK(tried == 97656);
    CHECK(wrong == 0);
}

TEST_CASE("long random input decodes by the book in any chunking, and holds no bare CR or LF") {
    std::mt19937 random(20261123);
    for (int round = 0; round < 200; ++round) {
        auto wire = random_text(
            random, 3000, {"\r\n", "\r", "\n", ".", "\r\n.", "\n.\n", "\r\n.\r", "words of a text", "\r\n..", "\0"s});
        wire += "\r\n.\r\n";
        const auto expected = decode_by_the_book(wire);
        CHECK(decode(chunks::random_cut(wire, random, 40)) == expected);
        const auto without_pairs = replace_all(expected.text, "\r\n", "");
        CHECK(without_pairs.find_first_of("\r\n") == std::string::npos);
    }
}

TEST_CASE("the encoder doubles a dot at each line start and ends the last line") {
    CHECK(encode({".a\r\n..b\r\nc.d\r\n.\r\n"}) == "..a\r\n...b\r\nc.d\r\n..\r\n.\r\n");
    CHECK(encode({"a"}) == "a\r\n.\r\n");
    CHECK(encode({}) == ".\r\n");
    CHECK(encode({""}) == ".\r\n");
    CHECK(encode({"\r\n"}) == "\r\n.\r\n");
}

TEST_CASE("the encoder's end stands on a line of its own even after text that is not canonical") {
    CHECK(encode({"a\n"}) == "a\n\r\n.\r\n");
    CHECK(encode({"a", "\n"}) == "a\n\r\n.\r\n");
    CHECK(encode({"a\r"}) == "a\r\r\n.\r\n");
    CHECK(encode({"a\n", ".\r\nb"}) == "a\n..\r\nb\r\n.\r\n");
}

TEST_CASE("the encoder gives the same in any chunking") {
    const std::string text = "..\r\n.\r\na\r\n.b\r\n";
    const auto expected = encode({text});
    chunks::for_every_cut(text, [&](const auto& pieces) { CHECK(encode(pieces) == expected); });
}

TEST_CASE("the encoder is ready for the next message after finish") {
    smtp::DataEncoder encoder;
    smtp::Runs runs;
    encoder.feed("a", runs, 9);
    encoder.finish(runs);
    encoder.feed(".b\r\n", runs, 9);
    encoder.finish(runs);
    CHECK(joined(runs) == "a\r\n.\r\n..b\r\n.\r\n");
}

TEST_CASE("what needs no dot is one run of the text itself, and a run too many is left for later") {
    smtp::DataEncoder encoder;
    smtp::Runs runs;
    const std::string text = "a\r\n" + std::string(1000, 'x') + "\r\n.b\r\n.c\r\nd\r\n";
    const auto taken = encoder.feed(text, runs, 2);
    CHECK(taken == text.find(".c"));
    REQUIRE(runs.size() == 3);
    CHECK(runs[0].data() == text.data());
    CHECK(runs[0].size() == text.find(".b"));
    CHECK(encoder.feed(std::string_view(text).substr(taken), runs, 9) == text.size() - taken);
    CHECK(joined(runs) == replace_all(text, "\r\n.", "\r\n.."));
}

TEST_CASE("a text without a dot at a line's begin need not be looked through, but for its own begin") {
    const std::string text = "a.b\r\n" + std::string(1000, '.') + "\r\nc\r\n";
    const auto piece = std::string_view(text).substr(5);  // a range may begin with a dot where no line does
    for (const auto* before : {"", "x", "x\r\n"}) {
        smtp::DataEncoder encoder;
        smtp::Runs looked;
        encoder.feed(before, looked, 99);
        encoder.feed(piece, looked, 99);
        encoder.finish(looked);
        smtp::Runs trusted;
        encoder.feed(before, trusted, 99);
        CHECK(encoder.feed(piece, trusted, 99, true) == piece.size());
        encoder.finish(trusted);
        CHECK(joined(looked) == joined(trusted));
    }
}

TEST_CASE("plain text is taken as it stands, up to where it is not plain") {
    std::mt19937 random(9);
    const std::string line = "a line of text. With dots.\r\n";
    std::string lines;
    while (lines.size() < 2000)
        lines += line;
    for (const auto& odd : {"\r\n.\r\n"s, "\r\n.x"s, "\n"s, "\r"s, "\r\r\n"s, "\n\r"s}) {
        for (int round = 0; round < 300; ++round) {
            const auto at = random() % lines.size();
            if (lines[at] == '\n')  // what is put within a CRLF may well be plain
                continue;
            const auto wire = lines.substr(0, at) + odd + lines.substr(at) + "\r\n.\r\n";
            smtp::DataDecoder decoder;
            std::string_view rest = wire;
            const auto plain = decoder.take_plain(rest);
            REQUIRE(plain.size() <= at + odd.size());
            REQUIRE(plain.size() + 300 > at);
            REQUIRE((plain.empty() || plain.size() >= 100));  // never by single octets
            REQUIRE(plain == std::string_view(wire).substr(0, plain.size()));
            Decoded decoded{std::string(plain), false, "", 0};
            decoded.ended = decoder.feed(rest, decoded.text);
            decoded.rest = rest;
            decoded.mended = decoder.mended();
            decoded.undotted = decoder.undotted();
            REQUIRE(decoded == decode_by_the_book(wire));
        }
    }
}

TEST_CASE(
    "decoding what was encoded gives back every canonical text, and encoding what was decoded every stuffed one") {
    std::mt19937 random(5321);
    for (int round = 0; round < 200; ++round) {
        const auto text =
            random_text(random, 4000, {"\r\n", ".", "..", "\r\n.", "\r\n.\r\n", "words of a text", "\xc3\xa9", "\0"s}) +
            "\r\n";
        const auto wire = encode(chunks::random_cut(text, random, 50));
        CHECK(wire.find("\r\n.\r\n") == wire.size() - 5);
        const auto decoded = decode(chunks::random_cut(wire, random, 50));
        CHECK(decoded.text == text);
        CHECK(decoded.ended);
        CHECK(decoded.mended == 0);
        CHECK(encode({decoded.text}) == wire);
    }
}
