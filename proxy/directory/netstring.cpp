#include "directory/netstring.hpp"

#include <fmt/format.h>

namespace directory {

NetstringReader::Outcome NetstringReader::next(std::string_view& bytes) const {
    constexpr std::size_t kMaxDigits = 9;
    std::size_t length = 0;
    std::size_t i = 0;
    for (; i < bytes.size() && bytes[i] != ':'; ++i) {
        if (bytes[i] < '0' || bytes[i] > '9' || i == kMaxDigits)
            return Garbage{"no length"};
        if (i > 0 && bytes.front() == '0')
            return Garbage{"a length with a zero in front"};
        length = length * 10 + static_cast<std::size_t>(bytes[i] - '0');
    }
    if (i > 0 && length > most_)
        return Garbage{fmt::format("longer than {} octets", most_)};
    if (i == bytes.size())
        return NeedMore{};
    if (i == 0)
        return Garbage{"no length"};
    if (bytes.size() < i + 1 + length + 1)
        return NeedMore{};
    if (bytes[i + 1 + length] != ',')
        return Garbage{"no comma at its end"};
    std::string octets(bytes.substr(i + 1, length));
    bytes.remove_prefix(i + 1 + length + 1);
    return octets;
}

std::string netstring(std::string_view octets) {
    return fmt::format("{}:{},", octets.size(), octets);
}

}  // namespace directory
