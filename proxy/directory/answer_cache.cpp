#include "directory/answer_cache.hpp"

namespace directory {

using policy::Knowledge;

std::optional<policy::SourceAnswer> AnswerCache::find(std::string_view key, Time now) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end() || found->second->until <= now) {
        ++misses_;
        return std::nullopt;
    }
    ++hits_;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->answer;
}

void AnswerCache::keep(std::string_view key, const policy::SourceAnswer& answer, Time now) {
    const std::lock_guard lock(mutex_);
    const auto life = answer.knowledge == Knowledge::kKnown     ? limits_.known
                      : answer.knowledge == Knowledge::kUnknown ? limits_.unknown
                                                                : std::chrono::seconds(0);
    if (const auto found = index_.find(key); found != index_.end()) {
        const auto old = found->second;
        index_.erase(found);
        entries_.erase(old);
    }
    if (life <= std::chrono::seconds(0) || limits_.entries == 0)
        return;
    shrink(limits_.entries - 1);
    entries_.push_front({std::string(key), answer, now + life});
    index_.emplace(entries_.front().key, entries_.begin());
}

void AnswerCache::set_limits(const Limits& limits) {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
    shrink(limits.entries);
}

void AnswerCache::clear() {
    const std::lock_guard lock(mutex_);
    index_.clear();
    entries_.clear();
}

AnswerCache::Counts AnswerCache::counts() const {
    const std::lock_guard lock(mutex_);
    return {entries_.size(), hits_, misses_};
}

void AnswerCache::shrink(std::size_t most) {
    while (entries_.size() > most) {
        index_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

}  // namespace directory
