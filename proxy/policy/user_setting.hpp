// Settings of mailboxes and domains: what the user list keeps of them, and what rules may ask of a recipient. Pure.
//
// A bounded set, each with the values that it may have: a rule that asks for what nobody can have is an error at its
// line. None of them says whether mail is scanned: what the scanners find has the actions of the configuration, whoever
// the recipient is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace policy {

enum class Setting : std::uint8_t { kAttachments, kClass, kDisabled, kSpam };
inline constexpr std::size_t kSettings = 4;

struct SettingKind {
    Setting setting;
    std::string_view name;
    std::span<const std::string_view> choices;  // one of them; empty: one or more words of the administrator's own
    std::string_view otherwise;                 // what counts where nobody has set it; empty: nothing
    bool of_domains;                            // a domain may have it, for those of its mailboxes that have none
    bool for_rules;
    std::string_view meaning;
};

// In the order of their names.
std::span<const SettingKind> setting_kinds();
const SettingKind& kind_of(Setting setting);
// Error: there is none of this name.
base::Result<Setting> find_setting(std::string_view name);
// "strict normal relaxed", "words"
std::string describe_values(const SettingKind& kind);

// `value` as it is kept: lower case, one blank between words. Error: the setting has no such value.
base::Result<std::string> setting_value(Setting setting, std::string_view value);

// Of one mailbox or one domain, by Setting; empty: not set.
using SettingValues = std::array<std::string, kSettings>;
using SettingValuesPtr = std::shared_ptr<const SettingValues>;

// What counts for one recipient.
struct RecipientSettings {
    SettingValuesPtr mailbox{};  // null: none
    SettingValuesPtr domain{};

    // The mailbox's own, else its domain's, else what counts where nobody has set it.
    [[nodiscard]] std::string_view value(Setting setting) const;
    [[nodiscard]] bool disabled() const { return value(Setting::kDisabled) == "yes"; }
};

// What a rule asks of a recipient: that a setting has one of these values; of a setting of words, one of its words.
struct SettingQuestion {
    Setting setting = Setting::kClass;
    bool negated = false;
    std::vector<std::string> values{};
    std::string text{};  // as it is written, for explanations

    [[nodiscard]] bool holds(const RecipientSettings& settings) const;
};

}  // namespace policy
