#include "scanners/content/expressions.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "scanners/content/compiled.hpp"
#include "scanners/content/header_field.hpp"
#include "scanners/content/keyword.hpp"
#include "scanners/content/normalise.hpp"
#include "scanners/content/numbers.hpp"
#include "scanners/content/score.hpp"
#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

using Clock = std::chrono::steady_clock;
using policy::Entry;

// Keywords reported in one mail, counted or not: a fraction of a second.
constexpr std::size_t kMaxReports = 20'000'000;

// Which expressions look at a text.
struct Looking {
    std::uint8_t where = 0;
    std::size_t field = std::string::npos;  // number of a header field, or none

    [[nodiscard]] bool at(const CompiledExpression& expression) const {
        if (field == std::string::npos)
            return (expression.where & where) != 0;
        return std::find(expression.fields.begin(), expression.fields.end(), field) != expression.fields.end();
    }
};

// Looks through the texts of one mail.
class Search {
  public:
    Search(const Compiled& compiled, const MatchLimits& limits)
        : compiled_(compiled),
          limits_(limits),
          until_(Clock::now() + limits.regex_time),
          counts_(compiled.entries.size(), 0),
          looks_(compiled.expressions.size(), false) {}

    Matches run(std::span<const Text> texts) {
        for (const auto& text : texts) {
            const auto where = static_cast<std::uint8_t>(1U << static_cast<unsigned>(text.place));
            if ((compiled_.where & where) != 0)
                search(text.text, text.item, {where, std::string::npos});
            if (text.place != Place::kHeader)
                continue;
            for (std::size_t field = 0; field < compiled_.fields.size(); ++field)
                search(field_values(text.text, compiled_.fields[field]), text.item, {0, field});
        }
        for (const auto expression : undecided_) {
            if (hit_.count(expression) == 0)
                matches_.undecided.push_back(expression);
        }
        return std::move(matches_);
    }

  private:
    void search(std::string_view text, std::size_t item, const Looking& looking) {
        if (text.empty())
            return;
        for (std::size_t i = 0; i < looks_.size(); ++i)
            looks_[i] = looking.at(compiled_.expressions[i]);
        if (text.size() > limits_.text) {
            text = text.substr(0, limits_.text);
            give_up_all();
        }
        copy(text);
        find_keywords();
        find_regexes();
        find_numbers();
        judge(item);
        forget();
    }

    void copy(std::string_view text) {
        const auto needs = [this](Form form) { return compiled_.forms[static_cast<std::size_t>(form)]; };
        owned_[0] = needs(Form::kRaw) ? valid_utf8(text) : std::string();
        owned_[1] = needs(Form::kNormal) ? normalise(text) : std::string();
        owned_[2] = needs(Form::kFolded) ? fold_case(owned_[1]) : std::string();
        std::copy(owned_.begin(), owned_.end(), copies_.begin());
    }

