// Documents of Office and OpenDocument: macros, passwords, objects, links; and tables that lead in circles.
#include <doctest/doctest.h>

#include "made.hpp"

namespace {

using made::little;
using made::look;

const std::string kProgramType = "application/vnd.microsoft.portable-executable";

std::string utf16(std::string_view text) {
    std::string wide;
    for (const char c : text)
        wide += std::string(1, c) + '\0';
    return wide;
}

// FibBase of a document of Word 97, with a text behind it.
std::string word(bool encrypted, const std::string& text = "") {
    return "\xec\xa5" + std::string(8, '\0') + little(encrypted ? 0x0100 : 0, 2) + std::string(500, '\0') + text;
}

std::string record(unsigned type, const std::string& data) {
    return little(type, 2) + little(data.size(), 2) + data;
}

const std::string kWorkbook = record(0x0809, little(0x0600, 2) + little(0x0005, 2) + std::string(12, '\0'));

std::string package(const std::string& name, const std::string& file) {
    return little(2, 2) + "label" + '\0' + name + '\0' + little(0, 2) + little(3, 2) + little(5, 4) + "path" + '\0' +
           little(file.size(), 4) + file;
}

std::string marks(const std::string& octets) {
    const auto seen = look(octets, "d");
    return made::marks_of(seen.top());
}

constexpr std::string_view kContentTypes =
    "<?xml version=\"1.0\"?><Types><Override PartName=\"/word/document.xml\" ContentType=\"application/"
    "vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>";

std::vector<made::ZipPart> docx(const std::string& document = "<w:document/>", std::string types = "") {
    return {{"[Content_Types].xml", types.empty() ? std::string(kContentTypes) : types},
            {"word/document.xml", document}};
}

const std::string kDocx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

}  // namespace

TEST_CASE("old Word") {
    const auto plain = look(made::compound({{"WordDocument", word(false)}}));
    CHECK(plain.top().true_type == "application/msword");
    CHECK(made::marks_of(plain.top()) == "");
    CHECK(marks(made::compound({{"WordDocument", word(true)}})) == "encrypted");
    CHECK(marks(made::compound({{"WordDocument", word(false)}, {"Macros/VBA/dir", "x"}})) == "macro");
    CHECK(marks(made::compound({{"WordDocument", word(false, "a \x13 DDEAUTO c:\\cmd.exe \x15")}})) == "external");
    CHECK(marks(made::compound({{"WordDocument", word(false, utf16("\x13 dde x\x15"))}})) == "external");
    CHECK(marks(made::compound({{"WordDocument", word(false, "\x13 HYPERLINK \"http://a.example/\" \x15")}})) == "");
}

TEST_CASE("old Excel") {
    const auto plain = look(made::compound({{"Workbook", kWorkbook}}));
    CHECK(plain.top().true_type == "application/vnd.ms-excel");
    CHECK(made::marks_of(plain.top()) == "");
    CHECK(marks(made::compound({{"Workbook", kWorkbook + record(0x2F, "xx")}})) == "encrypted");
    CHECK(marks(made::compound({{"Workbook", kWorkbook + record(0x85, std::string("\0\0\0\0\0\1\0\0", 8))}})) ==
          "macro");
    CHECK(marks(made::compound({{"Workbook", kWorkbook + record(0x85, std::string("\0\0\0\0\0\0\0\0", 8))}})) == "");
    CHECK(marks(made::compound({{"Workbook", kWorkbook + record(0x1AE, little(1, 2) + little(0x0401, 2))}})) == "");
    CHECK(marks(made::compound({{"Workbook", kWorkbook + record(0x1AE, little(0, 2) + little(9, 2) + "x")}})) ==
          "external");
    CHECK(marks(record(0x0409, little(0x0400, 2) + little(0x40, 2) + little(0, 2))) == "macro");  // nothing around it
}

TEST_CASE("old PowerPoint keeps its macros compressed") {
    const auto project = made::compound({{"VBA/dir", "x"}, {"VBA/_VBA_PROJECT", "x"}});
    const auto packed = little(project.size(), 4) + made::zlib(project);
    const auto object = little(0x10, 2) + little(0x1011, 2) + little(packed.size(), 4) + packed;
    const auto seen = look(made::compound({{"PowerPoint Document", object}}));
    CHECK(seen.top().true_type == "application/vnd.ms-powerpoint");
    CHECK(made::marks_of(seen.top()) == "macro embedded");
    CHECK(marks(made::compound({{"PowerPoint Document", "x"},
                                {"Current User", std::string(12, '\0') + little(0xF3D1C4DF, 4)}})) == "encrypted");
}

