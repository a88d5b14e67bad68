#include "config/setting_question.hpp"

#include <algorithm>
#include <vector>

#include "config/policy_words.hpp"
#include "config/spelling.hpp"

namespace config {
namespace {

std::string setting_hint(std::string_view word) {
    std::vector<std::string_view> names;
    for (const auto& kind : policy::setting_kinds())
        if (kind.for_rules)
            names.push_back(kind.name);
    const auto close = near_miss(word, names);
    return close.empty() ? std::string() : fmt::format("; did you mean {}?", close);
}

}  // namespace

base::Result<policy::SettingQuestion> parse_setting_question(std::string_view text) {
    auto words = split_words(text);
    if (!words)
        return words.error();
    policy::SettingQuestion question;
    question.text = "setting " + std::string(text);
    std::size_t next = 0;
    question.negated = !words->empty() && same(words->front(), "not");
    next += question.negated ? 1 : 0;
    if (words->size() < next + 2)
        return base::error("setting is followed by the name of a setting and values, as class gold");
    const auto& name = (*words)[next++];
    const auto setting = policy::find_setting(name);
    if (!setting)
        return base::error("{}{}", setting.error().message, setting_hint(name));
    question.setting = *setting;
    if (!policy::kind_of(*setting).for_rules)
        return base::error("{}: no rule meets such a recipient", name);
    for (; next < words->size(); ++next) {
        auto value = policy::setting_value(*setting, (*words)[next]);
        if (!value)
            return value.error();
        if (value->find(' ') != std::string::npos)  // within quotes
            return base::error("\"{}\" is no single value", *value);
        question.values.push_back(std::move(*value));
    }
    return question;
}

}  // namespace config
