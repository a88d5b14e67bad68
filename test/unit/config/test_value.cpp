#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "config/settings_table.hpp"
#include "config/spelling.hpp"
#include "config/value.hpp"
#include "expect.hpp"

namespace {

const config::Setting& setting(std::string_view section, std::string_view key) {
    const auto* const found = config::find_setting(section, key);
    REQUIRE_MESSAGE(found != nullptr, key);
    return *found;
}

// What is kept of `text`, or "refused".
std::string kept(std::string_view section, std::string_view key, std::string_view text) {
    auto settings = expect::settings("");
    const auto before = settings;
    const auto& one = setting(section, key);
    if (!config::set(one, settings, text)) {
        CHECK_MESSAGE(settings == before, key);  // a refused value leaves no trace
        return "refused";
    }
    return config::get(one, settings);
}

}  // namespace

TEST_CASE("numbers") {
    const auto threads = [](std::string_view text) { return kept("general", "threads", text); };
    CHECK(threads("0") == "0");
    CHECK(threads("64") == "64");
    for (const auto* bad : {"65", "", "-1", "+1", "1.5", "0x10", "010", "00", "1 ", " 1", "1k", "k", "one",
                            "18446744073709551616", "4294967297"})
        CHECK_MESSAGE(threads(bad) == "refused", bad);
    CHECK(kept("smtp", "max_recipients", "99") == "refused");
    CHECK(kept("smtp", "max_recipients", "100") == "100");
    CHECK(kept("smtp", "max_recipients", "100000") == "100000");
    CHECK(kept("smtp", "max_recipients", "100001") == "refused");
}

TEST_CASE("octets") {
    const auto limit = [](std::string_view text) { return kept("smtp", "message_size_limit", text); };
    CHECK(limit("65536") == "64k");
    CHECK(limit("65535") == "refused");
    CHECK(limit("65537") == "65537");
    CHECK(limit("64k") == "64k");
    CHECK(limit("64K") == "64k");
    CHECK(limit("1024k") == "1m");
    CHECK(limit("1G") == "1g");
    CHECK(limit("2047m") == "2047m");
    CHECK(limit("2048m") == "refused");
    for (const auto* bad : {"10kb", "10 k", "k", "1t", "1.5m", "17179869185g", "18446744073709551615k", "0"})
        CHECK_MESSAGE(limit(bad) == "refused", bad);
    CHECK(kept("quarantine", "max_size", "0") == "0");
    CHECK(kept("quarantine", "max_size", "1048576g") == "1048576g");
    CHECK(kept("quarantine", "max_size", "1048577g") == "refused");
}

TEST_CASE("times") {
    const auto timeout = [](std::string_view text) { return kept("smtp", "command_timeout", text); };
    CHECK(timeout("1") == "1s");
    CHECK(timeout("90") == "90s");
    CHECK(timeout("90s") == "90s");
    CHECK(timeout("120") == "2m");
    CHECK(timeout("2M") == "2m");
    CHECK(timeout("1h") == "1h");
    CHECK(timeout("3600s") == "1h");
    for (const auto* bad : {"0", "3601", "61m", "2h", "1d", "5 m", "5min", "-5", "1h30m", "307445734561825861m"})
        CHECK_MESSAGE(timeout(bad) == "refused", bad);
    CHECK(kept("smtp", "downstream_idle_timeout", "0") == "0");
    CHECK(kept("smtp", "downstream_idle_timeout", "5m") == "5m");
    CHECK(kept("smtp", "downstream_idle_timeout", "301") == "refused");
}

TEST_CASE("yes and no") {
    CHECK(kept("worker", "sandbox", "no") == "no");
    CHECK(kept("worker", "sandbox", "YES") == "yes");
    for (const auto* bad : {"", "true", "1", "on", "y", "yes."})
        CHECK_MESSAGE(kept("worker", "sandbox", bad) == "refused", bad);
}

TEST_CASE("words") {
    CHECK(kept("scanner.clamav", "action", "Tag-And-Deliver") == "tag-and-deliver");
    CHECK(kept("log", "level", "DEBUG") == "debug");
    CHECK(kept(config::kSocketSection, "proxy_service", "smtp_service") == "SMTP_SERVICE");
    CHECK(kept(config::kSocketSection, "proxy_service", "SMTP_REPROCESS") == "refused");
    // Each key has actions of its own.
    for (const auto* bad : {"defer", "deliver", "deliver-with-mark", "", "quarantine,reject"})
        CHECK_MESSAGE(kept("scanner.clamav", "action", bad) == "refused", bad);
    for (const auto* bad : {"reject", "discard", "deliver", "tag-and-deliver"}) {
        CHECK_MESSAGE(kept("scanner.clamav", "failure_action", bad) == "refused", bad);
        CHECK_MESSAGE(kept("scanner.clamav", "encrypted_action", bad) == "refused", bad);
    }
}

