#include "scanners/content/score.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "policy/contents.hpp"
#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

using policy::Entry;

bool is_number(const CompiledEntry& entry) {
    return entry.kind != Entry::Kind::kKeyword && entry.kind != Entry::Kind::kRegex;
}

std::string_view text_of(const CompiledEntry& entry, const Copies& copies, const Found& found) {
    return copies[static_cast<std::size_t>(entry.form)].substr(found.begin, found.end - found.begin);
}

// How many characters or words stand before a place: counted once in steps, the rest when asked.
class Ruler {
  public:
    Ruler(std::string_view text, policy::Proximity::Unit unit) : text_(text), unit_(unit) {
        std::uint32_t count = 0;
        for (std::size_t at = 0; at < text.size(); ++at) {
            if (at % kStep == 0)
                steps_.push_back(count);
            count += counts(text[at]) ? 1 : 0;
        }
    }
    [[nodiscard]] std::uint32_t at(std::size_t place) const {
        if (steps_.empty())
            return 0;
        const auto step = std::min(place / kStep, steps_.size() - 1);
        auto count = steps_[step];
        for (std::size_t at = step * kStep; at < std::min(place, text_.size()); ++at)
            count += counts(text_[at]) ? 1 : 0;
        return count;
    }

  private:
    static constexpr std::size_t kStep = 64;
    [[nodiscard]] bool counts(char octet) const {
        if (unit_ == policy::Proximity::Unit::kWords)
            return octet == ' ' || octet == '\n';
        return (static_cast<unsigned char>(octet) & 0xc0) != 0x80;
    }
    std::string_view text_;
    policy::Proximity::Unit unit_;
    std::vector<std::uint32_t> steps_;
};

struct Placed {
    std::uint32_t at;  // words or characters before it
    const Found* found;
};

std::vector<Placed> place(const Compiled& compiled, policy::Proximity::Unit unit, const Copies& copies,
                          std::span<const Found> found) {
    std::array<std::optional<Ruler>, kForms> rulers;
    std::vector<Placed> placed;
    for (const auto& one : found) {
        const auto form = static_cast<std::size_t>(compiled.entries[one.entry].form);
        if (!rulers[form])
            rulers[form].emplace(copies[form], unit);
        placed.push_back({rulers[form]->at(one.begin), &one});
    }
    std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.at < b.at; });
    return placed;
}

// Those that stand in a stretch of the text with enough different entries.
std::vector<const Found*> close_together(const Compiled& compiled, const CompiledExpression& expression,
                                         const Copies& copies, std::span<const Found> found) {
    const auto& rule = *expression.proximity;
    const std::size_t needed = rule.entries == 0 ? expression.entries : rule.entries;
    const auto placed = place(compiled, rule.unit, copies, found);
    std::vector<const Found*> close;
    std::map<std::uint32_t, std::size_t> inside;  // entry -> matches of it in [left, right)
    std::size_t right = 0;
    std::size_t taken = 0;  // up to where they are in `close`
    for (std::size_t left = 0; left < placed.size(); ++left) {
        for (; right < placed.size() && placed[right].at - placed[left].at <= rule.distance; ++right)
            ++inside[placed[right].found->entry];
        if (inside.size() >= needed) {
            for (taken = std::max(taken, left); taken < right; ++taken)
                close.push_back(placed[taken].found);
        }
        const auto leaving = inside.find(placed[left].found->entry);
        if (--leaving->second == 0)
            inside.erase(leaving);
    }
    return close;
}

}  // namespace

std::string value_of(const CompiledEntry& entry, const Copies& copies, const Found& found) {
    std::string value(text_of(entry, copies, found));
    if (is_number(entry))
        std::erase_if(value, [](char c) { return !is_word(static_cast<unsigned char>(c)); });
    return value;
}

Score score(const Compiled& compiled, const CompiledExpression& expression, const Copies& copies,
            std::span<const Found> found) {
    std::vector<const Found*> counting;
    if (expression.proximity) {
        counting = close_together(compiled, expression, copies, found);
    } else {
        for (const auto& one : found)
            counting.push_back(&one);
    }
    Score result;
    std::uint64_t sum = 0;
    std::map<std::uint32_t, std::uint32_t> counts;
    std::set<std::pair<std::uint32_t, std::string>> seen;
    for (const auto* one : counting) {
        const auto& entry = compiled.entries[one->entry];
        auto& count = counts[one->entry];
        if (count == entry.max_count)
            continue;
        if (entry.distinct && !seen.emplace(one->entry, value_of(entry, copies, *one)).second)
            continue;
        ++count;
        sum += entry.weight;
        if (result.first == nullptr)
            result.first = one;
    }
    result.sum = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, std::numeric_limits<std::uint32_t>::max()));
    return result;
}

std::string excerpt(const CompiledEntry& entry, const Copies& copies, const Found& found) {
    constexpr std::size_t kShown = 4;
    if (is_number(entry)) {
        auto value = value_of(entry, copies, found);
        std::fill(value.begin(), value.end() - static_cast<std::ptrdiff_t>(std::min(kShown, value.size())), '*');
        return value;
    }
    const auto text = text_of(entry, copies, found);
    std::string shown;
    const auto part = text.substr(0, cut_at(text, policy::kMaxExcerpt));
    for (std::size_t at = 0; at < part.size();) {
        const auto begin = at;
        const auto code = next_character(part, at);
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            shown.push_back(' ');
        else
            shown += part.substr(begin, at - begin);
    }
    return shown;
}

}  // namespace scanners::content
