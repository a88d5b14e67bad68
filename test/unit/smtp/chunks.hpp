// Ways to cut an input in pieces, for code whose result must not depend on them.
#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <string_view>
#include <vector>

namespace chunks {

using Pieces = std::vector<std::string_view>;

// Calls `visit` with the whole, with every cut into two and into three pieces, and with single octets.
inline void for_every_cut(std::string_view text, const std::function<void(const Pieces&)>& visit) {
    visit({text});
    for (std::size_t i = 1; i < text.size(); ++i) {
        visit({text.substr(0, i), text.substr(i)});
        for (std::size_t j = i + 1; j < text.size(); ++j)
            visit({text.substr(0, i), text.substr(i, j - i), text.substr(j)});
    }
    Pieces octets;
    for (std::size_t i = 0; i < text.size(); ++i)
        octets.push_back(text.substr(i, 1));
    visit(octets);
}

inline Pieces random_cut(std::string_view text, std::mt19937& random, std::size_t longest) {
    Pieces pieces;
    std::uniform_int_distribution<std::size_t> length(1, longest);
    while (!text.empty()) {
        pieces.push_back(text.substr(0, length(random)));
        text.remove_prefix(pieces.back().size());
    }
    return pieces;
}

}  // namespace chunks
