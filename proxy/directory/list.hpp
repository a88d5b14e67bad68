// A list of recipients kept by hand: one a line, "bob@example.com" or "@example.com" (everybody there). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/result.hpp"
#include "policy/recipient.hpp"

namespace directory {

class RecipientList {
  public:
    static constexpr std::size_t kMaxEntries = 2'000'000;

    // Lines in LF or CRLF; "#" begins a comment. "alias@example.com mailbox@example.com" names the mailbox behind an
    // address. Error: the first line that is none of these, with its number.
    static base::Result<RecipientList> parse(std::string_view text);

    // Without regard to case. "bob+detail" is known when "bob" is.
    [[nodiscard]] policy::SourceAnswer find(const policy::RecipientAddress& address) const;
    [[nodiscard]] std::size_t size() const { return addresses_.size() + domains_.size(); }

  private:
    std::unordered_map<std::string, std::string> addresses_;  // lower case -> mailbox, empty: itself
    std::unordered_set<std::string> domains_;
};

}  // namespace directory
