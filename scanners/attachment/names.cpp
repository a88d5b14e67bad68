#include "scanners/attachment/names.hpp"

#include <algorithm>
#include <cstdint>

#include "policy/contents.hpp"
#include "scanners/attachment/collected_text.hpp"
#include "scanners/attachment/octets.hpp"

namespace scanners::attachment {
namespace {

constexpr char32_t kNoCharacter = 0xFFFD;
constexpr char32_t kInvalid = 0xFFFFFFFF;

// Code page 437 from 0x80 on.
constexpr char16_t kPage437[128 + 1] =
    u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    u"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

// The character at `at`, which moves behind it. kInvalid: not UTF-8 (RFC 3629) there; `at` is where it was.
char32_t next_utf8(std::string_view text, std::size_t& at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xC2 ? 9
                             : first < 0xE0 ? 1
                             : first < 0xF0 ? 2
                             : first < 0xF5 ? 3
                                            : 9;
    if (more == 9 || text.size() - at <= more)
        return kInvalid;
    char32_t c = more == 0 ? first : first & (0x3FU >> more);
    for (std::size_t i = 1; i <= more; ++i) {
        const auto octet = static_cast<unsigned char>(text[at + i]);
        if ((octet & 0xC0) != 0x80)
            return kInvalid;
        c = c << 6 | (octet & 0x3FU);
    }
    if ((more == 2 && c < 0x800) || (more == 3 && (c < 0x10000 || c > 0x10FFFF)) || (c >= 0xD800 && c < 0xE000))
        return kInvalid;
    at += more + 1;
    return c;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (next_utf8(text, at) == kInvalid)
            return false;
    }
    return true;
}

// Control characters, and those that turn the direction of what follows: "exe.fdp" must not look like "pdf.exe".
bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x200E || c == 0x200F || c == 0x2028 || c == 0x2029 || c == 0xFEFF;
}

std::string cleaned(std::string_view text, bool utf8) {
    std::string clean;
    for (std::size_t at = 0; at < text.size() && clean.size() < policy::kMaxName;) {
        char32_t c = 0;
        if (utf8) {
            c = next_utf8(text, at);
        } else {
            const auto octet = static_cast<unsigned char>(text[at++]);
            c = octet < 0x80 ? octet : kPage437[octet - 0x80];
        }
        std::string one;
        append_utf8(one, is_control(c) ? U'_' : c);
        if (clean.size() + one.size() > policy::kMaxName)
            break;
        clean += one;
    }
    return clean;
}

char lower_letter(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string clean_text(std::string_view text) {
    // What a name is longer than that is never looked at: hostile input costs no more than others.
    const bool utf8 = is_utf8(text.substr(0, 4 * policy::kMaxName)) || is_utf8(text);
    return cleaned(text, utf8);
}

std::string file_name(std::string_view path) {
    while (!path.empty() && (path.back() == '/' || path.back() == '\\'))
        path.remove_suffix(1);
    const auto slash = path.find_last_of("/\\");
    if (slash != std::string_view::npos)
        path.remove_prefix(slash + 1);
    while (path.size() > 1 && (path.back() == '.' || path.back() == ' '))
        path.remove_suffix(1);
    // The end of a name says what a reader does with it.
    if (path.size() > policy::kMaxName && is_utf8(path)) {
        auto tail = path.substr(path.size() - policy::kMaxName);
        while (!tail.empty() && (static_cast<unsigned char>(tail.front()) & 0xC0) == 0x80)
            tail.remove_prefix(1);
        path = tail;
    } else if (path.size() > policy::kMaxName) {
        path = path.substr(path.size() - policy::kMaxName / 3);
    }
    return clean_text(path);
}

std::string from_utf16(std::string_view octets) {
    std::string text;
    for (std::size_t at = 0; at + 1 < octets.size(); at += 2) {
        char32_t c = little16(octets, at);
        if (c >= 0xD800 && c < 0xDC00) {
            const char32_t low = little16(octets, at + 2);
            const bool pair = low >= 0xDC00 && low < 0xE000;
            c = pair ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : kNoCharacter;
            at += pair ? 2 : 0;
        } else if (c >= 0xDC00 && c < 0xE000) {
            c = kNoCharacter;
        }
        append_utf8(text, c);
    }
    return text;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower_letter(c); });
    return result;
}

bool ends_with_nocase(std::string_view text, std::string_view lower_case_end) {
    return text.size() >= lower_case_end.size() &&
           lower(text.substr(text.size() - lower_case_end.size())) == lower_case_end;
}

std::size_t find_nocase(std::string_view text, std::string_view lower_case, std::size_t from) {
    if (from > text.size())
        return std::string_view::npos;
    const auto found = std::search(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), lower_case.begin(),
                                   lower_case.end(), [](char a, char b) { return lower_letter(a) == b; });
    return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

}  // namespace scanners::attachment
