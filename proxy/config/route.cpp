#include "config/route.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "config/spelling.hpp"

namespace config {

namespace {

constexpr std::string_view kRouteBlanks = " \t";
constexpr std::pair<std::string_view, DownstreamTls> kRouteTlsWords[] = {
    {"none", DownstreamTls::kNone},
    {"opportunistic", DownstreamTls::kOpportunistic},
    {"required", DownstreamTls::kRequired},
    {"verified", DownstreamTls::kVerified},
    {"verify", DownstreamTls::kVerified}};

bool is_label_sign(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Digits only; no sign, no leading zero.
std::optional<unsigned> small_number(std::string_view text, unsigned least, unsigned most) {
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size() ||
        (text.size() > 1 && text.front() == '0') || value < least || value > most)
        return std::nullopt;
    return value;
}

// Cuts the next word off.
std::string_view next_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kRouteBlanks), text.size()));
    const auto word = text.substr(0, text.find_first_of(kRouteBlanks));
    text.remove_prefix(word.size());
    return word;
}

// RFC 2782: the labels of a service begin with an underscore.
bool is_service_name(std::string_view text) {
    std::string plain(text);
    for (std::size_t i = 0; i < plain.size(); ++i)
        if (plain[i] == '_' && (i == 0 || plain[i - 1] == '.'))
            plain[i] = 'x';
    return text.starts_with('_') && is_host_name(plain);
}

bool begins_with(std::string_view text, std::string_view prefix) {
    return same(text.substr(0, prefix.size()), prefix);
}

base::Status read_port(std::string_view text, Route& route) {
    const auto port = small_number(text, 1, 65535);
    if (!port)
        return base::error("the port of a route is a number: 1 to 65535");
    route.port = static_cast<std::uint16_t>(*port);
    return base::ok();
}

// Whoever forgets a number of four gets told, not a name that is looked up.
bool looks_like_address(std::string_view text) {
    return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

base::Status read_address(std::string_view text, Route& route) {
    route.kind = HostKind::kAddress;
    route.port = kRoutePort;
    std::string_view host = text;
    const auto close = text.find(']');
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[') && close != std::string_view::npos;
    const bool with_port = bracketed ? colon == close + 1 : colon != std::string_view::npos && colon == text.find(':');
    if (with_port) {
        host = text.substr(0, colon);
        if (auto good = read_port(text.substr(colon + 1), route); !good)
            return good;
    }
    const auto address = net::Address::parse(host);
    if (!address)
        return address.error();
    route.address = *address;
    return base::ok();
}

base::Status read_host(std::string_view text, Route& route) {
    route.kind = HostKind::kName;
    if (begins_with(text, "mx:")) {
        route.kind = HostKind::kMx;
        text.remove_prefix(3);
    } else if (begins_with(text, "srv:")) {
        route.kind = HostKind::kSrv;
        text.remove_prefix(4);
        if (text.size() > kMaxHostName || !is_service_name(text))
            return base::error("srv: is followed by the name of a service: srv:_smtp._tcp.example.com, without a port");
        route.host = lower(text);
        return base::ok();
    }
    const auto host = text.substr(0, text.find(':'));
    const bool plain = route.kind == HostKind::kName;
    if (plain && (text.starts_with('[') || looks_like_address(host) || text.find(':') != text.rfind(':')))
        return read_address(text, route);
    if (host.size() > kMaxHostName || !is_host_name(host) || looks_like_address(host))
        return base::error(
            "{} is no host: an address, a name, mx:NAME or srv:NAME, each but the last perhaps with :PORT",
            text.substr(0, 80));
    route.host = lower(host);
    route.port = kRoutePort;
    return host.size() == text.size() ? base::ok() : read_port(text.substr(host.size() + 1), route);
}

base::Status read_option(std::string_view word, Route& route) {
    const auto value = word.substr(std::min(word.find('='), word.size() - 1) + 1);
    if (begins_with(word, "weight=")) {
        const auto weight = small_number(value, 1, kMaxWeight);
        if (!weight)
            return base::error("weight= is followed by a number: 1 to {}", kMaxWeight);
        route.weight = *weight;
        return base::ok();
    }
    if (begins_with(word, "tls=")) {
        const auto* const found =
            std::ranges::find_if(kRouteTlsWords, [&](const auto& known) { return same(known.first, value); });
        if (found == std::end(kRouteTlsWords))
            return base::error("tls= is followed by one of none, opportunistic, required, verified");
        route.tls = found->second;
        return base::ok();
    }
    return base::error("{}: behind the host of a route stand only weight= and tls=", word.substr(0, 80));
}

}  // namespace

std::string_view to_string(DownstreamTls tls) {
    for (const auto& [word, value] : kRouteTlsWords)
        if (value == tls)
            return word;
    return {};
}

bool is_host_name(std::string_view text) {
    while (true) {
        const auto dot = std::min(text.find('.'), text.size());
        const auto label = text.substr(0, dot);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
            !std::ranges::all_of(label, [](char c) { return is_label_sign(c) || c == '-'; }))
            return false;
        if (dot == text.size())
            return true;
        text.remove_prefix(dot + 1);
    }
}

std::string Route::host_text() const {
    switch (kind) {
        case HostKind::kAddress:
            return net::Endpoint{address, port}.to_string();
        case HostKind::kName:
            return fmt::format("{}:{}", host, port);
        case HostKind::kMx:
            return fmt::format("mx:{}:{}", host, port);
        case HostKind::kSrv:
            return fmt::format("srv:{}", host);
    }
    return {};
}

std::string Route::to_string() const {
    auto text = fmt::format("{} {}", priority, host_text());
    if (weight != 1)
        fmt::format_to(std::back_inserter(text), " weight={}", weight);
    if (tls)
        fmt::format_to(std::back_inserter(text), " tls={}", config::to_string(*tls));
    return text;
}

base::Result<Route> parse_route(std::string_view text) {
    Route route;
    const auto priority = small_number(next_word(text), 0, kMaxPriority);
    if (!priority)
        return base::error("a route begins with its priority, a number of 0 to {}: 10 mail1.example.com:19000",
                           kMaxPriority);
    route.priority = *priority;
    const auto host = next_word(text);
    if (host.empty())
        return base::error("the host of the route is missing: 10 mail1.example.com:19000");
    if (auto good = read_host(host, route); !good)
        return good.error();
    bool given[2] = {};
    for (auto word = next_word(text); !word.empty(); word = next_word(text)) {
        if (auto good = read_option(word, route); !good)
            return good.error();
        if (std::exchange(given[begins_with(word, "tls=") ? 1 : 0], true))
            return base::error("{}: given twice", word.substr(0, word.find('=')));
    }
    return route;
}

}  // namespace config
