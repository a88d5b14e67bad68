#include "policy/pattern.hpp"

#include <cstddef>

namespace policy {
namespace {

char lower(char octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet - 'A' + 'a') : octet;
}

}  // namespace

// On a mismatch only the last "*" takes one octet more: never exponential.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t taken = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken = t;
        } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

bool matches_recipient(std::string_view pattern, std::string_view recipient) {
    if (pattern.find('@') != std::string_view::npos)
        return matches(pattern, recipient);
    const auto at = recipient.rfind('@');
    return at != std::string_view::npos && matches(pattern, recipient.substr(at + 1));
}

}  // namespace policy
