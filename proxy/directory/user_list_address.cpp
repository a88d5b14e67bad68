#include "directory/user_list_address.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace directory {
namespace {

constexpr std::size_t kMaxLocalPart = 64;  // octets (RFC 5321 section 4.5.3.1.1)
constexpr std::size_t kMaxName = 64;       // of a source

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

bool letters_of_address(std::string_view text) {
    static constexpr std::string_view kNever = "()<>[]:;,\\\"@";
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet > ' ' && octet != 0x7f && kNever.find(c) == std::string_view::npos;
    });
}

bool is_domain(std::string_view text) {
    return letters_of_address(text) && text.front() != '.' && text.back() != '.' &&
           text.find("..") == std::string_view::npos;
}

bool word_of(std::string_view text, std::size_t most) {
    return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    });
}

}  // namespace

std::optional<std::string> list_address(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || text.size() > kMaxUserAddress || at > kMaxLocalPart ||
        !base::is_clean_utf8(text) || !letters_of_address(text.substr(0, at)) || !is_domain(text.substr(at + 1)))
        return std::nullopt;
    return lower_case(text);
}

std::string_view domain_of(std::string_view address) {
    const auto at = address.rfind('@');
    return at == std::string_view::npos ? address : address.substr(at + 1);
}

std::optional<std::string> list_domain(std::string_view text) {
    if (text.starts_with('@'))
        text.remove_prefix(1);
    if (text.size() > kMaxUserAddress || !base::is_clean_utf8(text) || !is_domain(text))
        return std::nullopt;
    return "@" + lower_case(text);
}

bool is_source(std::string_view source) {
    return word_of(source, kMaxName);
}

}  // namespace directory
