#include "smtp/after_data.hpp"

#include <algorithm>

namespace smtp {
namespace {

char upper(char octet) {
    return octet >= 'a' && octet <= 'z' ? static_cast<char>(octet - 'a' + 'A') : octet;
}

// As far as both go, in any case.
bool agree(std::string_view bytes, std::string_view command) {
    const auto common = std::min(bytes.size(), command.size());
    return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(common), command.begin(),
                      [](char octet, char wanted) { return upper(octet) == wanted; });
}

}  // namespace

bool is_stray(std::string_view bytes, AfterData permitted) {
    if (std::string_view("QUIT\r\n").starts_with(bytes))
        return false;
    return permitted == AfterData::kQuitOnly || (!agree(bytes, "RSET\r\n") && !agree(bytes, "MAIL FROM:"));
}

}  // namespace smtp
