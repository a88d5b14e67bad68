#include "directory/user_oracle.hpp"

#include "directory/user_list_address.hpp"

namespace directory {

using policy::Knowledge;
using policy::SourceAnswer;

SourceAnswer UserOracle::answer(const policy::RecipientAddress& address) {
    if (!store_) {
        auto opened = open_();
        if (!opened)
            return {Knowledge::kDown, opened.error().message};
        store_ = std::move(*opened);
    }
    auto found = find(address);
    if (found)
        return std::move(*found);
    store_.reset();  // opened anew with the next question
    return {Knowledge::kDown, found.error().message};
}

base::Result<SourceAnswer> UserOracle::find(const policy::RecipientAddress& address) {
    for (const auto& local : {address.local, address.local.substr(0, address.local.find('+', 1))}) {
        const auto name = list_address(local + "@" + address.domain);
        if (!name)
            return SourceAnswer{Knowledge::kCannotTell, "not an address that the list could hold"};
        auto user = store_->find(*name);
        if (!user)
            return user.error();
        if (*user)
            return SourceAnswer{Knowledge::kKnown, {}, (*user)->mailbox};
    }
    const auto domain = list_domain(address.domain);
    auto others = store_->page({domain ? *domain : "@" + address.domain, {}}, {}, 1);
    if (!others)
        return others.error();
    if (others->empty())
        return SourceAnswer{Knowledge::kElsewhere, "nobody of this domain is in the list"};
    return SourceAnswer{Knowledge::kUnknown, "not in the list"};
}

}  // namespace directory
