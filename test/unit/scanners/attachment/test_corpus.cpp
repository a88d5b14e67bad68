// The collected files of SANDWICH_CORPUS: what is expected of each, and that a worker behind its sandbox sees the same
// as a process without one. Without a corpus only what is made here is compared.
#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "made.hpp"
#include "scanners/attachment/open.hpp"
#include "scanners/worker/charsets.hpp"
#include "scanners/worker/sandbox.hpp"

namespace {

struct Expected {
    const char* name;
    const char* type;
    const char* marks;
    std::size_t items;
    bool program;  // one of them is ClamAV's test file, a program of 544 octets
};

// clang-format off
constexpr Expected kExpected[] = {
    {"clamav-testfiles/clam-aspack.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-fsg.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-mew.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-nsis.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-pespin.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-petite.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-upack.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-upx.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-v2.rar", "application/vnd.rar", "", 2, false},
    {"clamav-testfiles/clam-v3.rar", "application/vnd.rar", "", 2, true},
    {"clamav-testfiles/clam-wwpack.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam-yc.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam.7z", "application/x-7z-compressed", "", 2, true},
    {"clamav-testfiles/clam.arj", "application/x-arj", "unopened", 1, false},
    {"clamav-testfiles/clam.bin-be.cpio", "application/x-cpio", "", 2, true},
    {"clamav-testfiles/clam.bin-le.cpio", "application/x-cpio", "", 2, true},
    {"clamav-testfiles/clam.bz2.zip", "application/zip", "", 2, true},
    {"clamav-testfiles/clam.cab", "application/vnd.ms-cab-compressed", "", 2, true},
    {"clamav-testfiles/clam.chm", "application/vnd.ms-htmlhelp", "unopened", 1, false},
    {"clamav-testfiles/clam.d64.zip", "application/zip", "", 2, false},
    {"clamav-testfiles/clam.ea05.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam.ea06.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam.exe", "application/vnd.microsoft.portable-executable", "", 1, true},
    {"clamav-testfiles/clam.exe.2007.one", "application/onenote", "embedded", 2, true},
    {"clamav-testfiles/clam.exe.2010.one", "application/onenote", "embedded", 54, true},
    {"clamav-testfiles/clam.exe.binhex", "application/mac-binhex40", "", 1, false},
    {"clamav-testfiles/clam.exe.bz2", "application/x-bzip2", "", 2, true},
    {"clamav-testfiles/clam.exe.html", "text/html", "embedded", 2, true},
    {"clamav-testfiles/clam.exe.mbox.base64", "message/rfc822", "", 1, false},
    {"clamav-testfiles/clam.exe.mbox.uu", "message/rfc822", "", 1, false},
    {"clamav-testfiles/clam.exe.rtf", "text/rtf", "embedded", 2, true},
    {"clamav-testfiles/clam.exe.szdd", "application/x-ms-compress-szdd", "unopened", 1, false},
    {"clamav-testfiles/clam.exe.webapp-export.one", "application/onenote", "embedded", 2, false},
    {"clamav-testfiles/clam.exe_and_mail.tar.gz", "application/gzip", "", 4, true},
    {"clamav-testfiles/clam.impl.zip", "application/zip", "", 2, false},
    {"clamav-testfiles/clam.iso", "application/x-iso9660-image", "", 2, true},
    {"clamav-testfiles/clam.newc.cpio", "application/x-cpio", "", 2, true},
    {"clamav-testfiles/clam.odc.cpio", "application/x-cpio", "", 2, true},
    {"clamav-testfiles/clam.ole.doc", "application/msword", "embedded", 2, true},
    {"clamav-testfiles/clam.pdf", "application/pdf", "embedded", 2, true},
    {"clamav-testfiles/clam.ppt", "application/vnd.ms-powerpoint", "embedded", 3, true},
    {"clamav-testfiles/clam.sis", "application/vnd.symbian.install", "unopened", 1, false},
    {"clamav-testfiles/clam.split.oneseg.zip", "application/zip", "", 2, true},
    {"clamav-testfiles/clam.tar.gz", "application/gzip", "", 3, true},
    {"clamav-testfiles/clam.tnef", "application/vnd.ms-tnef", "", 1, false},
    {"clamav-testfiles/clam.zip", "application/zip", "", 2, true},
    {"clamav-testfiles/clam_IScab_ext.exe", "application/vnd.microsoft.portable-executable", "", 1, false},
    {"clamav-testfiles/clam_cache_emax.tgz", "application/gzip", "", 32, true},
    {"clamav-testfiles/clamjol.iso", "application/x-iso9660-image", "", 2, true},
    {"office-macro/basic/empty", "", "", 1, false},
    {"office-macro/basic/encrypted.docx", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/autostart-encrypt-standardpassword.xls", "application/vnd.ms-excel", "encrypted macro", 1, false},
    {"office-macro/encrypted/autostart-encrypt-standardpassword.xlsb", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/autostart-encrypt-standardpassword.xlsm", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/dde-test-encrypt-standardpassword.xls", "application/vnd.ms-excel", "encrypted", 1, false},
    {"office-macro/encrypted/dde-test-encrypt-standardpassword.xlsb", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/dde-test-encrypt-standardpassword.xlsm", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/dde-test-encrypt-standardpassword.xlsx", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.doc", "application/msword", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.docm", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.docx", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.ppt", "application/vnd.ms-powerpoint", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.pptm", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.pptx", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.xls", "application/vnd.ms-excel", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.xlsb", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.xlsm", "application/encrypted", "encrypted", 1, false},
    {"office-macro/encrypted/encrypted.xlsx", "application/encrypted", "encrypted", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.slk", "application/x-sylk", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.xls", "application/vnd.ms-excel", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.xlsm", "application/vnd.ms-excel.sheet.macroenabled.12", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.xlt", "application/vnd.ms-excel", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro.xltm", "application/vnd.ms-excel.template.macroenabled.12", "macro", 1, false},
    {"office-macro/excel4-macros/excel4_sample_macro_excel5_format.xls", "application/vnd.ms-excel", "macro", 1, false},
    {"office-macro/msodde/dde-in-csv.csv", "text/plain", "", 1, false},
    {"office-macro/msodde/dde-in-excel2003.xml", "text/xml", "", 1, false},
    {"office-macro/msodde/dde-in-word2003.xml.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/msodde/dde-in-word2007.xml.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/msodde/dde-test-from-office2003.doc.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/msodde/dde-test-from-office2013-utf_16le-korean.doc.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/msodde/dde-test-from-office2016.doc.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/msodde/dde-test.docm", "application/vnd.ms-word.document.macroenabled.12", "external", 1, false},
    {"office-macro/msodde/dde-test.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "external", 1, false},
    {"office-macro/msodde/dde-test.xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12", "external", 1, false},
    {"office-macro/msodde/dde-test.xlsm", "application/vnd.ms-excel.sheet.macroenabled.12", "external", 1, false},
    {"office-macro/msodde/dde-test.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "external", 1, false},
    {"office-macro/msodde/harmless-clean-2003.xml", "text/xml", "", 1, false},
    {"office-macro/msodde/harmless-clean.doc", "application/msword", "", 1, false},
    {"office-macro/msodde/harmless-clean.docm", "application/vnd.ms-word.document.macroenabled.12", "", 1, false},
    {"office-macro/msodde/harmless-clean.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "", 1, false},
    {"office-macro/msodde/harmless-clean.xml", "text/xml", "", 1, false},
    {"office-macro/oleform/oleform-PR314.docm", "application/vnd.ms-word.document.macroenabled.12", "macro embedded", 2, false},
    {"office-macro/olevba/sample_with_vba.ppt", "application/vnd.ms-powerpoint", "macro embedded", 2, false},
    {"office-macro/ooxml/dde-in-excel2003.xml", "text/xml", "", 1, false},
    {"office-macro/ooxml/dde-in-word2003.xml.zip", "application/zip", "encrypted", 2, false},
    {"office-macro/ooxml/harmless-clean-2003.xml", "text/xml", "", 1, false},
    {"office-macro/ooxml/harmless-clean.xml", "text/xml", "", 1, false},
    {"zip-and-archives/42.zip", "application/zip", "encrypted", 17, false},
    {"zip-and-archives/COMPRESS-219.zip", "application/zip", "", 6, false},
    {"zip-and-archives/COMPRESS-479.zip", "application/zip", "", 4, false},
    {"zip-and-archives/COMPRESS-548.zip", "application/zip", "malformed unopened", 1, false},
    {"zip-and-archives/OSX_ArchiveWithNestedArchive.zip", "application/zip", "", 5, false},
    {"zip-and-archives/SHRUNK.ZIP", "application/zip", "", 3, false},
    {"zip-and-archives/archive_with_bytes_after_data.zip", "application/zip", "", 3, false},
    {"zip-and-archives/archive_with_trailer.zip", "application/zip", "", 3, false},
    {"zip-and-archives/bla-nonames.7z", "application/x-7z-compressed", "", 3, false},
    {"zip-and-archives/bla-stored-dd-contradicts-actualsize.zip", "application/zip", "", 3, false},
    {"zip-and-archives/bla-stored-dd-nosig.zip", "application/zip", "", 3, false},
    {"zip-and-archives/bla-stored-dd-sizes-differ.zip", "application/zip", "", 3, false},
    {"zip-and-archives/bla.7z", "application/x-7z-compressed", "", 3, false},
    {"zip-and-archives/bla.ar", "application/x-archive", "", 3, false},
    {"zip-and-archives/bla.arj", "application/x-arj", "unopened", 1, false},
    {"zip-and-archives/bla.cpio", "application/x-cpio", "", 3, false},
    {"zip-and-archives/bla.encrypted.7z", "application/x-7z-compressed", "encrypted unopened", 1, false},
    {"zip-and-archives/bla.lha", "application/x-lzh-compressed", "", 2, false},
    {"zip-and-archives/bla.tar", "application/x-tar", "", 3, false},
    {"zip-and-archives/bla.tar.Z", "application/x-compress", "", 4, false},
    {"zip-and-archives/bla.tar.bz2", "application/x-bzip2", "", 4, false},
    {"zip-and-archives/bla.tar.lz4", "application/x-lz4", "", 4, false},
    {"zip-and-archives/bla.tar.lzma", "application/x-lzma", "", 4, false},
    {"zip-and-archives/bla.tar.xz", "application/x-xz", "", 4, false},
    {"zip-and-archives/bla.tgz", "application/gzip", "", 4, false},
    {"zip-and-archives/bla.unix.arj", "application/x-arj", "unopened", 1, false},
    {"zip-and-archives/bla.xml.bz2", "application/x-bzip2", "", 2, false},
    {"zip-and-archives/bla.zip", "application/zip", "", 3, false},
    {"zip-and-archives/bzip2-zip.zip", "application/zip", "", 2, false},
    {"zip-and-archives/corkami-zgip/eicar.zip.gz", "application/gzip", "", 3, false},
    {"zip-and-archives/corkami-zgip/empty.zip.gz", "application/gzip", "", 2, false},
    {"zip-and-archives/corkami-zgip/hello.zip.gz", "application/gzip", "", 3, false},
    {"zip-and-archives/corkami-zgip/manifesto.zip.gz", "application/gzip", "", 3, false},
    {"zip-and-archives/corkami-zgip/skip6.zip.gz", "application/gzip", "", 3, false},
    {"zip-and-archives/invalid-zip.zip", "text/plain", "", 1, false},
    {"zip-and-archives/lorem-ipsum-deflate64.zip", "application/zip", "", 2, false},
    {"zip-and-archives/lorem-ipsum-implode.zip", "application/zip", "", 2, false},
    {"zip-and-archives/mixed.zip", "application/zip", "", 3, false},
    {"zip-and-archives/moby-imploded.zip", "application/zip", "", 136, false},
    {"zip-and-archives/multiple.bz2", "application/x-bzip2", "", 2, false},
    {"zip-and-archives/multiple.gz", "application/gzip", "", 2, false},
    {"zip-and-archives/multiple.xz", "application/x-xz", "", 2, false},
    {"zip-and-archives/password-encrypted.zip", "application/zip", "encrypted", 11, false},
    {"zip-and-archives/utf8-7zip-test.zip", "application/zip", "", 4, false},
    {"zip-and-archives/utf8-winzip-test.zip", "application/zip", "", 4, false},
    {"zip-and-archives/zipbomb.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "unopened", 1, false},
    {"pdf/1016garbage.pdf", "application/x-tar", "malformed unopened", 1, false},
    {"pdf/attachedAnnot.pdf", "application/pdf", "embedded", 2, false},
    {"pdf/attachedNames.pdf", "application/pdf", "embedded", 2, false},
    {"pdf/formevent_js.pdf", "application/pdf", "script", 1, false},
    {"pdf/foxit-reader-poc.pdf", "application/pdf", "script", 1, false},
    {"pdf/globalvariables.pdf", "application/pdf", "script", 1, false},
    {"pdf/javascript.pdf", "application/pdf", "script", 1, false},
    {"pdf/javascript8.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-adobe-tiny.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-annots.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-arraytrick.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-callee.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-chrome-tiny.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-concat.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-eval.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-getfield.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-info.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-number.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-replace.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-stream.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-streamfilter.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-substring.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-trick-globals.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-trick-initvalues.pdf", "application/pdf", "script", 1, false},
    {"pdf/js-unescape.pdf", "application/pdf", "script", 1, false},
    {"pdf/launch.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload1.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload2.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload3.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload4.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload5.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload6.pdf", "application/pdf", "script", 1, false},
    {"pdf/payload7.pdf", "application/pdf", "script", 1, false},
    {"pdf/starter_pack.pdf", "application/pdf", "script", 1, false},
    {"pdf/structure-attached.pdf", "application/pdf", "embedded", 2, false},
    {"pdf/structure-filters.pdf", "application/pdf", "script", 1, false},
    {"pdf/structure-names.pdf", "application/pdf", "script", 1, false},
};
// clang-format on

using Collected = std::map<std::string, std::string>;

// Files of the corpus by their names below malware-safe/; none when there is no corpus.
const Collected& corpus() {
    static const Collected files = [] {
        Collected read;
        const char* path = std::getenv("SANDWICH_CORPUS");
        const std::unique_ptr<archive, int (*)(archive*)> tar(::archive_read_new(), ::archive_read_free);
        ::archive_read_support_format_tar(tar.get());
        ::archive_read_support_filter_xz(tar.get());
        if (path == nullptr || ::archive_read_open_filename(tar.get(), path, 1 << 16) != ARCHIVE_OK)
            return read;
        archive_entry* entry = nullptr;
        while (::archive_read_next_header(tar.get(), &entry) == ARCHIVE_OK) {
            const std::string name = ::archive_entry_pathname(entry);
            const auto at = name.find("malware-safe/");
            if (at == std::string::npos || ::archive_entry_filetype(entry) != AE_IFREG ||
                name.find("clamav-db") != std::string::npos)
                continue;
            std::string octets(static_cast<std::size_t>(::archive_entry_size(entry)), '\0');
            ::archive_read_data(tar.get(), octets.data(), octets.size());
            read[name.substr(at + 13)] = std::move(octets);
        }
        return read;
    }();
    return files;
}

// What is told of one file, in words.
std::string facts(const std::string& octets) {
    const auto seen = made::look(octets, "f");
    std::string text;
    for (const auto& item : seen.contents.items) {
        text += std::to_string(item.parent) + " " + item.true_type + " " + std::to_string(item.size) + " " +
                made::marks_of(item);
        for (const auto& name : item.names)
            text += " " + name;
        text += "\n";
    }
    return text + seen.reached() + "\n";
}

// What a forked child writes about all `files`; it has loaded only what a zygote loads.
std::string in_child(const Collected& files, bool sandbox) {
    std::string directory = "/tmp/sandwich-unit.XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    const int out = ::memfd_create("facts", 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGSEGV, SIG_DFL);
        if (::chdir(directory.c_str()) != 0 ||
            (sandbox && !scanners::enter_sandbox(scanners::sandbox_support(), directory)))
            ::_exit(1);
        for (const auto& [name, octets] : files) {
            const auto text = name + "\n" + facts(octets);
            if (::write(out, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
                ::_exit(2);
        }
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    std::filesystem::remove_all(directory);
    CHECK(status == 0);  // SIGSYS here: a system call that the sandbox does not know
    std::string text(static_cast<std::size_t>(::lseek(out, 0, SEEK_END)), '\0');
    CHECK(::pread(out, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    ::close(out);
    return text;
}

Collected made_files() {
    const made::Files two{{"folder/setup.exe", made::program()},
                          {"gr\xc3\xbc\xc3\x9f"
                           "e.txt",
                           "Hello.\n"}};
    Collected files;
    for (const char* format : {"zip", "7zip", "pax", "cpio", "iso9660"})
        files[format] = made::archive(format, two);
    for (const char* filter : {"gzip", "bzip2", "xz", "lzma", "lzip", "lz4", "zstd", "compress"})
        files[filter] = made::archive("pax", two, filter);
    files["page 437"] = made::zip({{"\x81.txt", "x"}});
    files["pdf"] = made::pdf({"<</OpenAction<</JS(x)>>>>", made::pdf_stream("/Type/EmbeddedFile", "text, and more")});
    files["compound"] = made::compound({{"WordDocument", "x"}, {"VBA/dir", "x"}});
    files["csv"] = "a,b,c\n1,2,3\n1,2,3\n";
    return files;
}

}  // namespace

TEST_CASE("the sandbox hides nothing") {
    REQUIRE(scanners::load_charsets() > 0);
    REQUIRE(scanners::attachment::load().has_value());
    auto files = made_files();
    files.insert(corpus().begin(), corpus().end());
    const auto behind = in_child(files, true);
    CHECK(behind == in_child(files, false));
    CHECK(behind.find("gr\xc3\xbc\xc3\x9f"
                      "e.txt") != std::string::npos);
    MESSAGE(files.size(), " files, ", std::string(corpus().empty() ? "without the corpus" : "with the corpus"));
}

// So that a virus in one, or a limit that one passes, is seen whatever rules there are.
TEST_CASE("nothing is opened only because libmagic knows its type") {
    auto files = made_files();
    files.insert(corpus().begin(), corpus().end());
    std::size_t unnamed = 0;
    for (const auto& [name, octets] : files) {
        CAPTURE(name);
        const auto all = made::look(octets, name, {}, true);
        const auto fewer = made::look(octets, name, {}, false);
        CHECK(fewer.reached() == all.reached());
        REQUIRE(fewer.contents.items.size() == all.contents.items.size());
        for (std::size_t i = 0; i < all.contents.items.size(); ++i) {
            const auto& one = fewer.contents.items[i];
            const auto& other = all.contents.items[i];
            const bool named = one.true_type == other.true_type;
            unnamed += named ? 0 : 1;
            CHECK((named || one.true_type.empty()));
            CHECK(one.parent == other.parent);
            CHECK(one.size == other.size);
            CHECK(one.names == other.names);
            // That nobody can open it is told by its type, too.
            if (named)
                CHECK(made::marks_of(one) == made::marks_of(other));
        }
    }
    MESSAGE(unnamed, " of the files had no type");
}

TEST_CASE("what is expected of collected files") {
    if (corpus().empty()) {
        MESSAGE("skipped: SANDWICH_CORPUS is not set");
        return;
    }
    for (const auto& expected : kExpected) {
        const std::string name = expected.name;
        CAPTURE(name);
        const auto file = corpus().find(name);
        REQUIRE(file != corpus().end());
        const auto seen = made::look(file->second, name.substr(name.rfind('/') + 1));
        CHECK(seen.top().true_type == expected.type);
        CHECK(made::marks_of(seen.top()) == expected.marks);
        CHECK(seen.contents.items.size() == expected.items);
        bool program = false;
        for (const auto& item : seen.contents.items)
            program =
                program || (item.size == 544 && item.true_type == "application/vnd.microsoft.portable-executable");
        CHECK(program == expected.program);
    }
}

TEST_CASE("collected PDFs without scripts or files") {
    std::size_t plain = 0;
    for (const auto& [name, octets] : corpus()) {
        if (name.starts_with("pdf/text") || name.starts_with("pdf/pos")) {
            CAPTURE(name);
            const auto seen = made::look(octets);
            CHECK(made::marks_of(seen.top()) == "");
            ++plain;
        }
    }
    CHECK((corpus().empty() || plain > 30));
}
