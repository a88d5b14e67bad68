#include "mail/mime/readings.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "mail/mime/lines.hpp"
#include "mail/mime/parameters.hpp"
#include "mail/text.hpp"

namespace mail::mime {
namespace {

std::string_view trim_left(std::string_view line) {
    while (!line.empty() && is_white(line.front()))
        line.remove_prefix(1);
    return line;
}

bool is_dashes(std::string_view line) {
    return trim_left(line).starts_with("--");
}

constexpr LinesWith kMayBeDashes("-", LinesWith::White::kBefore);

// What a delimiter has of its own: no dashes around, no white space.
std::string_view token_of(std::string_view line) {
    line = trim(line);
    while (line.starts_with('-'))
        line.remove_prefix(1);
    while (line.ends_with('-') || line.ends_with(' '))
        line.remove_suffix(1);
    return line;
}

// Small letters only, without what readers may skip; line ends of folded lines go, too, the others stay.
std::string squeeze(std::string_view header) {
    std::string out;
    for (std::size_t at = 0; at < header.size(); ++at) {
        const char octet = header[at];
        if (octet == '\n' && at + 1 < header.size() && header[at + 1] != ' ' && header[at + 1] != '\t')
            out += octet;
        else if (!is_white(octet) && octet != '\\' && octet != '"' && octet != '(' && octet != ')')
            out += lower(octet);
    }
    return out;
}

void add_encodings(std::string_view squeezed, std::vector<Encoding>& encodings) {
    constexpr std::string_view kField = "transfer-encoding";
    for (auto at = squeezed.find(kField); at != std::string_view::npos; at = squeezed.find(kField, at)) {
        at += kField.size();
        // The rest of the line in one: it is not looked at again.
        const auto value = squeezed.substr(at, squeezed.find('\n', at) - at);
        at += value.size();
        const auto add = [&](std::initializer_list<std::string_view> words, Encoding encoding) {
            const bool named =
                std::any_of(words.begin(), words.end(), [value](auto word) { return value.find(word) != value.npos; });
            if (named && std::find(encodings.begin(), encodings.end(), encoding) == encodings.end())
                encodings.push_back(encoding);
        };
        add({"64"}, Encoding::kBase64);
        add({"quot", "qp", "printable"}, Encoding::kQuotedPrintable);
        add({"uu"}, Encoding::kUuencode);
        add({"yenc"}, Encoding::kYenc);
        add({"binhex", "hqx"}, Encoding::kBinhex);
    }
}

void add_charsets(std::string_view squeezed, std::vector<std::string>& charsets) {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::string_view kName = "charset";
    for (auto at = squeezed.find(kName); at != std::string_view::npos && charsets.size() < 4;
         at = squeezed.find(kName, at)) {
        at += kName.size();
        auto value = squeezed.substr(at, 80);
        value.remove_prefix(std::min(value.find_first_of(kLetters), value.size()));
        charsets.emplace_back(value.substr(0, value.find_first_of("\n;,'=")));
    }
}

bool is_field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
        return false;
    const auto name = without_comments(line.substr(0, colon));
    const auto word = trim(name);
    return !word.empty() &&
           std::all_of(word.begin(), word.end(), [](char octet) { return octet > ' ' && octet < '\x7F'; });
}

// Reads lines that may be a header. `at` stands behind the delimiter, and stands behind the header afterwards: behind
// an empty line, or before the next line with dashes. False: it is no header.
bool read_loose_header(std::string_view text, std::size_t& at, bool is_text, LoosePart& part) {
    const auto add_body = [&part](std::size_t begin) {
        if (part.bodies.size() < 4 && std::find(part.bodies.begin(), part.bodies.end(), begin) == part.bodies.end())
            part.bodies.push_back(begin);
    };
    part.header.begin = at;
    std::size_t odd = 0;   // behind the first line of white space
    std::size_t junk = 0;  // the first line that is no field
    bool first = true;
    std::size_t end = at;
    while (true) {
        const auto begin = at;
        end = at;
        if (at >= text.size())
            break;
        const auto line = take_line(text, at);
        if (line.empty() && first && !is_text) {
            part.header.begin = at;  // some readers skip it
            first = false;
            continue;
        }
        if (line.empty())
            break;
        if (is_dashes(line) && !(is_text && first)) {
            at = begin;
            break;
        }
        if (trim(line).empty())
            odd = odd == 0 ? at : odd;
        else if (!is_field(line) && line.front() != ' ' && line.front() != '\t' &&
                 !(first && line.starts_with("From ")))
            junk = junk == 0 ? begin : junk;
        first = false;
    }
    part.header.end = end;
    const auto header = part.header.of(text);
    const auto squeezed = squeeze(header);
    if (!is_text && squeezed.find("content-") == std::string::npos)
        return false;
    add_encodings(squeezed, part.encodings);
    add_charsets(squeezed, part.charsets);
    if (header.find('(') != std::string_view::npos)
        add_encodings(squeeze(without_comments(header)), part.encodings);
    add_body(at);
    if (odd != 0)
        add_body(odd);
    if (junk != 0)
        add_body(junk);
    return true;
}

std::size_t before_line(std::string_view text, std::size_t begin) {
    if (begin > 0 && text[begin - 1] == '\n')
        --begin;
    if (begin > 0 && text[begin - 1] == '\r')
        --begin;
    return begin;
}

}  // namespace

std::vector<LoosePart> find_parts(std::string_view text, std::size_t limit) {
    std::vector<LoosePart> parts;
    std::unordered_map<std::string_view, std::size_t> by_token;  // the last part that it opened
    std::size_t at = 0;
    LoosePart whole;
    read_loose_header(text, at, true, whole);
    whole.next_dashes = whole.next_own = text.size();
    parts.push_back(std::move(whole));
    std::size_t pending = 0;  // parts from here on have no line with dashes behind them yet
    for (at = kMayBeDashes.find(text, at); at < text.size(); at = kMayBeDashes.find(text, at)) {
        const auto begin = at;
        const auto line = take_line(text, at);
        if (!is_dashes(line))
            continue;
        const auto end = before_line(text, begin);
        for (; pending < parts.size(); ++pending)
            parts[pending].next_dashes = end;
        const auto token = token_of(line);
        if (const auto own = by_token.find(token); own != by_token.end()) {
            parts[own->second].next_own = end;
            by_token.erase(own);
        }
        if (parts.size() >= limit)
            continue;
        LoosePart part;
        part.delimiter = {begin, at};
        if (!read_loose_header(text, at, false, part))
            continue;
        part.next_dashes = part.next_own = text.size();
        by_token[token] = parts.size();
        parts.push_back(std::move(part));
    }
    return parts;
}

}  // namespace mail::mime
