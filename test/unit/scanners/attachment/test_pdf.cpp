// PDF: what runs, what is hidden, and how it hides.
#include <doctest/doctest.h>

#include "made.hpp"
#include "made_encrypted.hpp"
#include "scanners/attachment/pdf_filters.hpp"
#include "scanners/attachment/pdf_lexer.hpp"

namespace {

using made::look;
using made::pdf;
using made::pdf_stream;

std::string marks(const std::string& octets) {
    const auto seen = look(octets, "p");
    return made::marks_of(seen.top());
}

constexpr const char* kCatalog = "<</Type/Catalog/Pages 2 0 R>>";

}  // namespace

TEST_CASE("an ordinary PDF") {
    const auto seen =
        look(pdf({kCatalog, "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Contents 4 0 R/S/Transparency>>",
                  pdf_stream("", "BT (/JavaScript) Tj ET")}));
    CHECK(seen.top().true_type == "application/pdf");
    CHECK(made::marks_of(seen.top()) == "");
}

TEST_CASE("scripts and actions") {
    CHECK(marks(pdf({"<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>"})) == "script");
    CHECK(marks(pdf({"<</Type/Catalog/OpenAction 2 0 R>>", "<</S/#4aavaScript/#4AS(x)>>"})) == "script");
    CHECK(marks(pdf({"<</Type/Catalog/AA<</WC 2 0 R>>>>"})) == "script");
    CHECK(marks(pdf({kCatalog, "<</S/Launch/F(cmd.exe)>>"})) == "script");
    // An action at the start counts by what it does.
    CHECK(marks(pdf({"<</OpenAction[3 0 R/Fit]>>"})) == "");
    CHECK(marks(pdf({"<</OpenAction 2 0 R>>", "<</S/GoTo/D[3 0 R/Fit]>>"})) == "");
    CHECK(marks(pdf({"<</OpenAction 2 0 R>>", "<</S/URI/URI(http://a.example/)>>"})) == "script");
    CHECK(marks(pdf({kCatalog, "<</S/URI/URI(http://a.example/)>>"})) == "");  // a link
    CHECK(marks(pdf({"<</AcroForm<</XFA 2 0 R>>>>", pdf_stream("", "<xdp><script>x</script></xdp>")})) == "script");
}

TEST_CASE("where a script hides") {
    const std::string objects = "7 0 8 40 <</S/JavaScript/JS(x)>> <<>>";
    CHECK(marks(pdf({kCatalog, pdf_stream("/Type/ObjStm/N 2/First 9/Filter/FlateDecode", made::zlib(objects))})) ==
          "script");
    CHECK(marks(pdf({kCatalog, pdf_stream("/Type/ObjStm/N 1/First 4/Filter[/AHx]", "3c3c2f4a53202878293e3e>")})) ==
          "script");
    CHECK(marks("%PDF-1.4 7 0 obj<</JS(x)>>endobj\n") == "script");
    CHECK(marks(pdf({kCatalog}) + "(" + pdf({"<</JS(x)>>"})) == "script");
    CHECK(marks(pdf({kCatalog}) + "<<(" + pdf({"<</JS(x)>>"}) + ")>>") == "script");
    CHECK(marks(pdf({kCatalog, pdf_stream("", "9 0 obj<</JS(x)>>endobj")})) == "script");
    CHECK(marks(std::string(900, ' ') + pdf({"<</JS(x)>>"})) == "script");
    CHECK(marks("GIF89a" + pdf({"<</JS(x)>>"})).find("script") != std::string::npos);
    CHECK(marks(pdf({"<</Length 99999/Type/X>>\nstream\nx\nendstream\nendobj\n9 0 obj<</JS(x)>>"})) == "script");
}

TEST_CASE("files in a PDF") {
    const auto name = "<</Type/Filespec/F(setup.exe)/EF<</F 3 0 R>>>>";
    const auto seen = look(pdf({kCatalog, name, pdf_stream("/Filter/FlateDecode", made::zlib(made::program()))}), "p");
    CHECK(seen.type("p/setup.exe") == "application/vnd.microsoft.portable-executable");
    CHECK(made::marks_of(seen.top()) == "embedded");
    const auto typed = look(pdf({kCatalog, pdf_stream("/Type/EmbeddedFile", made::program())}));
    CHECK(typed.contents.items.size() == 2);
    const auto unknown = look(pdf({kCatalog, pdf_stream("/Type/EmbeddedFile/Filter/Strange", made::program())}));
    CHECK(made::marks_of(unknown.top()).find("unopened") != std::string::npos);
    const auto wide =
        look(pdf({kCatalog, "<</UF(\xfe\xff\\000a\\000.\\000b)/EF<</UF 3 0 R>>>>", pdf_stream("", "x")}), "p");
    CHECK(wide.find("p/a.b") != nullptr);
}

