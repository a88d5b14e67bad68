#include "config/condition_arguments.hpp"

#include <algorithm>

#include "config/spelling.hpp"
#include "policy/writing.hpp"

namespace config {

bool is_field_name(std::string_view name) {
    return !name.empty() && name.size() <= policy::kMaxFieldName &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
}

base::Status take_fields(policy::Condition& taken, std::string_view condition, Words words,
                         std::span<const std::string_view> otherwise) {
    for (const auto& word : words) {
        if (!is_field_name(word))
            return base::error("{}: \"{}\" is not the name of a header field; it has no colon", condition, word);
        taken.fields.push_back(lower(word));
    }
    if (words.empty())
        taken.fields.assign(otherwise.begin(), otherwise.end());
    return base::ok();
}

base::Status take_languages(policy::Condition& taken, Words words) {
    for (const auto& word : words) {
        taken.words.push_back(lower(word));
        if (!policy::is_language(taken.words.back()))
            return base::error("language: \"{}\" is no code of a language that is known, as de, en, pt, zh", word);
    }
    return words.empty() ? base::Status(base::error("language is followed by codes of languages, as de en"))
                         : base::ok();
}

base::Status take_writings(policy::Condition& taken, Words words) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < policy::kWritings; ++i)
        names.push_back(policy::to_string(static_cast<policy::Writing>(i)));
    for (const auto& word : words) {
        const auto writing = policy::writing_of(lower(word));
        const auto close = near_miss(word, names);
        if (!writing)
            return base::error("writing: \"{}\" is not known{}", word,
                               close.empty() ? "" : fmt::format("; did you mean {}?", close));
        taken.mask |= policy::bit(*writing);
    }
    return words.empty() ? base::Status(base::error("writing is followed by names of scripts, as cyrillic han"))
                         : base::ok();
}

}  // namespace config
