#include "policy/condition.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "mail/mime/defect.hpp"
#include "mail/text.hpp"
#include "policy/file_type.hpp"
#include "policy/pattern.hpp"
#include "policy/printable.hpp"

namespace policy {
namespace {

using Kind = Condition::Kind;

std::string shown(std::string_view text) {
    return printable(text).substr(0, kMaxSeen);
}

Answer yes(std::string seen) {
    return {true, shown(seen), {}};
}

Answer no(std::string seen = {}) {
    return {false, shown(seen), {}};
}

bool any_word(const Condition& condition, std::string_view text) {
    return std::any_of(condition.words.begin(), condition.words.end(),
                       [text](const std::string& pattern) { return matches(pattern, text); });
}

bool has_number(const Condition& condition, std::uint32_t number) {
    return std::find(condition.numbers.begin(), condition.numbers.end(), number) != condition.numbers.end();
}

Answer compared(const Condition& condition, std::uint64_t value) {
    const bool holds =
        condition.compare == Condition::Compare::kMore ? value > condition.number : value < condition.number;
    return {holds, std::to_string(value), {}};
}

// ---- what the scanners said

template <typename Wanted>
Answer ask_results(const Facts& facts, const Wanted& wanted) {
    for (const auto& result : facts.report.results) {
        if (wanted(result))
            return yes(fmt::format("{}: {} {}", result.scanner, to_string(result.outcome),
                                   result.name.empty() ? to_string(result.cause) : std::string_view(result.name)));
    }
    return no();
}

bool is_virus(const Condition& condition, const ScanResult& result) {
    return result.outcome == Outcome::kFound && (condition.words.empty() || any_word(condition, result.name));
}

// Broken MIME is a fact, not that a scanner could not tell.
bool is_construction(const ScanResult& result) {
    return result.scanner == kContentsScanner && result.cause == Cause::kMalformed;
}

bool asks_for_cause(const Condition& condition, Cause cause) {
    return has_number(condition, static_cast<std::uint32_t>(cause));
}

bool asks_for_cause(const Condition& condition, const ScanResult& result) {
    return condition.numbers.empty() ? !is_construction(result) : asks_for_cause(condition, result.cause);
}

bool is_answer(const Condition& condition, const ScanResult& result) {
    return matches(condition.words.front(), result.scanner) &&
           has_number(condition, static_cast<std::uint32_t>(result.outcome));
}

// `names`: of the limits that were reached, with blanks between them. All of them are asked for.
bool names_only(const Condition& condition, std::string_view names) {
    if (condition.numbers.empty())
        return true;
    while (!names.empty()) {
        const auto name = names.substr(0, names.find(' '));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        if (std::none_of(condition.numbers.begin(), condition.numbers.end(),
                         [name](std::uint32_t number) { return to_string(static_cast<ContentLimit>(number)) == name; }))
            return false;
    }
    return true;
}

Answer ask_virus(const Condition& condition, const Facts& facts) {
    return ask_results(facts, [&](const ScanResult& result) { return is_virus(condition, result); });
}

Answer ask_cannot_tell(const Condition& condition, const Facts& facts) {
    if (facts.report.results.empty())
        return condition.numbers.empty() || asks_for_cause(condition, Cause::kUnavailable)
                   ? yes("no scanner looked at it")
                   : no();
    auto answer = ask_results(facts, [&](const ScanResult& result) {
        return result.outcome > Outcome::kEncrypted && asks_for_cause(condition, result);
    });
    const auto defects = facts.report.contents.defects;
    if (!answer.holds && asks_for_cause(condition, Cause::kMalformed) && mail::mime::is_malformed(defects))
        return yes(mail::mime::describe(defects));
    return answer;
}

Answer ask_scanner(const Condition& condition, const Facts& facts) {
    return ask_results(facts, [&](const ScanResult& result) { return is_answer(condition, result); });
}

bool says(const Condition& condition, const ScanResult& result) {
    if (!matches(condition.words.front(), result.scanner))
        return false;
    return std::any_of(condition.words.begin() + 1, condition.words.end(), [&result](const std::string& pattern) {
        return matches(pattern, result.name) || matches(pattern, result.detail);
    });
}

Answer ask_scanner_says(const Condition& condition, const Facts& facts) {
    for (const auto& result : facts.report.results)
        if (says(condition, result))
            return yes(fmt::format("{}: {} {}", result.scanner, result.name, result.detail));
    return no();
}

// ---- items

// Every item of which `wanted` holds; `show` says what was seen of the first.
template <typename Wanted, typename Show>
Answer ask_items(const Facts& facts, const Wanted& wanted, const Show& show) {
    const auto& contents = facts.report.contents;
    Answer answer;
    for (std::size_t i = 0; i < contents.items.size(); ++i) {
        if (!wanted(contents.items[i]))
            continue;
        if (!answer.holds)
            answer.seen = shown(fmt::format("{}: {}", item_path(contents, i), show(contents.items[i])));
        answer.holds = true;
        answer.items.push_back(i);
    }
    return answer;
}

std::string first_name(const Item& item) {
    return item.names.empty() ? std::string() : item.names.front();
}

template <typename Wanted>
Answer ask_names(const Facts& facts, const Wanted& wanted) {
    return ask_items(
        facts, [&](const Item& item) { return std::any_of(item.names.begin(), item.names.end(), wanted); }, first_name);
}

Answer ask_mark(const Condition& condition, const Facts& facts) {
    return ask_items(
        facts,
        [&](const Item& item) {
            return std::any_of(condition.numbers.begin(), condition.numbers.end(),
                               [&](std::uint32_t mark) { return item.is(static_cast<Mark>(mark)); });
        },
        first_name);
}

Answer ask_encrypted(const Condition& condition, const Facts& facts) {
    auto answer = ask_results(facts, [](const ScanResult& result) { return result.outcome == Outcome::kEncrypted; });
    auto marked = ask_mark(condition, facts);
    if (!marked.holds)
        return answer;
    if (answer.holds)
        marked.seen = answer.seen;
    return marked;
}

Answer ask_type(const Condition& condition, const Facts& facts, std::string Item::*type) {
    return ask_items(
        facts, [&](const Item& item) { return !(item.*type).empty() && any_word(condition, item.*type); },
        [type](const Item& item) { return item.*type; });
}

Answer ask_mismatch(const Facts& facts) {
    return ask_items(facts, type_mismatch, [](const Item& item) {
        return fmt::format("{} as {} {}", item.true_type, item.declared_type, first_name(item));
    });
}

Answer ask_part_size(const Condition& condition, const Facts& facts) {
    const auto wanted = [&](const Item& item) {
        return item.kind != Item::Kind::kMessage && compared(condition, item.size).holds;
    };
    return ask_items(facts, wanted, [](const Item& item) { return std::to_string(item.size); });
}

// ---- numbers

bool is_inside(const Item& item) {
    return item.kind == Item::Kind::kMember || item.kind == Item::Kind::kEmbedded;
}

std::uint64_t expanded_size(const Contents& contents) {
    std::uint64_t sum = 0;
    for (const auto& item : contents.items)
        sum += is_inside(item) ? std::min(item.size, ~std::uint64_t{0} - sum) : 0;
    return sum;
}

std::uint64_t count_items(const Contents& contents, bool (*wanted)(const Item&)) {
    return static_cast<std::uint64_t>(std::count_if(contents.items.begin(), contents.items.end(), wanted));
}

std::uint64_t deepest(const Contents& contents) {
    std::uint64_t layers = 0;
    for (const auto& item : contents.items)
        layers = std::max<std::uint64_t>(layers, item.layer);
    return layers;
}

// The highest of all archives: what lies in it, layer by layer, for each octet of it. One that was left because of its
// ratio has that in any case.
std::uint64_t highest_ratio(const Contents& contents) {
    std::vector<std::uint64_t> inside(contents.items.size());
    std::uint64_t highest = 0;
    for (const auto& one : contents.exceeded)
        if (one.limit == ContentLimit::kRatio)
            highest = std::max(highest, one.value);
    for (auto i = contents.items.size(); i-- > 1;) {  // parents stand before their children
        const auto& item = contents.items[i];
        highest = std::max(highest, inside[i] / std::max<std::uint64_t>(item.size, 1));
        if (is_inside(item))
            inside[item.parent] += std::min(item.size, ~std::uint64_t{0} - inside[item.parent]);
    }
    return highest;
}

Answer ask_limit(const Condition& condition, const Facts& facts) {
    const auto& contents = facts.report.contents;
    for (const auto& one : contents.exceeded) {
        if (!condition.numbers.empty() && !has_number(condition, static_cast<std::uint32_t>(one.limit)))
            continue;
        auto answer = yes(fmt::format("{}: {} of {}", item_path(contents, one.item), one.value, to_string(one.limit)));
        answer.items.push_back(one.item);
        return answer;
    }
    return no();
}

Answer ask_expression(const Condition& condition, const Facts& facts) {
    const auto& contents = facts.report.contents;
    Answer answer;
    for (const auto& hit : contents.hits) {
        if (!has_number(condition, hit.expression))
            continue;
        if (!answer.holds)
            answer.seen =
                shown(fmt::format("{}: \"{}\", score {}", item_path(contents, hit.item), hit.excerpt, hit.score));
        answer.holds = true;
        answer.items.push_back(hit.item);
    }
    std::sort(answer.items.begin(), answer.items.end());
    answer.items.erase(std::unique(answer.items.begin(), answer.items.end()), answer.items.end());
    return answer;
}

// ---- who

Answer ask_text(const Condition& condition, std::string_view text) {
    return {any_word(condition, text), shown(text), {}};
}

// ---- the header

const FieldSeen* find_field(const Facts& facts, std::string_view name) {
    const auto& fields = facts.report.contents.fields;
    const auto found =
        std::find_if(fields.begin(), fields.end(), [name](const FieldSeen& field) { return field.name == name; });
    return found == fields.end() ? nullptr : &*found;
}

// `seen`: of the first value, when none matches.
Answer ask_header(const Condition& condition, const Facts& facts) {
    std::string first;
    for (const auto& name : condition.fields) {
        const auto* const field = find_field(facts, name);
        if (field == nullptr)
            continue;
        for (const auto& value : field->values) {
            if (any_word(condition, value))
                return yes(value);
            first = first.empty() ? value : first;
        }
    }
    return no(first);
}

// Of the first field of which `wanted` holds; null stands for one that is not there.
template <typename Wanted>
Answer ask_fields(const Condition& condition, const Facts& facts, const Wanted& wanted) {
    for (const auto& name : condition.fields)
        if (wanted(find_field(facts, name)))
            return yes(name);
    return no();
}

Answer ask_malformed_header(const Condition& condition, const Facts& facts) {
    const auto& any = facts.report.contents.malformed_field;
    if (condition.fields.empty())
        return any.empty() ? no() : yes(any);
    return ask_fields(condition, facts, [](const FieldSeen* field) { return field != nullptr && field->malformed; });
}

// ---- the text

Answer ask_language(const Condition& condition, const Facts& facts) {
    const auto& languages = facts.report.contents.languages;
    const bool holds = std::any_of(languages.begin(), languages.end(), [&condition](const std::string& language) {
        return std::find(condition.words.begin(), condition.words.end(), language) != condition.words.end();
    });
    return {holds, shown(fmt::format("{}", fmt::join(languages, " "))), {}};
}

Answer ask_writing(const Condition& condition, const Facts& facts) {
    const auto writings = facts.report.contents.writings;
    std::string seen;
    for (std::size_t i = 0; i < kWritings; ++i)
        if (const auto writing = static_cast<Writing>(i); (writings & bit(writing)) != 0)
            seen.append(seen.empty() ? "" : " ").append(to_string(writing));
    return {(writings & condition.mask) != 0, seen, {}};
}

Answer ask_client(const Condition& condition, const Facts& facts) {
    if (!facts.client)
        return no("unknown");
    const bool holds = std::any_of(condition.networks.begin(), condition.networks.end(),
                                   [&](const Network& network) { return network.contains(*facts.client); });
    return {holds, {}, {}};
}

Answer ask_set(const Condition& condition, const Facts& facts) {
    Answer all{!condition.any, {}, {}};
    for (const auto& child : condition.children) {
        auto answer = ask(child, facts);
        if (answer.holds) {
            all.items.insert(all.items.end(), answer.items.begin(), answer.items.end());
            if (all.seen.empty())
                all.seen = answer.seen;
        }
        if (answer.holds == condition.any) {
            all.holds = condition.any;
            if (!condition.any)
                break;
        }
    }
    std::sort(all.items.begin(), all.items.end());
    all.items.erase(std::unique(all.items.begin(), all.items.end()), all.items.end());
    if (!all.holds)
        all.items.clear();
    return all;
}

Answer ask_plain(const Condition& condition, const Facts& facts) {
    const auto& contents = facts.report.contents;
    switch (condition.kind) {
        case Kind::kSet:
            return ask_set(condition, facts);
        case Kind::kVirus:
            return ask_virus(condition, facts);
        case Kind::kCannotTell:
            return ask_cannot_tell(condition, facts);
        case Kind::kEncrypted:
            return ask_encrypted(condition, facts);
        case Kind::kScanner:
            return ask_scanner(condition, facts);
        case Kind::kMark:
            return ask_mark(condition, facts);
        case Kind::kFileName:
            return ask_names(facts, [&](const std::string& name) { return any_word(condition, name); });
        case Kind::kExtension:
            return ask_names(facts, [&](const std::string& name) { return any_word(condition, extension_of(name)); });
        case Kind::kDoubleExtension:
            return ask_names(facts, has_double_extension);
        case Kind::kProgram:
            return ask_items(
                facts, [](const Item& item) { return is_program_type(item.true_type); },
                [](const Item& item) { return item.true_type; });
        case Kind::kTrueType:
            return ask_type(condition, facts, &Item::true_type);
        case Kind::kDeclaredType:
            return ask_type(condition, facts, &Item::declared_type);
        case Kind::kTypeMismatch:
            return ask_mismatch(facts);
        case Kind::kCharset:
            return ask_type(condition, facts, &Item::charset);
        case Kind::kPartSize:
            return ask_part_size(condition, facts);
        case Kind::kMessageSize:
            return compared(condition, facts.size);
        case Kind::kExpandedSize:
            return compared(condition, expanded_size(contents));
        case Kind::kRecipients:
            return compared(condition, facts.envelope.recipients.size());
        case Kind::kParts:
            return compared(condition,
                            count_items(contents, [](const Item& item) { return item.kind == Item::Kind::kEntity; }));
        case Kind::kFiles:
            return compared(condition, count_items(contents, is_inside));
        case Kind::kLayers:
            return compared(condition, deepest(contents));
        case Kind::kLimit:
            return ask_limit(condition, facts);
        case Kind::kMalformed:
            return {mail::mime::is_malformed(contents.defects), shown(mail::mime::describe(contents.defects)), {}};
        case Kind::kDefect:
            return {(contents.defects & condition.mask) != 0,
                    shown(mail::mime::describe(contents.defects & condition.mask)),
                    {}};
        case Kind::kExpression:
            return ask_expression(condition, facts);
        case Kind::kSender:
            return {std::any_of(condition.words.begin(), condition.words.end(),
                                [&](const std::string& pattern) {
                                    return matches_recipient(pattern, facts.envelope.reverse_path) ||
                                           (pattern == "<>" && facts.envelope.null_sender());
                                }),
                    shown("<" + facts.envelope.reverse_path + ">"),
                    {}};
        case Kind::kClient:
            return ask_client(condition, facts);
        case Kind::kClientName:
            return ask_text(condition, facts.client_name);
        case Kind::kHeader:
            return ask_header(condition, facts);
        case Kind::kMissingHeader:
            return contents.items.empty()
                       ? no("nobody looked")
                       : ask_fields(condition, facts, [](const FieldSeen* field) { return field == nullptr; });
        case Kind::kRepeatedHeader:
            return ask_fields(condition, facts,
                              [](const FieldSeen* field) { return field != nullptr && field->count > 1; });
        case Kind::kMalformedHeader:
            return ask_malformed_header(condition, facts);
        case Kind::kLanguage:
            return ask_language(condition, facts);
        case Kind::kWriting:
            return ask_writing(condition, facts);
        case Kind::kScannerSays:
            return ask_scanner_says(condition, facts);
        case Kind::kRatio:
            return compared(condition, highest_ratio(contents));
    }
    return no();
}

}  // namespace

bool Network::contains(const ClientAddress& other) const {
    const auto whole = std::min<std::size_t>(prefix / 8, address.size());
    if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), other.begin()))
        return false;
    if (whole == address.size() || prefix % 8 == 0)
        return true;
    const auto mask = static_cast<std::uint8_t>(0xff00U >> (prefix % 8));
    return (address[whole] & mask) == (other[whole] & mask);
}

