// The failure matrix: what can keep a scanner from an answer, and what is done then. Pure.
//
// A row for each scanner, a column for each Failure; a recipients rule lies over all rows. Each cell is set by itself
// or follows another setting: cells_of() says what is in force, and what setting says so. decision.hpp does it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/action.hpp"
#include "policy/scan_report.hpp"

namespace policy {

struct Rules;

// The columns.
enum class Failure : std::uint8_t {
    kDown,       // nobody is there to ask, or too many wait
    kTimeout,    // no answer in time
    kError,      // a crash, a broken protocol, an answer that says so
    kLimit,      // a bound was reached: what lies beyond was not looked at
    kEncrypted,  // nobody can look inside
    kMalformed,  // broken in such a way that one cannot say what it holds
    kStale,      // judged by signatures that are too old
};
inline constexpr std::array kFailures{Failure::kDown,      Failure::kTimeout,   Failure::kError, Failure::kLimit,
                                      Failure::kEncrypted, Failure::kMalformed, Failure::kStale};

// "down", "timeout" ...
std::string_view to_string(Failure failure);
// The configuration's key for it: "down_action" ...
std::string key_of(Failure failure);
std::string key_of(ContentLimit limit);  // "limit_layers_action" ...
// Of a result that is neither clean nor found. What is no known cause is an error.
Failure failure_of(const ScanResult& result);

// What is done with a message of each kind, as far as somebody says it. Permitted values: `found` quarantine, reject,
// discard, tag-and-deliver; the others defer, quarantine, deliver-with-mark; those of one failure also kDeliver, which
// is the word "ignore": as if the scanner had said clean. The configuration checks it; what is not permitted here
// becomes defer.
struct Actions {
    using Word = std::optional<Action>;  // empty: not said here

    Word found = Action::kQuarantine;
    Word failure = Action::kDefer;  // of all failures that have no word of their own
    Word encrypted{};
    Word down{};
    Word timeout{};
    Word error{};
    Word limit{};
    Word malformed{};
    Word stale{};

    [[nodiscard]] const Word& of(Failure one) const;
    [[nodiscard]] Word& of(Failure one) { return const_cast<Word&>(std::as_const(*this).of(one)); }
    bool operator==(const Actions&) const = default;
};

// Actions of their own for some recipients ([recipients PATTERN]): of whichever scanner.
struct RecipientRule {
    std::string pattern;  // see matches_recipient()
    Actions actions;
    bool operator==(const RecipientRule&) const = default;
};

// Actions of its own for what one scanner says.
struct ScannerRule {
    std::string scanner;  // as in ScanResult
    Actions actions;
    bool operator==(const ScannerRule&) const = default;
};

// Of each limit of looking inside, where it has a word of its own.
using LimitActions = std::array<Actions::Word, kContentLimits>;

// What is done in one cell.
struct Cell {
    Action action = Action::kDefer;  // kDeliver: ignored
    std::string setting;             // that says so: "scanner.clamd main failure_action"
    bool own = false;                // for this cell alone
    // What looking inside tells of a mail, which rules can ask for, too: to let it through is the default and opens
    // nothing.
    bool fact = false;

    // Lets through what nobody has looked at.
    [[nodiscard]] bool open() const {
        return !fact && (action == Action::kDeliver || action == Action::kDeliverWithMark);
    }
};

// The rule that is about a recipient; null: none.
const RecipientRule* rule_for(const Rules& rules, std::string_view recipient);

// `special`: the recipient's; null: none. Looking inside is one row, whatever part of it speaks.
Cell cell(const Rules& rules, std::string_view scanner, Failure failure, const RecipientRule* special);
// Of one limit of looking inside.
Cell limit_cell(const Rules& rules, ContentLimit limit, const RecipientRule* special);

// The cells that a result falls into, which is neither clean nor found: several, when several limits were reached, or
// when a worker is lost that would have scanned and looked inside.
std::vector<Cell> cells_of(const Rules& rules, const ScanResult& result, const RecipientRule* special);

// Among actions for the same kind of result the first in this order counts: quarantine, reject, discard,
// tag-and-deliver; or defer, quarantine, deliver-with-mark: what tries again, then what keeps the mail, then what does
// not, then what delivers.
bool goes_before(Action one, Action other);

}  // namespace policy
