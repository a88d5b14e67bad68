#include "config/policy_words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

#include "config/condition_arguments.hpp"
#include "config/spelling.hpp"
#include "mail/field_syntax.hpp"
#include "mail/mime/defect.hpp"
#include "net/address.hpp"

namespace config {

using policy::Condition;
using Is = Condition::Kind;

namespace {

constexpr std::size_t kMaxWords = 10000;  // of one condition

// What follows the word of a condition.
enum class Takes : std::uint8_t {
    kNothing,
    kWords,
    kSomeWords,
    kComparison,
    kSize,
    kChoices,
    kNetworks,
    kReference,
    kField,         // the name of a header field, and words
    kSomeFields,    // names of header fields; none: those that the form has
    kScannerWords,  // the name of a scanner, and words
    kLanguages,
    kWritings,
};

struct Choice {
    std::string_view word;
    std::uint32_t number;
};

struct Form {
    std::string_view word;
    Is kind;
    Takes takes;
    std::span<const Choice> choices{};
    policy::Mark mark = policy::Mark::kAttachment;  // of those that ask for one
    std::span<const std::string_view> fields{};     // of those about certain header fields
};

template <typename Enum>
constexpr std::uint32_t number(Enum value) {
    return static_cast<std::uint32_t>(value);
}

constexpr Choice kCauses[] = {
    {"timeout", number(policy::Cause::kTimeout)},
    {"limit", number(policy::Cause::kLimit)},
    {"crash", number(policy::Cause::kCrash)},
    {"error", number(policy::Cause::kError)},
    {"unavailable", number(policy::Cause::kUnavailable)},
    {"malformed", number(policy::Cause::kMalformed)},
    {"stale", number(policy::Cause::kStale)},
};

constexpr Choice kOutcomes[] = {
    {"clean", number(policy::Outcome::kClean)},
    {"found", number(policy::Outcome::kFound)},
    {"encrypted", number(policy::Outcome::kEncrypted)},
    {"cannot_tell", number(policy::Outcome::kCannotTell)},
};

constexpr Choice kLimits[] = {
    {"entities", number(policy::ContentLimit::kEntities)},
    {"header_fields", number(policy::ContentLimit::kHeaderFields)},
    {"header_parameters", number(policy::ContentLimit::kHeaderParameters)},
    {"layers", number(policy::ContentLimit::kLayers)},
    {"files", number(policy::ContentLimit::kFiles)},
    {"expanded_size", number(policy::ContentLimit::kExpandedSize)},
    {"ratio", number(policy::ContentLimit::kRatio)},
    {"readings", number(policy::ContentLimit::kReadings)},
    {"scan_time", number(policy::ContentLimit::kScanTime)},
    {"facts", number(policy::ContentLimit::kFacts)},
};

constexpr std::string_view kSubject[] = {"subject"};
constexpr std::string_view kFrom[] = {"from"};

constexpr Form kForms[] = {
    {"virus", Is::kVirus, Takes::kSomeWords},
    {"cannot_tell", Is::kCannotTell, Takes::kChoices, kCauses},
    {"encrypted", Is::kEncrypted, Takes::kNothing, {}, policy::Mark::kEncrypted},
    {"scanner", Is::kScanner, Takes::kChoices, kOutcomes},
    {"scanner_says", Is::kScannerSays, Takes::kScannerWords},
    {"attachment", Is::kMark, Takes::kNothing, {}, policy::Mark::kAttachment},
    {"macro", Is::kMark, Takes::kNothing, {}, policy::Mark::kMacro},
    {"script", Is::kMark, Takes::kNothing, {}, policy::Mark::kScript},
    {"embedded", Is::kMark, Takes::kNothing, {}, policy::Mark::kEmbedded},
    {"external", Is::kMark, Takes::kNothing, {}, policy::Mark::kExternal},
    {"malformed_file", Is::kMark, Takes::kNothing, {}, policy::Mark::kMalformed},
    {"unopened", Is::kMark, Takes::kNothing, {}, policy::Mark::kUnopened},
    {"signed", Is::kMark, Takes::kNothing, {}, policy::Mark::kSigned},
    {"file_name", Is::kFileName, Takes::kWords},
    {"extension", Is::kExtension, Takes::kWords},
    {"double_extension", Is::kDoubleExtension, Takes::kNothing},
    {"program", Is::kProgram, Takes::kNothing},
    {"true_type", Is::kTrueType, Takes::kWords},
    {"declared_type", Is::kDeclaredType, Takes::kWords},
    {"type_mismatch", Is::kTypeMismatch, Takes::kNothing},
    {"charset", Is::kCharset, Takes::kWords},
    {"part_size", Is::kPartSize, Takes::kSize},
    {"message_size", Is::kMessageSize, Takes::kSize},
    {"expanded_size", Is::kExpandedSize, Takes::kSize},
    {"recipients", Is::kRecipients, Takes::kComparison},
    {"parts", Is::kParts, Takes::kComparison},
    {"files", Is::kFiles, Takes::kComparison},
    {"layers", Is::kLayers, Takes::kComparison},
    {"ratio", Is::kRatio, Takes::kComparison},
    {"limit", Is::kLimit, Takes::kChoices, kLimits},
    {"malformed", Is::kMalformed, Takes::kNothing},
    {"defect", Is::kDefect, Takes::kWords},
    {"expression", Is::kExpression, Takes::kReference},
    {"conditions", Is::kSet, Takes::kReference},
    {"sender", Is::kSender, Takes::kWords},
    {"client", Is::kClient, Takes::kNetworks},
    {"client_name", Is::kClientName, Takes::kWords},
    {"subject", Is::kHeader, Takes::kWords, {}, {}, kSubject},
    {"from", Is::kHeader, Takes::kWords, {}, {}, kFrom},
    {"header", Is::kHeader, Takes::kField},
    {"missing_header", Is::kMissingHeader, Takes::kSomeFields, {}, {}, mail::kFieldsNeeded},
    {"repeated_header", Is::kRepeatedHeader, Takes::kSomeFields, {}, {}, mail::kFieldsOnce},
    {"malformed_header", Is::kMalformedHeader, Takes::kSomeFields},
    {"language", Is::kLanguage, Takes::kLanguages},
    {"writing", Is::kWriting, Takes::kWritings},
};

const Form* find_form(std::string_view word) {
    const auto found = std::ranges::find_if(kForms, [word](const Form& form) { return same(form.word, word); });
    return found == std::end(kForms) ? nullptr : &*found;
}

template <typename Range, typename Project>
std::string hint(std::string_view word, const Range& range, Project project) {
    std::vector<std::string_view> words;
    for (const auto& one : range)
        words.push_back(project(one));
    const auto close = near_miss(word, words);
    return close.empty() ? std::string() : fmt::format("; did you mean {}?", close);
}

base::Result<std::uint64_t> parse_number(std::string_view text, bool octets) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    unsigned shift = 0;
    if (octets && unit.size() == 1)
        shift = same(unit, "k") ? 10 : same(unit, "m") ? 20 : same(unit, "g") ? 30 : 0;
    if (problem != std::errc() || (shift == 0 && !unit.empty()) || value > (~std::uint64_t{0} >> shift))
        return base::error("\"{}\" is no number{}", text, octets ? " of octets, as 500k, 10m or 1g" : "");
    return value << shift;
}

base::Result<policy::Network> parse_network(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = net::Address::parse(text.substr(0, slash));
    if (!address)
        return base::error("\"{}\" is no address or network", text);
    policy::Network network{address->mapped(), 128};
    if (slash == std::string_view::npos)
        return network;
    const auto bits = parse_number(text.substr(slash + 1), false);
    if (!bits || *bits > address->width())
        return base::error("\"{}\": the prefix is a number of 0 to {}", text, address->width());
    network.prefix = static_cast<unsigned>(*bits) + 128 - address->width();
    return network;
}

base::Status take_choices(Condition& condition, const Form& form, Words words) {
    for (const auto& word : words) {
        const auto found =
            std::ranges::find_if(form.choices, [&word](const Choice& choice) { return same(choice.word, word); });
        if (found == form.choices.end())
            return base::error("{}: \"{}\" is not known{}", form.word, word,
                               hint(word, form.choices, [](const Choice& choice) { return choice.word; }));
        condition.numbers.push_back(found->number);
    }
    return base::ok();
}

base::Status take_comparison(Condition& condition, const Form& form, Words words, bool octets) {
    if (words.size() != 2 || (words[0] != ">" && words[0] != "<"))
        return base::error("{} is followed by > or < and a number{}", form.word, octets ? ", as > 10m" : "");
    const auto value = parse_number(words[1], octets);
    if (!value)
        return value.error();
    condition.compare = words[0] == ">" ? Condition::Compare::kMore : Condition::Compare::kLess;
    condition.number = *value;
    return base::ok();
}

base::Status take_reference(Condition& condition, const Form& form, Words words, const Known& known) {
    if (words.empty())
        return base::error("{} is followed by a name", form.word);
    for (const auto& word : words) {
        if (form.kind == Is::kExpression) {
            const auto index = known.expression(word);
            if (!index)
                return base::error("there is no [expression {}]", word);
            condition.numbers.push_back(*index);
        } else {
            const auto* const set = known.set(word);
            if (set == nullptr)
                return base::error("there is no [conditions {}] before this line", word);
            condition.children.push_back(*set);
        }
    }
    condition.any = true;  // several names: any of them
    return base::ok();
}

base::Status take_defects(Condition& condition, Words words) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < mail::mime::kDefects; ++i)
        names.push_back(mail::mime::to_string(static_cast<mail::mime::Defect>(i)));
    for (const auto& word : words) {
        const auto found = std::ranges::find_if(names, [&word](std::string_view name) { return same(name, word); });
        if (found == names.end())
            return base::error("defect: \"{}\" is not known{}", word,
                               hint(word, names, [](std::string_view name) { return name; }));
        condition.mask |= mail::mime::bit(static_cast<mail::mime::Defect>(found - names.begin()));
    }
    return base::ok();
}

