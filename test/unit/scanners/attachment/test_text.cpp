// What expressions see of RTF and of old documents of Office.
#include <doctest/doctest.h>

#include "made.hpp"
#include "scanners/find_expressions.hpp"

namespace {

using made::compound;
using made::excel_begin;
using made::excel_record;
using made::little;
using made::powerpoint_record;
using made::text_of;
using made::utf16;
using scanners::Texts;

std::string rtf(const std::string& text) {
    return "{\\rtf1\\ansi" + text + "}";
}

// A string of Excel 97: length, flags, characters.
std::string excel_string(const std::string& octets, unsigned flags = 0) {
    return little(octets.size() / ((flags & 1) != 0 ? 2 : 1), 2) + little(flags, 1) + octets;
}

std::string workbook(const std::string& records) {
    return compound({{"Workbook", excel_begin() + records}});
}

std::string presentation(const std::string& records) {
    return compound({{"PowerPoint Document", records}, {"Current User", std::string(16, '\0')}});
}

}  // namespace

TEST_CASE("text of RTF") {
    CHECK(text_of(rtf(" one\\par two\\tab three{\\b four} five\\line\r\nsix")) == "one\ntwo\tthreefour five\nsix");
    CHECK(text_of(rtf(" con\\b0 fi{\\i den}tial")) == "confidential");
    CHECK(text_of(rtf(" a\\{b\\}c\\\\d\\~e\\_f\\-g")) == "a{b}c\\d e-fg");
    CHECK(text_of(rtf(" \\ldblquote x\\rdblquote\\emdash y")) == "\u201cx\u201d\u2014y");
    CHECK(text_of(rtf("\\\nx\\\ry")) == "\nx\ny");
}

TEST_CASE("characters of RTF by number, with their substitutes") {
    CHECK(text_of(rtf("\\uc1 \\u8364?1")) == "\u20ac1");
    CHECK(text_of(rtf("\\u8364 ?1")) == "\u20ac1");
    CHECK(text_of(rtf("\\uc2 \\u8364 abc{\\uc0 \\u8364 d}\\u8364 ab\\par")) == "\u20acc\u20acd\u20ac\n");
    CHECK(text_of(rtf("\\uc1 \\u8364\\'80x")) == "\u20acx");
    CHECK(text_of(rtf("\\uc1 \\u-10179 ?\\u-8704 ?x")) == "\U0001f600x");  // a pair
    CHECK(text_of(rtf("\\uc1 \\u-10179 ?x")) == "\ufffdx");
    CHECK(text_of(rtf("\\uc9 {\\u8364 }x")) == "\u20acx");  // a group's end is the end of substitutes
    CHECK(text_of(rtf("\\uc1 \\u8364{}x")) == "\u20acx");
}

TEST_CASE("code pages of RTF") {
    CHECK(text_of(rtf("\\ansicpg1252 M\\'fcller")) == "M\u00fcller");
    CHECK(text_of(rtf("\\ansicpg1251 \\'c8\\'e2\\'e0\\'ed")) == "\u0418\u0432\u0430\u043d");
    CHECK(text_of("{\\rtf1\\mac \\'9f}") == "\u00fc");
    const std::string fonts =
        "\\ansicpg1252\\deff1{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fnil\\fcharset204 Arial Cyr;}{\\f2\\fcharset128 "
        "MS "
        "Mincho;}}";
    CHECK(text_of(rtf(fonts + "\\'c8{\\f0 \\'fc}\\'c8\\plain\\'c8")) == "\u0418\u00fc\u0418\u0418");
    CHECK(text_of(rtf(fonts + "\\f2 \\'93\\'8c\\'8b\\'9e \\'83A")) == "\u6771\u4eac \u30a2");  // half escaped
    CHECK(text_of(rtf("\\ansicpg99999 \\'fc")) == "\u00fc");
}

TEST_CASE("what nobody reads of RTF is no text") {
    CHECK(text_of(rtf("{\\fonttbl{\\f0 Arial;}}{\\colortbl;\\red1;}{\\stylesheet{Normal;}}{\\info{\\title T}}x")) ==
          "x");
    CHECK(text_of(rtf("{\\*\\generator Riched20;}x{\\*\\unknown y{z}}")) == "x");
    CHECK(text_of(rtf("{\\pict\\wmetafile8 0102\\bin4 {}}x}y")) == "y");
    CHECK(text_of(rtf(" a\\bin3 {}}b")) == "ab");
    CHECK(text_of(rtf("{\\field{\\*\\fldinst HYPERLINK \"http://a\"}{\\fldrslt link}}")) == "link");
    CHECK(text_of(rtf("{\\object{\\*\\objdata 0105}{\\result shown}}")) == "shown");
    // But what stands in drawn boxes and notes is.
    CHECK(text_of(rtf("{\\shp{\\*\\shpinst{\\sp{\\sn a}{\\sv 1}}{\\shptxt box}}}{\\footnote note}")) == "boxnote");
}

