// True types by content, and marks of what is text.
#include <doctest/doctest.h>

#include "made.hpp"
#include "scanners/attachment/file_type.hpp"
#include "scanners/attachment/names.hpp"

using namespace std::string_literals;
using made::look;

namespace {

std::string marks(const std::string& octets) {
    const auto seen = look(octets, "t");
    return made::marks_of(seen.top());
}

}  // namespace

TEST_CASE("types by content") {
    struct Row {
        std::string octets;
        const char* type;
    };
    const Row rows[] = {
        {made::program(), "application/vnd.microsoft.portable-executable"},
        {"MZ" + std::string(100, '\0'), "application/x-dosexec"},
        {"MZ is how this text begins, and it is no program at all.\n", "text/plain"},
        {"\x7f"
         "ELF\2\1\1" +
             std::string(60, '\0'),
         "application/x-elf"},
        {"\xca\xfe\xba\xbe\0\0\0\x02"s + std::string(60, '\0'), "application/x-mach-binary"},
        {"\xca\xfe\xba\xbe\0\0\0\x34"s + std::string(60, '\0'), "application/java-vm"},
        {"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"s + std::string(60, '\0'), "application/x-ms-shortcut"},
        {"ITSF\3\0\0\0"s, "application/vnd.ms-htmlhelp"},
        {"#!/bin/sh\necho\n", "text/x-shellscript"},
        {"#! /usr/bin/env python3\n", "text/x-python"},
        {"\xff\xfe@\0e\0c\0h\0o\0 \0o\0f\0f\0\n\0"s, "text/x-msdos-batch"},
        {"[InternetShortcut]\r\nURL=http://a.example/\r\n", "application/x-mswinurl"},
        {"<!DOCTYPE HTML><p>", "text/html"},
        {"  <Html><body>", "text/html"},
        {"<?xml version=\"1.0\"?><HeadingPairs/>", "text/xml"},
        {"<?xml version=\"1.0\"?><svg/>", "image/svg+xml"},
        {"{\\rtf1 x}", "text/rtf"},
        {"%PDF-1.4\n", "application/pdf"},
        {"GIF89a\1\0\1\0\0\0\0"s, "image/gif"},
        {"\xff\xd8\xff\xe0\0\x10JFIF\0"s, "image/jpeg"},
        {"\x02\x21\x4c\x18\0\1\0\0"s, "application/x-lz4"},
        {"LZIP\0\x0c\0\0"s, "application/x-lzip"},
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"s, "image/png"},
        {"BZh is no archive", "text/plain"},
        {"Just a text.\n", "text/plain"},
        {"Subject: Hello\r\nX-Other: y\r\nFrom: a@a.example\r\n\r\nHello\r\n", "message/rfc822"},
        {"From me to you: a text\nthat is no mail\n", "text/plain"},
        {"", ""},
        {made::zip({{"META-INF/MANIFEST.MF", "x"}}), "application/java-archive"},
        {made::zip({{"AndroidManifest.xml", "x"}, {"classes.dex", "x"}}), "application/vnd.android.package-archive"},
    };
    look("x");  // loads the tables
    for (const auto& row : rows) {
        CAPTURE(row.octets);
        CHECK(scanners::attachment::file_type(row.octets, true) == row.type);
        CHECK(scanners::attachment::file_type(row.octets, false) == row.type);
    }
}

TEST_CASE("libmagic is asked when a rule asks for types, or when it might be text") {
    const auto midi = "MThd\0\0\0\6\0\1\0\2\0\x60MTrk"s;
    CHECK(look(midi, "a", {}, true).top().true_type == "audio/midi");
    CHECK(look(midi, "a", {}, false).top().true_type.empty());
    const auto woff = "wOFF\0\1\0\0"s + std::string(40, '\x80');
    CHECK(look(woff, "a", {}, true).top().true_type == "font/woff");
    CHECK(look(woff, "a", {}, false).top().true_type.empty());
    // Nothing in its first octets says that it is no text.
    const auto fits = "SIMPLE  =                    T" + std::string(50, ' ') + "BITPIX  =                   16" + "\1";
    CHECK(look(fits, "a", {}, false).top().true_type == "image/fits");
}

