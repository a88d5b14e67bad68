#include "smtp/client_attributes.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "smtp/text.hpp"

namespace smtp {
namespace {

struct Attribute {
    std::string_view name;
    std::string ClientAttributes::*value;
};

constexpr std::array<Attribute, 8> kXclient{{{"NAME", &ClientAttributes::name},
                                             {"ADDR", &ClientAttributes::addr},
                                             {"PORT", &ClientAttributes::port},
                                             {"PROTO", &ClientAttributes::proto},
                                             {"HELO", &ClientAttributes::helo},
                                             {"LOGIN", &ClientAttributes::login},
                                             {"DESTADDR", &ClientAttributes::destaddr},
                                             {"DESTPORT", &ClientAttributes::destport}}};
constexpr std::array<Attribute, 7> kXforward{{{"NAME", &ClientAttributes::name},
                                              {"ADDR", &ClientAttributes::addr},
                                              {"PORT", &ClientAttributes::port},
                                              {"PROTO", &ClientAttributes::proto},
                                              {"HELO", &ClientAttributes::helo},
                                              {"IDENT", &ClientAttributes::ident},
                                              {"SOURCE", &ClientAttributes::source}}};

constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
constexpr std::string_view kTemporarilyUnavailable = "[TEMPUNAVAIL]";
constexpr std::string_view kV6 = "IPV6:";
constexpr std::size_t kMaxArgument = 480;  // octets of an XFORWARD command behind the verb

int hex_digit(char octet) {
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    const char upper = to_upper(octet);
    return upper >= 'A' && upper <= 'F' ? upper - 'A' + 10 : -1;
}

// Empty optional: no xtext, longer than any attribute, or with a control character in it.
std::optional<std::string> decode_xtext(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char octet = text[at];
        if (octet == '+') {
            const int high = at + 1 < text.size() ? hex_digit(text[at + 1]) : -1;
            const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
            if (high < 0 || low < 0)
                return std::nullopt;
            octet = static_cast<char>(high * 16 + low);
            at += 2;
        }
        if (is_control(octet) || decoded.size() == ClientAttributes::kMaxValue)
            return std::nullopt;
        decoded += octet;
    }
    return decoded;
}

std::string encode_xtext(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char octet : text) {
        const auto value = static_cast<unsigned char>(octet);
        if (value > ' ' && value < 0x7f && octet != '+' && octet != '=')
            encoded += octet;
        else
            encoded.append(1, '+').append(1, kDigits[value >> 4]).append(1, kDigits[value & 15]);
    }
    return encoded;
}

bool is_digits(std::string_view text) {
    return text.size() <= 5 && std::ranges::all_of(text, [](char octet) { return octet >= '0' && octet <= '9'; });
}

// The value as it is kept; empty optional: it cannot be one.
std::optional<std::string> take_value(const Attribute& attribute, std::string_view text) {
    auto value = decode_xtext(text);
    if (!value)
        return std::nullopt;
    if (equal_ignoring_case(*value, kUnavailable) || equal_ignoring_case(*value, kTemporarilyUnavailable))
        return std::string();
    const bool is_address = attribute.name.ends_with("ADDR");
    if (is_address && equal_ignoring_case(std::string_view(*value).substr(0, kV6.size()), kV6))
        value->erase(0, kV6.size());
    if (attribute.name.ends_with("PORT") && !is_digits(*value))
        return std::nullopt;
    return value;
}

base::Status parse(std::span<const Attribute> known, std::string_view argument, ClientAttributes& attributes) {
    auto changed = attributes;
    bool any = false;
    for (auto rest = trim_blanks(argument); !rest.empty(); rest = trim_blanks(rest)) {
        const auto word = first_word(rest);
        rest.remove_prefix(word.size());
        const auto equals = std::min(word.find('='), word.size());
        const auto found = std::ranges::find_if(
            known, [&](const Attribute& one) { return equal_ignoring_case(one.name, word.substr(0, equals)); });
        if (found == known.end() || equals == word.size())
            return base::error("5.5.4 Bad attribute");
        auto value = take_value(*found, word.substr(equals + 1));
        if (!value)
            return base::error("5.5.4 Bad value of {}", found->name);
        changed.*(found->value) = std::move(*value);
        any = true;
    }
    if (!any)
        return base::error("5.5.4 Attributes expected");
    attributes = std::move(changed);
    return base::ok();
}

}  // namespace

base::Status parse_xclient(std::string_view argument, ClientAttributes& attributes) {
    return parse(kXclient, argument, attributes);
}

base::Status parse_xforward(std::string_view argument, ClientAttributes& attributes) {
    return parse(kXforward, argument, attributes);
}

std::uint8_t parse_xforward_offer(std::string_view names) {
    std::uint8_t offered = 0;
    for (auto rest = trim_blanks(names); !rest.empty(); rest = trim_blanks(rest)) {
        const auto word = first_word(rest);
        rest.remove_prefix(word.size());
        for (std::size_t i = 0; i < kXforward.size(); ++i)
            if (equal_ignoring_case(kXforward[i].name, word))
                offered = static_cast<std::uint8_t>(offered | 1U << i);
    }
    return offered;
}

std::vector<std::string> xforward_commands(const ClientAttributes& attributes, std::uint8_t offered) {
    std::vector<std::string> commands;
    for (std::size_t i = 0; i < kXforward.size(); ++i) {
        if ((offered >> i & 1U) == 0)
            continue;
        const auto& known = attributes.*(kXforward[i].value);
        const bool v6 = kXforward[i].name == "ADDR" && known.find(':') != std::string::npos;
        auto value = std::string(v6 ? kV6 : "") + encode_xtext(known);
        if (known.empty() || value.size() > kMaxArgument / 2)
            value = kUnavailable;
        const auto word = std::string(kXforward[i].name) + '=' + value;
        if (commands.empty() || commands.back().size() + 1 + word.size() > kMaxArgument)
            commands.push_back(word);
        else
            commands.back() += ' ' + word;
    }
    return commands;
}

}  // namespace smtp