TEST_CASE("RTF that is broken gives what can be read") {
    CHECK(text_of("{\\rtf1 a}}}b{{{c\\'") == "abc");
    CHECK(text_of("{\\rtf1 a\\u") == "a");
    CHECK(text_of("{\\rtf1 a\\'zzb\\bin999999999999 x") == "ab");
    CHECK(text_of("{\\rtf1" + std::string(5000, '{') + "a" + std::string(5000, '}') + "b").find("ab") !=
          std::string::npos);
}

TEST_CASE("text of old Word") {
    CHECK(text_of(made::word97({{"strictly con"}, {utf16(u"fid\u0435nti\u00e4l \u6771"), true}, {"\x80 end\r"}})) ==
          "strictly confid\u0435nti\u00e4l \u6771\u20ac end\n");
    CHECK(text_of(made::word97({{"a\x07"
                                 "b\x0b"
                                 "c\td\x1e"
                                 "e\x1f"
                                 "f\x01\x08"}})) == "a\nb\nc\td-ef\n");
    CHECK(text_of(made::word97({{"see \x13 HYPERLINK x \x14here\x15."}})) == "see \n HYPERLINK x \nhere.\n");
    CHECK(text_of(made::word97({{"secret"}}, true)) == "");
    // Until Word 95: in one piece, between two places.
    auto old = "\xec\xa5" + little(0x68, 2) + std::string(20, '\0') + little(0x100, 4) + little(0x106, 4);
    old.resize(0x100);
    CHECK(text_of(compound({{"WordDocument", old + "secret and more"}})) == "secret\n");
}

TEST_CASE("pieces of Word that lie over each other are no more text than a text may be") {
    std::vector<made::WordPiece> pieces(1, {std::string(1 << 20, 'x')});
    auto document = made::word97(pieces);
    // The same piece again and again: a table of a hundred of them.
    std::string ends = little(0, 4), places;
    for (std::uint64_t i = 1; i <= 100; ++i) {
        ends += little(i << 20, 4);
        places += little(0, 2) + little(0x40000000 | 0x800, 4) + little(0, 2);
    }
    std::string head(0x400, '\0');
    head.replace(0, 4, "\xec\xa5" + little(0xC1, 2));
    const auto table = "\2" + little(ends.size() + places.size(), 4) + ends + places;
    head.replace(0x1A2, 8, little(0, 4) + little(table.size(), 4));
    document = compound({{"WordDocument", head + std::string(1 << 20, 'x')}, {"0Table", table}});
    CHECK(text_of(document).size() == scanners::kMaxText + 1);
}

TEST_CASE("text of old Excel") {
    const auto strings = little(3, 4) + little(3, 4) + excel_string("strictly") +
                         excel_string(utf16(u"\u0418\u0432"), 1) + excel_string("con");
    CHECK(text_of(workbook(excel_record(0xFC, strings))) == "strictly\n\u0418\u0432\ncon\n");
    CHECK(text_of(workbook(excel_record(0x204, little(0, 6) + excel_string("label")))) == "label\n");
    CHECK(text_of(workbook(excel_record(0x207, excel_string("result")))) == "result\n");
    CHECK(text_of(workbook(excel_record(0x85, little(0, 6) + little(5, 1) + little(0, 1) + "Sheet"))) == "Sheet\n");
    CHECK(text_of(workbook(excel_record(0x1B6, std::string(10, '\0') + little(4, 2) + std::string(6, '\0')) +
                           excel_record(0x3C, std::string("\0note", 5)) + excel_record(0x3C, "fonts"))) == "note\n");
    // Nothing behind a password.
    CHECK(text_of(workbook(excel_record(0x2F, "xx") + excel_record(0xFC, strings))) == "");
}

TEST_CASE("strings of Excel that go on in the next record") {
    const auto table = [](const std::string& first, const std::string& second) {
        return text_of(workbook(excel_record(0xFC, little(2, 4) + little(2, 4) + first) + excel_record(0x3C, second) +
                                excel_record(0x0A, "")));
    };
    // Inside a string: with flags of its own; in octets before, in UTF-16 behind, and the other way.
    CHECK(table(little(12, 2) + little(0, 1) + "confid", std::string(1, '\1') + utf16(u"ential") + excel_string("b")) ==
          "confidential\nb\n");
    CHECK(table(little(12, 2) + little(1, 1) + utf16(u"confid"), std::string(1, '\0') + "ential" + excel_string("b")) ==
          "confidential\nb\n");
    // Between strings and inside their heads: without.
    CHECK(table(excel_string("a"), excel_string("b")) == "a\nb\n");
    CHECK(table(excel_string("a") + little(1, 1), std::string(1, '\0') + little(0, 1) + "b") == "a\nb\n");
    // Formats and phonetic text behind a string are skipped, also across records.
    const auto rich = little(2, 2) + little(0x0C, 1) + little(2, 2) + little(5, 4) + "ri";
    CHECK(table(rich + std::string(6, 'f'), "ffPPPPP" + excel_string("b")) == "ri\nb\n");
}

