#include "scanners/content/html_entity.hpp"

#include <algorithm>
#include <array>

#include "scanners/content/unicode.hpp"
#include "scanners/content/unicode_tables.hpp"

namespace scanners::content {
namespace {

constexpr std::size_t kLongestName = 32;

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char letter = static_cast<char>(c | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// What browsers make of a number: those of the C1 controls are meant in Windows-1252.
char32_t of_number(char32_t code) {
    constexpr std::array<char16_t, 32> kWindows = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                                   0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                                   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                   0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    if (code >= 0x80 && code < 0xa0)
        return kWindows[code - 0x80];
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return kReplacement;
    return code;
}

// "#65;" or "#x41;" at the start of `rest`: octets taken; 0: no number there.
std::size_t take_number(std::string_view rest, char32_t& code) {
    std::size_t at = 1;
    const bool hexadecimal = at < rest.size() && (rest[at] | 0x20) == 'x';
    at += hexadecimal ? 1 : 0;
    const std::size_t first = at;
    code = 0;
    for (; at < rest.size(); ++at) {
        const int digit = hex_digit(rest[at]);
        if (digit < 0 || (!hexadecimal && digit > 9))
            break;
        code = std::min<char32_t>(code * (hexadecimal ? 16 : 10) + static_cast<char32_t>(digit), 0x110000);
    }
    if (at == first)
        return 0;
    code = of_number(code);
    return at + (at < rest.size() && rest[at] == ';' ? 1 : 0);
}

const tables::Entity* find(std::string_view name) {
    const auto& all = tables::kEntities;
    const auto found =
        std::lower_bound(all.begin(), all.end(), name,
                         [](const tables::Entity& entity, std::string_view value) { return entity.name < value; });
    return found != all.end() && found->name == name ? &*found : nullptr;
}

// "amp;" at the start of `rest`.
std::size_t take_name(std::string_view rest, char32_t& code, bool attribute) {
    std::size_t length = 0;
    while (length < std::min(rest.size(), kLongestName) && is_alphanumeric(rest[length]))
        ++length;
    if (length < rest.size() && rest[length] == ';') {
        if (const auto* entity = find(rest.substr(0, length)); entity != nullptr) {
            code = entity->code;
            return length + 1;
        }
    }
    for (; length >= 2; --length) {
        const auto* entity = find(rest.substr(0, length));
        if (entity == nullptr || !entity->bare)
            continue;
        const char next = length < rest.size() ? rest[length] : ' ';
        if (attribute && (next == '=' || is_alphanumeric(next)))
            return 0;
        code = entity->code;
        return length;
    }
    return 0;
}

}  // namespace

void append_decoded(std::string& out, std::string_view html, bool attribute) {
    while (!html.empty()) {
        const auto plain = std::min(html.find('&'), html.size());
        out += html.substr(0, plain);
        html.remove_prefix(plain);
        if (html.empty())
            return;
        html.remove_prefix(1);
        char32_t code = 0;
        const std::size_t taken =
            !html.empty() && html.front() == '#' ? take_number(html, code) : take_name(html, code, attribute);
        if (taken == 0)
            out.push_back('&');
        else
            append_utf8(out, code);
        html.remove_prefix(taken);
    }
}

}  // namespace scanners::content
