#include <doctest/doctest.h>

#include "evasion/hostile.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/readings.hpp"
#include "mail/mime/tree.hpp"

using namespace mail::mime;

namespace {

// RFC 2046 section 5.1.1: the parts of a multipart, as they stand.
std::vector<std::string> leaves(std::string_view text) {
    std::vector<std::string> found;
    for (const auto& entity : parse(text, {}).entities) {
        if (entity.leaf)
            found.emplace_back(entity.body.of(text));
    }
    return found;
}

std::uint64_t defects(std::string_view text) {
    return parse(text, {}).defects;
}

const std::string kTwo =
    "Content-Type: multipart/mixed; boundary=edge\r\n\r\npreamble\r\n--edge\r\n\r\nfirst\r\n--edge\r\n"
    "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\r\n--edge--\r\nepilogue\r\n";

}  // namespace

TEST_CASE("every octet of a mail has its place") {
    const auto tree = parse(kTwo, {});
    REQUIRE(tree.entities.size() == 3);
    CHECK(tree.defects == 0);
    CHECK(leaves(kTwo) == std::vector<std::string>{"first", "AAAA\r\n"});
    const auto& root = tree.entities[0];
    CHECK(root.body.of(kTwo).starts_with("preamble"));
    CHECK(root.body.end == kTwo.size());
    CHECK(root.close.of(kTwo) == "--edge--\r\n");
    CHECK(root.boundary == "edge");
    CHECK_FALSE(root.leaf);
    const auto& second = tree.entities[2];
    CHECK(second.delimiter.of(kTwo) == "--edge\r\n");
    CHECK(second.header.range.of(kTwo) == "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n");
    CHECK(second.type.word == "text/html");
    CHECK(second.encoding == Encoding::kBase64);
    CHECK(second.parent == 0);
    // A part taken out leaves the others as they were.
    std::string shorter = kTwo;
    shorter.erase(second.delimiter.begin, root.close.begin - second.delimiter.begin);
    CHECK(leaves(shorter) == std::vector<std::string>{"first"});
}

TEST_CASE("multiparts in multiparts, and messages in them") {
    const std::string text =
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; "
        "boundary=b\r\n\r\n"
        "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n"
        "Subject: x\r\nContent-Type: multipart/mixed; "
        "boundary=c\r\n\r\n--c\r\n\r\nthree\r\n--a\r\n\r\nfour\r\n--a--\r\n";
    CHECK(leaves(text) == std::vector<std::string>{"one", "two", "three", "four"});
    CHECK(defects(text) == bit(Defect::kNoCloseDelimiter));
    const auto digest =
        "Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: x\r\n\r\nbody\r\n--a--\r\n";
    CHECK(leaves(digest) == std::vector<std::string>{"body"});
    CHECK(leaves("Subject: x\n\nlines end with LF\n") == std::vector<std::string>{"lines end with LF\n"});
}

