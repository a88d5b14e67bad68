// UserOracle: the user list as a source of recipients: who stands in it is known.
//
// Has a connection to the list of its own. Of a domain of which nobody stands in the list it says nothing: a list that
// is new or was lost must not refuse everybody. Belongs to the thread of its ThreadSource.
#pragma once

#include <memory>
#include <string>

#include "directory/thread_source.hpp"
#include "directory/user_list.hpp"

namespace directory {

class UserOracle final : public Oracle {
  public:
    explicit UserOracle(UserList::Open open) : open_(std::move(open)) {}

    // "bob+detail" is known when "bob" is.
    policy::SourceAnswer answer(const policy::RecipientAddress& address) override;
    [[nodiscard]] std::string describe() const override { return "as in the user list"; }

  private:
    base::Result<policy::SourceAnswer> find(const policy::RecipientAddress& address);

    UserList::Open open_;
    std::unique_ptr<UserStore> store_;
};

}  // namespace directory
