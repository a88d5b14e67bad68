// Archives: members are found with their names, sizes and true types, whatever the format; what cannot be read is said.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>

#include "made.hpp"
#include "scanners/attachment/zip_directory.hpp"
#include "scanners/examine.hpp"

namespace {

using made::look;
using policy::Mark;

const std::string kProgramType = "application/vnd.microsoft.portable-executable";

made::Files two_files() {
    return {{"folder/setup.exe", made::program()}, {"readme.txt", "Read me first.\n"}};
}

}  // namespace

TEST_CASE("members of every kind of archive") {
    struct Row {
        const char* format;
        const char* type;
    };
    for (const auto& [format, type] :
         {Row{"zip", "application/zip"}, Row{"7zip", "application/x-7z-compressed"}, Row{"pax", "application/x-tar"},
          Row{"gnutar", "application/x-tar"}, Row{"ustar", "application/x-tar"}, Row{"v7tar", "application/x-tar"},
          Row{"cpio", "application/x-cpio"}, Row{"newc", "application/x-cpio"},
          Row{"iso9660", "application/x-iso9660-image"}}) {
        CAPTURE(format);
        const auto seen = look(made::archive(format, two_files()), "a");
        CHECK(seen.top().true_type == type);
        CHECK(seen.contents.items.size() == 3);
        CHECK(seen.type("a/setup.exe") == kProgramType);
        CHECK(seen.type("a/readme.txt") == "text/plain");
        CHECK(made::marks_of(seen.top()) == "");
        const auto* program = seen.find("a/setup.exe");
        REQUIRE(program != nullptr);
        CHECK(program->size == made::program().size());
        CHECK(program->kind == policy::Item::Kind::kMember);
        CHECK(program->layer == 1);
        CHECK(program->parent == 0);
    }
    const auto seen = look(made::archive("arbsd", {{"setup.exe", made::program()}}), "a");
    CHECK(seen.top().true_type == "application/x-archive");
    CHECK(seen.type("a/setup.exe") == kProgramType);
}

TEST_CASE("compressed files, and archives in them") {
    struct Row {
        const char* filter;
        const char* type;
    };
    for (const auto& [filter, type] :
         {Row{"gzip", "application/gzip"}, Row{"bzip2", "application/x-bzip2"}, Row{"xz", "application/x-xz"},
          Row{"lzma", "application/x-lzma"}, Row{"lzip", "application/x-lzip"}, Row{"lz4", "application/x-lz4"},
          Row{"zstd", "application/zstd"}, Row{"compress", "application/x-compress"}}) {
        CAPTURE(filter);
        const auto seen = look(made::archive("pax", two_files(), filter), "a.tar.x");
        CHECK(seen.top().true_type == type);
        CHECK(seen.type("a.tar.x/a.tar") == "application/x-tar");
        CHECK(seen.type("a.tar.x/a.tar/setup.exe") == kProgramType);
        CHECK(seen.find("a.tar.x/a.tar/setup.exe")->layer == 2);
    }
    CHECK(look(made::archive("pax", two_files(), "gzip"), "a.tgz").find("a.tgz/a.tar") != nullptr);
    CHECK(made::marks_of(look(made::archive("raw", {{"", ""}}, "gzip"), "empty.gz").top()) == "");
}

TEST_CASE("a name is the last component, in UTF-8, without what could deceive") {
    const auto seen = look(made::zip({{"../../etc\\\x81"
                                       "bung.exe",
                                       made::program()},
                                      {"gr\xc3\xbc\xc3\x9f"
                                       "e.txt",
                                       "x"},
                                      {"a\x01\nb.txt", "x"},
                                      {"evil\xe2\x80\xae"
                                       "fdp.exe",
                                       "x"},
                                      {"setup.exe. .", "x"},
                                      {std::string(300, 'a') + ".exe", "x"}}),
                           "a");
    CHECK(seen.find("a/\xc3\xbc"
                    "bung.exe") != nullptr);  // code page 437
    CHECK(seen.find("a/gr\xc3\xbc\xc3\x9f"
                    "e.txt") != nullptr);
    CHECK(seen.find("a/a__b.txt") != nullptr);
    CHECK(seen.find("a/evil_fdp.exe") != nullptr);
    CHECK(seen.find("a/setup.exe") != nullptr);
    const auto& last = seen.contents.items.back().names.at(0);
    CHECK(last.size() == policy::kMaxName);
    CHECK(last.ends_with(".exe"));
}

