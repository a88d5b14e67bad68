#include "scanners/content/header_field.hpp"

#include <algorithm>
#include <cstddef>

namespace scanners::content {
namespace {

constexpr std::string_view kBetween = " \xef\xbf\xbc ";  // U+FFFC

bool same_name(std::string_view given, std::string_view lower) {
    while (!given.empty() && (given.back() == ' ' || given.back() == '\t'))
        given.remove_suffix(1);
    return std::equal(given.begin(), given.end(), lower.begin(), lower.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    });
}

}  // namespace

std::string field_values(std::string_view header, std::string_view name) {
    std::string values;
    bool wanted = false;
    while (!header.empty()) {
        const auto line = header.substr(0, header.find('\n'));
        header.remove_prefix(std::min(line.size() + 1, header.size()));
        if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
            if (wanted)
                values += line;
            continue;
        }
        const auto colon = line.find(':');
        wanted = colon != std::string_view::npos && same_name(line.substr(0, colon), name);
        if (wanted) {
            values += values.empty() ? std::string_view() : kBetween;
            values += line.substr(colon + 1);
        }
    }
    return values;
}

}  // namespace scanners::content