TEST_CASE("what lies in compound files is opened") {
    const auto native = package("setup.exe", made::program());
    const auto seen = look(made::compound({{"WordDocument", word(false)},
                                           {"ObjectPool/_1/\1Ole10Native", little(native.size(), 4) + native}}),
                           "d");
    CHECK(seen.type("d/setup.exe") == kProgramType);
    CHECK(made::marks_of(seen.top()) == "embedded");
    CHECK(seen.find("d/setup.exe")->kind == policy::Item::Kind::kEmbedded);

    const auto message = look(made::compound({{"__properties_version1.0", ""},
                                              {"__attach_version1.0_#00000000/__substg1.0_37010102", made::program()},
                                              {"__attach_version1.0_#00000000/__substg1.0_3707001F", utf16("a.exe")}}),
                              "m");
    CHECK(message.top().true_type == "application/vnd.ms-outlook");
    CHECK(message.contents.items.at(1).true_type == kProgramType);
    CHECK(message.contents.items.at(1).names.at(0).starts_with("a.exe"));

    CHECK(look(made::compound({{"anything", made::program()}})).contents.items.size() == 2);
    CHECK(look(made::compound({{"EncryptedPackage", "x"}, {"EncryptionInfo", "x"}})).top().true_type ==
          "application/encrypted");
    CHECK(marks(made::compound({{"EncryptedPackage", "x"}, {"EncryptionInfo", "x"}})) == "encrypted");
}

TEST_CASE("tables of a compound file that lead in circles or nowhere") {
    const auto good = made::compound({{"WordDocument", word(false)}, {"Macros/VBA/dir", std::string(20000, 'x')}});
    // Every place of the tables and of the directory gets values that point back, forward and outside.
    for (std::size_t at = 0; at + 4 <= good.size(); at += at < 512 ? 4 : 36) {
        for (const std::uint64_t value : {0ULL, 1ULL, 2ULL, 0xFFFFFFFFULL, 0x7FFFFFFFULL}) {
            auto bad = good;
            bad.replace(at, 4, little(value, 4));
            const auto seen = look(bad);
            CHECK(seen.contents.items.size() < 10);
        }
    }
    CHECK(marks(good.substr(0, 600)).find("malformed") != std::string::npos);
}

TEST_CASE("Office since 2007") {
    const auto plain = look(made::zip(docx()));
    CHECK(plain.top().true_type == kDocx);
    CHECK(made::marks_of(plain.top()) == "");
    CHECK(plain.contents.items.size() == 1);

    auto parts = docx();
    parts.push_back({"word/odd-name.bin", made::compound({{"VBA/dir", "x"}})});
    CHECK(marks(made::zip(parts)) == "macro embedded");

    std::string types(kContentTypes);
    types.replace(types.find("</Types>"), 8,
                  "<Default Extension=\"x\" ContentType=\"application/vnd.ms-office.vbaProject\"/></Types>");
    CHECK(marks(made::zip(docx("", types))) == "macro");

    types = kContentTypes;
    const std::string main = "openxmlformats-officedocument.wordprocessingml.document.main+xml";
    types.replace(types.find(main), main.size(), "ms-word.document.macroEnabled.main+xml");
    CHECK(look(made::zip(docx("", types))).top().true_type == "application/vnd.ms-word.document.macroenabled.12");
}

TEST_CASE("links of documents") {
    const auto with = [](const std::string& relationship) {
        auto parts = docx();
        parts.push_back({"word/_rels/settings.xml.rels", "<Relationships>" + relationship + "</Relationships>"});
        return marks(made::zip(parts));
    };
    const std::string type = "<Relationship Id=\"1\" Type=\"http://a.example/relationships/";
    CHECK(with(type + "attachedTemplate\" Target=\"http://b.example/t.dotm\" TargetMode=\"External\"/>") == "external");
    CHECK(with(type + "attachedTemplate\" Target='x' TargetMode = '&#69;xternal'/>") == "external");
    CHECK(with(type + "hyperlink\" Target=\"http://b.example/\" TargetMode=\"External\"/>") == "");
    CHECK(with(type + "image\" Target=\"media/1.png\"/>") == "");
    CHECK(marks(made::zip(docx("<w:p><w:fldChar w:fldCharType=\"begin\"/><w:instrText>DDE</w:instrText><w:r/>"
                               "<w:instrText>AUTO cmd</w:instrText><w:fldChar w:fldCharType=\"end\"/></w:p>"))) ==
          "external");
    CHECK(marks(made::zip(docx("<w:fldSimple w:instr=\" DDE c:\\cmd \"/>"))) == "external");
}