base::Status take_patterns(Condition& condition, Words words) {
    std::ranges::transform(words, std::back_inserter(condition.words),
                           [](const std::string& word) { return lower(word); });
    return base::ok();
}

base::Status take_arguments(Condition& condition, const Form& form, Words words, const Known& known) {
    switch (form.takes) {
        case Takes::kNothing:
            if (!words.empty())
                return base::error("nothing may follow {}", form.word);
            condition.numbers = {number(form.mark)};
            return base::ok();
        case Takes::kWords:
            if (words.empty())
                return base::error("{} is followed by one or more words; * stands for anything", form.word);
            [[fallthrough]];
        case Takes::kSomeWords:
            if (form.kind == Is::kDefect)
                return take_defects(condition, words);
            condition.fields.assign(form.fields.begin(), form.fields.end());
            return take_patterns(condition, words);
        case Takes::kField:
            if (words.size() < 2)
                return base::error("{} is followed by the name of a field and patterns, as header X-Mailer *bulk*",
                                   form.word);
            if (auto taken = take_fields(condition, form.word, words.first(1), {}); !taken)
                return taken;
            return take_patterns(condition, words.subspan(1));
        case Takes::kSomeFields:
            return take_fields(condition, form.word, words, form.fields);
        case Takes::kScannerWords:
            if (words.size() < 2)
                return base::error("{} is followed by a scanner's name and patterns", form.word);
            return take_patterns(condition, words);
        case Takes::kLanguages:
            return take_languages(condition, words);
        case Takes::kWritings:
            return take_writings(condition, words);
        case Takes::kComparison:
            return take_comparison(condition, form, words, false);
        case Takes::kSize:
            return take_comparison(condition, form, words, true);
        case Takes::kChoices:
            if (form.kind != Is::kScanner)
                return take_choices(condition, form, words);
            if (words.size() < 2)
                return base::error("scanner is followed by its name and what it said, as scanner clamav found");
            condition.words.push_back(lower(words.front()));
            return take_choices(condition, form, words.subspan(1));
        case Takes::kNetworks:
            for (const auto& word : words) {
                auto network = parse_network(word);
                if (!network)
                    return network.error();
                condition.networks.push_back(*network);
            }
            return words.empty() ? base::Status(base::error("client is followed by addresses or networks"))
                                 : base::ok();
        case Takes::kReference:
            break;
    }
    return take_reference(condition, form, words, known);
}

