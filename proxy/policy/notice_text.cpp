#include "policy/notice_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/utf8.hpp"

namespace policy {
namespace {

constexpr std::size_t kMaxValue = 400;       // octets of one value
constexpr std::size_t kMaxSubject = 400;     // octets of the whole subject, before it is encoded
constexpr std::size_t kMaxLine = 78;         // RFC 5322 section 2.1.1, without CRLF
constexpr std::size_t kMaxEncodedLine = 76;  // RFC 2045 section 6.7 and RFC 2047 section 2

// Line and paragraph separators, and what turns the writing direction: "gpj.exe" would read as "exe.jpg".
bool misleads(std::string_view character) {
    constexpr std::array<std::string_view, 14> kMisleading{
        "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
        "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xd8\x9c"};
    return std::find(kMisleading.begin(), kMisleading.end(), character) != kMisleading.end();
}

// Safe to stand in a line of text. Cut values end with "...".
std::string value(std::string_view text, std::size_t limit = kMaxValue) {
    const auto clean = base::clean_utf8(text, limit);
    std::string safe;
    for (std::string_view rest = clean; !rest.empty();) {
        const auto length = base::utf8_character(rest);
        const auto character = rest.substr(0, length);
        safe += misleads(character) ? std::string_view("?") : character;
        rest.remove_prefix(length);
    }
    return text.size() > limit ? safe + "..." : safe;
}

std::string or_none(std::string_view text) {
    return text.empty() ? "none" : value(text);
}

std::string list(const std::vector<std::string>& values) {
    std::string text;
    for (std::size_t i = 0; i < std::min(values.size(), kMaxListed); ++i)
        text += (i == 0 ? "" : ", ") + value(values[i]);
    if (values.size() > kMaxListed)
        text += fmt::format(" and {} more", values.size() - kMaxListed);
    return text.empty() ? "none" : text;
}

std::string rule_name(std::string_view rule) {
    constexpr std::string_view kPrefix = "rule ";
    return or_none(rule.starts_with(kPrefix) ? rule.substr(kPrefix.size()) : rule);
}

using Write = std::string (*)(const NoticeFacts&);

constexpr std::array<std::string_view, 16> kTokenNames{
    "SENDER", "RCPTS", "SUBJECT", "RULENAME", "ACTION", "VIRUSNAME", "MSGID", "QUARANTINE",
    "DATE",   "SIZE",  "CLIENT",  "VERDICT",  "ID",     "INBOUNDID", "HOST",  "FILENAME"};
constexpr std::array<Write, kTokenNames.size()> kWrite{
    [](const NoticeFacts& facts) { return facts.sender.empty() ? "<>" : value(facts.sender); },
    [](const NoticeFacts& facts) { return list(facts.recipients); },
    [](const NoticeFacts& facts) { return or_none(facts.subject); },
    [](const NoticeFacts& facts) { return rule_name(facts.rule); },
    [](const NoticeFacts& facts) { return std::string(to_string(facts.action)); },
    [](const NoticeFacts& facts) { return list(facts.viruses); },
    [](const NoticeFacts& facts) { return or_none(facts.message_id); },
    [](const NoticeFacts& facts) { return or_none(facts.quarantine); },
    [](const NoticeFacts& facts) { return or_none(facts.date); },
    [](const NoticeFacts& facts) { return std::to_string(facts.size); },
    [](const NoticeFacts& facts) { return or_none(facts.client); },
    [](const NoticeFacts& facts) { return or_none(facts.verdict); },
    [](const NoticeFacts& facts) { return or_none(facts.id); },
    [](const NoticeFacts& facts) { return or_none(facts.inbound_id); },
    [](const NoticeFacts& facts) { return or_none(facts.host); },
    [](const NoticeFacts& facts) { return list(facts.files); },
};

// What stands between two percent signs at the beginning of `text`; empty: "%%". Nothing: the first stands alone.
std::optional<std::string_view> between_percent(std::string_view text) {
    const auto end = text.find('%', 1);
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto name = text.substr(1, end - 1);
    const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    return is_name ? std::optional(name) : std::nullopt;
}

Write find_token(std::string_view name) {
    const auto found = std::find(kTokenNames.begin(), kTokenNames.end(), name);
    return found == kTokenNames.end() ? nullptr : kWrite[static_cast<std::size_t>(found - kTokenNames.begin())];
}

}  // namespace

std::span<const std::string_view> token_names() {
    return kTokenNames;
}

std::optional<std::string> wrong_token(std::string_view text) {
    for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at)) {
        const auto name = between_percent(text.substr(at));
        if (!name)
            return "%";
        if (!name->empty() && find_token(*name) == nullptr)
            return fmt::format("%{}%", *name);
        at += name->size() + 2;
    }
    return std::nullopt;
}

