#include "policy/scan_report.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "policy/printable.hpp"

namespace policy {
namespace {

constexpr std::size_t kMaxSummary = 300;  // octets

constexpr std::array kByWeight{Outcome::kFound, Outcome::kCannotTell, Outcome::kEncrypted, Outcome::kClean};

bool is_there(const ScanReport& report, Outcome outcome) {
    return std::any_of(report.results.begin(), report.results.end(),
                       [outcome](const ScanResult& result) { return outcome_of(result) == outcome; });
}

// What the results with this outcome say of it, each text once, as "a, b".
std::string words_of(const ScanReport& report, Outcome outcome) {
    std::vector<std::string> words;
    for (const auto& result : report.results) {
        if (outcome_of(result) != outcome)
            continue;
        auto word = outcome == Outcome::kCannotTell ? std::string(to_string(result.cause)) : printable(result.name);
        if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end())
            words.push_back(std::move(word));
    }
    std::string joined;
    for (const auto& word : words)
        joined.append(joined.empty() ? "" : ", ").append(word);
    if (joined.size() > kMaxSummary)
        joined = joined.substr(0, kMaxSummary) + "...";
    return joined;
}

}  // namespace

Outcome outcome_of(const ScanResult& result) {
    const bool known =
        result.outcome == Outcome::kClean || result.outcome == Outcome::kFound || result.outcome == Outcome::kEncrypted;
    return known ? result.outcome : Outcome::kCannotTell;
}

ScanReport cannot_tell(std::string_view scanner, Cause cause, std::string_view detail) {
    ScanReport report;
    report.results.push_back({std::string(scanner), Outcome::kCannotTell, cause, {}, std::string(detail)});
    return report;
}

Outcome worst_outcome(const ScanReport& report) {
    for (const auto outcome : kByWeight)
        if (is_there(report, outcome))
            return outcome;
    return Outcome::kCannotTell;
}

ScanResult worse(ScanResult one, ScanResult other) {
    const auto weight = [](const ScanResult& result) {
        return std::find(kByWeight.begin(), kByWeight.end(), outcome_of(result)) - kByWeight.begin();
    };
    return weight(other) < weight(one) ? std::move(other) : std::move(one);
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::kClean:
            return "clean";
        case Outcome::kFound:
            return "found";
        case Outcome::kEncrypted:
            return "encrypted";
        case Outcome::kCannotTell:
            break;
    }
    return "cannot tell";
}

std::string_view to_string(Cause cause) {
    switch (cause) {
        case Cause::kNone:
            return "none";
        case Cause::kTimeout:
            return "timeout";
        case Cause::kLimit:
            return "limit";
        case Cause::kCrash:
            return "crash";
        case Cause::kUnavailable:
            return "unavailable";
        case Cause::kMalformed:
            return "malformed";
        case Cause::kStale:
            return "stale";
        case Cause::kError:
            break;
    }
    return "error";
}

std::string summary(const ScanReport& report) {
    if (report.results.empty())
        return summary(cannot_tell("", Cause::kUnavailable, ""));
    const auto worst = worst_outcome(report);
    std::string text(to_string(worst));
    const auto words = words_of(report, worst);
    if (worst == Outcome::kClean || words.empty())
        return text;
    return worst == Outcome::kCannotTell ? text + " (" + words + ")" : text + " " + words;
}

}  // namespace policy
