#include "session/notice_rate.hpp"

#include <algorithm>
#include <numeric>

#include "mail/text.hpp"

namespace session {

void NoticeRate::Entry::advance(std::int64_t slice) {
    const auto passed = std::clamp<std::int64_t>(slice - newest, 0, kSlices);
    std::shift_right(counts.begin(), counts.end(), passed);
    std::fill_n(counts.begin(), passed, 0U);
    newest = std::max(newest, slice);
}

std::uint64_t NoticeRate::Entry::total() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

bool NoticeRate::allow(std::string_view notice, std::string_view address, unsigned per_hour, Time now) {
    if (per_hour == 0)
        return true;
    const std::int64_t slice = now.time_since_epoch() / kSlice;
    // Neither holds a line break: the name of a notice is one word, and an address is what SMTP lets through.
    std::string key = std::string(notice) + '\n' + std::string(address);
    std::transform(key.begin(), key.end(), key.begin(), mail::lower);
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() >= max_entries_)
            forget_old(slice);
        if (entries_.size() >= max_entries_)
            return false;
        found = entries_.emplace(std::move(key), Entry{slice, {}}).first;
    }
    auto& entry = found->second;
    entry.advance(slice);
    if (entry.total() >= per_hour)
        return false;
    ++entry.counts.front();
    return true;
}

std::size_t NoticeRate::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

// Looks at all of them, so once in a slice: what is too young now is too young until the next one.
void NoticeRate::forget_old(std::int64_t slice) {
    if (forgotten_ == slice)
        return;
    forgotten_ = slice;
    std::erase_if(entries_, [slice](const auto& entry) {
        return slice - entry.second.newest >= static_cast<std::int64_t>(kSlices);
    });
}

}  // namespace session
