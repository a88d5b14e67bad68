#include "mail/edit/encode.hpp"

#include <cstdint>

namespace mail::edit {
namespace {

constexpr std::size_t kLine = 76;

void append_escaped(std::string& out, char octet) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(octet);
    out += '=';
    out += kDigits[value >> 4U];
    out += kDigits[value & 15U];
}

bool is_plain(char octet) {
    return octet == '\t' || (octet >= ' ' && octet <= '~' && octet != '=');
}

}  // namespace

std::string encode_base64(std::string_view octets) {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    std::size_t column = 0;
    for (std::size_t at = 0; at < octets.size(); at += 3) {
        if (column == kLine) {
            out += "\r\n";
            column = 0;
        }
        const auto group = octets.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8U | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            out += i <= group.size() ? kLetters[bits >> (18 - 6 * i) & 63U] : '=';
        column += 4;
    }
    return out;
}

std::string encode_quoted_printable(std::string_view text) {
    std::string out;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at, 2) == "\r\n") {
            out += "\r\n";
            column = 0;
            ++at;
            continue;
        }
        const char octet = text[at];
        const auto next = text.substr(at + 1, 2);
        const bool blank = octet == ' ' || octet == '\t';
        const bool last = next.empty() || next == "\r\n";
        const bool plain = is_plain(octet) && !(blank && last) && !(octet == '-' && column == 0);
        // One column is left for the "=" of a soft line break.
        const std::size_t room = last ? kLine : kLine - 1;
        if (column + (plain ? 1 : 3) > room) {
            out += "=\r\n";
            column = 0;
        }
        if (plain && !(octet == '-' && column == 0)) {
            out += octet;
            column += 1;
        } else {
            append_escaped(out, octet);
            column += 3;
        }
    }
    return out;
}

}  // namespace mail::edit
