// What comes from files and peers about recipients: addresses, lists, Sendmail's configuration and maps, netstrings.
// The first octet says what the rest is.
#include <algorithm>
#include <string>

#include "directory/list.hpp"
#include "directory/map_table.hpp"
#include "directory/netstring.hpp"
#include "directory/sendmail_cf.hpp"
#include "directory/sendmail_maps.hpp"
#include "directory/socketmap_server.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

bool lower_case(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

void address(std::string_view text) {
    const auto parsed = policy::parse_recipient(text);
    if (!parsed)
        return;
    require(!parsed->local.empty(), "an address has a local part");
    require(lower_case(parsed->domain) && parsed->domain.find('@') == std::string::npos, "a domain is in lower case");
    require(!parsed->text().empty() && parsed->text().find('\n') == std::string::npos, "an address is one line");
}

void list(std::string_view text) {
    const auto parsed = directory::RecipientList::parse(text);
    if (!parsed)
        return require(parsed.error().message.starts_with("line "), "a fault has its line");
    // Everybody in it is known.
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = line.substr(0, line.find_first_of("# \t\r"));
        if (const auto who = policy::parse_recipient(line); who && !who->domain.empty())
            require(parsed->find(*who).knowledge == policy::Knowledge::kKnown, "who stands in the list is known");
    }
}

void sendmail(std::string_view text) {
    const auto cf = directory::parse_sendmail_cf(text, "mx.example.test");
    if (!cf)
        return;
    require(std::ranges::all_of(cf->local.words, lower_case), "class words are in lower case");
    require(cf->virtusers.size() < 2 && cf->mailertable.size() < 2, "one map of each");
    for (const auto* const maps : {&cf->aliases, &cf->virtusers, &cf->mailertable})
        for (const auto& map : *maps)
            require(map.path.starts_with('/'), "a map has a path");
}

// A map of keys and values, looked up for an address on its first line: ends, whatever leads to what.
void maps(std::string_view text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto who = policy::parse_recipient(text.substr(0, end));
    const auto table = directory::parse_alias_file(text.substr(end));
    directory::SendmailMaps maps;
    maps.local = {"x.test", "localhost"};
    maps.virtuals = {"v.test"};
    maps.aliases.push_back({table});
    maps.virtusers = directory::SendmailMaps::Table{table};
    maps.mailertable = directory::SendmailMaps::Table{table};
    if (!who)
        return;
    const auto nobody = [](const std::string&) { return std::optional<bool>(false); };
    const auto answer = maps.find(*who, nobody);
    maps.open = {"rules"};
    const auto open = maps.find(*who, nobody);
    require(open.knowledge == answer.knowledge || answer.knowledge == policy::Knowledge::kUnknown,
            "what is open changes unknown names only");
}

void netstrings(std::string_view text) {
    const directory::NetstringReader reader(1000);
    auto rest = text;
    std::string again;
    for (;;) {
        const auto outcome = reader.next(rest);
        const auto* const octets = std::get_if<std::string>(&outcome);
        if (octets == nullptr)
            break;
        again += directory::netstring(*octets);
        const auto key = directory::parse_socketmap_key(*octets);
        require(key.address.size() <= octets->size(), "a key is no longer than what was said");
    }
    require(again == text.substr(0, text.size() - rest.size()), "what was read is what was written");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto text = fuzz::as_text(data, size).substr(1);
    switch (data[0] % 5) {
        case 0:
            address(text);
            break;
        case 1:
            list(text);
            break;
        case 2:
            sendmail(text);
            break;
        case 3:
            maps(text);
            break;
        default:
            netstrings(text);
    }
    return 0;
}
