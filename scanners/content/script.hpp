// In which scripts a text is written: a cheap fact for conditions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/writing.hpp"

namespace scanners::content {

using Script = policy::Writing;
inline constexpr std::size_t kScripts = policy::kWritings;

// How many letters of each script; signs, digits and marks are of none.
struct ScriptCount {
    std::array<std::uint64_t, kScripts> letters{};
    std::uint64_t all = 0;

    void add(std::string_view text);  // UTF-8; markup is taken out before
    // Of all letters, in per cent, rounded down; 0 when there is no letter.
    [[nodiscard]] unsigned share(Script script) const;
};

// Those in which a good part of the text is written: a fifth of its letters. Bits of policy::Writing.
std::uint16_t scripts_of(std::string_view text);

}  // namespace scanners::content