// ---- times

constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::optional<unsigned> day_of(std::string_view text) {
    for (unsigned day = 0; day < std::size(kDays); ++day)
        if (text.size() >= 3 && same(text.substr(0, 3), kDays[day]))
            return day;
    return std::nullopt;
}

base::Result<unsigned> parse_days(std::string_view text) {
    unsigned days = 0;
    while (!text.empty()) {
        const auto item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const auto dash = item.find('-');
        const auto first = day_of(item.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : day_of(item.substr(dash + 1));
        if (!first || !last)
            return base::error("\"{}\": days are written as mon-fri or sat,sun", item);
        for (unsigned day = *first;; day = (day + 1) % 7) {
            days |= 1U << day;
            if (day == *last)
                break;
        }
    }
    return days;
}

std::optional<unsigned> minute_of(std::string_view text) {
    const auto digit = [&](std::size_t i) { return static_cast<unsigned>(text[i] - '0'); };
    if (text.size() != 5 || text[2] != ':')
        return std::nullopt;
    for (const std::size_t i : {0U, 1U, 3U, 4U})
        if (text[i] < '0' || text[i] > '9')
            return std::nullopt;
    const unsigned minute = (digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4);
    return minute <= 1440 && digit(3) < 6 ? std::optional(minute) : std::nullopt;
}

}  // namespace

