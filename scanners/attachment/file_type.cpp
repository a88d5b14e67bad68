#include "scanners/attachment/file_type.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "scanners/attachment/magic.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/octets.hpp"
#include "scanners/attachment/text.hpp"
#include "scanners/attachment/zip_directory.hpp"

namespace scanners::attachment {
namespace {

using namespace std::string_view_literals;

struct Signature {
    std::size_t at;
    std::string_view octets;
    std::string_view type;
};

// The first that fits. Longer before shorter where they begin alike.
constexpr Signature kSignatures[] = {
    {0,
     "\x7f"
     "ELF",
     "application/x-elf"},
    {0, "\xfe\xed\xfa\xce", "application/x-mach-binary"},
    {0, "\xfe\xed\xfa\xcf", "application/x-mach-binary"},
    {0, "\xce\xfa\xed\xfe", "application/x-mach-binary"},
    {0, "\xcf\xfa\xed\xfe", "application/x-mach-binary"},
    {0, "\0asm"sv, "application/wasm"},
    {0, "dex\n0", "application/vnd.android.dex"},
    {0, "\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"sv, "application/x-ms-shortcut"},
    {0, "ITSF", "application/vnd.ms-htmlhelp"},
    {0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"},
    {0, "PK\3\4", "application/zip"},
    {0, "PK\5\6", "application/zip"},
    {0, "PK\7\x08PK\3\4", "application/zip"},
    {0, "PK00PK\3\4", "application/zip"},
    {0, "Rar!\x1a\7", "application/vnd.rar"},
    {0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"},
    {0, "\x1f\x8b\x08", "application/gzip"},
    {0, "\x1f\x9d", "application/x-compress"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "application/x-xz"},
    {0, "\x28\xb5\x2f\xfd", "application/zstd"},
    {0, "\x04\x22\x4d\x18", "application/x-lz4"},
    {0, "\x02\x21\x4c\x18", "application/x-lz4"},  // of old versions
    {0, "\x03\x21\x4c\x18", "application/x-lz4"},
    {0, "LZIP\1", "application/x-lzip"},
    {0, "LZIP\0"sv, "application/x-lzip"},
    {0, "MSCF\0\0\0\0"sv, "application/vnd.ms-cab-compressed"},
    {0, "!<arch>\ndebian-binary", "application/vnd.debian.binary-package"},
    {0, "!<arch>\n", "application/x-archive"},
    {0, "070701", "application/x-cpio"},
    {0, "070702", "application/x-cpio"},
    {0, "070707", "application/x-cpio"},
    {0, "\xc7\x71", "application/x-cpio"},
    {0, "\x71\xc7", "application/x-cpio"},
    {257, "ustar", "application/x-tar"},
    {0x8001, "CD001", "application/x-iso9660-image"},
    {0x8801, "CD001", "application/x-iso9660-image"},
    {0x9001, "CD001", "application/x-iso9660-image"},
    {7, "**ACE**", "application/x-ace-compressed"},
    {0, "xar!\0\x1c"sv, "application/x-xar"},
    {0, "conectix", "application/x-vhd"},
    {0, "vhdxfile", "application/x-vhdx"},
    {0, "MSWIM\0\0\0"sv, "application/x-ms-wim"},
    {0, "\xed\xab\xee\xdb", "application/x-rpm"},
    {0, "SZDD\x88\xf0\x27\x33", "application/x-ms-compress-szdd"},
    {0, "SZ \x88\xf0\x27\x33", "application/x-ms-compress-szdd"},
    {0, "KWAJ\x88\xf0\x27\xd1", "application/x-ms-compress-szdd"},
    {0, "StuffIt", "application/x-stuffit"},
    {0, "SIT!", "application/x-stuffit"},
    {20, "\xdc\xa7\xc4\xfd", "application/x-zoo"},
    {0, "hsqs", "application/x-squashfs"},
    {0, "%PDF", "application/pdf"},
    {0, "{\\rt", "text/rtf"},
    {0, "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"},
    {0, "\x09\x00\x04\x00"sv, "application/vnd.ms-excel"},
    {0, "\x09\x02\x06\x00"sv, "application/vnd.ms-excel"},
    {0, "\x09\x04\x06\x00"sv, "application/vnd.ms-excel"},
    {0, "\x09\x08\x08\x00"sv, "application/vnd.ms-excel"},
    {0, "\x09\x08\x10\x00"sv, "application/vnd.ms-excel"},
    {0, "\x78\x9f\x3e\x22", "application/vnd.ms-tnef"},
};

constexpr std::string_view kClosed[] = {"application/x-arj",           "application/x-ace-compressed",
                                        "application/x-xar",           "application/x-vhd",
                                        "application/x-vhdx",          "application/x-ms-wim",
                                        "application/x-rpm",           "application/x-ms-compress-szdd",
                                        "application/x-stuffit",       "application/x-zoo",
                                        "application/x-squashfs",      "application/x-apple-diskimage",
                                        "application/vnd.ms-htmlhelp", "application/vnd.symbian.install",
                                        "application/x-lrzip",         "application/x-lzop",
                                        "application/x-arc",           "application/x-virtualbox-vhd"};

// libmagic's words for what has one of ours.
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
    {"application/x-rar", "application/vnd.rar"},
    {"application/x-bzip", ""},  // so does it of "BZh"
    {"application/x-bzip2", ""},
    {"application/x-gtar", "application/x-tar"},
    {"application/x-zstd", "application/zstd"},
    {"application/x-lzh", "application/x-lzh-compressed"},
    {"application/x-lha", "application/x-lzh-compressed"},
    {"application/x-executable", "application/x-elf"},
    {"application/x-sharedlib", "application/x-elf"},
    {"application/x-object", "application/x-elf"},
    {"application/x-pie-executable", "application/x-elf"},
    {"application/x-java-applet", "application/java-vm"},
    {"application/x-shockwave-flash", "application/vnd.adobe.flash.movie"},
    {"text/x-script.python", "text/x-python"},
    {"application/rtf", "text/rtf"},
    {"application/x-setupscript", "text/x-msdos-batch"},
    {"application/xml", "text/xml"},
    {"application/x-dosexec", ""},  // says so of every text that begins with "MZ"
    {"application/zip", ""},
};

std::string_view program_type(std::string_view octets) {
    const auto at = little32(octets, 0x3C);
    const auto second = part(octets, at, 4);
    if (at >= 4 && second == "PE\0\0"sv)
        return "application/vnd.microsoft.portable-executable";
    const auto word = second.substr(0, 2);
    const bool known = at >= 0x40 && (word == "NE" || word == "LE" || word == "LX");
    // A text may begin with these two letters; a program has zeros in its header.
    return known || part(octets, 2, 26).find('\0') != std::string_view::npos ? "application/x-dosexec"sv : ""sv;
}

// Both Java classes and Apple's programs for several processors: a small number is the latter's count.
std::string_view cafe_babe(std::string_view octets) {
    return big32(octets, 4) < 40 ? "application/x-mach-binary" : "application/java-vm";
}

bool is_flash(std::string_view octets) {
    return octets.size() > 8 && (octets[0] == 'F' || octets[0] == 'C' || octets[0] == 'Z') &&
           octets.substr(1, 2) == "WS" && octets[3] > 0 && octets[3] < 60 && little32(octets, 4) > 8;
}

bool is_lha(std::string_view octets) {
    const auto method = part(octets, 2, 5);
    return method.size() == 5 && method[0] == '-' && method[1] == 'l' && (method[2] == 'h' || method[2] == 'z') &&
           method[4] == '-';
}

bool is_arj(std::string_view octets) {
    const auto size = little16(octets, 2);
    return octets.starts_with("\x60\xea") && size >= 30 && size <= 2600 && octets.size() >= 34 && octets[4] >= 30;
}

// POSIX tar before "ustar": the checksum over the first block is all there is (tar(5), "Old-Style Archive Format").
bool is_old_tar(std::string_view octets) {
    if (octets.size() < 512 || octets[0] == '\0')
        return false;
    std::uint64_t said = 0;
    for (std::size_t at = 148; at < 156; ++at) {
        if (octets[at] >= '0' && octets[at] <= '7')
            said = said * 8 + static_cast<std::uint64_t>(octets[at] - '0');
        else if (octets[at] != ' ' && octets[at] != '\0')
            return false;
    }
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < 512; ++at)
        sum += at >= 148 && at < 156 ? ' ' : static_cast<unsigned char>(octets[at]);
    return said > 0 && sum == said;
}

// bzip2 and lzma have signatures that text could have, too.
std::string_view weak_signature(std::string_view octets) {
    if (octets.starts_with("BZh") && octets.size() >= 10 && octets[3] >= '1' && octets[3] <= '9' &&
        (octets.substr(4, 6) == "\x31\x41\x59\x26\x53\x59" || octets.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"))
        return "application/x-bzip2";
    if (octets.starts_with("\x5d\0\0"sv) && octets.size() > 13 &&
        (little(octets, 5, 8) == ~0ULL || little(octets, 5, 8) < (1ULL << 38)))
        return "application/x-lzma";
    // Frames to skip, which other programs put before the first real one.
    if ((little32(octets, 0) & 0xFFFFFFF0) == 0x184D2A50 &&
        part(octets, 8ULL + little32(octets, 4), 4) == "\x28\xb5\x2f\xfd")
        return "application/zstd";
    return {};
}

std::string_view script_type(std::string_view line) {
    constexpr std::pair<std::string_view, std::string_view> kLanguages[] = {{"python", "text/x-python"},
                                                                            {"perl", "text/x-perl"},
                                                                            {"ruby", "text/x-ruby"},
                                                                            {"php", "text/x-php"},
                                                                            {"sh", "text/x-shellscript"}};
    for (const auto& [language, type] : kLanguages) {
        if (line.find(language) != std::string_view::npos)
            return type;
    }
    return "text/x-script";
}

// The first 4 KiB as a browser would look at them: UTF-16 without its zeros, from the first tag on.
std::string beginning(std::string_view octets) {
    std::string text(octets.substr(0, 4096));
    if (text.starts_with("\xef\xbb\xbf") || text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        text.erase(0, text.starts_with("\xef") ? 3 : 2);
    std::erase(text, '\0');
    return lower(text);
}

// What a text begins with, in lower case.
constexpr std::pair<std::string_view, std::string_view> kTextMarks[] = {
    {"<?xml", "text/xml"},
    {"begin:vcard", "text/vcard"},
    {"begin:vcalendar", "text/calendar"},
    {"%!ps", "application/postscript"},
    {"{\"", "application/json"},
    {"[internetshortcut]", "application/x-mswinurl"},
    {"windows registry editor", "text/x-ms-regedit"},
    {"regedit4", "text/x-ms-regedit"},
    {"id;p", "application/x-sylk"},
    {"@echo off", "text/x-msdos-batch"},
    {"<?php", "text/x-php"},
};

// As browsers find out (https://mimesniff.spec.whatwg.org, section 7.1), and a few more that attackers begin with.
bool begins_like_html(std::string_view text) {
    constexpr std::string_view kTags[] = {
        "!doctype html", "html", "head",   "script", "iframe", "h1",   "div",    "font",
        "table",         "a",    "style",  "title",  "b",      "body", "br",     "p",
        "img",           "form", "center", "span",   "meta",   "link", "object", "embed"};
    return text.starts_with('<') && std::any_of(std::begin(kTags), std::end(kTags), [text](std::string_view tag) {
               const auto behind = text.substr(1 + std::min(tag.size(), text.size() - 1));
               return text.substr(1).starts_with(tag) && behind.find_first_of(" >\t\r\n/") == 0;
           });
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [text](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// Lines "Name: text" up to an empty one, two of them that only mails have.
bool is_mail(std::string_view lowered) {
    constexpr std::string_view kNames[] = {"from",        "to",           "subject",      "received",
                                           "date",        "message-id",   "mime-version", "content-type",
                                           "return-path", "delivered-to", "reply-to"};
    unsigned known = 0;
    if (lowered.starts_with("from "))  // of a mailbox file
        lowered.remove_prefix(std::min(lowered.find('\n') + 1, lowered.size()));
    while (!lowered.empty() && known < 2) {
        const auto end = std::min(lowered.find('\n'), lowered.size());
        const auto line = lowered.substr(0, end);
        lowered.remove_prefix(std::min(end + 1, lowered.size()));
        if (line.starts_with(' ') || line.starts_with('\t'))
            continue;
        const auto name = line.substr(0, std::min(line.find(':'), line.size()));
        if (name.size() == line.size() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != name.npos)
            return false;
        known += std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ? 1 : 0;
    }
    return known >= 2;
}

// Text in any character set: no control characters but those that text has. libmagic would take 2 ms for a page of it,
// more than all the rest of looking into a mail.
bool is_text(std::string_view octets) {
    if (octets.starts_with("\xff\xfe") || octets.starts_with("\xfe\xff"))
        return true;
    const auto first = octets.substr(0, 8192);
    return !first.empty() && std::all_of(first.begin(), first.end(), [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return (octet >= 0x20 && octet != 0x7F) || (octet >= '\t' && octet <= '\r') || octet == 0x1B;
    });
}

// Types of text that a program finds by what it sees, wherever it stands. Empty: none of these.
std::string_view text_type(std::string_view octets) {
    const std::string text = beginning(octets);
    std::string_view rest = text;
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n\f\v"), rest.size()));
    if (rest.starts_with("#!"))
        return script_type(rest.substr(0, rest.find('\n')));
    if (rest.starts_with("<svg") || (rest.starts_with("<?xml") && has_any(rest, {"<svg"})))
        return "image/svg+xml";
    const bool xml = rest.starts_with("<?xml");
    if (begins_like_html(rest) || (xml && has_any(rest, {"<html"})) ||
        (!xml && rest.starts_with("<") &&
         has_any(rest, {"<html", "<script", "<body", "<head>", "<head ", "<iframe", "<meta "})))
        return "text/html";
    if (is_mail(text))
        return "message/rfc822";
    for (const auto& [mark, type] : kTextMarks) {
        if (rest.starts_with(mark))
            return type;
    }
    if (has_any(text, {"(this file must be converted with binhex"}))
        return "application/mac-binhex40";
    return is_text(octets) ? "text/plain" : "";
}

// What most files that are attached to mails are besides, in libmagic's words: none of them is opened.
std::string_view media_type(std::string_view octets) {
    constexpr std::pair<std::string_view, std::string_view> kMarks[] = {
        {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv, "image/png"},
        {"GIF87a", "image/gif"},
        {"GIF89a", "image/gif"},
        {"\xff\xd8\xff", "image/jpeg"},
    };
    for (const auto& [mark, type] : kMarks) {
        if (octets.starts_with(mark))
            return type;
    }
    return {};
}

// Not as text of any kind begins, so that libmagic would call it none.
bool begins_binary(std::string_view octets) {
    const auto first = octets.substr(0, 8);
    return std::any_of(first.begin(), first.end(),
                       [](char c) { return !((c >= ' ' && c != '\x7f') || (c >= '\b' && c <= '\r') || c == '\x1b'); });
}

std::string renamed(std::string type) {
    const auto* found = std::find_if(std::begin(kRenamed), std::end(kRenamed),
                                     [&type](const auto& pair) { return pair.first == type; });
    return found != std::end(kRenamed) ? std::string(found->second) : lower(type);
}

bool has_prefix(const ZipDirectory& zip, std::string_view prefix) {
    return std::any_of(zip.entries.begin(), zip.entries.end(), [prefix](const ZipEntry& entry) {
        return lower(entry.name.substr(0, prefix.size())) == prefix;
    });
}

}  // namespace

std::string_view signature_type(std::string_view octets) {
    if (octets.starts_with("MZ") || octets.starts_with("ZM"))
        return program_type(octets);
    if (octets.starts_with("\xca\xfe\xba\xbe"))
        return cafe_babe(octets);
    for (const auto& signature : kSignatures) {
        if (part(octets, signature.at, signature.octets.size()) == signature.octets)
            return signature.type;
    }
    if (is_flash(octets))
        return "application/vnd.adobe.flash.movie";
    if (is_lha(octets))
        return "application/x-lzh-compressed";
    if (is_arj(octets))
        return "application/x-arj";
    if (octets.size() >= 512 && octets.substr(octets.size() - 512).starts_with("koly"))
        return "application/x-apple-diskimage";
    return weak_signature(octets);
}

std::string zip_type(std::string_view octets) {
    const auto zip = read_zip_directory(octets, 4096);
    for (const auto& entry : zip.entries) {
        if (entry.name != "mimetype")
            continue;
        const auto type = stored_data(octets, entry);
        if (type.starts_with("application/vnd.oasis.opendocument.") || type.starts_with("application/epub+zip") ||
            type.starts_with("application/vnd.sun.xml."))
            return clean_text(type.substr(0, std::min<std::size_t>(type.find_first_of(" \r\n"), 100)));
    }
    if (has_prefix(zip, "[content_types].xml")) {
        constexpr std::string_view kOffice = "application/vnd.openxmlformats-officedocument.";
        for (const auto& [prefix, type] : {std::pair{"word/", "wordprocessingml.document"},
                                           {"xl/", "spreadsheetml.sheet"},
                                           {"ppt/", "presentationml.presentation"}}) {
            if (has_prefix(zip, prefix))
                return std::string(kOffice) + type;
        }
        return "application/vnd.openxmlformats-package";
    }
    if (has_prefix(zip, "androidmanifest.xml"))
        return "application/vnd.android.package-archive";
    return has_prefix(zip, "meta-inf/manifest.mf") ? "application/java-archive" : "application/zip";
}

bool is_pdf(std::string_view octets) {
    const auto beginning = octets.substr(0, 1024 + 4);
    if (beginning.starts_with("%PDF") || beginning.find("%PDF-") != std::string_view::npos)
        return true;
    // Some readers do without.
    const auto end = octets.substr(octets.size() - std::min<std::size_t>(octets.size(), 1024));
    return end.find("trailer") != std::string_view::npos && end.find("/Root") != std::string_view::npos;
}

std::string file_type(std::string_view octets, bool every) {
    const auto signature = signature_type(octets);
    if (signature == "application/zip")
        return zip_type(octets);
    if (!signature.empty())
        return std::string(signature);
    if (const auto sealed = sealed_type(octets); !sealed.empty())
        return std::string(sealed);
    if (is_old_tar(octets))
        return "application/x-tar";
    if (is_pdf(octets))
        return "application/pdf";
    if (const auto text = text_type(octets); !text.empty())
        return std::string(text);
    if (const auto media = media_type(octets); !media.empty())
        return std::string(media);
    return every || !begins_binary(octets) ? renamed(magic_type(octets)) : std::string();
}

bool is_closed_archive(std::string_view type) {
    return std::find(std::begin(kClosed), std::end(kClosed), type) != std::end(kClosed);
}

}  // namespace scanners::attachment
