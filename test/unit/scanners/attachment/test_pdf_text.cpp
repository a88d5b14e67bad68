// What expressions see of PDFs.
#include <doctest/doctest.h>

#include "made.hpp"
#include "made_encrypted.hpp"
#include "scanners/attachment/glyph_names.hpp"
#include "scanners/attachment/pdf_cmap.hpp"

namespace {

using made::pdf;
using made::pdf_stream;
using made::text_of;

// A PDF with one page and these fonts; `more`: objects from 5 on.
std::string page(const std::string& content, const std::string& fonts = "", std::vector<std::string> more = {},
                 const std::string& contents = "4 0 R") {
    std::vector<std::string> objects{
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1/Resources<</Font<<" + fonts + ">>>>>>",  // handed down
        "<</Type/Page/Parent 2 0 R/Contents " + contents + ">>", pdf_stream("", content)};
    objects.insert(objects.end(), more.begin(), more.end());
    return pdf(objects);
}

const std::string kPlain = "/F<</Type/Font/Subtype/TrueType/Encoding/WinAnsiEncoding>>";
// All characters are half as wide as high.
const std::string kMeasured = "/F<</Subtype/TrueType/FirstChar 0/Widths[" + [] {
    std::string widths;
    for (int i = 0; i < 256; ++i)
        widths += "500 ";
    return widths;
}() + "]>>";

std::string shown(const std::string& operators, const std::string& fonts = kPlain) {
    return text_of(page("BT /F 10 Tf " + operators + " ET", fonts));
}

}  // namespace

TEST_CASE("strings of a page") {
    CHECK(shown("(strictly confidential) Tj") == "strictly confidential\n");
    CHECK(shown("(con\\\nfi\\144en\\(t\\)ial \\200) Tj") == "confiden(t)ial \u20ac\n");
    CHECK(shown("<636f6e 66 6> Tj") == "conf`\n");
    CHECK(shown("[(con)-10(fid)5(ential)] TJ") == "confidential\n");
    CHECK(shown("12 TL (one) Tj (two) ' 1 2 (three) \" T* (four) Tj") == "one\ntwo\nthree\nfour\n");
    CHECK(shown("(one) Tj 0 -12 Td (two) Tj 0 -12 TD (three) Tj 1 0 0 1 9 900 Tm (four) Tj") ==
          "one\ntwo\nthree\nfour\n");
    CHECK(shown("(" + std::string(3000, 'x') + ") Tj").size() == 3001);
    CHECK(shown("(a) Tj % (b) Tj\n(c obj) Tj") == "ac obj\n");
}

TEST_CASE("gaps part words, and letters that stand close are one") {
    CHECK(shown("[(strictly)-333(con)-80(fidential)] TJ", kMeasured) == "strictly confidential\n");
    // Letter by letter, each where it belongs: 5 units wide.
    CHECK(shown("(s) Tj 5 0 Td (e) Tj 5 0 Td (c) Tj 8 0 Td (x) Tj", kMeasured) == "sec x\n");
    CHECK(shown("1 0 0 1 100 700 Tm (sec) Tj 1 0 0 1 115 700 Tm (ret) Tj 1 0 0 1 150 700 Tm (x) Tj", kMeasured) ==
          "secret x\n");
    CHECK(shown("1 0 0 1 100 700 Tm (sec) Tj 1 0 0 1 115 703 Tm (2) Tj", kMeasured) == "sec2\n");  // a little higher
    // Spread letters are still one word, a column to the left is another.
    CHECK(shown("4 Tc (sec) Tj 27 0 Td (ret) Tj", kMeasured) == "secret\n");
    CHECK(shown("50 Tz (sec) Tj 7.5 0 Td (ret) Tj 100 Tz", kMeasured) == "secret\n");
    CHECK(shown("1 0 0 1 100 700 Tm (sec) Tj 1 0 0 1 50 700 Tm (ret) Tj", kMeasured) == "sec ret\n");
    // Turned and scaled pages.
    CHECK(text_of(page("q 0 2 -2 0 100 100 cm BT /F 10 Tf (sec) Tj 15 0 Td (ret) Tj 30 0 Td (x) Tj ET Q", kMeasured)) ==
          "secret x\n");
    // Where a font does not say how wide its letters are, only wide gaps are seen.
    CHECK(shown("(secret) Tj 200 0 Td (x) Tj") == "secret x\n");
}