TEST_CASE("text, names and host names") {
    CHECK(kept("smtp", "smtp_greeting_msg", std::string(200, 'x')) == std::string(200, 'x'));
    CHECK(kept("smtp", "smtp_greeting_msg", std::string(201, 'x')) == "refused");
    CHECK(kept("smtp", "smtp_greeting_msg", "") == "refused");
    CHECK(kept("smtp", "smtp_greeting_msg", "caf\xc3\xa9 ESMTP") == "refused");
    CHECK(kept("smtp", "smtp_greeting_msg", "a\tb") == "refused");

    CHECK(kept("general", "user", "mail_scan-1.x") == "mail_scan-1.x");
    for (const auto& bad : {std::string(), std::string(33, 'u'), std::string("-u"), std::string("a b"),
                            std::string("a/b"), std::string("a:b")})
        CHECK_MESSAGE(kept("general", "user", bad) == "refused", bad);

    const auto host = [](std::string_view text) { return kept("smtp", "proxy_hostname", text); };
    CHECK(host("sandwich.example.test") == "sandwich.example.test");
    CHECK(host("a-1.B2") == "a-1.B2");
    CHECK(host(std::string(63, 'a')) == std::string(63, 'a'));
    const std::string label = std::string(63, 'a') + ".";
    const std::string longest = label + label + label + std::string(63, 'b');
    CHECK(longest.size() == 255);
    CHECK(host(longest) == longest);
    for (const auto& bad :
         {longest + "b", std::string(64, 'a'), std::string("."), std::string("a."), std::string(".a"),
          std::string("a..b"), std::string("-a"), std::string("a-"), std::string("a.-b"), std::string("a_b"),
          std::string("a b"), std::string("[127.0.0.1]"), std::string("caf\xc3\xa9.test")})
        CHECK_MESSAGE(host(bad) == "refused", bad);
}

TEST_CASE("paths") {
    const auto path = [](std::string_view text) { return kept("scanner.clamav", "database", text); };
    CHECK(path("/var/lib/clamav") == "/var/lib/clamav");
    CHECK(path("/var/lib/..clamav/a..b") == "/var/lib/..clamav/a..b");
    CHECK(path("/with blank") == "/with blank");
    for (const auto& bad :
         {std::string(), std::string("var"), std::string("/"), std::string("//"), std::string("./x"),
          std::string("/a/../b"), std::string("/.."), std::string("/a/.."), '/' + std::string(1000, 'a')})
        CHECK_MESSAGE(path(bad) == "refused", bad);
    // sun_path of unix(7) has 108 octets, the last for NUL.
    CHECK(kept("general", "control_socket", '/' + std::string(106, 'a')) != "refused");
    CHECK(kept("general", "control_socket", '/' + std::string(107, 'a')) == "refused");
}

TEST_CASE("addresses and ports") {
    CHECK(kept("smtp", "downstream_smtp_server_addr", "::ffff:192.0.2.1") == "192.0.2.1");
    CHECK(kept("smtp", "downstream_smtp_server_addr", "[2001:db8::1]") == "2001:db8::1");
    CHECK(kept("smtp", "downstream_smtp_server_addr", "localhost") == "refused");
    CHECK(kept("smtp", "downstream_smtp_server_addr", "") == "refused");
    CHECK(kept("smtp", "downstream_smtp_server_addr", "127.0.0.1, 10.0.0.2:19001\t[::1]:19000 ::2 ") ==
          "127.0.0.1 10.0.0.2:19001 [::1]:19000 ::2");
    for (const auto* bad : {"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:025", "127.0.0.1:-1",
                            "[::1]:", "[127.0.0.1]:25", "127.0.0.1 host", ",", "127.0.0.1:25:26", ":25", "[::1]25"})
        CHECK_MESSAGE(kept("smtp", "downstream_smtp_server_addr", bad) == "refused", bad);
    std::string sixteen = "127.0.0.1";
    for (int i = 2; i <= 16; ++i)
        sixteen += " 127.0.0." + std::to_string(i);
    CHECK(kept("smtp", "downstream_smtp_server_addr", sixteen) == sixteen);
    CHECK(kept("smtp", "downstream_smtp_server_addr", sixteen + " 127.0.0.17") == "refused");
    CHECK(kept("smtp", "downstream_smtp_server_port", "1") == "1");
    CHECK(kept("smtp", "downstream_smtp_server_port", "65535") == "65535");
    for (const auto* bad : {"0", "65536", "smtp", ""})
        CHECK_MESSAGE(kept("smtp", "downstream_smtp_server_port", bad) == "refused", bad);
    CHECK(kept("smtp", "smtp_allow_client_ip", "addr:10.0.0.0/8,addr:::1") == "addr:10.0.0.0/8 addr:::1");
    CHECK(kept("smtp", "smtp_allow_client_ip", "10.0.0.0/8") == "refused");
}