TEST_CASE("text of Excel before 97") {
    const auto label = excel_record(0x204, little(0, 6) + little(3, 2) + "\xc8\xe2\xe0");
    CHECK(text_of(compound({{"Book", excel_begin(false) + excel_record(0x42, little(1251, 2)) + label}})) ==
          "\u0418\u0432\u0430\n");
    // Nothing around it.
    CHECK(text_of(excel_record(0x0409, little(0x0400, 2) + little(0x10, 2) + little(0, 2)) + label) ==
          "\u00c8\u00e2\u00e0\n");
}

TEST_CASE("text of old PowerPoint") {
    const auto records = powerpoint_record(0x0FA0, utf16(u"strictly\r\u0418\u0432")) +
                         powerpoint_record(0x0FA8, "con\x0b\xfc") + powerpoint_record(0x0BAD, "other");
    CHECK(text_of(presentation(records)) == "strictly\n\u0418\u0432\ncon\n\u00fc\n");
    CHECK(text_of(presentation(records + powerpoint_record(0x2F14, "key"))) == "");
    CHECK(text_of(compound({{"PowerPoint Document", records},
                            {"Current User", std::string(12, '\0') + little(0xF3D1C4DF, 4)}})) == "");
}

TEST_CASE("documents are not read for text that nobody looks at") {
    for (const auto& octets : {rtf(" secret"), made::word97({{"secret"}}),
                               workbook(excel_record(0x204, little(0, 6) + excel_string("secret"))),
                               presentation(powerpoint_record(0x0FA8, "secret"))}) {
        CHECK(text_of(octets).find("secret") != std::string::npos);
        CHECK(text_of(octets, Texts::kMail) == "");
        CHECK(text_of(octets, Texts::kNone) == "");
    }
}

TEST_CASE("text out of a document has no markup, whatever the mail calls it") {
    policy::Contents contents;
    const policy::ContentLimits limits;
    scanners::Opening opening(limits, contents, Texts::kAll);
    policy::Item item;
    item.declared_type = "text/html";
    opening.add(std::move(item));
    made::open(opening, rtf(" <!-- confidential"));
    const auto texts = scanners::readable_texts(opening);
    REQUIRE(texts.size() == 1);
    CHECK(texts[0].text == "<!-- confidential");
}

TEST_CASE("text files, whatever the mail calls them") {
    const auto text = [](const std::string& octets, const std::string& declared) {
        policy::Contents contents;
        const policy::ContentLimits limits;
        scanners::Opening opening(limits, contents, Texts::kAll);
        policy::Item item;
        item.declared_type = declared;
        opening.add(std::move(item));
        made::open(opening, octets);
        return opening.texts().empty() ? "" : std::string(opening.texts()[0].text);
    };
    const std::string words = "Some words, strictly confidential.\n";
    CHECK(text(words, "application/octet-stream") == words);
    CHECK(text(words, "text/plain") == "");  // the mail's own text, which others add
    CHECK(text("M\xfcller " + words, "application/pdf") == "M\u00fcller " + words);
    CHECK(text("M\u00fcller " + words, "application/pdf") == "M\u00fcller " + words);
    CHECK(text("\xff\xfe" + utf16(u"M\u00fcller, strictly confidential words\r\n"), "application/pdf") ==
          "M\u00fcller, strictly confidential words\r\n");
}

TEST_CASE("a text that is too long says so by its length") {
    const auto seen = text_of(rtf(" " + std::string(scanners::kMaxText + 1000, 'x')));
    CHECK(seen.size() == scanners::kMaxText + 1);
}

TEST_CASE("damaged documents give what was readable") {
    const auto strings =
        little(2, 4) + little(2, 4) + excel_string("strictly") + excel_string(utf16(u"confidential"), 1);
    for (const auto& good :
         {made::word97({{"strictly "}, {utf16(u"confidential"), true}}), workbook(excel_record(0xFC, strings)),
          presentation(powerpoint_record(0x0FA0, utf16(u"strictly confidential")))}) {
        REQUIRE(text_of(good).find("confidential") != std::string::npos);
        for (std::size_t at = 0; at + 4 <= good.size(); at += at < 2048 ? 7 : 61) {
            for (const std::uint64_t value : {0ULL, 3ULL, 0xFFFFFFFFULL, 0x7FFFFFFFULL}) {
                auto bad = good;
                bad.replace(at, 4, little(value, 4));
                CHECK(text_of(bad).size() <= scanners::kMaxText + 1);
            }
            CHECK(text_of(good.substr(0, at)).size() <= good.size());
        }
    }
}
