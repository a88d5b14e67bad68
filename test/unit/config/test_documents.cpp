#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "config/settings_table.hpp"
#include "config/value.hpp"
#include "expect.hpp"

namespace {

using Random = std::mt19937;

std::uint64_t pick(Random& random, std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random);
}

std::string letters(Random& random, std::uint64_t least, std::uint64_t most, std::string_view from) {
    std::string text(pick(random, least, most), ' ');
    for (char& c : text)
        c = from[pick(random, 0, from.size() - 1)];
    return text;
}

std::string random_address(Random& random) {
    if (pick(random, 0, 1) == 0)
        return fmt::format("{}.{}.{}.{}", pick(random, 1, 255), pick(random, 0, 255), pick(random, 0, 255),
                           pick(random, 1, 255));
    return fmt::format("2001:db8:{:x}::{:x}", pick(random, 0, 65535), pick(random, 1, 65535));
}

// A valid text for `setting`, anywhere within its range.
std::string random_value(const config::Setting& setting, Random& random) {
    // Texts with a form of their own.
    if (setting.key == "original")
        return pick(random, 0, 1) == 0 ? "/usr/lib/sendmail -bs -C/etc/mail/delivery.cf" : "192.0.2.77 26";
    if (setting.section == "users" && setting.key == "domains")
        return "a.test, *.b.test";
    using config::Kind;
    const auto& [least, most] = setting.range;
    switch (setting.kind) {
        case Kind::kYesNo:
            return pick(random, 0, 1) == 0 ? "yes" : "no";
        case Kind::kNumber:
        case Kind::kPort:
        case Kind::kOctets:
        case Kind::kDuration:
            return fmt::format("{}", pick(random, least, most));
        case Kind::kText:
            if (setting.key == "downstream_fingerprint")
                return letters(random, 64, 64, "0123456789abcdefABCDEF");
            if (setting.key == "server")
                return fmt::format("{}192.0.2.{}{}", setting.section == config::kIcapSection ? "icap://" : "",
                                   pick(random, 1, 255), setting.section == config::kIcapSection ? "/av" : ":99");
            if (setting.key == "filter")
                return fmt::format("(&({}=%s)(x=1))", "a" + letters(random, 0, 90, "abcXYZ019-.;"));
            if (setting.key.ends_with("_attributes"))
                return "a" + letters(random, 0, 90, "abcXYZ019-;");
            if (setting.key == "directory")
                return "d1";
            if (setting.key == "program")
                return "/usr/bin/" + letters(random, 1, 90, "abc -_.");
            return letters(random, least, most, "abcXYZ019-_.,:;!\"'\\[]=#<>%");
        case Kind::kName:
        case Kind::kHostName:
        case Kind::kMailbox:
            return "n" + letters(random, 0, 20, "abcXYZ019");
        case Kind::kPath:
            return "/" + letters(random, 1, 90, "abcXYZ019-_.,:;!\"'\\[]=#<>%") + "/x";
        case Kind::kAddress:
            return random_address(random);
        case Kind::kServerList: {
            std::string list;
            for (auto n = pick(random, 1, 9); n > 0; --n) {
                const auto address = random_address(random);
                const bool v6 = address.find(':') != std::string::npos;
                list += pick(random, 0, 1) == 0
                            ? fmt::format(" {}", address)
                            : fmt::format(" {}{}{}:{}", v6 ? "[" : "", address, v6 ? "]" : "", pick(random, 1, 65535));
            }
            return list;
        }
        case Kind::kAddressList: {
            std::string list;
            for (auto n = pick(random, 1, 60); n > 0; --n)
                list += " addr:" + random_address(random);
            return list;
        }
        case Kind::kRoute:
            return pick(random, 0, 3) == 0
                       ? std::string()
                       : fmt::format("{} m{}.test:{}", pick(random, 0, 99), pick(random, 1, 9), pick(random, 1, 99));
        case Kind::kChoice:
            return std::string(setting.words[pick(random, 0, setting.words.size() - 1)].text);
    }
    return {};
}