std::string fill_in(std::string_view text, const NoticeFacts& facts) {
    std::string filled;
    while (!text.empty() && filled.size() < kMaxFilledIn) {
        const auto plain = text.substr(0, text.find('%'));
        filled += plain;
        text.remove_prefix(plain.size());
        if (text.empty())
            break;
        const auto name = between_percent(text);
        const auto write = name ? find_token(*name) : nullptr;
        if (write != nullptr)
            filled += write(facts);
        else
            filled += '%';
        text.remove_prefix(write != nullptr || (name && name->empty()) ? name->size() + 2 : 1);
    }
    if (filled.size() > kMaxFilledIn) {
        auto cut = kMaxFilledIn;
        while (cut > 0 && (static_cast<unsigned char>(filled[cut]) & 0xc0U) == 0x80U)
            --cut;  // not inside a character
        filled.resize(cut);
    }
    return filled;
}

namespace {

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// ---- header

std::string base64(std::string_view text) {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string encoded;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const auto octet = [&](std::size_t at) {
            return at < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[at])) : 0U;
        };
        const unsigned group = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
        for (unsigned letter = 0; letter < 4; ++letter)
            encoded += i + letter > text.size() ? '=' : kLetters[(group >> (18 - 6 * letter)) & 0x3fU];
    }
    return encoded;
}

// RFC 2047: words of at most 75 octets, each of whole characters, a line each. `column`: what stands in the first line.
std::string encoded_words(std::string_view text, std::size_t column) {
    constexpr std::string_view kBegin = "=?utf-8?B?";
    constexpr std::string_view kEnd = "?=";
    std::string words;
    while (!text.empty()) {
        const auto room = (kMaxEncodedLine - column - kBegin.size() - kEnd.size()) / 4 * 3;
        std::size_t size = 0;
        while (size < text.size()) {
            const auto character = std::max<std::size_t>(base::utf8_character(text.substr(size)), 1);
            if (size + character > room)
                break;
            size += character;
        }
        words += fmt::format("{}{}{}{}", words.empty() ? "" : "\r\n ", kBegin, base64(text.substr(0, size)), kEnd);
        text.remove_prefix(size);
        column = 1;
    }
    return words;
}

// Between blanks, so that a blank is what a fold adds nothing to.
std::string folded(std::string_view text, std::size_t column) {
    std::string lines;
    while (!text.empty()) {
        const auto next = text.find(' ', 1);
        const auto word = text.substr(0, next);
        if (column + word.size() > kMaxLine && word.size() > 1 && word.front() == ' ') {
            lines += "\r\n";
            column = 0;
        }
        lines += word;
        column += word.size();
        text.remove_prefix(word.size());
    }
    return lines;
}

// Plain where a reader takes it as it is meant and each line has room for it.
std::string unstructured(std::string_view name, std::string_view text) {
    std::size_t longest = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const auto word = rest.substr(0, rest.find(' '));
        longest = std::max(longest, word.size());
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    const auto column = name.size() + 2;
    const bool blanks = text.starts_with(' ') || text.ends_with(' ') || text.find("  ") != std::string_view::npos;
    const bool plain =
        is_ascii(text) && text.find("=?") == std::string_view::npos && !blanks && longest + column < kMaxLine;
    return fmt::format("{}: {}\r\n", name, plain ? folded(text, column) : encoded_words(text, column));
}

