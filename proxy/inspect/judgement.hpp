// What a policy says of one mail, recipient by recipient, and whether another policy says something else. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.hpp"

namespace inspect {

// Of one recipient.
struct Judgement {
    policy::Decision decision;
    std::string reason;  // the rules that applied, with what they saw; printable, at most kMaxReason octets
};
inline constexpr std::size_t kMaxReason = 600;  // octets

// "class=gold": what every recipient is taken to have, as the user list is not asked. Error: there is no such setting.
base::Status take_setting(policy::SettingValues& values, std::string_view text);
// What to tell whoever named no settings and has rules that ask for them; empty: nothing.
std::string_view note_on_settings(const policy::SettingValues& values, const policy::Rules& rules);
std::vector<policy::RecipientSettings> settings_of_all(const policy::SettingValues& values,
                                                       const mail::Envelope& envelope);

// One for each recipient of the envelope, as one reply for all of them has it.
std::vector<Judgement> judge(const policy::Facts& facts, const policy::Rules& rules);

// The same is done, whatever rule says so. Texts that are put into a mail or sent are compared, not their names alone.
bool same_is_done(const policy::Decision& one, const policy::Decision& other);

// The results that these rules would have seen: those of expressions only when they have some.
policy::ScanReport report_for(const policy::Rules& rules, const policy::ScanReport& report);

}  // namespace inspect
