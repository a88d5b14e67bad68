#include "directory/list.hpp"

#include <algorithm>

#include "config/spelling.hpp"
#include "mail/text.hpp"

namespace directory {

using config::lower;
namespace {

bool is_domain(std::string_view text) {
    return !text.empty() && text.front() != '.' && text.find_first_of("@ \t<>,;\"") == std::string_view::npos;
}

bool is_address(std::string_view text) {
    const auto address = policy::parse_recipient(text);
    return address && !address->domain.empty() && is_domain(address->domain) &&
           text.find_first_of(" \t") == std::string_view::npos;
}

}  // namespace

base::Result<RecipientList> RecipientList::parse(std::string_view text) {
    RecipientList list;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = mail::trim(line.substr(0, line.find('#')));
        if (line.empty())
            continue;
        const auto blank = std::min(line.find_first_of(" \t"), line.size());
        const auto name = line.substr(0, blank);
        const auto mailbox = mail::trim(line.substr(blank));
        if (list.size() == kMaxEntries)
            return base::error("line {}: more than {} recipients", number, kMaxEntries);
        if (name.front() == '@' && mailbox.empty() && is_domain(name.substr(1)))
            list.domains_.insert(lower(name.substr(1)));
        else if (is_address(name) && (mailbox.empty() || is_address(mailbox)))
            list.addresses_.insert_or_assign(lower(policy::parse_recipient(name)->text()), lower(mailbox));
        else
            return base::error("line {}: \"{}\" is neither an address nor @domain", number, line.substr(0, 100));
    }
    return list;
}

policy::SourceAnswer RecipientList::find(const policy::RecipientAddress& address) const {
    const auto local = lower(address.local);
    for (const auto& name : {local, local.substr(0, local.find('+'))}) {
        if (name.empty())
            continue;
        const auto whole = name + "@" + address.domain;
        if (const auto found = addresses_.find(whole); found != addresses_.end())
            return {policy::Knowledge::kKnown, {}, found->second.empty() ? whole : found->second};
    }
    if (domains_.contains(address.domain))
        return {policy::Knowledge::kKnown, "@" + address.domain, {}};
    return {policy::Knowledge::kUnknown, "not in the list", {}};
}

}  // namespace directory
