#include "policy/address_set.hpp"

#include <algorithm>

#include "mail/text.hpp"
#include "policy/pattern.hpp"

namespace policy {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), mail::lower);
    return result;
}

bool any_contains(const std::vector<AddressSetPtr>& sets, std::string_view address) {
    return std::any_of(sets.begin(), sets.end(),
                       [address](const AddressSetPtr& set) { return set->contains(address); });
}

}  // namespace

void AddressSet::add(std::string_view pattern) {
    if (pattern == "<>")
        null_ = true;
    else if (pattern.find('*') != std::string_view::npos)
        patterns_.emplace_back(pattern);
    else if (pattern.find('@') != std::string_view::npos)
        exact_.insert(lower(pattern));
    else
        domains_.insert(lower(pattern));
}

bool AddressSet::contains(std::string_view address) const {
    if (address.empty())
        return null_;
    if (!exact_.empty() && exact_.contains(lower(address)))
        return true;
    const auto at = address.rfind('@');
    if (at != std::string_view::npos && !domains_.empty() && domains_.contains(lower(address.substr(at + 1))))
        return true;
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [address](const std::string& pattern) { return matches_recipient(pattern, address); });
}

bool Who::includes(std::string_view address) const {
    return (any_of.empty() || any_contains(any_of, address)) && !any_contains(none_of, address);
}

}  // namespace policy