// Keys of [ldap NAME] and [login NAME] that go together.
std::vector<std::string_view> fitting_keys(std::string_view section, Random& random) {
    if (section == config::kLdapSection && pick(random, 0, 1) == 0)
        return {"server", "tls", "tls_verify", "base_dn", "scope", "filter", "mailbox_attributes", "referrals"};
    if (section == config::kLdapSection)
        return {"bind_dn", "bind_password_file", "alias_attributes", "page_size", "max_connections", "max_waiting"};
    if (pick(random, 0, 1) == 0)
        return {"directory", "filter", "timeout"};
    if (pick(random, 0, 1) == 0)
        return {"type", "server", "control_user", "control_password_file"};
    return {"type", "server", "tls", "tls_verify", "tls_ca_file", "timeout"};
}

void add_directories(std::string& text, Random& random) {
    for (const auto section : {config::kLdapSection, config::kLoginSection})
        for (auto n = pick(random, 1, 3); n > 0; --n) {
            text += fmt::format("[{} d{}]\n", section.substr(0, section.find(' ')), n);
            for (const auto key : fitting_keys(section, random)) {
                const auto& setting = *config::find_setting(section, key);
                text += fmt::format("{}={}\n", key, key == "type" ? "imap" : random_value(setting, random));
            }
        }
}

// Of what names other sections, or has a form of its own.
std::string fitting_value(const config::Setting& setting, Random& random) {
    const auto one_of = [&](std::initializer_list<std::string_view> words) {
        return std::string(words.begin()[pick(random, 0, words.size() - 1)]);
    };
    if (setting.section == "directory" && setting.key == "domains")
        return one_of({"", "a.test", "a.test *.b.test"});
    if (setting.section == "directory" && setting.key == "sources")
        return {};
    if (setting.key == "socketmap")
        return one_of({"", "/run/s", "192.0.2.9:99"});
    if (setting.key == "recipient_sources")
        return one_of({"", "none"});
    return random_value(setting, random);
}

std::string random_file(Random& random) {
    std::string text;
    const auto add = [&](std::string_view table_section, const std::string& name) {
        text += fmt::format("[{}]\n", name);
        for (const auto& setting : config::settings_table())
            // Most of [tls] makes no sense without the files.
            if (setting.section == table_section && setting.key != "login" &&
                (table_section == "tls" || pick(random, 0, 3) != 0))
                text += fmt::format("{}={}\n", setting.key, fitting_value(setting, random));
    };
    for (const auto& section : config::sections())
        if (section.name == config::kLdapSection)
            add_directories(text, random);
        else if (section.name == config::kLoginSection)
            continue;
        else if (section.name == config::kRecipientsSection)
            for (auto n = pick(random, 0, 5); n > 0; --n)
                add(section.name, fmt::format("recipients {}*{}@{}.test", n, letters(random, 0, 80, "abc+-_\"'%"), n));
        else if (config::repeats(section.name) && section.name != config::kSocketSection)
            for (auto n = pick(random, 0, 3); n > 0; --n)
                add(section.name, fmt::format("{} s{}", section.name.substr(0, section.name.find(' ')), n));
        else if (section.name != config::kSocketSection)
            add(section.name, std::string(section.name));
        else
            for (auto n = pick(random, 0, 5); n > 0; --n)
                add(section.name, fmt::format("socket_{}", n));
    return text;
}