std::string quoted_name(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + "\"";
}

// Notice::from: "address" or "name <address>"; the configuration has checked it.
std::string from_field(std::string_view from, std::string_view host) {
    if (from.empty())
        return fmt::format("From: \"Sandwich\" <postmaster@{}>\r\n", value(host));
    const auto angle = from.find('<');
    if (angle == std::string_view::npos)
        return fmt::format("From: {}\r\n", value(from));
    auto name = from.substr(0, angle);
    while (name.ends_with(' '))
        name.remove_suffix(1);
    const auto clean = value(name);
    const auto address = value(from.substr(angle));
    if (clean.empty())
        return fmt::format("From: {}\r\n", address);
    return fmt::format("From: {}\r\n {}\r\n", is_ascii(clean) ? quoted_name(clean) : encoded_words(clean, 6), address);
}

// A field that is not ASCII would need SMTPUTF8; the envelope tells the server all that it needs.
std::string to_field(std::string_view addressee) {
    const bool plain = !addressee.empty() && addressee.size() <= kMaxValue &&
                       std::all_of(addressee.begin(), addressee.end(), [](char c) { return c > ' ' && c < '\x7f'; }) &&
                       addressee.find_first_of("<>,;()") == std::string_view::npos;
    return plain ? fmt::format("To: <{}>\r\n", addressee) : "To: undisclosed-recipients:;\r\n";
}

// ---- body

// The lines of a text, without their ends.
template <typename Each>
void each_line(std::string_view text, Each each) {
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        each(line);
    }
}

bool fits_plain(std::string_view text) {
    bool fits = is_ascii(text);
    each_line(text, [&fits](std::string_view line) { fits = fits && line.size() <= kMaxLine; });
    return fits;
}

// RFC 2045 section 6.7.
std::string quoted_printable(std::string_view line) {
    std::string encoded;
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        const bool last = i + 1 == line.size();
        const bool plain = (c > ' ' && c <= '~' && c != '=') || ((c == ' ' || c == '\t') && !last);
        const auto piece = plain ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
        if (column + piece.size() > kMaxEncodedLine - 1) {
            encoded += "=\r\n";
            column = 0;
        }
        encoded += piece;
        column += piece.size();
    }
    return encoded + "\r\n";
}

std::string body(std::string_view text) {
    const bool plain = fits_plain(text);
    std::string lines = fmt::format(
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset={}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        plain ? "us-ascii" : "utf-8", plain ? "7bit" : "quoted-printable");
    each_line(text,
              [&](std::string_view line) { lines += plain ? fmt::format("{}\r\n", line) : quoted_printable(line); });
    return lines;
}

}  // namespace

std::string notice_mail(const Notice& notice, const NoticeFacts& facts, std::string_view addressee,
                        std::string_view notice_id) {
    // The filled-in subject goes through value() once more: the template's own line breaks are none either.
    return from_field(notice.from, facts.host) + to_field(addressee) +
           unstructured("Subject", value(fill_in(notice.subject, facts), kMaxSubject)) +
           fmt::format("Date: {}\r\nMessage-ID: <{}@{}>\r\nAuto-Submitted: auto-generated\r\n", value(facts.date),
                       value(notice_id), value(facts.host)) +
           body(fill_in(notice.text, facts));
}

std::vector<std::string> file_names(const Contents& contents, std::span<const std::uint16_t> items) {
    std::vector<std::string> names;
    for (const auto index : items) {
        if (index >= contents.items.size())
            continue;
        const auto& item = contents.items[index];
        if (!item.names.empty() && !item.names.front().empty())
            names.push_back(item.names.front());
        else if (index != 0)
            names.push_back(item_path(contents, index));
    }
    return names;
}

std::vector<std::string> virus_names(const ScanReport& report) {
    std::vector<std::string> names;
    for (const auto& result : report.results)
        if (result.outcome == Outcome::kFound && std::find(names.begin(), names.end(), result.name) == names.end())
            names.push_back(result.name);
    return names;
}

}  // namespace policy
