#include "scanners/clamav/plain_strings.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace scanners::clamav {
namespace {

// How far into a string its key is looked for.
constexpr std::size_t kFarthestKey = 32;

template <typename Integer>
Integer integer_at(const char* octets) {
    Integer value = 0;
    std::memcpy(&value, octets, sizeof value);
    return value;
}

std::size_t count_distinct(std::string_view octets) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < octets.size(); ++i)
        count += octets.find(octets[i]) == i ? 1U : 0U;
    return count;
}

// Where the first of the most varied `size` octets begin: files are full of zeros and blanks.
std::size_t choose_key(std::string_view string, std::size_t size) {
    std::size_t best = 0;
    std::size_t most = 0;
    for (std::size_t at = 0; at + size <= string.size() && at <= kFarthestKey; ++at) {
        const auto count = count_distinct(string.substr(at, size));
        if (count > most) {
            most = count;
            best = at;
        }
    }
    return best;
}

}  // namespace

template <typename Integer>
PlainStrings::Group<Integer>::Group(std::vector<Entry> of) : entries(std::move(of)) {
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
    std::vector<std::uint64_t> all;
    for (const auto& entry : entries)
        all.push_back(entry.key);
    keys = KeyTable(std::move(all));
}

template <typename Integer>
bool PlainStrings::Group<Integer>::any_in(std::string_view text) const {
    if (entries.empty() || text.size() < sizeof(Integer))
        return false;
    const auto end = text.size() - sizeof(Integer) + 1;
    for (std::size_t i = 0; i < end; ++i) {
        const auto key = integer_at<Integer>(text.data() + i);
        if (!keys.may_have(key)) [[likely]]
            continue;
        for (auto [at, last] = keys.find(key); at < last; ++at) {
            const auto& entry = entries[at];
            if (entry.at <= i && text.substr(i - entry.at).starts_with(entry.string))
                return true;
        }
    }
    return false;
}

template <typename Integer>
std::vector<PlainStrings::Entry> PlainStrings::with_keys(const std::vector<std::string_view>& strings,
                                                         bool (*wanted)(std::size_t size)) {
    std::vector<Entry> entries;
    for (const auto& string : strings) {
        if (!wanted(string.size()))
            continue;
        const auto at = choose_key(string, sizeof(Integer));
        entries.push_back({integer_at<Integer>(string.data() + at), at, string});
    }
    return entries;
}

PlainStrings::PlainStrings(const std::vector<std::string_view>& strings)
    : long_(with_keys<std::uint64_t>(strings, [](std::size_t size) { return size >= sizeof(std::uint64_t); })),
      short_(with_keys<std::uint32_t>(strings, [](std::size_t size) { return size < sizeof(std::uint64_t); })) {}

bool PlainStrings::any_in(std::string_view text) const {
    return long_.any_in(text) || short_.any_in(text);
}

}  // namespace scanners::clamav