TEST_CASE("characters of simple fonts") {
    const auto with = [](const std::string& encoding) { return "/F<</Subtype/Type1/Encoding" + encoding + ">>"; };
    CHECK(shown("(M\\374ller) Tj", with("/WinAnsiEncoding")) == "M\u00fcller\n");
    CHECK(shown("(M\\237ller) Tj", with("/MacRomanEncoding")) == "M\u00fcller\n");
    CHECK(shown("(\\256\\370) Tj", "/F<</Subtype/Type1>>") == "\ufb01\u0142\n");  // Adobe's own
    CHECK(shown("(\\001\\002bc\\377) Tj",
                with("<</BaseEncoding/WinAnsiEncoding/Differences[1/s/uni00E9 98/f_i/zcaron.alt 255/afii10049]>>")) ==
          "s\u00e9fiz\u030c\u042f\n");
    CHECK(shown("(x) Tj", with("<</Differences[-5/a 300/b 120/nobodyknows]>>")) == "x\n");
    CHECK(shown("/Other 10 Tf (x) Tj") == "x\n");  // that is not there
}

TEST_CASE("characters of fonts that say themselves what their codes mean") {
    const std::string map =
        "/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        "2 beginbfchar <0001> <0073> <0002> <00660069> endbfchar\n"
        "2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<6771> <D83DDE00>] endbfrange endcmap";
    const std::string font =
        "/F<</Subtype/Type0/Encoding/Identity-H/ToUnicode 5 0 R/DescendantFonts[<</DW 500/W[1[900 "
        "900] 16 18 250]>>]>>";
    const auto text = [&](const std::string& operators) {
        return text_of(
            page("BT /F 10 Tf " + operators + " ET", font, {pdf_stream("/Filter/FlateDecode", made::zlib(map))}));
    };
    CHECK(text("<0001000200100011001200200021> Tj") == "sfiabc\u6771\U0001f600\n");
    CHECK(text("<00019999000200> Tj") == "sfi\n");  // unknown ones, half a one
    CHECK(text("<0001> Tj 9 0 Td <0010> Tj 2.5 0 Td <0011> Tj 5 0 Td <0012> Tj") == "sab c\n");
    // One octet; a simple font's own word counts before its encoding.
    const std::string one = "begincodespacerange <00> <FF> endcodespacerange 1 beginbfchar <41> <0042> endbfchar";
    CHECK(text_of(page("BT /F 9 Tf (AC) Tj ET", "/F<</Subtype/TrueType/ToUnicode 5 0 R>>", {pdf_stream("", one)})) ==
          "BC\n");
    CHECK(text_of(page("BT /F 9 Tf (A) Tj ET", "/F<</Subtype/Type0/ToUnicode 5 0 R>>", {pdf_stream("", one)})) ==
          "B\n");
    // Without such a table: codes that are a character set.
    CHECK(text_of(page("BT /F 9 Tf <67714EAC> Tj ET", "/F<</Subtype/Type0/Encoding/UniJIS-UCS2-H>>")) ==
          "\u6771\u4eac\n");
    CHECK(text_of(page("BT /F 9 Tf <938C8B9E> Tj ET", "/F<</Subtype/Type0/Encoding/90ms-RKSJ-H>>")) ==
          "\u6771\u4eac\n");
    CHECK(text_of(page("BT /F 9 Tf <0001> Tj ET", "/F<</Subtype/Type0/Encoding/Identity-H>>")) == "");
}

