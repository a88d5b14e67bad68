#include "config/directory_settings.hpp"

#include <algorithm>
#include <charconv>

#include "config/settings.hpp"
#include "config/spelling.hpp"
#include "net/address.hpp"

namespace config {
namespace {

constexpr std::size_t kMaxAttribute = 128;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= kMaxHostName && text.front() != '-' && text.front() != '.' &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

base::Result<HostPort> parse_host(std::string_view text) {
    HostPort found;
    const auto whole = net::Address::parse(text);  // also an IPv6 address without brackets
    const auto bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
    const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (whole) {
        found.host = whole->to_string();
        return found;
    }
    const auto host = text.substr(0, colon);
    if (const auto address = net::Address::parse(host))
        found.host = address->to_string();
    else if (is_host(host))
        found.host = lower(host);
    else
        return base::error("\"{}\" is neither a host name nor an address", text);
    if (colon == std::string_view::npos)
        return found;
    const auto digits = text.substr(colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
    if (failure != std::errc{} || end != digits.data() + digits.size() || found.port == 0 || digits.front() == '0')
        return base::error("\"{}\" has no port from 1 to 65535", text);
    return found;
}

}  // namespace

std::string_view to_string(LoginType type) {
    switch (type) {
        case LoginType::kLdap:
            return "ldap";
        case LoginType::kSmtp:
            return "smtp";
        case LoginType::kPop3:
            return "pop3";
        case LoginType::kImap:
            break;
    }
    return "imap";
}

bool HostPort::loopback() const {
    const auto address = net::Address::parse(host);
    return address ? address->loopback() : host == "localhost";
}

std::string HostPort::to_string() const {
    const auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == 0 ? shown : fmt::format("{}:{}", shown, port);
}

std::vector<std::string> parse_words(std::string_view text) {
    constexpr std::string_view kSeparators = " \t,";
    std::vector<std::string> found;
    for (std::size_t begin = 0; (begin = text.find_first_not_of(kSeparators, begin)) != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(kSeparators, begin), text.size());
        found.emplace_back(text.substr(begin, end - begin));
        begin = end;
    }
    return found;
}

base::Result<std::vector<HostPort>> parse_hosts(std::string_view text) {
    std::vector<HostPort> hosts;
    for (const auto& word : parse_words(text)) {
        auto host = parse_host(word);
        if (!host)
            return host.error();
        if (std::ranges::find(hosts, *host) != hosts.end())
            return base::error("{} is named twice", word);
        if (hosts.size() == kMaxHosts)
            return base::error("more than {} servers", kMaxHosts);
        hosts.push_back(std::move(*host));
    }
    if (hosts.empty())
        return base::error("no server is named");
    return hosts;
}

bool is_attribute_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxAttribute && is_alphanumeric(text.front()) &&
           std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == ';'; });
}

std::vector<std::string> login_names(const Settings& settings, const DomainIndex& domains, std::string_view address) {
    const auto& own = domains.find(DomainIndex::domain_of(address)).login;
    return parse_words(own.empty() ? settings.login : own);
}

}  // namespace config
