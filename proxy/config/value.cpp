#include "config/value.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>

#include "config/route.hpp"
#include "config/spelling.hpp"

namespace config {

namespace {

struct Unit {
    char letter;
    std::uint64_t factor;
};
constexpr Unit kOctetUnits[] = {{'g', 1 << 30}, {'m', 1 << 20}, {'k', 1 << 10}};
constexpr Unit kTimeUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

std::span<const Unit> units(Kind kind) {
    if (kind == Kind::kOctets)
        return kOctetUnits;
    if (kind == Kind::kDuration)
        return kTimeUnits;
    return {};
}

// Digits only, no sign and no leading zero (which some would read as octal), then perhaps a unit.
std::optional<std::uint64_t> read_number(std::string_view text, std::span<const Unit> units) {
    std::uint64_t factor = 1;
    if (!text.empty())
        for (const auto& unit : units)
            if (same(text.substr(text.size() - 1), {&unit.letter, 1})) {
                factor = unit.factor;
                text.remove_suffix(1);
                break;
            }
    if (text.empty() || (text.size() > 1 && text.front() == '0'))
        return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() ||
        number > std::numeric_limits<std::uint64_t>::max() / factor)
        return std::nullopt;
    return number * factor;
}

std::string print_number(std::uint64_t number, std::span<const Unit> units) {
    for (const auto& unit : units)
        if (number != 0 && number % unit.factor == 0)
            return fmt::format("{}{}", number / unit.factor, unit.letter);
    return fmt::format("{}", number);
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
    return text.front() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

// Absolute, not the root itself, and without "..": what is compared and made must be what is meant.
bool is_path(std::string_view text) {
    const auto padded = std::string(text) + '/';
    return text.front() == '/' && text.find_first_not_of('/') != std::string_view::npos &&
           padded.find("/../") == std::string::npos;
}

// The kinds that are text all through. An empty text, where the length permits it, needs no form.
bool has_form(Kind kind, std::string_view text) {
    if (text.empty())
        return true;
    switch (kind) {
        case Kind::kText:
            return is_printable(text);
        case Kind::kName:
            return is_name(text);
        case Kind::kHostName:
            return is_host_name(text);
        case Kind::kMailbox:
            return is_mailbox(text);
        case Kind::kPath:
            return is_path(text);
        default:
            return false;
    }
}

base::Error not_permitted(const Setting& setting) {
    return base::error("must be {}", permitted(setting));
}

const Word* find_word(const Setting& setting, std::string_view text) {
    for (const auto& word : setting.words)
        if (same(word.text, text))
            return &word;
    return nullptr;
}

// One overload for each type a field can have; each trusts the table that kind and type fit together.
struct Writer {
    const Setting& setting;
    Settings& settings;
    std::string_view text;

    base::Status operator()(std::monostate) const {
        if (setting.kind == Kind::kRoute) {
            const auto route = text.empty() ? Route{} : parse_route(text);
            return route ? base::ok() : route.error();
        }
        return find_word(setting, text) ? base::ok() : refuse();
    }

    base::Status operator()(Member<bool> field) const {
        if (!same(text, "yes") && !same(text, "no"))
            return refuse();
        field.writable(settings) = same(text, "yes");
        return base::ok();
    }

    base::Status operator()(Member<std::string> field) const {
        if (text.size() < setting.range.least || text.size() > setting.range.most || !has_form(setting.kind, text))
            return refuse();
        field.writable(settings) = text;
        return base::ok();
    }

    base::Status operator()(Member<policy::Actions::Word> field) const {
        if (!setting.same_as.empty() && same(text, setting.same_as)) {
            field.writable(settings).reset();
            return base::ok();
        }
        const auto* const word = find_word(setting, text);
        if (word == nullptr)
            return refuse();
        field.writable(settings) = static_cast<policy::Action>(word->value);
        return base::ok();
    }

    base::Status operator()(Member<net::Address> field) const {
        const auto address = net::Address::parse(text);
        if (!address)
            return address.error();
        field.writable(settings) = *address;
        return base::ok();
    }

    base::Status operator()(Member<net::AddressList> field) const {
        auto list = net::AddressList::parse(text);
        if (!list)
            return list.error();
        field.writable(settings) = std::move(*list);
        return base::ok();
    }

    base::Status operator()(Member<net::ServerList> field) const {
        if (!setting.same_as.empty() && same(text, setting.same_as)) {
            field.writable(settings) = {};
            return base::ok();
        }
        auto list = net::ServerList::parse(text);
        if (!list)
            return list.error();
        field.writable(settings) = std::move(*list);
        return base::ok();
    }

    template <typename T>
    base::Status operator()(Member<T> field) const {
        if constexpr (std::is_enum_v<T>) {
            const auto* const word = find_word(setting, text);
            if (word == nullptr)
                return refuse();
            field.writable(settings) = static_cast<T>(word->value);
        } else {
            const auto number = read_number(text, units(setting.kind));
            if (!number || *number < setting.range.least || *number > setting.range.most)
                return refuse();
            field.writable(settings) = static_cast<T>(*number);
        }
        return base::ok();
    }

    [[nodiscard]] base::Status refuse() const { return not_permitted(setting); }
};

struct Reader {
    const Setting& setting;
    const Settings& settings;

    std::string operator()(std::monostate) const { return std::string(setting.fallback); }
    std::string operator()(Member<bool> field) const { return field.readable(settings) ? "yes" : "no"; }
    std::string operator()(Member<std::string> field) const { return field.readable(settings); }
    std::string operator()(Member<policy::Actions::Word> field) const {
        const auto& value = field.readable(settings);
        if (!value)
            return std::string(setting.same_as);
        for (const auto& word : setting.words)
            if (static_cast<policy::Action>(word.value) == *value)
                return std::string(word.text);
        return {};  // a value that no file can set
    }
    std::string operator()(Member<net::Address> field) const { return field.readable(settings).to_string(); }
    std::string operator()(Member<net::AddressList> field) const { return field.readable(settings).to_string(); }
    std::string operator()(Member<net::ServerList> field) const {
        const auto& list = field.readable(settings);
        return list == net::ServerList{} ? std::string(setting.same_as) : list.to_string();
    }
    std::string operator()(Member<std::chrono::seconds> field) const {
        return print_number(static_cast<std::uint64_t>(field.readable(settings).count()), units(setting.kind));
    }
    template <typename T>
    std::string operator()(Member<T> field) const {
        if constexpr (std::is_enum_v<T>) {
            for (const auto& word : setting.words)
                if (static_cast<T>(word.value) == field.readable(settings))
                    return std::string(word.text);
            return {};  // a value that no file can set
        } else {
            return print_number(field.readable(settings), units(setting.kind));
        }
    }
};

std::string list_words(const Setting& setting) {
    std::string text;
    for (const auto& word : setting.words)
        fmt::format_to(std::back_inserter(text), "{}{}", text.empty() ? "" : ", ", word.text);
    if (!setting.same_as.empty())
        fmt::format_to(std::back_inserter(text), ", {}", setting.same_as);
    return text;
}

}  // namespace

bool is_mailbox(std::string_view text) {
    const auto at = text.find('@');
    const auto local = text.substr(0, at);
    return !local.empty() && std::ranges::all_of(local, [](char c) {
        return is_letter_or_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
    }) && (at == std::string_view::npos || is_host_name(text.substr(at + 1)));
}

base::Status set(const Setting& setting, Settings& settings, std::string_view text) {
    return std::visit(Writer{setting, settings, text}, setting.field);
}

std::string get(const Setting& setting, const Settings& settings) {
    return std::visit(Reader{setting, settings}, setting.field);
}

std::string range_in_short(const Setting& setting) {
    switch (setting.kind) {
        case Kind::kNumber:
        case Kind::kPort:
        case Kind::kOctets:
        case Kind::kDuration:
            return fmt::format("{} to {}", print_number(setting.range.least, units(setting.kind)),
                               print_number(setting.range.most, units(setting.kind)));
        case Kind::kYesNo:
            return "yes, no";
        case Kind::kChoice:
            return list_words(setting);
        default:
            return {};
    }
}

std::string permitted(const Setting& setting) {
    const auto& [least, most] = setting.range;
    switch (setting.kind) {
        case Kind::kYesNo:
            return "yes or no";
        case Kind::kNumber:
        case Kind::kPort:
            return "a number: " + range_in_short(setting);
        case Kind::kOctets:
            return "octets, a number with k, m, g or nothing after it: " + range_in_short(setting);
        case Kind::kDuration:
            return "a time, a number with s, m, h, d or nothing (seconds) after it: " + range_in_short(setting);
        case Kind::kText:
            return fmt::format("printable ASCII text of {} to {} characters", least, most);
        case Kind::kName:
            return fmt::format("a name of {} to {} letters, digits, dots, hyphens and underscores", least, most);
        case Kind::kHostName:
            return fmt::format("a host name of letters, digits, inner hyphens and dots, at most {} characters", most);
        case Kind::kMailbox:
            return "an address without quotes and brackets, as user@example.test, or a user alone";
        case Kind::kPath:
            return fmt::format("an absolute path without \"..\", at most {} octets", most);
        case Kind::kAddress:
            return "an IPv4 or IPv6 address";
        case Kind::kAddressList:
            return "addresses and networks, each as addr:ADDRESS or addr:NETWORK/BITS";
        case Kind::kServerList:
            return "addresses, each alone or as ADDRESS:PORT, an IPv6 address then in brackets";
        case Kind::kRoute:
            return "a route: PRIORITY HOST[:PORT] [weight=N] [tls=WORD]";
        case Kind::kChoice:
            return setting.words.size() == 1 ? list_words(setting) : "one of " + list_words(setting);
    }
    return {};
}

}  // namespace config