TEST_CASE("encrypted members and archives") {
    for (const char* options : {"encryption=traditional", "encryption=aes256"}) {
        CAPTURE(options);
        const auto seen = look(made::archive("zip", two_files(), "", options, "secret"), "a");
        CHECK(made::marks_of(seen.top()) == "encrypted");
        CHECK(seen.marks("a/setup.exe") == "encrypted");
        CHECK(seen.type("a/setup.exe") == "");
    }
    // One of two.
    auto parts = std::vector<made::ZipPart>{{"open.txt", "text"}, {"shut.exe", made::program()}};
    parts[1].flags = 1;
    const auto seen = look(made::zip(parts), "a");
    CHECK(made::marks_of(seen.top()) == "encrypted");
    CHECK(seen.marks("a/open.txt") == "");
    CHECK(seen.marks("a/shut.exe") == "encrypted");
}

TEST_CASE("RAR 5, with and without a password") {
    const auto header = [](std::string octets) {
        octets.insert(0, 1, static_cast<char>(octets.size()));
        const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(octets.data()), static_cast<uInt>(octets.size()));
        return made::little(sum, 4) + octets;
    };
    const auto rar = [&](const std::string& data, std::uint32_t sum, const std::string& extra) {
        const std::string name = "setup.exe";
        std::string file = extra.empty() ? std::string("\2\2") : std::string("\2\3") + static_cast<char>(extra.size());
        const auto size = static_cast<char>(data.size());  // below 128: one octet
        file += size + std::string("\4", 1) + size + std::string("\0", 1) + made::little(sum, 4) +
                std::string("\0\1\x09", 3) + name + extra;
        return std::string("Rar!\x1a\7\1\0", 8) + header(std::string("\1\0\0", 3)) + header(file) + data +
               header(std::string("\5\0\0", 3));
    };
    const std::string data = "MZ" + std::string(90, '\0');
    const auto sum = static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    const auto open = look(rar(data, sum, ""), "r");
    CHECK(open.type("r/setup.exe") == "application/x-dosexec");
    CHECK(made::marks_of(open.top()) == "");
    const std::string record = std::string("\x24\1\0\0\x0f", 5) + std::string(32, 'k');
    const auto shut = look(rar(std::string(92, 'x'), sum, record), "r");
    CHECK(made::marks_of(shut.top()).find("encrypted") == 0);
    CHECK(shut.marks("r/setup.exe") == "encrypted");
}

TEST_CASE("what cannot be read is never silently clean") {
    auto part = made::ZipPart{"a.exe", made::deflated(made::program())};
    SUBCASE("a method that nobody knows") {
        part.method = 77;
        CHECK(look(made::zip({part}), "z").marks("z/a.exe").find("unopened") != std::string::npos);
    }
    SUBCASE("broken data") {
        part.method = 8;
        part.octets = "\xff\xff\xff\xff broken";
        CHECK(look(made::zip({part}), "z").marks("z/a.exe") == "malformed unopened");
    }
    SUBCASE("cut off") {
        const auto whole = made::archive("7zip", two_files());
        const auto seen = look(whole.substr(0, whole.size() - 20), "z");
        CHECK(made::marks_of(seen.top()) == "malformed unopened");
    }
    SUBCASE("a tar that ends in a member") {
        const auto whole = made::archive("pax", {{"big", std::string(100000, 'x')}});
        const auto seen = look(whole.substr(0, 50000), "z");
        CHECK(seen.marks("z/big") == "malformed unopened");
    }
    SUBCASE("an archive that nothing here opens") {
        std::string arj = "\x60\xea" + made::little(40, 2) + "\x1e" + std::string(60, '\1');
        const auto seen = look(arj, "z");
        CHECK(seen.top().true_type == "application/x-arj");
        CHECK(made::marks_of(seen.top()) == "unopened");
    }
}