TEST_CASE("a mailbox is an address without quotes, or a name alone") {
    for (const auto* good : {"postmaster", "mail-admin@example.test", "a.b+c@x"})
        CHECK(kept("smtp", "postmaster", good) == good);
    for (const auto* bad : {"a b", "<a@b>", "a>b", "\"a\"@b", "@b", "a@", "a@b@c", "a@-b", "a\\b"})
        CHECK_MESSAGE(kept("smtp", "postmaster", bad) == "refused", bad);
}

TEST_CASE("the table is sound") {
    for (const auto& one : config::settings_table()) {
        CAPTURE(one.key);
        CHECK(config::find_section(one.section) != nullptr);
        CHECK(config::find_setting(one.section, one.key) == &one);  // no key twice
        CHECK(config::lower(one.key) == one.key);
        CHECK(one.key.size() <= 49);
        CHECK_FALSE(one.documentation.empty());
        CHECK(one.documentation.back() == '.');
        CHECK((one.kind == config::Kind::kChoice) == !one.words.empty());
        CHECK(one.range.least <= one.range.most);
        // The default is written as it is printed, is within the range, and fits the field.
        const auto defaults = expect::settings(
            "[recipients a@b.test]\n[scanner.clamd a]\n[domain a.test]\n[source.vrfy a]\n[ldap main]\n[login a]\n");
        auto settings = defaults;
        if (one.same_as.empty()) {
            CHECK(config::set(one, settings, one.fallback).has_value());
            CHECK(config::get(one, settings) == one.fallback);
        } else {
            CHECK(one.fallback == one.same_as);
            const auto word = one.words.empty() ? std::string_view("192.0.2.53") : one.words[0].text;  // kServerList
            REQUIRE(config::set(one, settings, word).has_value());
            CHECK(config::get(one, settings) == word);
            REQUIRE(config::set(one, settings, one.same_as).has_value());
            CHECK(config::get(one, settings) == one.same_as);
            CHECK(settings == defaults);
        }
        // So do the ends of the range: no field is too small for what may be written.
        if (one.kind == config::Kind::kNumber || one.kind == config::Kind::kPort || one.kind == config::Kind::kOctets ||
            one.kind == config::Kind::kDuration)
            for (const auto end : {one.range.least, one.range.most}) {
                REQUIRE(config::set(one, settings, std::to_string(end)).has_value());
                const auto text = config::get(one, settings);
                auto again = defaults;
                REQUIRE(config::set(one, again, text).has_value());
                CHECK(again == settings);
                settings = defaults;
            }
    }
    for (const auto& section : config::sections())
        CHECK(std::ranges::any_of(config::settings_table(),
                                  [&](const config::Setting& one) { return one.section == section.name; }));
}

TEST_CASE("near misses") {
    const std::array<std::string_view, 4> keys{"downstream_smtp_server_port", "downstream_smtp_server_addr", "user",
                                               "path"};
    CHECK(config::near_miss("downstream_smtp_server_prt", keys) == "downstream_smtp_server_port");
    CHECK(config::near_miss("Downstream_SMTP_server_adr", keys) == "downstream_smtp_server_addr");
    CHECK(config::near_miss("usre", keys) == "user");
    CHECK(config::near_miss("uesr", keys) == "user");
    CHECK(config::near_miss("pathh", keys) == "path");
    CHECK(config::near_miss("us", keys).empty());
    CHECK(config::near_miss("group", keys).empty());
    CHECK(config::near_miss("", keys).empty());
    CHECK(config::near_miss(std::string(4000, 'x'), keys).empty());
}
