// Text that came out of a mail or of a worker, for logs, terminals and header fields.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace policy {

// Every octet that is no printable ASCII becomes "?".
inline std::string printable(std::string_view text) {
    std::string result(text);
    std::replace_if(
        result.begin(), result.end(), [](char octet) { return octet < ' ' || octet > '~'; }, '?');
    return result;
}

}  // namespace policy