TEST_CASE("a PDF with a password") {
    CHECK(marks("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R/Encrypt 5 0 R>>") == "encrypted");
}

TEST_CASE("a PDF that is encrypted and that everybody can read") {
    for (const auto& file : made::pdfs_for_everybody()) {
        CAPTURE(file.name);
        const auto seen = look(file.octets, "p");
        CHECK(made::marks_of(seen.top()) == "script embedded");
        CHECK(seen.type("p/setup.exe") == "application/vnd.microsoft.portable-executable");
        // A changed octet of what the password is checked by: nobody knows whether it can be read.
        auto changed = file.octets;
        const auto check = changed.find("/U <") + 4;
        changed[check] = changed[check] == '0' ? '1' : '0';
        CHECK(made::marks_of(look(changed, "p").top()).find("encrypted") != std::string::npos);
    }
    for (const auto& file : made::pdfs_with_a_password()) {
        CAPTURE(file.name);
        const auto seen = look(file.octets, "p");
        CHECK(made::marks_of(seen.top()).find("encrypted") != std::string::npos);
        CHECK(seen.find("p/setup.exe") == nullptr);
    }
}

TEST_CASE("an encryption dictionary that opens does not speak for one that does not") {
    const auto open = made::pdfs_for_everybody();
    const auto closed = made::pdfs_with_a_password();
    const auto is_encrypted = [](const std::string& octets) {
        return look(octets, "p").top().is(policy::Mark::kEncrypted);
    };
    // Its dictionary, at "/Filter /Standard" or "/CF", up to the end of the object.
    const auto dictionary = [](const std::string& octets) {
        const auto begin = octets.rfind("<< ", octets.rfind("obj", octets.find("/Standard")) + 10);
        return octets.substr(begin, octets.find("endobj", begin) - begin);
    };
    const auto identifier = [](const std::string& octets) {
        const auto begin = octets.find("/ID [");
        return octets.substr(begin, octets.find(']', begin) + 1 - begin);
    };
    for (const auto& file : closed) {
        for (const auto& other : open) {
            CAPTURE(file.name);
            CAPTURE(other.name);
            const auto decoy = dictionary(other.octets);
            REQUIRE(decoy.starts_with("<< /"));
            const auto inside = "<<" + identifier(other.octets) + "/Encrypt " + decoy + ">>";
            CHECK(is_encrypted(file.octets + "20 0 obj" + inside + "endobj\n"));
            CHECK(is_encrypted("%PDF-1.7\n20 0 obj" + inside + "endobj\n" + file.octets));
            CHECK(is_encrypted(file.octets + "8 0 obj" + decoy + "endobj\n" + identifier(other.octets)));
            auto escaped = file.octets;
            escaped.replace(escaped.find("/Encrypt 8"), 8, "/#45ncrypt");
            CHECK(is_encrypted(escaped + "20 0 obj" + inside + "endobj\n"));
            CHECK(is_encrypted(escaped));
            // Two values for each key: some readers take the last.
            const auto both = decoy.substr(0, decoy.rfind(">>")) + dictionary(file.octets).substr(2);
            CHECK(is_encrypted("%PDF-1.7\n20 0 obj<<" + identifier(other.octets) + "/Encrypt " + both + ">>endobj\n"));
        }
    }
}

TEST_CASE("an open PDF that says more than once how it is encrypted") {
    for (const auto& file : made::pdfs_for_everybody()) {
        CAPTURE(file.name);
        const auto at = file.octets.find("/Encrypt ");
        const auto reference = file.octets.substr(at, file.octets.find('R', at) + 1 - at);
        const auto trailer = "trailer<</Root 1 0 R" + reference + "/Prev 1>>\n";
        std::string updated = file.octets;
        for (int i = 0; i < 40; ++i)
            updated += "1" + reference.substr(9, 2) + "0 obj<</Filter/FlateDecode>>endobj\n" + trailer;
        CHECK(made::marks_of(look(updated, "p").top()) == "script embedded");
        auto escaped = file.octets;
        escaped.replace(at, 8, "/#45ncrypt");
        CHECK(made::marks_of(look(escaped, "p").top()) == "script embedded");
        // Of another object nobody knows what it says.
        CHECK(look(file.octets + "<</Encrypt 77 0 R>>", "p").top().is(policy::Mark::kEncrypted));
        CHECK(look(file.octets + "<</Encrypt 77>>", "p").top().is(policy::Mark::kEncrypted));
    }
    // Two keys: only one of them is the one that we read with.
    const auto two = made::pdfs_for_everybody();
    CHECK(look(two[2].octets + two[4].octets, "p").top().is(policy::Mark::kEncrypted));
}