TEST_CASE("tables of characters") {
    const auto map = scanners::attachment::PdfCMap::read(
        "1 begincodespacerange <20> <7E> <8140> <FEFE> endcodespacerange\n"
        "1 beginbfrange <10> <05> <0041> endbfrange 1 beginbfchar <07> <41> endbfchar 1 beginbfrange <05>");
    CHECK(map.code_length("a") == 1);
    CHECK(map.code_length("\x90\x90") == 2);
    CHECK(map.code_length("\x10") == 0);
    CHECK(map.characters(0x08).empty());
    CHECK(map.characters(0x07) == std::string("\0A", 2));
    CHECK(scanners::attachment::PdfCMap::read("").empty());
}

TEST_CASE("names of glyphs") {
    using scanners::attachment::characters_of_glyph;
    CHECK(characters_of_glyph("A") == U"A");
    CHECK(characters_of_glyph("eacute") == U"e\u0301");
    CHECK(characters_of_glyph("uni00410042") == U"AB");
    CHECK(characters_of_glyph("u1F600") == U"\U0001f600");
    CHECK(characters_of_glyph("afii10071") == U"\u0451");
    CHECK(characters_of_glyph("afii10066") == U"\u0431");
    CHECK(characters_of_glyph("f_f_l.liga") == U"ffl");
    for (const auto* const name : {"", "_", "g123", "unizzzz", "u00", "acute.x.y", "afii", "uFFFFFFFFF"})
        CHECK(characters_of_glyph(name).empty());
}

TEST_CASE("where text stands in a PDF") {
    // A string that goes on in the next stream of a page, and a list of streams that is an object of its own.
    CHECK(text_of(page("BT /F 10 Tf [(con)", kPlain, {pdf_stream("", "(fidential)] TJ ET"), "[4 0 R 5 0 R]"},
                       "6 0 R")) == "confidential\n");
    // In an object of a stream of objects.
    const std::string packed =
        "3 0 9 55 <</Type/Page/Contents 2 0 R/Resources 9 0 R>>        <</Font<</F<</Differences[1/x]>>>>>>";
    CHECK(text_of(pdf({pdf_stream("/Type/ObjStm/N 2/First 9/Filter/FlateDecode", made::zlib(packed)),
                       pdf_stream("", "BT (secret) Tj ET")})) == "secret\n");
    // In a form that the page uses, however often; and in one that uses itself.
    CHECK(text_of(page("/X Do /X Do", "",
                       {pdf_stream("/Type/XObject/Subtype/Form/Resources<</Font<<" + kPlain + ">>>>",
                                   "/X Do BT /F 9 Tf (secret \\200) Tj ET")})) == "secret \u20ac\n");
    // Notes, fields, titles.
    CHECK(text_of(page("", "",
                       {"<</Type/Annot/Subtype/Text/Contents(a note)>>", "<</T(name)/V(\xfe\xff\\000v\\004\\030)>>",
                        "<</Title(the title)/Author(x)>>"})) == "a note\nv\u0418\nthe title\n");
    CHECK(text_of(page("", "", {"<</Type/Sig/ByteRange[0 1]/Contents<414243>>>"})) == "");
    CHECK(text_of(pdf({"<</AcroForm<</XFA[(datasets)2 0 R]>>>>",
                       pdf_stream("", "<xfa:datasets><name>strictly confidential</name></xfa:datasets>")})) ==
          "strictly confidential\n");
    // What no page leads to, without tree or table.
    CHECK(text_of(pdf({pdf_stream("", "BT (secret) Tj ET")})) == "secret\n");
    CHECK(text_of(pdf({"<</Contents 2 0 R>>", pdf_stream("", "BT (secret) Tj ET")})) == "secret\n");
    // Pictures and fonts are no text.
    CHECK(text_of(pdf({pdf_stream("/Subtype/Image/Width 1", "BT (x) Tj ET"), pdf_stream("/Length1 5", "(x) Tj")})) ==
          "");
    CHECK(text_of(page("BT (a) Tj BI /W 1 /H 1 ID (junk) Tj EIEI EI (b) Tj ET", kPlain)) == "ab\n");
}

