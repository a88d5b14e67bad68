#include "directory/ldap_entry.hpp"

#include <algorithm>
#include <set>

#include "config/spelling.hpp"

namespace directory {
namespace {

constexpr std::size_t kMaxAddress = 320;  // octets: the longest there is (RFC 5321 section 4.5.3.1)
constexpr std::string_view kPrimary = "SMTP:";

const std::vector<std::string>& values_of(const LdapEntry& entry, const std::string& attribute) {
    static const std::vector<std::string> kNone;
    const auto found = entry.values.find(attribute);
    return found == entry.values.end() ? kNone : found->second;
}

std::string first_address(const std::vector<std::string>& values, std::string_view domain) {
    std::string first;
    for (const auto& value : values) {
        auto address = address_in(value, domain);
        if (!address.empty() && value.starts_with(kPrimary))
            return address;
        if (first.empty())
            first = std::move(address);
    }
    return first;
}

}  // namespace

std::string address_in(std::string_view value, std::string_view domain) {
    const auto colon = value.find(':');
    if (colon != std::string_view::npos && colon < value.find('@')) {
        if (!config::same(value.substr(0, colon + 1), kPrimary))
            return {};
        value.remove_prefix(colon + 1);
    }
    const bool printable = std::ranges::none_of(
        value, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '<' || c == '>'; });
    const auto at = value.rfind('@');
    if (!printable || value.empty() || at == 0 || at + 1 == value.size())
        return {};
    std::string address(value);
    if (at == std::string_view::npos) {
        if (domain.empty())
            return {};
        address.append("@").append(domain);
    }
    return address.size() <= kMaxAddress ? address : std::string();
}

LdapMailbox mailbox_of(const LdapEntry& entry, const std::vector<std::string>& mailbox_attributes,
                       const std::vector<std::string>& alias_attributes, std::string_view domain) {
    LdapMailbox mailbox;
    for (const auto& attribute : mailbox_attributes) {
        mailbox.address = first_address(values_of(entry, attribute), domain);
        if (!mailbox.address.empty())
            break;
    }
    std::set<std::string> seen{config::lower(mailbox.address)};
    for (const auto& attribute : alias_attributes)
        for (const auto& value : values_of(entry, attribute))
            if (auto address = address_in(value, domain);
                !address.empty() && mailbox.aliases.size() < kMaxAliases && seen.insert(config::lower(address)).second)
                mailbox.aliases.push_back(std::move(address));
    return mailbox;
}

}  // namespace directory