TEST_CASE("files in documents") {
    auto parts = docx();
    parts.push_back({"word/embeddings/oleObject1.bin",
                     made::compound({{"\1Ole10Native", little(0, 4) + package("a.exe", made::program())}})});
    parts.push_back({"word/media/image1.png", "\x89PNG\r\n\x1a\n"});
    parts.push_back({"docProps/thumbnail.jpeg", made::program()});
    const auto seen = look(made::zip(parts), "d");
    CHECK(seen.type("d/oleObject1.bin/a.exe") == kProgramType);
    CHECK(seen.type("d/thumbnail.jpeg") == kProgramType);
    CHECK(seen.find("d/image1.png") == nullptr);
    CHECK(made::marks_of(seen.top()) == "embedded");
}

TEST_CASE("OpenDocument") {
    const auto with = [](std::vector<made::ZipPart> parts) {
        parts.insert(parts.begin(), {"mimetype", "application/vnd.oasis.opendocument.text"});
        return look(made::zip(parts));
    };
    CHECK(with({{"content.xml", "<a/>"}}).top().true_type == "application/vnd.oasis.opendocument.text");
    CHECK(made::marks_of(with({{"content.xml", "<a/>"}}).top()) == "");
    CHECK(made::marks_of(with({{"Basic/Standard/Module1.xml", "<a/>"}}).top()) == "macro");
    CHECK(made::marks_of(with({{"META-INF/manifest.xml", "<manifest:encryption-data a=\"b\">"}}).top()) == "encrypted");
}

TEST_CASE("RTF: objects, however their digits are cut up") {
    const std::string native = package("evil.exe", made::program());
    const std::string object = little(0x501, 4) + little(2, 4) + little(8, 4) + "Package" + '\0' + little(0, 8) +
                               little(native.size(), 4) + native;
    std::string digits;
    for (const char c : object) {
        constexpr char kDigits[] = "0123456789abcdef";
        digits += {kDigits[static_cast<unsigned char>(c) >> 4], kDigits[c & 15]};
    }
    const auto rtf = [](const std::string& data) { return "{\\rtf1{\\object\\objemb{\\*\\objdata " + data + "}}}"; };
    const auto seen = look(rtf(digits), "r");
    CHECK(seen.top().true_type == "text/rtf");
    CHECK(seen.type("r/evil.exe") == kProgramType);
    CHECK(made::marks_of(seen.top()) == "embedded");
    auto cut = digits;
    for (std::size_t at = cut.size() - 3; at > 10; at -= at % 7 + 3)
        cut.insert(at, at % 3 == 0 ? "\r\n" : at % 3 == 1 ? "{\\*\\other 1234}" : "\\word ");
    CHECK(look(rtf(cut), "r").type("r/evil.exe") == kProgramType);
    CHECK(look("{\\rt{\\object{\\objdata\\bin" + std::to_string(object.size()) + " " + object + "}}}", "r")
              .type("r/evil.exe") == kProgramType);
    CHECK(marks("{\\rtf1{\\*\\template http://a.example/t.dotm}}") == "external");
    CHECK(marks("{\\rtf1{\\field{\\*\\fldinst DDEAUTO cmd}}}") == "external");
    CHECK(marks("{\\rtf1 Text about DDEAUTO.}") == "");
}

TEST_CASE("the text of documents is there for the expressions, when somebody wants it") {
    const auto octets =
        made::zip(docx("<w:p><w:r><w:t>sec</w:t></w:r><w:r><w:t>ret &amp; more</w:t></w:r></w:p><w:p/>"));
    policy::Contents contents;
    const policy::ContentLimits limits;
    for (const bool want : {false, true}) {
        scanners::Opening opening(limits, contents, want ? scanners::Texts::kAll : scanners::Texts::kMail);
        contents = {};
        opening.add({});
        made::open(opening, octets);
        REQUIRE(opening.texts().size() == (want ? 1 : 0));
        if (want)
            CHECK(opening.texts()[0].text.find("secret & more") != std::string_view::npos);
    }
}
