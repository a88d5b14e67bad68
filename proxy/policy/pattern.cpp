#include "policy/pattern.hpp"

#include <array>
#include <cstddef>

namespace policy {
namespace {

constexpr std::array<char, 256> make_lower() {
    std::array<char, 256> table{};
    for (unsigned octet = 0; octet < table.size(); ++octet)
        table[octet] = static_cast<char>(octet >= 'A' && octet <= 'Z' ? octet - 'A' + 'a' : octet);
    return table;
}
constexpr auto kLower = make_lower();

char lower(char octet) {
    return kLower[static_cast<unsigned char>(octet)];
}

// Where what follows a "*" may begin, from `at`: at its first octet.
std::size_t next_place(std::string_view rest, std::string_view text, std::size_t at) {
    if (rest.empty() || rest.front() == '*')
        return at;
    const char first = lower(rest.front());
    while (at < text.size() && lower(text[at]) != first)
        ++at;
    return at;
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
            taken = t = next_place(pattern.substr(p), text, t);
        } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            taken = t = next_place(pattern.substr(p), text, taken + 1);
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
