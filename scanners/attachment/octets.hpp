// Numbers in octets of unknown length: nothing is read beyond the end, what is not there is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scanners::attachment {

// The part from `from` on, at most `length`; empty beyond the end.
constexpr std::string_view part(std::string_view octets, std::uint64_t from,
                                std::uint64_t length = std::string_view::npos) {
    return from < octets.size() ? octets.substr(from, length) : std::string_view();
}

// `width` octets at `at`, least significant first (as in everything from Microsoft, and zip).
constexpr std::uint64_t little(std::string_view octets, std::uint64_t at, std::size_t width) {
    if (at > octets.size() || octets.size() - at < width)
        return 0;
    std::uint64_t value = 0;
    for (std::size_t i = width; i > 0; --i)
        value = value << 8 | static_cast<unsigned char>(octets[at + i - 1]);
    return value;
}

constexpr std::uint16_t little16(std::string_view octets, std::uint64_t at) {
    return static_cast<std::uint16_t>(little(octets, at, 2));
}
constexpr std::uint32_t little32(std::string_view octets, std::uint64_t at) {
    return static_cast<std::uint32_t>(little(octets, at, 4));
}

// Most significant first.
constexpr std::uint32_t big32(std::string_view octets, std::uint64_t at) {
    if (at > octets.size() || octets.size() - at < 4)
        return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(octets[at + i]);
    return value;
}

}  // namespace scanners::attachment
