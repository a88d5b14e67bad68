// What can be done with a mail.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace policy {

enum class Action : std::uint8_t {
    kDeliver,
    kTagAndDeliver,    // found, and delivered with X-Sandwich-Verdict saying so
    kDeliverWithMark,  // not known, and delivered with X-Sandwich-Verdict saying so
    kQuarantine,
    kReject,   // 5xx
    kDiscard,  // 250 and gone; always logged
    kDefer,    // 451: the upstream keeps it and tries again
};

std::string_view to_string(Action action);

// What is done besides the final action.
struct Step {
    enum class Kind : std::uint8_t {
        kTagSubject,     // value: text before the subject
        kAddHeader,      // name, value
        kReplaceHeader,  // name, value: every field of the name is taken out first
        kRemoveHeader,   // name
    };
    Kind kind = Kind::kAddHeader;
    std::string name{};
    std::string value{};
    bool operator==(const Step&) const = default;
};

struct Final {
    Action action = Action::kDeliver;
    std::string area{};  // of kQuarantine; empty: the general one
    std::string text{};  // of kReject and kDefer: what the reply says
    bool operator==(const Final&) const = default;
};

}  // namespace policy