TEST_CASE("defects of the structure") {
    const auto with = [](std::string_view type, std::string_view body = "--edge\r\n\r\nx\r\n--edge--\r\n") {
        return defects(std::string("Content-Type: ").append(type).append("\r\n\r\n").append(body));
    };
    CHECK(with("multipart/mixed; boundary=edge") == 0);
    CHECK(with("multipart/mixed") == bit(Defect::kNoBoundary));
    CHECK(with("multipart/mixed; boundary=other") == bit(Defect::kBoundaryUnseen));
    CHECK(with("multipart/mixed; boundary=edge", "--edge\r\n\r\nx") == bit(Defect::kNoCloseDelimiter));
    CHECK(with("multipart/mixed; boundary=edge", "--edge--\r\n--edge\r\n\r\nx") == bit(Defect::kPartAfterClose));
    CHECK(with("multipart/mixed; boundary=edge", "--edge\r\n\r\n--edgeX\r\n--edge--\r\n") ==
          bit(Defect::kDelimiterLine));
    CHECK(with("multipart/mixed; boundary=edge", "--edge \r\n\r\n--edge--\r\n") == bit(Defect::kUnusualBody));
    CHECK(with("multipart/mixed; boundary=\"e;dge\"", "--e;dge\r\n\r\n--e;dge--\r\n") ==
          (bit(Defect::kBoundarySyntax) | bit(Defect::kUnusualField)));
    CHECK(with("text/plain; boundary=edge") == bit(Defect::kBoundaryParameter));
    CHECK(with("text") == bit(Defect::kTypeSyntax));
    CHECK(with("message/partial; id=x", "") == bit(Defect::kPartialMessage));
    CHECK(with("message/external-body; access-type=url", "") == bit(Defect::kExternalBody));
    CHECK(defects("Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n") == bit(Defect::kManyTypes));
    CHECK(defects("Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n") ==
          bit(Defect::kManyEncodings));
    CHECK(defects("Content-Disposition: inline\r\nContent-Disposition: attachment\r\n\r\n") ==
          bit(Defect::kManyDispositions));
    CHECK(defects("Content-Transfer-Encoding: x-own\r\n\r\n") == bit(Defect::kEncodingUnknown));
    CHECK(defects("Content-Transfer-Encoding: uue\r\n\r\n") == bit(Defect::kEncodingOld));
    CHECK(defects("Content-Transfer-Encoding:  base64\r\n\r\n") == 0);
    CHECK((defects("Content-Transfer-Encoding: base64 x\r\n\r\n") & bit(Defect::kEncodingSyntax)) != 0);
    CHECK(defects("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n") ==
          bit(Defect::kCompositeEncoded));
    CHECK(is_malformed(bit(Defect::kManyTypes)));
    CHECK_FALSE(is_malformed(bit(Defect::kNoCloseDelimiter)));
    CHECK(describe(bit(Defect::kHeaderLine) | bit(Defect::kUnusualBody)) == "header_line unusual_body");
}

TEST_CASE("limits end the tree, not the mail") {
    std::string many = "Content-Type: multipart/mixed; boundary=a\r\n\r\n";
    for (int i = 0; i < 100; ++i)
        many += "--a\r\n\r\nx\r\n";
    auto tree = parse(many, {});
    CHECK(tree.entities.size() == 64);
    CHECK(tree.too_many_entities);
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "Content-Type: message/rfc822\r\n\r\n";
    tree = parse(deep, {});
    CHECK(tree.entities.size() == 17);
    CHECK(tree.too_deep);
}

TEST_CASE("parts are found whatever boundaries say") {
    const std::string text =
        "Subject: x\r\n\r\n --one\r\nX-A: b\r\n content-TYPE (c) : d\r\nContent-Transfer-Enco\\ding: quoted-printable, "
        "base64\r\n \r\n"
        "ZZZZ\r\n\r\nAAAA\r\n--two\r\nwords\r\n--one--\r\n";
    const auto parts = find_parts(text, 9);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].delimiter.empty());
    const auto& part = parts[1];
    CHECK(part.encodings == std::vector<Encoding>{Encoding::kBase64, Encoding::kQuotedPrintable});
    REQUIRE(part.bodies.size() == 2);
    CHECK(text.substr(part.bodies[0]).starts_with("AAAA"));
    CHECK(text.substr(part.bodies[1]).starts_with("ZZZZ"));
    CHECK(text.substr(0, part.next_dashes).ends_with("AAAA"));
    CHECK(text.substr(0, part.next_own).ends_with("words"));
    CHECK(find_parts("\r\n--a\r\ncontent-type: b\r\n\r\n--a\r\ncontent-type: b\r\n\r\n", 2).size() == 2);
}

// What is not linear takes minutes here, and the test's time limit ends it; the times of larger ones:
// test/bench/mime.cpp.
TEST_CASE("hostile mails come to an end") {
    for (const auto& text : evasion::hostile_mails(1 << 20)) {
        const auto tree = parse(text, {});
        CHECK(tree.entities.size() <= 64);
        CHECK(find_parts(text, 64).size() <= 64);
    }
}