base::Result<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    bool any = false;
    for (const char c : text) {
        if (c == '"') {
            quoted = !quoted;
            any = true;
        } else if ((c == ' ' || c == '\t') && !quoted) {
            if (any || !word.empty())
                words.push_back(std::exchange(word, {}));
            any = false;
        } else {
            word += c;
        }
    }
    if (quoted)
        return base::error("a quote is not closed");
    if (any || !word.empty())
        words.push_back(std::move(word));
    return words;
}

base::Result<Condition> parse_condition(std::string_view text, const Known& known) {
    auto split = split_words(text);
    if (!split)
        return split.error();
    Words words(*split);
    Condition condition;
    condition.text = std::string(text);
    if (!words.empty() && same(words.front(), "not")) {
        condition.negated = true;
        words = words.subspan(1);
    }
    if (words.empty())
        return base::error("a condition is missing");
    const auto* const form = find_form(words.front());
    if (form == nullptr)
        return base::error("unknown condition {}{}", words.front(),
                           hint(words.front(), kForms, [](const Form& one) { return one.word; }));
    if (words.size() > kMaxWords)
        return base::error("more than {} words", kMaxWords);
    condition.kind = form->kind;
    if (auto taken = take_arguments(condition, *form, words.subspan(1), known); !taken)
        return taken.error();
    return condition;
}

std::vector<std::string_view> condition_words() {
    std::vector<std::string_view> words;
    std::ranges::transform(kForms, std::back_inserter(words), &Form::word);
    return words;
}

base::Result<policy::Span> parse_span(std::string_view text) {
    const auto words = split_words(text);
    if (!words || words->empty() || words->size() > 2)
        return base::error("a time is written as mon-fri 08:00-18:00");
    policy::Span span{0x7f, 0, 1440};
    auto hours = std::string_view(words->back());
    if (day_of(words->front())) {
        const auto days = parse_days(words->front());
        if (!days)
            return days.error();
        span.days = *days;
        if (words->size() == 1)
            return span;
    } else if (words->size() == 2) {
        return base::error("\"{}\" is no day", words->front());
    }
    const auto dash = hours.find('-');
    const auto begin = minute_of(hours.substr(0, dash));
    const auto end = dash == std::string_view::npos ? std::nullopt : minute_of(hours.substr(dash + 1));
    if (!begin || !end || *begin == *end || *begin == 1440)
        return base::error("\"{}\": hours are written as 08:00-18:00", hours);
    span.begin = *begin;
    span.end = *end;
    return span;
}

}  // namespace config