TEST_CASE("types that libmagic tells, whatever it was asked before") {
    const std::pair<std::string, std::string> rows[] = {
        {"\x80\0nobody knows this\x81\0"s, ""},
        {"\x80\0nor that\x81\0"s, ""},
        {"MThd\0\0\0\6\0\1\0\2\0\x60MTrk"s, "audio/midi"},
        {"fLaC\0\0\0\x22"s + std::string(40, '\x80'), "audio/flac"},
        {"wOFF\0\1\0\0"s + std::string(40, '\x80'), "font/woff"},
    };
    // So many that some have to make room for others.
    for (int round = 0; round < 3; ++round) {
        for (int other = 0; other < 400; ++other) {
            const auto& [octets, type] = rows[other % 5];
            CAPTURE(octets);
            CHECK(look(octets + std::string(other / 5, '\x82')).top().true_type == type);
        }
    }
}

TEST_CASE("scripts in HTML and SVG") {
    CHECK(marks("<html><p>Hello</p></html>") == "");
    CHECK(marks("<html><SCRIPT>x</SCRIPT></html>") == "script");
    CHECK(marks("<html><a href=\"JavaScript:x()\">") == "script");
    CHECK(marks("\xff\xfe<\0h\0t\0m\0l\0>\0<\0s\0c\0r\0i\0p\0t\0>\0"s) == "script");
    // A browser goes by the name.
    CHECK(made::marks_of(look("junk \1 <script>x</script>", "a.HTML").top()) == "script");
    CHECK(made::marks_of(look("junk \1 <script>x</script>", "a.txt").top()) == "");
    const auto link = look("<p>a</p><a href=\"data:x/y;base64,JVBERi0xLjQKMSAwIG9iajw8L0pTKHgpPj4=\">b</a>");
    REQUIRE(link.contents.items.size() == 2);
    CHECK(made::marks_of(link.contents.items[1]) == "script embedded");
    CHECK(marks("<p><img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>") == "");
    CHECK(marks("<svg onload=\"x()\"/>") == "script");
}

TEST_CASE("encrypted and signed by OpenPGP and S/MIME") {
    CHECK(marks("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n") == "encrypted");
    CHECK(marks("Hello\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n") == "signed");
    const auto key = "\x85\x01\x0c\x03" + std::string(8, 'k') + "\x01" + std::string(50, 'x');
    CHECK(look(key).top().true_type == "application/pgp-encrypted");
    CHECK(marks(key) == "encrypted");
    const std::string id = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    CHECK(look("\x30\x80" + id + "\x03" + std::string(50, 'x')).top().true_type == "application/pkcs7-mime");
    CHECK(marks("\x30\x80" + id + "\x03" + std::string(50, 'x')) == "encrypted");
    CHECK(marks("\x30\x82\x05\x10" + id + "\x02" + std::string(50, 'x')) == "unopened signed");
}

TEST_CASE("macros in a SYLK file") {
    CHECK(marks("ID;P\nO;E\nC;X1;Y1;K1\n") == "macro");
    CHECK(marks("ID;P\nC;X1;Y1;K1\n") == "");
}

TEST_CASE("notes of OneNote") {
    const std::string mark = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac";
    const std::string head =
        "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + std::string(100, '\0');
    const auto file = mark + made::little(made::program().size(), 8) + std::string(12, '\0') + made::program();
    const auto seen = look(head + file + file);
    CHECK(seen.contents.items.size() == 3);
    CHECK(seen.contents.items.at(2).true_type == "application/vnd.microsoft.portable-executable");
    CHECK(marks(head + mark + made::little(1000, 8) + std::string(12, '\0') + "x") == "malformed embedded");
}

TEST_CASE("names") {
    using scanners::attachment::clean_text;
    using scanners::attachment::file_name;
    using scanners::attachment::from_utf16;
    CHECK(file_name("a/b\\c.txt") == "c.txt");
    CHECK(file_name("folder/") == "folder");
    CHECK(file_name("") == "");
    CHECK(clean_text("a\0b"s) == "a_b");
    CHECK(clean_text("\xc0\xaf") == "\xe2\x94\x94\xc2\xbb");  // not UTF-8, so code page 437
    CHECK(from_utf16("\x3d\xd8\x00\xde"s) == "\xf0\x9f\x98\x80");
    CHECK(from_utf16("\x3d\xd8"s) == "\xef\xbf\xbd");
}