    void give_up(std::uint32_t expression) { undecided_.insert(expression); }
    void give_up_all() {
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            if (looks_[i])
                give_up(static_cast<std::uint32_t>(i));
        }
    }

    [[nodiscard]] bool is_wanted(const CompiledEntry& entry) const { return looks_[entry.expression]; }

    // False: no more matches of this entry are wanted.
    bool add(std::uint32_t id, std::size_t begin, std::size_t end) {
        const auto& entry = compiled_.entries[id];
        // What counts depends on its neighbours when those have to be near, so all are kept.
        const bool all = compiled_.expressions[entry.expression].proximity.has_value();
        auto& count = counts_[id];
        if (count >= (all ? static_cast<std::uint32_t>(policy::kMaxCount) : entry.max_count)) {
            if (all)
                give_up(entry.expression);
            return false;
        }
        const Found found{id, begin, end};
        if (entry.distinct && !all && !seen_[id].insert(value_of(entry, copies_, found)).second)
            return true;
        if (found_.size() >= limits_.matches) {
            give_up(entry.expression);
            return false;
        }
        if (count++ == 0)
            touched_.push_back(id);
        found_.push_back(found);
        return true;
    }

    void find_keywords() {
        for (std::size_t form = 0; form < kForms; ++form) {
            const auto text = copies_[form];
            const bool whole =
                compiled_.keywords[form].scan(text, compiled_.scratch, [this, text](std::uint32_t id, std::size_t end) {
                    if (++reports_ > kMaxReports)
                        return false;
                    const auto& entry = compiled_.entries[id];
                    const auto begin = end - entry.length;
                    if (is_wanted(entry) && (!entry.whole_words || stands_alone(text, begin, end)))
                        add(id, begin, end);
                    return true;
                });
            if (!whole)
                give_up_all();
        }
    }

    // Octets of a text in which matches of a regular expression may begin.
    struct Piece {
        std::size_t begin;
        std::size_t end;
    };
    using Candidates = std::vector<std::pair<std::uint32_t, std::size_t>>;  // entry, where the first stage saw an end
    using Pieces = std::unordered_map<std::uint32_t, std::vector<Piece>>;

    void find_regexes() {
        for (std::size_t form = 0; form < kForms; ++form) {
            const auto& set = compiled_.regexes[form];
            Candidates candidates;
            const bool whole =
                set.scan(copies_[form], compiled_.scratch, [this, &candidates](std::uint32_t id, std::size_t end) {
                    if (is_wanted(compiled_.entries[id]))
                        candidates.emplace_back(id, end);
                    return true;
                });
            if (!whole)
                give_up_all();
            auto pieces = locate(set, copies_[form], candidates);
            for (const auto& [id, end] : candidates)
                count_regex(id, end, pieces[id]);
        }
        for (const auto id : compiled_.unfiltered) {
            const auto& entry = compiled_.entries[id];
            if (is_wanted(entry))
                count_regex(id, 0, {{0, copies_[static_cast<std::size_t>(entry.form)].size()}});
        }
    }

    // Where in a text the candidates may be, by a second scan in pieces that overlap: for the second stage a long text
    // is slow, and most of it holds nothing. A short text is one piece for all.
    Pieces locate(const PatternSet& set, std::string_view text, const Candidates& candidates) {
        constexpr std::size_t kPiece = 32 * 1024;
        Pieces pieces;
        if (candidates.empty() || text.size() <= kPiece) {
            for (const auto& candidate : candidates)
                pieces[candidate.first] = {{0, text.size()}};
            return pieces;
        }
        for (std::size_t at = 0; at < text.size();) {
            const auto end = cut_at(text, at + kPiece);
            const auto seen_from = cut_at(text, at - std::min(at, Regex::kBefore));
            const auto seen_to = cut_at(text, end + Regex::kReach);
            const bool whole = set.scan(text.substr(seen_from, seen_to - seen_from), compiled_.scratch,
                                        [&pieces, piece = Piece{at, end}](std::uint32_t id, std::size_t) {
                                            pieces[id].push_back(piece);
                                            return true;
                                        });
            if (!whole)
                give_up_all();
            at = end;
        }
        return pieces;
    }

    // `end`: where the first stage saw a match end.
    void count_regex(std::uint32_t id, std::size_t end, const std::vector<Piece>& pieces) {
        const auto& entry = compiled_.entries[id];
        const auto text = copies_[static_cast<std::size_t>(entry.form)];
        const bool whole_words = entry.whole_words && entry.kind == Entry::Kind::kKeyword;
        std::size_t on = 0;  // a match may reach into the next piece
        for (const auto& piece : pieces) {
            const auto sink = [&](std::size_t from, std::size_t to) {
                if (whole_words && !stands_alone(text, from, to))
                    return on = from + 1;
                on = to;
                return add(id, from, to) ? to : std::string_view::npos;
            };
            const auto ended = entry.regex->search(text, std::max(on, piece.begin), piece.end, until_, sink);
            if (ended == Regex::End::kCannotTell)
                give_up(entry.expression);
            if (ended != Regex::End::kDone)
                break;
        }
        // The second stage has limits; what the first knows for certain counts without it.
        if (counts_[id] == 0 && entry.use == PatternSet::Use::kExact && entry.kind == Entry::Kind::kRegex)
            add(id, cut_at(text, end - std::min<std::size_t>(end, 1)), end);
    }

    void find_numbers() {
        const auto text = copies_[static_cast<std::size_t>(Form::kNormal)];
        for (const auto id : compiled_.numbers) {
            const auto& entry = compiled_.entries[id];
            if (!is_wanted(entry))
                continue;
            const NumberSink sink = [this, id](const Number& number) { return add(id, number.begin, number.end); };
            switch (entry.kind) {
                case Entry::Kind::kCard:
                    find_cards(text, sink);
                    break;
                case Entry::Kind::kIban:
                    find_ibans(text, sink);
                    break;
                case Entry::Kind::kUsSsn:
                case Entry::Kind::kUsSsnDigits:
                    find_us_ssns(text, entry.kind == Entry::Kind::kUsSsnDigits, sink);
                    break;
                case Entry::Kind::kLuhn:
                    find_luhn(text, entry.min_digits, entry.max_digits, sink);
                    break;
                case Entry::Kind::kKeyword:
                case Entry::Kind::kRegex:
                    break;
            }
        }
    }

    void judge(std::size_t item) {
        const auto expression_of = [this](const Found& found) { return compiled_.entries[found.entry].expression; };
        std::sort(found_.begin(), found_.end(), [&](const Found& a, const Found& b) {
            return std::pair(expression_of(a), a.begin) < std::pair(expression_of(b), b.begin);
        });
        for (auto first = found_.begin(); first != found_.end();) {
            const auto number = expression_of(*first);
            const auto last =
                std::find_if(first, found_.end(), [&](const Found& found) { return expression_of(found) != number; });
            const auto& expression = compiled_.expressions[number];
            const auto result = score(compiled_, expression, copies_, {first, last});
            if (result.first != nullptr && result.sum >= expression.threshold)
                hit(number, item, result);
            first = last;
        }
    }

    void hit(std::uint32_t number, std::size_t item, const Score& result) {
        hit_.insert(number);
        if (matches_.hits.size() == policy::kMaxHits) {
            matches_.complete = false;
            return;
        }
        matches_.hits.push_back({number, static_cast<std::uint16_t>(item), result.sum,
                                 excerpt(compiled_.entries[result.first->entry], copies_, *result.first)});
    }

    void forget() {
        for (const auto id : touched_)
            counts_[id] = 0;
        touched_.clear();
        found_.clear();
        seen_.clear();
    }

    const Compiled& compiled_;
    const MatchLimits& limits_;
    Clock::time_point until_;
    std::size_t reports_ = 0;
    Matches matches_;
    std::set<std::uint32_t> undecided_;
    std::unordered_set<std::uint32_t> hit_;

    // Of the text at hand.
    std::array<std::string, kForms> owned_;
    Copies copies_;
    std::vector<Found> found_;
    std::vector<std::uint32_t> counts_;                                        // matches kept, by entry
    std::vector<std::uint32_t> touched_;                                       // entries with one
    std::vector<bool> looks_;                                                  // which expressions look at it
    std::unordered_map<std::uint32_t, std::unordered_set<std::string>> seen_;  // values of distinct entries
};

}  // namespace