TEST_CASE("what says that it is encrypted hides nothing that is not") {
    for (const auto& file : made::pdfs_for_everybody()) {
        CAPTURE(file.name);
        const auto hidden =
            pdf({"<</Type/Filespec/F(b.exe)/EF<</F 2 0 R>>>>", pdf_stream("", made::program()), "<</JS(x)>>"});
        const auto encryption = file.octets.substr(file.octets.find("endstream"));  // its dictionary is behind that
        const auto seen = look(hidden + encryption, "p");
        CHECK(made::marks_of(seen.top()).find("script") != std::string::npos);
        CHECK(seen.type("p/b.exe") == "application/vnd.microsoft.portable-executable");
    }
}

TEST_CASE("encryption that is damaged") {
    for (const auto& file : made::pdfs_for_everybody()) {
        CAPTURE(file.name);
        for (std::size_t length = 0; length < file.octets.size(); length += 7)
            look(file.octets.substr(0, length));
        auto changed = file.octets;
        for (std::size_t at = 3; at < changed.size(); at += 11) {
            changed[at] = static_cast<char>(changed[at] ^ 0x11);
            look(changed);
        }
    }
}

TEST_CASE("a PDF that is a bomb") {
    const auto bomb = made::zlib(std::string(64 << 20, '\0'));
    const auto seen = look(pdf({pdf_stream("/Type/ObjStm/Filter/FlateDecode", bomb)}));
    CHECK(seen.reached() == "ratio");
    std::string open;
    for (int i = 0; i < 100000; ++i)
        open += "<<[(";
    CHECK(look("%PDF-1.4\n" + open).top().true_type == "application/pdf");
}

TEST_CASE("streams that share one end cost what they are decrypted to") {
    std::string streams;
    for (int i = 0; i < 400; ++i)
        streams += "30 0 obj<</Type/ObjStm/Filter/FlateDecode>>stream\n";
    streams += std::string(200000, 'x') + "endstream endobj\n";
    policy::ContentLimits limits;
    limits.expanded_size = 20 << 20;
    for (const auto& file : made::pdfs_for_everybody()) {
        CAPTURE(file.name);
        CHECK(look(file.octets + streams, "p", limits).reached() == "expanded_size");
    }
}

TEST_CASE("a comment as long as the file that hides an object behind each sign") {
    std::string line;
    for (int i = 0; i < 1000000; ++i)
        line += i % 2 == 0 ? "%obj" : "%<< ";
    const auto seen = look("%PDF-1.4\n" + line + "\n% <<\n<</JS(x)>>");
    CHECK(seen.reached() == "");
    CHECK(seen.top().is(policy::Mark::kScript));
}

TEST_CASE("which comments hide something") {
    const auto words = [](std::string_view octets) {
        scanners::attachment::PdfLexer lexer(octets);
        std::string text;
        for (auto token = lexer.next(); token.kind != scanners::attachment::PdfToken::Kind::kEnd; token = lexer.next())
            text += token.text.empty() ? "- " : token.text + ' ';
        return text;
    };
    CHECK(words("a % b\rc % d") == "a c ");
    CHECK(words("%a obj %b obj %c\nd") == "a obj b obj d ");
    CHECK(words("%a << %b\n%c\n%d obj") == "a - d obj ");
    CHECK(words("%a%b%obj%c\n%d ob\nj") == "a b obj j ");
    scanners::attachment::PdfLexer back("%a obj\n%b\nc");
    while (back.next().kind != scanners::attachment::PdfToken::Kind::kEnd) {
    }
    back.go_to(0);
    CHECK(back.next().text == "a");
}

TEST_CASE("the filters of PDF") {
    using scanners::attachment::pdf_unpack;
    const auto unpack = [](std::string_view octets, std::vector<std::string> filters) {
        return pdf_unpack(octets, {std::move(filters)}, [](std::size_t) { return true; }).octets;
    };
    CHECK(unpack("48 65 6C6c 6F>", {"ASCIIHexDecode"}) == "Hello");
    CHECK(unpack("87cURD]j6~>", {"ASCII85Decode"}) == "Hello w");
    CHECK(unpack("87cURDZ~>", {"A85"}) == "Hello");
    CHECK(unpack(std::string("\x02"
                             "abc"
                             "\xfe"
                             "x"
                             "\x80",
                             7),
                 {"RunLengthDecode"}) == "abcxxx");
    // The example of ISO 32000-1, 7.4.4.2.
    CHECK(unpack("\x80\x0B\x60\x50\x22\x0C\x0C\x85\x01", {"LZWDecode"}) == "-----A---B");
    CHECK(unpack("3438>", {"AHx", "AHx"}) == "H");
    scanners::attachment::PdfPacking rows{{"FlateDecode"}, 12, 3};
    const std::string up("\2\1\2\3\2\1\1\1", 8);
    CHECK(pdf_unpack(made::zlib(up), rows, [](std::size_t) { return true; }).octets == "\1\2\3\2\3\4");
}
