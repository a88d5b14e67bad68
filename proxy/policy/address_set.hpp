// AddressSet: mail addresses and domains as administrators list them, by the thousand: "bob@example.test",
// "*@lists.example.test", "example.test", "*.example.test", "<>".
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace policy {

class AddressSet {
  public:
    // As matches_recipient() (pattern.hpp) understands it; "<>" is the null reverse-path.
    void add(std::string_view pattern);
    // Case does not matter. Exact addresses and domains cost one look-up each, patterns with "*" one comparison each.
    [[nodiscard]] bool contains(std::string_view address) const;
    [[nodiscard]] std::size_t size() const {
        return exact_.size() + domains_.size() + patterns_.size() + (null_ ? 1 : 0);
    }

  private:
    std::unordered_set<std::string> exact_;    // lower case
    std::unordered_set<std::string> domains_;  // lower case, without "@"
    std::vector<std::string> patterns_;        // with "*"
    bool null_ = false;
};
using AddressSetPtr = std::shared_ptr<const AddressSet>;

// Who a rule is about. Empty lists: everybody.
struct Who {
    std::vector<AddressSetPtr> any_of;
    std::vector<AddressSetPtr> none_of;

    [[nodiscard]] bool includes(std::string_view address) const;
};

}  // namespace policy