TEST_CASE("what is said of glyphs, and what they themselves say") {
    CHECK(shown("(be) Tj /Span<</ActualText<FEFF4EAC>>> BDC (?) Tj EMC (hind) Tj") == "be\u4eachind\n?\n");
    CHECK(shown("/Span<</ActualText(fi)>> BDC /P BMC (fi) Tj EMC EMC (x) Tj") == "fix\n");
    CHECK(shown("/Span<</ActualText(harmless)>> BDC (confidential) Tj") == "harmless\nconfidential\n");
}

TEST_CASE("text of encrypted PDFs") {
    for (const auto& file : made::pdfs_with_a_password())
        CHECK(text_of(file.octets) == "");
}

TEST_CASE("PDFs are not read for text that nobody looks at") {
    CHECK(text_of(page("BT (secret) Tj ET", kPlain), scanners::Texts::kMail) == "");
    // And what is read for it says nothing of the file.
    const auto odd = page("BT (secret) Tj ET", kPlain, {pdf_stream("/Filter/Unheard", "x")}, "[5 0 R 4 0 R]");
    CHECK(text_of(odd) == "secret\n");
    CHECK(made::marks_of(made::look(odd).top()) == "");
}

TEST_CASE("PDFs that would cost much") {
    // Forms in forms, each of which uses the next one twice: each is read once.
    std::vector<std::string> forms;
    for (int i = 0; i < 40; ++i)
        forms.push_back(pdf_stream("/Subtype/Form/Resources<</XObject<</X " + std::to_string(6 + i) + " 0 R>>>>",
                                   i < 39 ? "/X Do /X Do" : "BT (secret) Tj ET"));
    CHECK(text_of(page("/X Do", "", forms)) == "secret\n");
    // Pages that share one stream; references in circles; depth.
    std::vector<std::string> pages(2000, "<</Type/Page/Parent 5 0 R/Contents 4 0 R>>");
    CHECK(text_of(page("BT (secret) Tj ET", "", pages)) == "secret\n");
    CHECK(text_of(page("BT /F 9 Tf (secret) Tj ET", "/F 5 0 R", {"5 0 R", "<</Parent 6 0 R>>"})) == "secret\n");
    CHECK(text_of(page(std::string(100000, '[') + "(secret) Tj", kPlain, {std::string(100000, '[')})) == "secret\n");
    // A content that unpacks to very much is a limit of the mail.
    policy::ContentLimits limits;
    limits.expanded_size = 1 << 20;
    policy::Contents contents;
    scanners::Opening opening(limits, contents, scanners::Texts::kAll);
    opening.add({});
    made::open(opening, pdf({pdf_stream("/Filter/FlateDecode", made::zlib(std::string(2 << 20, ' ') + "(x) Tj"))}));
    REQUIRE(contents.exceeded.size() == 1);
    CHECK(contents.exceeded[0].limit == policy::ContentLimit::kExpandedSize);
}

TEST_CASE("damaged PDFs give what was readable") {
    const std::string packed = "3 0 9 55 <</Type/Page/Contents 2 0 R/Resources 9 0 R>>        <</Font<</F 4 0 R>>>>";
    const auto good = pdf({pdf_stream("/Type/ObjStm/N 2/First 9", packed), pdf_stream("", "BT /F 9 Tf (secret) Tj ET"),
                           "<<>>", "<</Subtype/Type0/ToUnicode 5 0 R/DescendantFonts[<</W[1 2 3 4[5]]>>]>>",
                           pdf_stream("", "beginbfrange <0000> <ffff> <0000> endbfrange")});
    for (std::size_t at = 0; at < good.size(); ++at) {
        CHECK(text_of(good.substr(0, at)).size() <= 100);
        for (const char c : {'(', '<', '>', '9', '/', ' '}) {
            auto bad = good;
            bad[at] = c;
            CHECK(text_of(bad).size() <= 1000);
        }
    }
}
