#include "scanners/clamav/plain_strings.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace scanners::clamav {
namespace {

// How far into a string its keys are looked for.
constexpr std::size_t kFarthestKey = 32;

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

template <typename Integer, std::size_t kSideBySide>
PlainStrings::Group<Integer, kSideBySide>::Group(const std::vector<std::string_view>& strings, std::size_t end) {
    std::copy_if(strings.begin(), strings.end(), std::back_inserter(strings_),
                 [end](std::string_view string) { return string.size() >= kShortest && string.size() < end; });
    std::vector<std::pair<std::uint64_t, Place>> known;
    known.reserve(strings_.size() * kSideBySide);
    for (std::size_t i = 0; i < strings_.size(); ++i) {
        const auto first = choose_key(strings_[i], kShortest);
        for (auto at = first; at < first + kSideBySide; ++at)
            known.emplace_back(key_at(strings_[i], at),
                               Place{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(at)});
    }
    std::sort(known.begin(), known.end(),
              [](const auto& a, const auto& b) { return KeyTable::rank(a.first) < KeyTable::rank(b.first); });
    std::vector<std::uint64_t> keys;
    keys.reserve(known.size());
    places_.reserve(known.size());
    for (const auto& [key, place] : known) {
        keys.push_back(key);
        places_.push_back(place);
    }
    keys_ = KeyTable(std::move(keys));
}

template <typename Integer, std::size_t kSideBySide>
bool PlainStrings::Group<Integer, kSideBySide>::is_around(std::string_view text, std::size_t at) const {
    const auto key = key_at(text, at);
    if (!keys_.may_have(key))
        return false;
    for (auto index = keys_.first(key); keys_.is_at(key, index); ++index) {
        const auto& place = places_[index];
        if (place.at <= at && text.substr(at - place.at).starts_with(strings_[place.string]))
            return true;
    }
    return false;
}

PlainStrings::PlainStrings(const std::vector<std::string_view>& strings)
    : long_(strings, std::numeric_limits<std::size_t>::max()),
      short_(strings, decltype(long_)::kShortest),
      shortest_(strings, decltype(short_)::kShortest) {}

bool PlainStrings::any_in(std::string_view text) const {
    std::size_t at = 0;
    for (; at + sizeof(std::uint64_t) <= text.size(); at += kStride) {
        if ((long_.may_begin(text, at) || short_.may_begin(text, at)) &&
            (long_.is_around(text, at) || short_.is_around(text, at)))
            return true;
    }
    for (; at + sizeof(std::uint32_t) <= text.size(); at += kStride) {
        if (short_.is_around(text, at))
            return true;
    }
    for (at = 0; !shortest_.empty() && at + sizeof(std::uint32_t) <= text.size(); ++at) {
        if (shortest_.is_around(text, at))
            return true;
    }
    return false;
}

}  // namespace scanners::clamav
