// Mails from files, for the programs of this directory.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace evasion {

inline std::string read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// As the proxy hands a mail on: line ends are CRLF, a bare CR is a blank.
inline std::string canonical(const std::string& raw) {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const bool crlf = raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n';
        i += crlf ? 1 : 0;
        if (raw[i] == '\n')
            out += "\r\n";
        else
            out += raw[i] == '\r' ? ' ' : raw[i];
    }
    return out;
}

}  // namespace evasion
