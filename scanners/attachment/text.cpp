#include "scanners/attachment/text.hpp"

#include <algorithm>
#include <iterator>

#include "base/utf8.hpp"
#include "mail/mime/base64.hpp"
#include "scanners/attachment/names.hpp"
#include "scanners/attachment/objects.hpp"
#include "scanners/attachment/xml.hpp"
#include "scanners/charset.hpp"

namespace scanners::attachment {
namespace {

using policy::Item;
using policy::Mark;

// 1.2.840.113549.1.7 and its next number; 1.2.840.113549.1.9.16.1 and its next number.
constexpr std::string_view kPkcs7 = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
constexpr std::string_view kSmime = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01";

// What kind of CMS content stands at the beginning; 0: none. Numbers of kPkcs7 as they are, of kSmime plus 100.
int cms_content(std::string_view octets) {
    if (!octets.starts_with('\x30'))
        return 0;
    const auto head = octets.substr(0, 24);
    for (const auto& [id, base] : {std::pair{kPkcs7, 0}, {kSmime, 100}}) {
        const auto at = head.find(id);
        if (at >= 2 && at <= 7 && at + id.size() < head.size())
            return base + static_cast<unsigned char>(head[at + id.size()]);
    }
    return 0;
}

// The first packet of an OpenPGP message is a session key, encrypted to somebody or by a password (RFC 9580 section
// 10.3): tag, length, version, and an algorithm that there is.
bool is_encrypted_openpgp(std::string_view octets) {
    if (octets.size() < 16)
        return false;
    const auto octet = [octets](std::size_t at) {
        return static_cast<unsigned>(static_cast<unsigned char>(octets[at]));
    };
    const bool old = (octet(0) & 0xC0) == 0x80;
    if (!old && (octet(0) & 0xC0) != 0xC0)
        return false;
    const unsigned tag = old ? octet(0) >> 2 & 0xF : octet(0) & 0x3F;
    const std::size_t head = old ? 2U + (octet(0) & 3) : octet(1) < 192 ? 2U : 3U;
    const unsigned version = octet(head);
    if (tag == 1) {
        const unsigned algorithm = octet(head + 9);
        return version == 3 && (algorithm <= 2 || algorithm == 16 || algorithm == 18 || algorithm == 25) &&
               algorithm > 0;
    }
    return tag == 3 && (version == 4 || version == 5) && octet(head + 1) > 0 && octet(head + 1) <= 13 &&
           octet(head + 2) <= 4;
}

bool has_script(std::string_view text) {
    for (const std::string_view word : {"<script", "javascript:", "vbscript:", " onload=", " onerror="}) {
        if (find_nocase(text, word) != std::string_view::npos)
            return true;
    }
    return false;
}

// Files in the page itself ("data:...;base64,", RFC 2397): a click saves them. Pictures that pages have are none.
void open_data_links(Opening& opening, std::size_t item, std::string_view text) {
    constexpr std::string_view kMark = ";base64,";
    for (auto at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark, at)) {
        at += kMark.size();
        const auto data = text.substr(at, std::min(text.find_first_of("\"'<>()", at), text.size()) - at);
        at += data.size();
        std::uint64_t unused = 0;
        const auto octets = mail::mime::decode_base64(data, mail::mime::Base64Reading::kContinue, unused);
        if (!opening.in_time(item) || !opening.expand(item, octets.size(), text.size()))
            return;
        if (is_file_of_its_own(octets) && !open_embedded(opening, item, "", octets))
            return;
    }
}

// A line that says what kind of sheet it is ("O;E": with macros).
bool has_sylk_macro(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find_first_of("\r\n", at), text.size());
        const auto line = text.substr(at, end - at);
        if (line.starts_with("O;") && (line.find(";E") != std::string_view::npos))
            return true;
        at = end + 1;
    }
    return false;
}

void armour(Item& item, std::string_view text) {
    for (auto at = text.find("-----BEGIN PGP "); at != std::string_view::npos;
         at = text.find("-----BEGIN PGP ", at + 1)) {
        const auto rest = text.substr(at + 15);
        if (rest.starts_with("MESSAGE"))
            item.set(Mark::kEncrypted);
        else if (rest.starts_with("SIGNED MESSAGE"))
            item.set(Mark::kSigned);
    }
    if (find_nocase(text.substr(0, 256), "-----begin pkcs7-----") != std::string_view::npos)
        item.set(Mark::kEncrypted);
}

// A file, and no text of the mail, which is added by who knows its character set.
bool is_file(const Item& item) {
    if (item.kind == Item::Kind::kEntity)
        return !item.declared_type.empty() && !item.declared_type.starts_with("text/");
    return item.kind == Item::Kind::kMember || item.kind == Item::Kind::kEmbedded;
}

// A file says nothing of its character set: UTF-8, unless it cannot be that.
std::string readable(std::string_view octets, bool wide) {
    if (wide)
        return to_utf8(octets, "utf-16");
    for (auto rest = octets; !rest.empty();) {
        const auto length = base::utf8_character(rest);
        if (length == 0)
            return to_utf8(octets, "windows-1252");
        rest.remove_prefix(length);
    }
    return std::string(octets);
}

}  // namespace

std::string_view sealed_type(std::string_view octets) {
    if (cms_content(octets) != 0)
        return "application/pkcs7-mime";
    return is_encrypted_openpgp(octets) ? "application/pgp-encrypted" : "";
}

bool is_shown_by_browsers(const policy::Item& item) {
    for (const std::string_view type : {std::string_view(item.true_type), std::string_view(item.declared_type)}) {
        if (type.find("html") != std::string_view::npos || type == "image/svg+xml")
            return true;
    }
    static constexpr std::string_view kEnds[] = {".htm", ".html", ".xhtml", ".shtml", ".hta", ".svg", ".mht", ".mhtml"};
    return std::any_of(item.names.begin(), item.names.end(), [](const std::string& name) {
        return std::any_of(std::begin(kEnds), std::end(kEnds),
                           [&name](std::string_view end) { return ends_with_nocase(name, end); });
    });
}

void look_at_sealed(Opening& opening, std::size_t item, std::string_view octets) {
    constexpr int kSignedData = 2, kEnvelopedData = 3, kEncryptedData = 6, kAuthEnveloped = 100 + 23;
    const int content = cms_content(octets);
    auto& sealed = opening.item(item);
    if (content == 0 || content == kEnvelopedData || content == kEncryptedData || content == kAuthEnveloped)
        return sealed.set(Mark::kEncrypted);
    if (content == kSignedData)
        sealed.set(Mark::kSigned);
    // There may be a whole mail inside, signed or compressed.
    sealed.set(Mark::kUnopened);
}

void look_at_text(Opening& opening, std::size_t item, std::string_view octets) {
    const bool wide = octets.substr(0, 4).find('\0') != std::string_view::npos || octets.starts_with("\xff\xfe") ||
                      octets.starts_with("\xfe\xff");
    const std::string narrow = wide ? ascii_of(octets) : std::string();
    const std::string_view text = wide ? std::string_view(narrow) : octets;
    auto& file = opening.item(item);
    const bool shown = is_shown_by_browsers(file);
    if (shown && has_script(text))
        file.set(Mark::kScript);
    if (file.true_type == "application/x-sylk" && has_sylk_macro(text))
        file.set(Mark::kMacro);
    armour(file, text);
    if (opening.want_attachment_text() && is_file(file) && file.true_type.starts_with("text/"))
        opening.add_text({item, Place::kAttachment, opening.keep(readable(octets, wide))});
    if (shown)  // last: items move when one is added
        open_data_links(opening, item, text);
}

}  // namespace scanners::attachment
