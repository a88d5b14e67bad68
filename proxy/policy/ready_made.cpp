#include "policy/ready_made.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

namespace policy {
namespace {

// Where people write, not where machines do: header fields hold numbers of all kinds.
constexpr std::uint8_t kWritten = static_cast<std::uint8_t>(Where::kSubject) | static_cast<std::uint8_t>(Where::kBody) |
                                  static_cast<std::uint8_t>(Where::kAttachment);

Entry number(Entry::Kind kind) {
    Entry entry;
    entry.kind = kind;
    entry.distinct = true;
    return entry;
}

Entry luhn(std::uint32_t digits) {
    auto entry = number(Entry::Kind::kLuhn);
    entry.min_digits = entry.max_digits = digits;
    return entry;
}

Entry regex(std::string_view pattern, bool case_sensitive = false) {
    Entry entry;
    entry.kind = Entry::Kind::kRegex;
    entry.pattern = pattern;
    entry.case_sensitive = case_sensitive;
    entry.distinct = true;
    return entry;
}

std::vector<Entry> keywords(std::initializer_list<std::string_view> words) {
    std::vector<Entry> entries;
    for (const auto word : words) {
        Entry entry;
        entry.pattern = word;
        entries.push_back(std::move(entry));
    }
    return entries;
}

// The entry counts only near one of the words that say what it is.
std::vector<Entry> named(Entry entry, std::string_view words) {
    return {std::move(entry), regex(words)};
}
constexpr Proximity kNear{2, 120, Proximity::Unit::kCharacters};

struct Definition {
    ReadyMade about;
    std::vector<Entry> (*entries)();
    bool near = false;  // kNear, and a threshold that takes both
    std::uint32_t threshold = 1;
};

const Definition kDefinitions[] = {
    {{"cards", "a payment card number"}, [] { return std::vector{number(Entry::Kind::kCard)}; }},
    {{"cards-many", "5 or more different payment card numbers in one text"},
     [] { return std::vector{number(Entry::Kind::kCard)}; },
     false,
     5},
    {{"card-track", "the magnetic stripe of a payment card, track 1 or 2"},
     [] {
         return std::vector{regex(R"(%?B\d{13,19}\^[^^]{2,26}\^\d{7})", true),
                            regex(R"(;\d{13,19}=\d{7,}\d*\?)", true)};
     }},
    {{"iban", "an international bank account number"}, [] { return std::vector{number(Entry::Kind::kIban)}; }},
    {{"iban-many", "5 or more different international bank account numbers in one text"},
     [] { return std::vector{number(Entry::Kind::kIban)}; },
     false,
     5},
    {{"us-ssn", "a US social security number with separators"},
     [] { return std::vector{number(Entry::Kind::kUsSsn)}; }},
    {{"us-ssn-digits", "nine digits that may be a US social security number, near words that say so"},
     [] { return named(number(Entry::Kind::kUsSsnDigits), R"(\b(?:ssn|ss#|soc(?:ial)? sec(?:urity)?)\b)"); },
     true,
     2},
    {{"us-itin", "a US individual taxpayer number"},
     [] { return std::vector{regex(R"(\b9\d\d[- ](?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[- ]\d{4}\b)")}; }},
    {{"uk-nino", "a UK national insurance number"},
     [] {
         return std::vector{regex(
             R"(\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]\b)", true)};
     }},
    {{"ca-sin", "a Canadian social insurance number near words that say so"},
     [] { return named(luhn(9), R"(\b(?:sin|social insurance|assurance sociale|nas)\b)"); },
     true,
     2},
    {{"imei", "the serial number of a mobile telephone near words that say so"},
     [] { return named(luhn(15), R"(\bimei\b)"); },
     true,
     2},
    {{"private-key", "a private key in PEM"},
     [] { return std::vector{regex(R"(-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)", true)}; }},
    {{"access-key", "keys of cloud services and software forges by their known beginnings"},
     [] {
         return std::vector{regex(R"(\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)", true),
                            regex(R"(\bgh[pousr]_[A-Za-z0-9]{36,}\b)", true), regex(R"(\bAIza[A-Za-z0-9_-]{35})", true),
                            regex(R"(\bxox[abprs]-[A-Za-z0-9-]{10,})", true)};
     }},
    {{"password", "a password that is told"},
     [] {
         return std::vector{regex(
             R"(\b(?:password|passwd|passwort|passphrase|kennwort|mot de passe) ?(?:is|ist|est)? ?[:=] ?[^ ]{4,})")};
     }},
    {{"confidential", "words that mark a document as not public"},
     [] {
         return keywords({"strictly confidential", "company confidential", "internal use only", "not for distribution",
                          "top secret", "trade secret", "do not distribute", "streng vertraulich",
                          "nur für den Dienstgebrauch", "strictement confidentiel"});
     }},
};

}  // namespace

const std::vector<ReadyMade>& ready_made() {
    static const std::vector<ReadyMade> all = [] {
        std::vector<ReadyMade> made;
        for (const auto& definition : kDefinitions)
            made.push_back(definition.about);
        return made;
    }();
    return all;
}

std::optional<Expression> ready_made(std::string_view name) {
    const auto* const found = std::find_if(std::begin(kDefinitions), std::end(kDefinitions),
                                           [name](const Definition& one) { return one.about.name == name; });
    if (found == std::end(kDefinitions))
        return std::nullopt;
    Expression expression;
    expression.name = name;
    expression.where = kWritten;
    expression.entries = found->entries();
    expression.threshold = found->threshold;
    expression.origin = fmt::format("ready-made {}", name);
    if (found->near)
        expression.proximity = kNear;
    for (auto& entry : expression.entries)
        entry.origin = expression.origin;
    return expression;
}

}  // namespace policy
