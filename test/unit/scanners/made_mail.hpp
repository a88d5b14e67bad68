// Mails with files in base64.
#pragma once

#include <string>
#include <string_view>

namespace made {

// Lines of so many letters, each with CRLF.
inline std::string base64(std::string_view octets, std::size_t line = 76) {
    constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string letters;
    for (std::size_t at = 0; at < octets.size(); at += 3) {
        unsigned bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0U);
        for (unsigned i = 0; i < 4; ++i)
            letters += at + i <= octets.size() ? kLetters[bits >> (18 - 6 * i) & 63] : '=';
    }
    std::string made;
    for (std::size_t at = 0; at < letters.size(); at += line)
        made.append(letters, at, line).append("\r\n");
    return made;
}

// Of parts, each with its header.
inline std::string multipart(const std::string& subtype, std::initializer_list<std::string> parts) {
    std::string made =
        "From: a@from.test\r\nTo: b@to.test\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/" + subtype +
        "; boundary=limit\r\n\r\n";
    for (const auto& part : parts)
        made += "--limit\r\n" + part;
    return made + "--limit--\r\n";
}

inline std::string text_part(const std::string& text) {
    return "Content-Type: text/plain\r\n\r\n" + text + "\r\n";
}

inline std::string file_part(std::string_view octets, std::size_t line = 76,
                             const std::string& type = "application/octet-stream") {
    return "Content-Type: " + type +
           "\r\nContent-Disposition: attachment; filename=\"file.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
           base64(octets, line);
}

}  // namespace made
