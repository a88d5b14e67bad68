// Text that came out of a mail or of a worker, for logs, terminals and header fields.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace policy {

// Every octet that is no printable ASCII becomes "?".
inline void append_printable(std::string& text, std::string_view more) {
    const auto begin = static_cast<std::ptrdiff_t>(text.size());
    text += more;
    std::replace_if(
        text.begin() + begin, text.end(), [](char octet) { return octet < ' ' || octet > '~'; }, '?');
}

inline std::string printable(std::string_view text) {
    std::string result;
    append_printable(result, text);
    return result;
}

}  // namespace policy
