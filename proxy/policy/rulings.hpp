// What the rules say for each recipient of one mail: what does not hang on the recipient is asked once.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/rule.hpp"

namespace policy {

class Rulings {
  public:
    // Borrows both.
    Rulings(const Policy& policy, const Facts& facts);

    // As rule_on().
    Ruling on(std::size_t recipient, std::vector<Tried>* tried = nullptr);

  private:
    // Of a rule, for every recipient.
    struct Known {
        std::optional<bool> from{};
        std::optional<bool> now{};
        std::optional<Answer> answer{};
    };
    using Sets = std::unordered_map<const AddressSet*, bool>;

    static bool holds(const AddressSetPtr& set, std::string_view address, Sets& known);
    static bool includes(const Who& who, std::string_view address, Sets& known);
    bool is_for(const Rule& rule, Known& known, std::string_view recipient, bool local, Sets& sets);
    bool has_settings(const Rule& rule, std::size_t recipient, Tried* tried) const;
    bool in_time(const Rule& rule, Known& known) const;
    const Answer& answer(const Rule& rule, Known& known) const;

    const Policy& policy_;
    const Facts& facts_;
    std::vector<Known> known_;
    Sets senders_;
};

}  // namespace policy
