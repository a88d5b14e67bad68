#include "policy/contents.hpp"

#include <algorithm>

#include "policy/printable.hpp"

namespace policy {
namespace {

constexpr std::size_t kMaxPath = 300;  // octets

// Which of its parent's children it is, from 1.
std::size_t place_among_siblings(const Contents& contents, std::size_t item) {
    const auto parent = contents.items[item].parent;
    std::size_t place = 0;
    for (std::size_t i = parent; i <= item; ++i)
        place += i != parent && contents.items[i].parent == parent ? 1 : 0;
    return place;
}

std::string step(const Contents& contents, std::size_t index) {
    const auto& item = contents.items[index];
    return item.names.empty() ? std::to_string(place_among_siblings(contents, index)) : printable(item.names.front());
}

}  // namespace

std::string_view to_string(ContentLimit limit) {
    static constexpr std::array<std::string_view, kContentLimits> kWords{
        "entities",      "header_fields", "header_parameters", "layers",    "files",
        "expanded_size", "ratio",         "readings",          "scan_time", "facts"};
    const auto index = static_cast<std::size_t>(limit);
    return index < kWords.size() ? kWords[index] : "facts";
}

std::string item_path(const Contents& contents, std::size_t item) {
    std::string path;
    // A parent stands before its child, so this ends; a path too deep to be shown keeps its end.
    while (item != 0 && item < contents.items.size() && path.size() < kMaxPath) {
        const auto parent = contents.items[item].parent;
        if (parent >= item)
            break;
        const bool deeper = contents.items[item].layer > contents.items[parent].layer && parent != 0;
        path.insert(0, step(contents, item));
        if (parent != 0)
            path.insert(0, deeper ? "!" : ".");
        item = parent;
    }
    return path.substr(0, kMaxPath);
}

}  // namespace policy
