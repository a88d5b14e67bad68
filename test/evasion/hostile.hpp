// Mails that cost much where a reader is not linear: many delimiters, many headers, deep nesting, open quotes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace evasion {

// Each of about `size` octets.
inline std::vector<std::string> hostile_mails(std::size_t size) {
    constexpr std::string_view kBegins[] = {"",
                                            "Content-Type: a; ",
                                            "Subject: ",
                                            "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n",
                                            "Content-Transfer-Encoding: base64\r\n\r\n",
                                            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"};
    constexpr std::string_view kUnits[] = {"--a\r\n",
                                           "--b\r\n",
                                           "--a--\r\n",
                                           "--\r\ncontent-type: x\r\n",
                                           "--\r\n\r\ncontent-type: x\r\n",
                                           "A: b\r\n",
                                           " \r\n",
                                           "(",
                                           "=?",
                                           "=?a?q?",
                                           "a;",
                                           "a=\"b\\\";",
                                           "=",
                                           "= ",
                                           "QQ==",
                                           "\r\n",
                                           "begin 644 a\r\n",
                                           "--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n",
                                           "transfer-encoding",
                                           "charset",
                                           "--\r\ncontent-transfer-encoding: charset=",
                                           "=ybegin \r\n",
                                           "Content-Type: (((\r\n",
                                           "(This file must be converted with BinHex",
                                           "--a\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ=Q=\r\n"};
    std::vector<std::string> all;
    for (const auto begin : kBegins) {
        for (const auto unit : kUnits) {
            std::string text(begin);
            text.reserve(size + unit.size());
            while (text.size() < size)
                text += unit;
            all.push_back(std::move(text));
        }
    }
    return all;
}

}  // namespace evasion
