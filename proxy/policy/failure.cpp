#include "policy/failure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "policy/decision.hpp"
#include "policy/pattern.hpp"

namespace policy {
namespace {

bool is_looking_inside(std::string_view scanner) {
    return scanner == kContentsScanner || scanner == kExpressionsScanner;
}

// What is in a mail is a fact for rules first; it becomes a failure only where the configuration says so.
bool is_fact(std::string_view scanner, Failure failure) {
    return is_looking_inside(scanner) && (failure == Failure::kEncrypted || failure == Failure::kMalformed);
}

Action permitted(Action action, bool may_ignore) {
    const bool known = action == Action::kDefer || action == Action::kQuarantine || action == Action::kDeliverWithMark;
    return known || (may_ignore && action == Action::kDeliver) ? action : Action::kDefer;
}

std::string section_of(std::string_view scanner) {
    return is_looking_inside(scanner) ? "content" : fmt::format("scanner.{}", scanner);
}

const Actions* row_of(const Rules& rules, std::string_view scanner) {
    const auto name = is_looking_inside(scanner) ? kContentsScanner : scanner;
    const auto found = std::find_if(rules.scanners.begin(), rules.scanners.end(),
                                    [name](const ScannerRule& rule) { return rule.scanner == name; });
    return found == rules.scanners.end() ? nullptr : &found->actions;
}

// The cell itself, or what it follows in the same section.
std::optional<Cell> told_by(const Actions& actions, Failure failure, bool follows, const std::string& section) {
    if (const auto& own = actions.of(failure))
        return Cell{permitted(*own, true), fmt::format("{} {}", section, key_of(failure)), true, false};
    if (follows && actions.failure)
        return Cell{permitted(*actions.failure, false), section + " failure_action", false, false};
    return std::nullopt;
}

std::optional<Cell> told_by(const RecipientRule* special, Failure failure, bool follows) {
    if (special == nullptr)
        return std::nullopt;
    return told_by(special->actions, failure, follows, "recipients " + special->pattern);
}

// What holds a mail back for some recipients because nobody could look need not do so because it is encrypted.
bool follows_failure(std::string_view scanner, Failure failure, bool of_recipients) {
    return !is_fact(scanner, failure) && !(of_recipients && failure == Failure::kEncrypted);
}

Cell in_force(const Rules& rules, std::string_view scanner, Failure failure, const RecipientRule* special) {
    if (auto told = told_by(special, failure, follows_failure(scanner, failure, true)))
        return *told;
    const auto* const row = row_of(rules, scanner);
    const bool follows = follows_failure(scanner, failure, false);
    if (row != nullptr)
        if (auto told = told_by(*row, failure, follows, section_of(scanner)))
            return *told;
    if (!follows)
        return {Action::kDeliver, fmt::format("content {}", key_of(failure)), false, false};
    // A row that does not say all follows [scanner.clamav], but not its single cells: those are about ClamAV.
    const std::string usual = "scanner.clamav";
    if (row == nullptr)
        if (auto told = told_by(rules.actions, failure, true, usual))
            return *told;
    return {permitted(rules.actions.failure.value_or(Action::kDefer), false), usual + " failure_action", false, false};
}

// The names of the limits that a result of looking inside has, with blanks between them.
std::vector<ContentLimit> limits_of(std::string_view names) {
    std::vector<ContentLimit> limits;
    for (std::size_t i = 0; i < kContentLimits; ++i) {
        const auto limit = static_cast<ContentLimit>(i);
        if (fmt::format(" {} ", names).find(fmt::format(" {} ", to_string(limit))) != std::string::npos)
            limits.push_back(limit);
    }
    return limits;
}

}  // namespace

std::string_view to_string(Failure failure) {
    switch (failure) {
        case Failure::kDown:
            return "down";
        case Failure::kTimeout:
            return "timeout";
        case Failure::kLimit:
            return "limit";
        case Failure::kEncrypted:
            return "encrypted";
        case Failure::kMalformed:
            return "malformed";
        case Failure::kStale:
            return "stale";
        case Failure::kError:
            break;
    }
    return "error";
}

std::string key_of(Failure failure) {
    return fmt::format("{}_action", to_string(failure));
}

std::string key_of(ContentLimit limit) {
    static constexpr std::array<std::string_view, kContentLimits> kSettings{
        "limit_entities",      "limit_headers", "limit_header_params", "limit_layers", "limit_files",
        "limit_expanded_size", "limit_ratio",   "limit_readings",      "scan_time",    "limit_facts"};
    return fmt::format("{}_action", kSettings.at(static_cast<std::size_t>(limit)));
}

Failure failure_of(const ScanResult& result) {
    if (result.outcome == Outcome::kEncrypted)
        return Failure::kEncrypted;
    switch (result.cause) {
        case Cause::kTimeout:
            return Failure::kTimeout;
        case Cause::kLimit:
            return Failure::kLimit;
        case Cause::kUnavailable:
            return Failure::kDown;
        case Cause::kMalformed:
            return Failure::kMalformed;
        case Cause::kStale:
            return Failure::kStale;
        case Cause::kNone:
        case Cause::kCrash:
        case Cause::kError:
            break;
    }
    return Failure::kError;
}

const Actions::Word& Actions::of(Failure one) const {
    switch (one) {
        case Failure::kDown:
            return down;
        case Failure::kTimeout:
            return timeout;
        case Failure::kLimit:
            return limit;
        case Failure::kEncrypted:
            return encrypted;
        case Failure::kMalformed:
            return malformed;
        case Failure::kStale:
            return stale;
        case Failure::kError:
            break;
    }
    return error;
}

const RecipientRule* rule_for(const Rules& rules, std::string_view recipient) {
    const auto found = std::find_if(rules.recipients.begin(), rules.recipients.end(), [&](const RecipientRule& rule) {
        return matches_recipient(rule.pattern, recipient);
    });
    return found == rules.recipients.end() ? nullptr : &*found;
}

Cell cell(const Rules& rules, std::string_view scanner, Failure failure, const RecipientRule* special) {
    auto told = in_force(rules, scanner, failure, special);
    told.fact = is_fact(scanner, failure);
    return told;
}

Cell limit_cell(const Rules& rules, ContentLimit limit, const RecipientRule* special) {
    if (auto told = told_by(special, Failure::kLimit, true))
        return *told;
    const auto& own = rules.limits.at(static_cast<std::size_t>(limit));
    if (own)
        return {permitted(*own, true), fmt::format("content {}", key_of(limit)), true, false};
    return cell(rules, kContentsScanner, Failure::kLimit, nullptr);
}

std::vector<Cell> cells_of(const Rules& rules, const ScanResult& result, const RecipientRule* special) {
    const auto failure = failure_of(result);
    std::vector<Cell> cells;
    if (result.scanner == kWorkers) {
        // Nobody has looked inside either, which is all the same where no rule asks what is there.
        if (rules.clamav || rules.policy == nullptr)
            cells.push_back(cell(rules, "clamav", failure, special));
        if (rules.policy != nullptr)
            cells.push_back(cell(rules, kContentsScanner, failure, special));
        return cells;
    }
    if (result.scanner == kContentsScanner && failure == Failure::kLimit)
        for (const auto limit : limits_of(result.name))
            cells.push_back(limit_cell(rules, limit, special));
    if (cells.empty())
        cells.push_back(cell(rules, result.scanner, failure, special));
    return cells;
}

bool goes_before(Action one, Action other) {
    constexpr std::array kOrder{Action::kDefer,         Action::kQuarantine,      Action::kReject, Action::kDiscard,
                                Action::kTagAndDeliver, Action::kDeliverWithMark, Action::kDeliver};
    const auto place = [&kOrder](Action action) { return std::find(kOrder.begin(), kOrder.end(), action); };
    return place(one) < place(other);
}

}  // namespace policy
