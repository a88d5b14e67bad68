// A rule of the content policy: whom and when it is about, what it asks, what it does; and the policy as a whole.
//
// Rules stand in the order of their priority. Each recipient of a mail meets them one after the other until a final
// action is taken; actions that are not final add up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/action.hpp"
#include "policy/address_set.hpp"
#include "policy/condition.hpp"
#include "policy/expression.hpp"
#include "policy/wanted.hpp"

namespace policy {

// Of a recipient: incoming, when the domain is one of ours ([domains] local); else outgoing.
enum class Direction : std::uint8_t { kBoth, kIncoming, kOutgoing };

struct Rule {
    std::string name;
    std::string origin;  // "policy.ini:12"
    unsigned priority = 0;
    Direction direction = Direction::kBoth;
    Who from{};
    Who to{};
    std::vector<SettingQuestion> settings{};  // all of them, of each recipient
    std::vector<Span> when{};                 // empty: always
    Condition what{};                         // a kSet
    std::vector<Step> steps{};
    std::optional<Final> final_action{};
};

struct Policy {
    AddressSet local_domains{};
    std::vector<Expression> expressions{};  // Condition::numbers and Hit::expression are indexes here
    std::vector<Rule> rules{};              // those that are enabled, in order
    Wanted wanted{};                        // what the rules ask of the workers besides
    std::uint32_t expression_set = 0;       // tells these expressions and wishes from others; 0: there are none
    bool asks_settings = false;             // a rule asks for settings of recipients
};
using PolicyPtr = std::shared_ptr<const Policy>;

// What became of one rule, for explanations.
struct Tried {
    std::string rule;
    enum class Result : std::uint8_t { kNotForThem, kNotNow, kNoMatch, kMatch } result = Result::kNoMatch;
    struct Question {
        std::string text;
        bool holds = false;
        std::string seen{};
    };
    // Of the recipient's settings, then the rule's own conditions, in order; those after the deciding one are not
    // asked.
    std::vector<Question> questions{};
};

// What the rules say for one recipient.
struct Ruling {
    std::optional<Final> final_action{};
    std::string rule{};  // that took it
    std::vector<Step> steps{};
    std::vector<std::string> rules{};  // all that matched
    std::vector<std::size_t> items{};  // that made them match, ascending
    const Condition* asked = nullptr;  // what the final rule asks; belongs to the policy
};

// `recipient`: of the envelope. `tried`: filled in when it is not null.
Ruling rule_on(const Policy& policy, const Facts& facts, std::size_t recipient, std::vector<Tried>* tried = nullptr);

}  // namespace policy