Expressions::Expressions(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Expressions::Expressions(Expressions&&) noexcept = default;
Expressions& Expressions::operator=(Expressions&&) noexcept = default;
Expressions::~Expressions() = default;

base::Result<Expressions> Expressions::compile(std::span<const policy::Expression> definitions) {
    auto compiled = Compiled::compile(definitions);
    if (!compiled)
        return compiled.error();
    // What is made at first use is made here, once for all workers.
    static_cast<void>(fold_case(normalise("\xef\xbc\xa1\xcc\x81 \xc3\x84")));
    return Expressions(std::make_unique<Compiled>(std::move(*compiled)));
}

Matches Expressions::match(std::span<const Text> texts, const MatchLimits& limits) const {
    if (compiled_->entries.empty())
        return {};
    return Search(*compiled_, limits).run(texts);
}

bool Expressions::looks_at(policy::Where place) const {
    return (compiled_->where & static_cast<std::uint8_t>(place)) != 0;
}

Expressions::Facts Expressions::facts() const {
    Facts facts{compiled_->expressions.size(), compiled_->entries.size(), 0, compiled_->unfiltered.size()};
    for (const auto* sets : {&compiled_->keywords, &compiled_->regexes}) {
        for (const auto& set : *sets)
            facts.memory += set.memory();
    }
    return facts;
}

}  // namespace scanners::content
