#include "policy/user_setting.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "mail/text.hpp"

namespace policy {
namespace {

constexpr std::size_t kMaxWord = 64;         // octets of one word of the administrator's own
constexpr std::size_t kMaxSettingWords = 8;  // words of one value

constexpr std::string_view kStrictness[] = {"strict", "normal", "relaxed"};
constexpr std::string_view kYes[] = {"yes"};
constexpr std::string_view kSensitivity[] = {"off", "low", "normal", "high"};

constexpr SettingKind kKinds[] = {
    {Setting::kAttachments, "attachments", kStrictness, "normal", true, true, "how strict rules about attachments are"},
    {Setting::kClass, "class", {}, "", true, true, "classes of recipients, named as you like"},
    {Setting::kDisabled, "disabled", kYes, "", false, false, "no mail is taken: users disable, users enable"},
    {Setting::kSpam, "spam", kSensitivity, "normal", true, true, "how readily rules take mail for unwanted"},
};
static_assert(std::size(kKinds) == kSettings);

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : text) {
        if (c != ' ' && c != '\t')
            word += mail::lower(c);
        else if (!word.empty())
            words.push_back(std::exchange(word, {}));
    }
    if (!word.empty())
        words.push_back(std::move(word));
    return words;
}

bool is_word(std::string_view word) {
    return word.size() <= kMaxWord && std::ranges::all_of(word, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
           });
}

}  // namespace

std::span<const SettingKind> setting_kinds() {
    return kKinds;
}

const SettingKind& kind_of(Setting setting) {
    return kKinds[static_cast<std::size_t>(setting)];
}

base::Result<Setting> find_setting(std::string_view name) {
    const auto* const found = std::ranges::find_if(
        kKinds, [name](const SettingKind& kind) { return mail::equal_ignoring_case(kind.name, name); });
    if (found != std::end(kKinds))
        return found->setting;
    std::vector<std::string_view> names;
    for (const auto& kind : kKinds)
        names.push_back(kind.name);
    return base::error("there is no setting {}; there are {}", name, fmt::join(names, ", "));
}

std::string describe_values(const SettingKind& kind) {
    return kind.choices.empty() ? "words" : fmt::format("{}", fmt::join(kind.choices, " "));
}

base::Result<std::string> setting_value(Setting setting, std::string_view value) {
    const auto& kind = kind_of(setting);
    const auto words = words_of(value);
    if (kind.choices.empty()) {
        if (words.empty() || words.size() > kMaxSettingWords || !std::ranges::all_of(words, is_word))
            return base::error("{} is 1 to {} words of letters, digits and _.-, of {} octets at most", kind.name,
                               kMaxSettingWords, kMaxWord);
        return fmt::format("{}", fmt::join(words, " "));
    }
    if (words.size() != 1 || std::ranges::find(kind.choices, std::string_view(words.front())) == kind.choices.end())
        return base::error("{} is one of: {}", kind.name, describe_values(kind));
    return words.front();
}

std::string_view RecipientSettings::value(Setting setting) const {
    const auto index = static_cast<std::size_t>(setting);
    if (mailbox && !(*mailbox)[index].empty())
        return (*mailbox)[index];
    if (domain && !(*domain)[index].empty())
        return (*domain)[index];
    return kind_of(setting).otherwise;
}

bool SettingQuestion::holds(const RecipientSettings& settings) const {
    auto rest = settings.value(setting);
    bool found = false;
    while (!rest.empty() && !found) {
        const auto word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        found = std::ranges::find(values, word) != values.end();
    }
    return found != negated;
}

}  // namespace policy