bool concerns(const Condition& condition, const ScanResult& result) {
    if (condition.negated)
        return false;
    const bool cannot_tell = result.outcome > Outcome::kEncrypted;
    switch (condition.kind) {
        case Kind::kSet:
            return std::any_of(condition.children.begin(), condition.children.end(),
                               [&result](const Condition& child) { return concerns(child, result); });
        case Kind::kVirus:
            return is_virus(condition, result);
        case Kind::kCannotTell:
            return cannot_tell && asks_for_cause(condition, result);
        case Kind::kEncrypted:
            return result.outcome == Outcome::kEncrypted;
        case Kind::kScanner:
            return is_answer(condition, result);
        case Kind::kScannerSays:
            return says(condition, result);
        case Kind::kLimit:
            return cannot_tell && result.scanner == kContentsScanner && result.cause == Cause::kLimit &&
                   names_only(condition, result.name);
        case Kind::kMalformed:
            return cannot_tell && is_construction(result);
        default:
            return false;
    }
}

bool is_about_contents(Condition::Kind kind) {
    switch (kind) {
        case Kind::kSet:
        case Kind::kVirus:
        case Kind::kCannotTell:
        case Kind::kScanner:
        case Kind::kScannerSays:
        case Kind::kMessageSize:
        case Kind::kRecipients:
        case Kind::kSender:
        case Kind::kClient:
        case Kind::kClientName:
            return false;
        default:
            return true;
    }
}

namespace {

bool asks_contents(const Condition& condition) {
    return condition.kind == Kind::kSet
               ? std::any_of(condition.children.begin(), condition.children.end(), asks_contents)
               : is_about_contents(condition.kind);
}

bool is_count(Condition::Kind kind) {
    return kind == Kind::kPartSize || kind == Kind::kExpandedSize || kind == Kind::kParts || kind == Kind::kFiles ||
           kind == Kind::kLayers || kind == Kind::kRatio;
}

}  // namespace

Answer ask(const Condition& condition, const Facts& facts) {
    // Nobody looked: that something is not there, or that there is little of it, is then not known either (invariant
    // 6). A policy's rules would else refuse good mail while the workers are away.
    if (facts.report.contents.items.empty() && (condition.negated || is_count(condition.kind)) &&
        asks_contents(condition))
        return {false, "nobody looked", {}};
    auto answer = ask_plain(condition, facts);
    if (condition.negated) {
        answer.holds = !answer.holds;
        answer.items.clear();
    }
    return answer;
}

}  // namespace policy