std::string in_tree(const char* path) {
    const char* const source = std::getenv("SANDWICH_SOURCE");
    REQUIRE_MESSAGE(source != nullptr, "SANDWICH_SOURCE must name the source tree");
    std::ifstream file(std::string(source) + '/' + path, std::ios::binary);
    REQUIRE_MESSAGE(file.good(), path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Where two texts part, so that a failure can be read.
std::string difference(const std::string& a, const std::string& b) {
    const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    if (a == b)
        return {};
    return fmt::format("at octet {}: \"{}\" / \"{}\"", at, a.substr(at, 60), b.substr(std::min(at, b.size()), 60));
}

}  // namespace

TEST_CASE("what is printed reads back as the same settings") {
    const auto defaults = expect::settings("");
    const auto printed = config::print(defaults);
    expect::none(printed);
    CHECK(expect::settings(printed) == defaults);
    CHECK(config::print(expect::settings(printed)) == printed);
}

TEST_CASE("so do settings of every kind") {
    Random random(20261123);
    unsigned read = 0;
    for (int round = 0; round < 400; ++round) {
        const auto text = random_file(random);
        const auto loaded = config::parse(text, expect::machine());
        if (!loaded.settings)
            continue;  // a value is valid, but not together with another
        ++read;
        const auto again = config::parse(config::print(*loaded.settings), expect::machine());
        CAPTURE(text);
        REQUIRE(again.settings.has_value());
        CHECK(*again.settings == *loaded.settings);
    }
    CHECK(read > 60);
}

TEST_CASE("every setting reaches a place of its own") {
    Random random(1);
    const auto defaults = expect::settings(
        "[recipients a@b.test]\n[scanner.clamd a]\n[domain a.test]\n[source.vrfy a]\n[ldap main]\n[login a]\n");
    // All sections of other scanners are kept in one list.
    const auto share = [](const config::Setting& a, const config::Setting& b) {
        const auto of_list = [](const config::Setting& setting) {
            return setting.section == config::kClamdSection || setting.section == config::kIcapSection ||
                   setting.section == config::kCheckSection;
        };
        // So are those of sources.
        const auto of_sources = [](const config::Setting& setting) { return setting.section.starts_with("source."); };
        return a.key == b.key && ((of_list(a) && of_list(b)) || (of_sources(a) && of_sources(b)));
    };
    for (const auto& one : config::settings_table()) {
        if (std::holds_alternative<std::monostate>(one.field))
            continue;
        CAPTURE(one.key);
        auto changed = defaults;
        for (int tries = 0; tries < 100 && changed == defaults; ++tries)
            REQUIRE(config::set(one, changed, random_value(one, random)).has_value());
        CHECK(changed != defaults);
        for (const auto& other : config::settings_table())
            if (&other != &one && !share(other, one))
                CHECK(config::get(other, changed) == config::get(other, defaults));
        CHECK(config::get(one, changed) != config::get(one, defaults));
    }
}

TEST_CASE("etc/sandwich.ini is the sample, and means the defaults") {
    CHECK(difference(in_tree("etc/sandwich.ini"), config::sample_file()).empty());
    expect::none(config::sample_file());
    CHECK(expect::settings(config::sample_file()) == expect::settings(""));

    // With every setting made active it still does: what is commented out there is right.
    std::string active;
    const auto sample = config::sample_file();
    for (std::size_t at = 0; at < sample.size();) {
        const auto end = sample.find('\n', at);
        auto line = sample.substr(at, end - at);
        at = end + 1;
        const auto equals = line.find('=');
        if (line.starts_with("#[") || (line.starts_with('#') && equals != std::string::npos && line.find(' ') > equals))
            line.erase(0, 1);
        active += line + '\n';
    }
    expect::none(active);
    auto settings = expect::settings(active);
    CHECK(settings.recipients.size() == 1);
    settings.recipients.clear();
    CHECK(settings.domains == std::vector<config::Domain>{{"example.test", {}}});
    settings.domains.clear();
    CHECK(settings.other_scanners.size() == 3);
    settings.other_scanners.clear();
    CHECK(settings.sources.size() == 4);
    settings.sources.clear();
    CHECK(settings.ldap_directories.size() == 1);
    settings.ldap_directories.clear();
    CHECK(settings.login_servers.size() == 1);
    settings.login_servers.clear();
    CHECK(settings == expect::settings(""));
    for (const auto& setting : config::settings_table())
        CHECK_MESSAGE(active.find(fmt::format("\n{}={}\n", setting.key, setting.fallback)) != std::string::npos,
                      setting.key);
}

TEST_CASE("no line of the sample is wider than a terminal") {
    const auto sample = config::sample_file();
    for (std::size_t at = 0; at < sample.size();) {
        const auto end = sample.find('\n', at);
        CHECK_MESSAGE(end - at <= 79, sample.substr(at, end - at));
        CHECK((end == at || sample[end - 1] != ' '));
        at = end + 1;
    }
}

TEST_CASE("sandwich.ini(5) is the page that the table makes") {
    CHECK(difference(in_tree("etc/man/sandwich.ini.5"), config::manual_page()).empty());
    const auto page = config::manual_page();
    for (const auto& setting : config::settings_table())
        CHECK_MESSAGE(page.find(fmt::format(".It Ic \"{}\"\n", setting.key)) != std::string::npos, setting.key);
}

TEST_CASE("the examples of sandwich.ini(5) are valid") {
    const auto page = config::manual_page();
    constexpr std::string_view kBegin = ".Bd -literal -offset indent\n";
    unsigned examples = 0;
    for (auto at = page.find(kBegin); at != std::string::npos; at = page.find(kBegin, at + 1)) {
        const auto start = at + kBegin.size();
        expect::none(page.substr(start, page.find(".Ed\n", start) - start));
        ++examples;
    }
    CHECK(examples == 2);
}