TEST_CASE("what two readers of a zip file see, both are told") {
    SUBCASE("two names") {
        auto part = made::ZipPart{"invoice.exe", made::program()};
        part.local_name = "invoice.txt";
        const auto seen = look(made::zip({part}), "z");
        CHECK(seen.contents.items.at(1).names == std::vector<std::string>{"invoice.exe", "invoice.txt"});
    }
    SUBCASE("a member that the directory does not have") {
        auto hidden = made::ZipPart{"hidden.exe", made::program()};
        hidden.in_directory = false;
        const auto seen = look(made::zip({{"a.txt", "a"}, hidden, {"b.txt", "b"}}), "z");
        CHECK(seen.type("z/hidden.exe") == kProgramType);
        CHECK(seen.contents.items.size() == 4);
    }
    SUBCASE("a directory that is not empty") {
        const auto seen = look(made::zip({{"folder/", made::program()}}), "z");
        CHECK(seen.type("z/folder") == kProgramType);
    }
    SUBCASE("behind something else") {
        for (const std::string& before :
             {made::program(), std::string("GIF89a and so on"), std::string("plain text")}) {
            const auto seen = look(before + made::zip({{"inside.exe", made::program()}}), "z");
            CHECK(seen.type("z/inside.exe") == kProgramType);
            CHECK(seen.top().true_type != "application/zip");
        }
    }
    SUBCASE("before something else") {
        CHECK(look(made::zip({{"inside.exe", made::program()}}) + std::string(5000, ' '), "z").type("z/inside.exe") ==
              kProgramType);
    }
    SUBCASE("without its directory") {
        const auto whole = made::zip({{"inside.exe", made::program()}});
        CHECK(look(whole.substr(0, whole.find("PK\1\2")), "z").type("z/inside.exe") == kProgramType);
    }
}

TEST_CASE("a mail in an archive is read like the mail around it") {
    const std::string inner =
        "From: a@a.example\r\nSubject: inner\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream; name=setup.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "TVoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
    const auto zip = made::zip({{"mail.eml", inner}});
    CHECK(look(zip, "z").marks("z/mail.eml") == "unopened");  // by itself
    std::string mail = "From: b@b.example\r\nContent-Type: application/zip; name=z\r\n";
    mail += "Content-Transfer-Encoding: binary\r\n\r\n" + zip;
    policy::Contents contents;
    const policy::ContentLimits limits;
    scanners::Opening opening(limits, contents);
    scanners::examine(opening, mail);
    const auto program = std::find_if(contents.items.begin(), contents.items.end(),
                                      [](const auto& item) { return item.true_type == "application/x-dosexec"; });
    REQUIRE(program != contents.items.end());
    CHECK(program->names.at(0) == "setup.exe");
    CHECK(contents.subject.empty());
    for (const auto& item : contents.items)
        CHECK_FALSE(item.is(Mark::kUnopened));
}

TEST_CASE("the directory of a zip file with 64-bit sizes is found where its end record is near") {
    const auto plain = made::zip({{"one.txt", "One.\n"}, {"two.txt", "Two.\n"}});
    constexpr std::size_t kEnd = 22;
    const auto end = plain.size() - kEnd;
    const auto with_64 = [&](std::size_t gap) {
        using made::little;
        const auto offset = plain.find("PK\1\2");
        return plain.substr(0, end) + "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
               little(2, 8) + little(2, 8) + little(end - offset, 8) + little(offset, 8) + "PK\6\7" + little(0, 4) +
               little(end, 8) + little(1, 4) + std::string(gap, ' ') + "PK\5\6" + little(0, 4) + little(0xFFFF, 2) +
               little(0xFFFF, 2) + little(0xFFFFFFFF, 4) + little(0xFFFFFFFF, 4) + little(0, 2);
    };
    constexpr std::size_t kFurthest = 4095 - 76;  // behind the 64-bit end record and its locator
    for (const std::size_t gap : {std::size_t{0}, kFurthest, kFurthest + 1}) {
        CAPTURE(gap);
        const auto octets = with_64(gap);
        const auto seen = scanners::attachment::read_zip_directory(octets, 10);
        CHECK(seen.found == (gap <= kFurthest));
        CHECK(seen.entries.size() == (gap <= kFurthest ? 2 : 0));
    }
}

TEST_CASE("of several end records of a zip file the last one counts") {
    const auto first = made::zip({{"one.txt", "One.\n"}});
    const auto octets = first + made::zip({{"two.txt", "Two.\n"}, {"three.txt", "Three.\n"}});
    const auto seen = scanners::attachment::read_zip_directory(octets, 10);
    REQUIRE(seen.entries.size() == 2);
    CHECK(seen.entries[0].name == "two.txt");
    CHECK(seen.begin == first.size());
}
