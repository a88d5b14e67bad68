#include "scanners/clamav/plain_strings.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

namespace scanners::clamav {
namespace {

// How far into a string its keys are looked for.
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

template <typename Integer, std::size_t kStride>
PlainStrings::Group<Integer, kStride>::Group(const std::vector<std::string_view>& strings, std::size_t end) {
    std::copy_if(strings.begin(), strings.end(), std::back_inserter(strings_),
                 [end](std::string_view string) { return string.size() >= kShortest && string.size() < end; });
    std::vector<std::pair<std::uint64_t, Place>> known;
    known.reserve(strings_.size() * kStride);
    for (std::size_t i = 0; i < strings_.size(); ++i) {
        const auto first = choose_key(strings_[i], kShortest);
        for (auto at = first; at < first + kStride; ++at)
            known.emplace_back(integer_at<Integer>(strings_[i].data() + at),
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

template <typename Integer, std::size_t kStride>
bool PlainStrings::Group<Integer, kStride>::any_in(std::string_view text) const {
    if (strings_.empty() || text.size() < kShortest)
        return false;
    const auto end = text.size() - sizeof(Integer) + 1;
    for (std::size_t i = 0; i < end; i += kStride) {
        const auto key = integer_at<Integer>(text.data() + i);
        if (!keys_.may_have(key)) [[likely]]
            continue;
        for (auto at = keys_.first(key); keys_.is_at(key, at); ++at) {
            const auto& place = places_[at];
            if (place.at <= i && text.substr(i - place.at).starts_with(strings_[place.string]))
                return true;
        }
    }
    return false;
}

PlainStrings::PlainStrings(const std::vector<std::string_view>& strings)
    : long_(strings, std::numeric_limits<std::size_t>::max()),
      short_(strings, decltype(long_)::kShortest),
      shortest_(strings, decltype(short_)::kShortest) {}

bool PlainStrings::any_in(std::string_view text) const {
    return long_.any_in(text) || short_.any_in(text) || shortest_.any_in(text);
}

}  // namespace scanners::clamav
