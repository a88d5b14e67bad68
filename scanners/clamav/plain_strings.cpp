#include "scanners/clamav/plain_strings.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>

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
    std::vector<std::uint64_t> keys;
    std::vector<Place> places;
    for (std::size_t i = 0; i < strings_.size(); ++i) {
        const auto first = choose_key(strings_[i], kShortest);
        for (auto at = first; at < first + kSideBySide; ++at) {
            keys.push_back(key_at(strings_[i], at));
            places.push_back({key_at(strings_[i], at), static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(at)});
        }
    }
    std::vector<std::uint32_t> order;
    keys_ = KeyTable(keys, order);
    places_.reserve(order.size());
    for (const auto index : order)
        places_.push_back(places[index]);
}

template <typename Integer, std::size_t kSideBySide>
bool PlainStrings::Group<Integer, kSideBySide>::is_around(std::string_view text, std::size_t at) const {
    const auto key = key_at(text, at);
    if (!keys_.may_have(key))
        return false;
    const auto [begin, end] = keys_.with(key);
    for (auto index = begin; index < end; ++index) {
        const auto& place = places_[index];
        if (place.key == key && place.at <= at && text.substr(at - place.at).starts_with(strings_[place.string]))
            return true;
    }
    return false;
}

PlainStrings::PlainStrings(const std::vector<std::string_view>& strings)
    : long_(strings, std::numeric_limits<std::size_t>::max()),
      short_(strings, decltype(long_)::kShortest),
      shortest_(strings, decltype(short_)::kShortest) {}

#ifdef SANDWICH_AVX2
template <typename Integer, std::size_t kSideBySide>
SANDWICH_AVX2 bool PlainStrings::Group<Integer, kSideBySide>::is_around_eight(std::string_view text,
                                                                              std::size_t at) const {
    const KeyTable::Eight keys(keys_);
    unsigned places = 0;
    if constexpr (sizeof(Integer) == sizeof(std::uint64_t))
        places =
            lowest_bits(keys.may_have(base::wide_load(text.data() + at), base::wide_load(text.data() + at + kStride)));
    else
        places = lowest_bits(keys.may_have(base::wide_load(text.data() + at)));
    for (; places != 0; places &= places - 1) {
        if (is_around(text, at + static_cast<std::size_t>(std::countr_zero(places)) * kStride))
            return true;
    }
    return false;
}

// Whether a string has its key at one of the places from `at` on, as far as there are eight of them: up to `at`, then.
SANDWICH_AVX2 bool PlainStrings::is_in_eights(std::string_view text, std::size_t& at) const {
    for (; at + (kEight + 1) * kStride <= text.size(); at += kEight * kStride) {
        if (long_.is_around_eight(text, at) || (!short_.empty() && short_.is_around_eight(text, at)))
            return true;
    }
    return false;
}
#else
bool PlainStrings::is_in_eights(std::string_view /*text*/, std::size_t& /*at*/) const {
    return false;
}
#endif

bool PlainStrings::any_in(std::string_view text, bool eight) const {
    std::size_t at = 0;
    if (eight && is_in_eights(text, at))
        return true;
    for (; at + sizeof(std::uint64_t) <= text.size(); at += kStride) {
        if (long_.is_around(text, at) || short_.is_around(text, at))
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
