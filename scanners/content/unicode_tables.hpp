// What is the same character in another form: tables of Unicode, in ranges. Read through unicode.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace scanners::content::tables {

struct Range {
    char32_t first, last;
};
// What each of [first, last] is folded to. Step 1: `to` and those after it; step 0: all to `to`; step 2: every second
// one, to its successor (upper and lower case side by side).
struct Run {
    char32_t first, last, to;
    std::uint8_t step;
};
struct Several {
    char32_t code;
    std::string_view to;  // UTF-8
};
struct Pair {
    char16_t mark, base, both;
};
struct Entity {
    std::string_view name;  // without "&" and ";"
    char32_t code;
    bool bare;  // old enough to stand without ";", too
};

extern const std::span<const Range> kIgnored;
extern const std::span<const Range> kBlanks;
extern const std::span<const Run> kCompatible;
extern const std::span<const Several> kCompatibleSeveral;
extern const std::span<const Run> kLower;
extern const std::span<const Several> kLowerSeveral;
extern const std::span<const Pair> kPairs;
extern const std::span<const Entity> kEntities;

}  // namespace scanners::content::tables
