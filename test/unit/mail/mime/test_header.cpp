#include <doctest/doctest.h>

#include "mail/mime/defect.hpp"
#include "mail/mime/header.hpp"
#include "mail/mime/parameters.hpp"
#include "mail/mime/words.hpp"

using namespace mail::mime;

namespace {

Header header(std::string_view text, std::size_t limit = 500) {
    return read_header(text, 0, limit, [](std::string_view line) { return line == "--edge"; });
}

// Latin-1 is all that these tests need; UTF-8 stays.
std::string latin1(std::string_view text, std::string_view charset) {
    if (!charset.starts_with("iso"))
        return std::string(text);
    std::string out;
    for (const char octet : text) {
        const auto value = static_cast<unsigned char>(octet);
        out += value < 0x80 ? std::string(1, octet)
                            : std::string{static_cast<char>(0xC0 | value >> 6), static_cast<char>(0x80 | (value & 63))};
    }
    return out;
}

std::string words(std::string_view text) {
    std::uint64_t defects = 0;
    return decode_words(text, latin1, defects);
}

}  // namespace

TEST_CASE("fields are ranges, with their folds") {
    const std::string_view text = "A: b\r\nSubject: c\r\n d\r\n\r\nbody";
    const auto read = header(text);
    REQUIRE(read.fields.size() == 2);
    CHECK(read.fields[1].range == Range{6, 22});
    CHECK(read.fields[1].name.of(text) == "Subject");
    CHECK(read.fields[1].value.of(text) == " c\r\n d");
    CHECK(unfold(read.fields[1].value.of(text)) == " c d");
    CHECK(read.range == Range{0, 22});
    CHECK(read.body == 24);
    CHECK(read.defects == 0);
    CHECK(find_field(read, text, "SUBJECT") == &read.fields[1]);
    CHECK(find_field(read, text, "Subjec") == nullptr);
}

TEST_CASE("what is wrong in a header is told") {
    CHECK(header("A: b\r\n").defects == bit(Defect::kHeaderWithoutEnd));
    CHECK(header("A: b\r\n--edge\r\n").body == 6);
    CHECK(header("A: b\r\njunk\r\nC: d\r\n\r\n").defects == bit(Defect::kHeaderLine));
    CHECK(header("A: b\r\njunk\r\nC: d\r\n\r\n").fields.size() == 2);
    CHECK(header("From a@b Mon\r\nA: b\r\n\r\n").defects == 0);
    CHECK(header("A : b\r\n\r\n").defects == bit(Defect::kFieldName));
    CHECK(header("A(c): b\r\n\r\n").fields.at(0).name == Range{0, 1});
    CHECK(header("A: b\r\n \r\n\r\n").defects == bit(Defect::kBlankHeaderLine));
    CHECK(header("A: \xFF\r\n\r\n").defects == bit(Defect::kHeaderOctets));
    CHECK(header("A: \xC3\xBC\r\n\r\n").defects == 0);  // RFC 6532
    CHECK(header("A: \x01\r\n\r\n").defects == bit(Defect::kHeaderControl));
    const auto many = header("A: b\r\nA: b\r\n c\r\nA: b\r\n\r\n", 1);
    CHECK(many.too_many);
    CHECK(many.fields.size() == 1);
    CHECK(many.range.end == 22);
}

TEST_CASE("parameters") {
    const auto value = parse_value(" text/Plain (c); charset=\"u\\tf-8\"; name = a b.doc ;; x=(c)y", 100);
    CHECK(value.word == "text/plain");
    REQUIRE(value.parameters.size() == 3);
    CHECK(value.parameters[0].value == "utf-8");
    CHECK(value.parameters[1].name == "name");
    CHECK(value.parameters[1].value == "a b.doc");
    CHECK(value.parameters[2].value == "y");
    CHECK(parse_value("a/b; c=d; e=f", 1).too_many);
}

TEST_CASE("RFC 2231: sections and character sets") {
    const auto name = [](std::string_view text) { return parameter(parse_value(text, 100), "name", latin1); };
    CHECK(name("a; name=b") == "b");
    CHECK(name("a; name*=iso-8859-1'de'%FCx") == "\xC3\xBCx");
    CHECK(name("a; name*0*=utf-8''%C3; name*1*=%BC; name*2=%41") == "\xC3\xBC%41");
    CHECK(name("a; name*1=c; name*0=b") == "bc");
    CHECK(name("a; name=x; name*=''y") == "y");
    CHECK(plain_parameter(parse_value("a; name*=''y; name=x", 100), "name") == "x");
    const auto defects = [](std::string_view text) { return parse_value(text, 100).defects; };
    CHECK(defects("a; b=c; d=\"e\"") == 0);
    CHECK(defects("a; b*0=c; b*1=d") == 0);
    CHECK(defects("a; b=c; b=d") == bit(Defect::kParameterRepeated));
    CHECK(defects("a; b=c; b*=''d") == bit(Defect::kParameterRepeated));
    CHECK(defects("a; b*1=c; b*0=d") == bit(Defect::kParameterSections));
    CHECK(defects("a; b*1=c") == bit(Defect::kParameterSections));
    CHECK(defects("a; b=\"c") == bit(Defect::kParameterQuoting));
    CHECK(defects("a; b=\"c\"d") == bit(Defect::kParameterQuoting));
    CHECK(defects("a; b=c(d)e") == bit(Defect::kParameterComment));
    CHECK(defects("a; b") == bit(Defect::kParameterSyntax));
    CHECK(defects("a; b=\"=?utf-8?Q?c?=\"") == bit(Defect::kParameterWord));
}

TEST_CASE("encoded words") {
    CHECK(words("a =?iso-8859-1?Q?b=FC_c?= d") == "a b\xC3\xBC c d");
    CHECK(words("=?utf-8?B?w7w=?=") == "\xC3\xBC");
    CHECK(words("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?= x") == "\xC3\xBC x");  // a character cut in two
    CHECK(words("=?iso-8859-1*de?q?=FC?=") == "\xC3\xBC");
    CHECK(words("a=?") == "a=?");
    CHECK(words("=?utf-8?X?a?=") == "=?utf-8?X?a?=");
    std::uint64_t defects = 0;
    decode_words("=?utf-8?Q?open", latin1, defects);
    CHECK(defects == bit(Defect::kWordBroken));
}
