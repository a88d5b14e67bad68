#include "scanners/opening.hpp"

#include <algorithm>
#include <utility>

namespace scanners {

using policy::ContentLimit;

namespace {

// Small files of zeros compress by any ratio, and harm nobody.
constexpr std::uint64_t kRatioCountsFrom = 1 << 20;

}  // namespace

Opening::Opening(const policy::ContentLimits& limits, policy::Contents& contents, Texts texts, policy::Wanted wanted)
    : limits_(limits),
      contents_(contents),
      wanted_(std::move(wanted)),
      wanted_texts_(texts == Texts::kNone && wanted_.text() ? Texts::kMail : texts),
      end_(std::chrono::steady_clock::now() + limits.scan_time) {}

std::optional<std::size_t> Opening::add(policy::Item item) {
    const std::size_t parent = item.parent;
    const bool inside = item.kind == policy::Item::Kind::kMember || item.kind == policy::Item::Kind::kEmbedded;
    if (contents_.items.size() >= policy::kMaxItems) {
        exceeded(ContentLimit::kFacts, parent, contents_.items.size() + 1);
        return std::nullopt;
    }
    if (inside && !another_file(parent))
        return std::nullopt;
    item.names.resize(std::min(item.names.size(), policy::kMaxNames));
    contents_.items.push_back(std::move(item));
    expanded_of_.resize(contents_.items.size());
    return contents_.items.size() - 1;
}

bool Opening::may_go_below(std::size_t parent) {
    const auto layer = contents_.items[parent].layer;
    if (layer < limits_.layers)
        return true;
    exceeded(ContentLimit::kLayers, parent, layer + 1U);
    return false;
}

bool Opening::another_file(std::size_t parent) {
    if (++files_ <= limits_.files)
        return true;
    exceeded(ContentLimit::kFiles, parent, files_);
    return false;
}

bool Opening::expand(std::size_t item, std::uint64_t octets, std::uint64_t packed) {
    expanded_ += octets;
    expanded_of_[item] += octets;
    if (expanded_ > limits_.expanded_size) {
        exceeded(ContentLimit::kExpandedSize, item, expanded_);
        return false;
    }
    const auto out = expanded_of_[item];
    if (out > kRatioCountsFrom && out / std::max<std::uint64_t>(packed, 1) > limits_.ratio) {
        exceeded(ContentLimit::kRatio, item, out / std::max<std::uint64_t>(packed, 1));
        return false;
    }
    return true;
}

bool Opening::in_time(std::size_t item) {
    if (std::chrono::steady_clock::now() < end_)
        return true;
    exceeded(ContentLimit::kScanTime, item, static_cast<std::uint64_t>(limits_.scan_time.count()));
    return false;
}

void Opening::exceeded(ContentLimit limit, std::size_t item, std::uint64_t value) {
    if (item < contents_.items.size())
        contents_.items[item].set(policy::Mark::kUnopened);
    const auto same = std::find_if(contents_.exceeded.begin(), contents_.exceeded.end(),
                                   [limit](const policy::Exceeded& other) { return other.limit == limit; });
    if (same == contents_.exceeded.end())
        contents_.exceeded.push_back({limit, static_cast<std::uint16_t>(item), value});
    else
        same->value = std::max(same->value, value);
}

std::string_view Opening::keep(std::string octets) {
    return kept_.emplace_back(std::move(octets));
}

}  // namespace scanners
