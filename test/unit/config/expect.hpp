// What the tests of config share: a machine that is always the same, and short ways to ask for faults.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace expect {

inline config::Machine machine() {
    return {
        "mx.example.test",
        {*net::Address::parse("127.0.0.1"), *net::Address::parse("192.0.2.20"), *net::Address::parse("2001:db8::20")}};
}

// All that is said about `text`, as "LINE: error: text".
inline std::vector<std::string> findings(std::string_view text) {
    std::vector<std::string> lines;
    for (const auto& diagnostic : config::parse(text, machine()).diagnostics)
        lines.push_back(config::format("", diagnostic).substr(1));
    return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + '\n';
    return text;
}

// Exactly one finding, which begins with `start` ("3: error: ") and contains `part`.
inline void one(std::string_view text, std::string_view start, std::string_view part) {
    const auto found = findings(text);
    CAPTURE(text);
    CAPTURE(joined(found));
    REQUIRE(found.size() == 1);
    CHECK(found[0].starts_with(start));
    CHECK(found[0].find(part) != std::string::npos);
    CHECK(config::parse(text, machine()).settings.has_value() == (start.find("warning") != std::string_view::npos));
}

inline void none(std::string_view text) {
    const auto found = findings(text);
    CAPTURE(text);
    CHECK(joined(found).empty());
    CHECK(config::parse(text, machine()).settings.has_value());
}

inline config::Settings settings(std::string_view text) {
    auto loaded = config::parse(text, machine());
    CAPTURE(text);
    CAPTURE(joined(findings(text)));
    REQUIRE(loaded.settings.has_value());
    return *loaded.settings;
}

}  // namespace expect
