#include "config/expression_section.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "config/policy_words.hpp"
#include "config/spelling.hpp"
#include "policy/ready_made.hpp"

namespace config {

using policy::Entry;
using policy::Where;

namespace {

constexpr std::pair<std::string_view, Where> kPlaces[] = {{"header", Where::kHeader},
                                                          {"subject", Where::kSubject},
                                                          {"body", Where::kBody},
                                                          {"attachment", Where::kAttachment}};
constexpr std::string_view kKeys[] = {"where",  "field", "keyword", "keywords", "file",     "regex",     "ready",
                                      "weight", "case",  "words",   "count",    "distinct", "threshold", "near"};

base::Result<std::uint32_t> parse_number(std::string_view text, std::uint32_t least, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return base::error("must be a number of {} to {}", least, most);
    return value;
}

base::Status set_number(std::uint32_t& value, const IniEntry& entry, std::uint32_t least, std::uint32_t most) {
    const auto number = parse_number(entry.value, least, most);
    if (!number)
        return base::error("{} {}", entry.key, number.error().message);
    value = *number;
    return base::ok();
}

base::Status set_flag(bool& value, const IniEntry& entry) {
    if (!same(entry.value, "yes") && !same(entry.value, "no"))
        return base::error("{} is yes or no", entry.key);
    value = same(entry.value, "yes");
    return base::ok();
}

}  // namespace

ExpressionSection::ExpressionSection(std::string name, std::string file, unsigned line, FindList find_list)
    : file_(std::move(file)), find_list_(std::move(find_list)) {
    expression_.name = std::move(name);
    expression_.origin = fmt::format("{}:{}", file_, line);
}

base::Status ExpressionSection::take(const IniEntry& entry) {
    const auto key = lower(entry.key);
    if (key == "where")
        return take_where(entry);
    if (key == "field")
        return take_field(entry);
    if (key == "keyword")
        return add(Entry::Kind::kKeyword, entry.value, fmt::format("{}:{}", file_, entry.line));
    if (key == "keywords")
        return take_words(entry);
    if (key == "file")
        return take_list(entry);
    if (key == "regex")
        return add(Entry::Kind::kRegex, entry.value, fmt::format("{}:{}", file_, entry.line));
    if (key == "ready")
        return take_ready_made(entry);
    if (key == "weight")
        return set_number(next_.weight, entry, 1, policy::kMaxWeight);
    if (key == "count")
        return set_number(next_.max_count, entry, 1, policy::kMaxCount);
    if (key == "case")
        return set_flag(next_.case_sensitive, entry);
    if (key == "words")
        return set_flag(next_.whole_words, entry);
    if (key == "distinct")
        return set_flag(next_.distinct, entry);
    if (key == "threshold")
        return set_number(expression_.threshold, entry, 1, 1'000'000'000);
    if (key == "near")
        return take_near(entry);
    const auto close = near_miss(entry.key, kKeys);
    return base::error("unknown key {} in section [expression]{}", entry.key,
                       close.empty() ? "" : fmt::format("; did you mean {}?", close));
}

base::Status ExpressionSection::take_where(const IniEntry& entry) {
    const auto words = split_words(entry.value);
    if (!words)
        return words.error();
    std::uint8_t where = 0;
    for (const auto& word : *words) {
        const auto place = std::ranges::find_if(kPlaces, [&word](const auto& one) { return same(one.first, word); });
        if (place == std::end(kPlaces))
            return base::error("where is header, subject, body, attachment, or several of them");
        where = static_cast<std::uint8_t>(where | static_cast<std::uint8_t>(place->second));
    }
    expression_.where = where;
    says_where_ = true;
    return base::ok();
}

base::Status ExpressionSection::take_field(const IniEntry& entry) {
    if (entry.value.empty() || entry.value.find_first_of(": \t") != std::string::npos)
        return base::error("field is the name of a header field, without the colon");
    if (!says_where_)
        expression_.where = 0;
    expression_.fields.push_back(entry.value);
    return base::ok();
}

base::Status ExpressionSection::take_words(const IniEntry& entry) {
    const auto words = split_words(entry.value);
    if (!words)
        return words.error();
    for (const auto& word : *words)
        if (auto added = add(Entry::Kind::kKeyword, word, fmt::format("{}:{}", file_, entry.line)); !added)
            return added;
    return base::ok();
}

// One keyword a line; "#" begins a comment.
base::Status ExpressionSection::take_list(const IniEntry& entry) {
    const auto* const list = find_list_(entry.value);
    if (list == nullptr)
        return base::error("the list {} was not read", entry.value);
    unsigned number = 0;
    for (std::string_view rest = *list; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
            line.remove_suffix(1);
        if (line.empty() || line.front() == '#')
            continue;
        if (auto added = add(Entry::Kind::kKeyword, std::string(line), fmt::format("{}:{}", entry.value, number));
            !added)
            return added;
    }
    return base::ok();
}

base::Status ExpressionSection::take_ready_made(const IniEntry& entry) {
    const auto found = policy::ready_made(entry.value);
    if (!found) {
        std::vector<std::string_view> names;
        for (const auto& one : policy::ready_made())
            names.push_back(one.name);
        const auto close = near_miss(entry.value, names);
        return base::error("there is no ready-made expression {}{}", entry.value,
                           close.empty() ? "" : fmt::format("; did you mean {}?", close));
    }
    // It is whole in itself: its threshold and its nearness belong to its entries.
    if (!expression_.entries.empty())
        return base::error("a ready-made expression stands alone in its section");
    auto name = std::move(expression_.name);
    auto origin = std::move(expression_.origin);
    const auto where = expression_.where;
    auto fields = std::move(expression_.fields);
    expression_ = *found;
    expression_.name = std::move(name);
    expression_.origin = std::move(origin);
    if (says_where_ || !fields.empty()) {
        expression_.where = where;
        expression_.fields = std::move(fields);
    }
    return base::ok();
}

// "20 words", "200 characters", "3 of 20 words": so many different entries so close together.
base::Status ExpressionSection::take_near(const IniEntry& entry) {
    const auto split = split_words(entry.value);
    constexpr std::string_view kForm = "near is written as \"20 words\", \"200 characters\" or \"3 of 20 words\"";
    if (!split || (split->size() != 2 && split->size() != 4) || (split->size() == 4 && !same((*split)[1], "of")))
        return base::error("{}", kForm);
    policy::Proximity near;
    const auto distance = parse_number((*split)[split->size() - 2], 1, 100'000);
    const auto entries = split->size() == 4 ? parse_number(split->front(), 2, 1000) : base::Result<std::uint32_t>(0U);
    const auto& unit = split->back();
    if (!distance || !entries || (!same(unit, "words") && !same(unit, "characters")))
        return base::error("{}", kForm);
    near.distance = *distance;
    near.entries = *entries;
    near.unit = same(unit, "words") ? policy::Proximity::Unit::kWords : policy::Proximity::Unit::kCharacters;
    expression_.proximity = near;
    return base::ok();
}

base::Status ExpressionSection::add(Entry::Kind kind, std::string pattern, const std::string& origin) {
    const auto limit = kind == Entry::Kind::kRegex ? policy::kMaxRegex : policy::kMaxKeyword;
    if (pattern.empty() || pattern.size() > limit)
        return base::error("{}: what is looked for has 1 to {} octets", origin, limit);
    Entry entry = next_;
    entry.kind = kind;
    entry.pattern = std::move(pattern);
    entry.origin = origin;
    expression_.entries.push_back(std::move(entry));
    return base::ok();
}

base::Result<policy::Expression> ExpressionSection::finish() {
    if (expression_.entries.empty())
        return base::error("[expression {}] looks for nothing", expression_.name);
    if (expression_.where == 0 && expression_.fields.empty())
        return base::error("[expression {}] looks nowhere", expression_.name);
    return std::move(expression_);
}

}  // namespace config
