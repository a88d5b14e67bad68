// What the rows of all parts of the table of settings are written with. Included by those parts only.
#pragma once

#include <span>
#include <type_traits>
#include <utility>

#include "config/settings_table.hpp"

namespace config {

constexpr std::span<const Word> kNoWords;
constexpr bool kActive = true;  // in etc/sandwich.ini
constexpr bool kCommented = false;

}  // namespace config

// Both ways to one member. A macro, since clang 14 does not convert a generic lambda to the second.
// clang-format off
#define AT(path)                                                               \
    Member<std::remove_reference_t<decltype(std::declval<Settings&>().path)>>{ \
        [](Settings& settings) -> auto& { return settings.path; },             \
        [](const Settings& settings) -> const auto& { return settings.path; }}
// clang-format on
