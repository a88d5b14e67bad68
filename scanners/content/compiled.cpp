#include "scanners/content/compiled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "scanners/content/keyword.hpp"

namespace scanners::content {
namespace {

using policy::Entry;

// A long policy with one fault in each line should not make a log of its own.
constexpr std::size_t kMaxFaults = 50;

// Patterns that wait for their set, by form.
using Waiting = std::array<std::vector<PatternSet::Pattern>, kForms>;

class Compiler {
  public:
    base::Result<Compiled> run(std::span<const policy::Expression> definitions) {
        if (definitions.size() > policy::kMaxExpressions)
            fault("", fmt::format("more than {} expressions", policy::kMaxExpressions));
        for (const auto& definition : definitions.subspan(0, std::min(definitions.size(), policy::kMaxExpressions)))
            add(definition);
        if (!faults_.empty())
            return all_faults();
        if (auto built = build(); !built)
            return built.error();
        return std::move(out_);
    }

  private:
    void fault(std::string_view origin, std::string_view what) {
        if (++fault_count_ <= kMaxFaults)
            faults_ += fmt::format("{}{}{}{}", faults_.empty() ? "" : "\n", origin, origin.empty() ? "" : ": ", what);
    }
    [[nodiscard]] base::Error all_faults() const {
        const auto more = fault_count_ > kMaxFaults ? fmt::format("\nand {} more", fault_count_ - kMaxFaults) : "";
        return base::error("{}{}", faults_, more);
    }

    void add(const policy::Expression& definition) {
        CompiledExpression expression;
        expression.where = definition.where;
        expression.threshold = definition.threshold;
        expression.proximity = definition.proximity;
        expression.entries = static_cast<std::uint32_t>(definition.entries.size());
        check(definition);
        for (const auto& name : definition.fields)
            expression.fields.push_back(field_number(name));
        out_.where |= definition.where;
        out_.expressions.push_back(std::move(expression));
        for (const auto& entry : definition.entries) {
            if (out_.entries.size() == policy::kMaxEntries) {
                fault(entry.origin, fmt::format("more than {} entries", policy::kMaxEntries));
                break;
            }
            add(entry);
        }
    }

    void check(const policy::Expression& definition) {
        const auto wrong = [&](std::string_view what) {
            fault(definition.origin, fmt::format("expression \"{}\": {}", definition.name, what));
        };
        if (definition.entries.empty())
            wrong("has no entry");
        if (definition.where == 0 && definition.fields.empty())
            wrong("looks nowhere");
        if (definition.threshold == 0)
            wrong("a threshold of 0 is reached by every mail");
        if (definition.proximity &&
            (definition.proximity->entries == 1 || definition.proximity->entries > definition.entries.size() ||
             definition.entries.size() < 2))
            wrong("proximity is between 2 entries or more, and there have to be so many");
    }

    std::uint32_t field_number(std::string_view name) {
        std::string lower(name);
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
        auto& fields = out_.fields;
        const auto found = std::find(fields.begin(), fields.end(), lower);
        if (found != fields.end())
            return static_cast<std::uint32_t>(found - fields.begin());
        fields.push_back(std::move(lower));
        return static_cast<std::uint32_t>(fields.size() - 1);
    }

    void add(const Entry& entry) {
        CompiledEntry compiled;
        compiled.kind = entry.kind;
        compiled.expression = static_cast<std::uint32_t>(out_.expressions.size() - 1);
        compiled.weight = entry.weight;
        compiled.distinct = entry.distinct;
        if (entry.weight == 0 || entry.weight > policy::kMaxWeight)
            fault(entry.origin, fmt::format("a weight is from 1 to {}", policy::kMaxWeight));
        if (entry.max_count > 0)
            compiled.max_count = std::min<std::uint32_t>(entry.max_count, policy::kMaxCount);
        if (entry.kind == Entry::Kind::kKeyword)
            add_keyword(entry, compiled);
        else if (entry.kind == Entry::Kind::kRegex)
            add_regex(entry, compiled);
        else
            add_number(entry, compiled);
        out_.forms[static_cast<std::size_t>(compiled.form)] = true;
        out_.entries.push_back(std::move(compiled));
    }

    [[nodiscard]] std::uint32_t next_id() const { return static_cast<std::uint32_t>(out_.entries.size()); }

    void add_keyword(const Entry& entry, CompiledEntry& compiled) {
        if (entry.pattern.size() > policy::kMaxKeyword)
            return fault(entry.origin, fmt::format("a keyword has at most {} octets", policy::kMaxKeyword));
        auto keyword = read_keyword(entry);
        if (!keyword)
            return fault(entry.origin, fmt::format("\"{}\": {}", entry.pattern, keyword.error().message));
        compiled.form = entry.case_sensitive ? Form::kNormal : Form::kFolded;
        compiled.whole_words = entry.whole_words;
        compiled.length = static_cast<std::uint32_t>(keyword->pattern.size());
        const auto form = static_cast<std::size_t>(compiled.form);
        if (keyword->literal) {
            literals_[form].push_back({std::move(keyword->pattern), next_id(), false});
            return;
        }
        // The keyword is folded as the text is, so case counts.
        if (auto regex = Regex::compile(keyword->pattern, false); regex)
            compiled.regex = std::move(*regex);
        else
            return fault(entry.origin, fmt::format("\"{}\": {}", entry.pattern, regex.error().message));
        regexes_[form].push_back({std::move(keyword->filter), next_id(), false});
    }

    void add_regex(const Entry& entry, CompiledEntry& compiled) {
        if (entry.pattern.empty() || entry.pattern.size() > policy::kMaxRegex)
            return fault(entry.origin, fmt::format("a regular expression has 1 to {} octets", policy::kMaxRegex));
        if (entry.pattern.find('\0') != std::string::npos)
            return fault(entry.origin, "a regular expression holds no NUL; write \\x00");
        compiled.form = entry.raw ? Form::kRaw : Form::kNormal;
        if (auto regex = Regex::compile(entry.pattern, !entry.case_sensitive); regex)
            compiled.regex = std::move(*regex);
        else
            return fault(entry.origin, fmt::format("\"{}\": {}", entry.pattern, regex.error().message));
        regexes_[static_cast<std::size_t>(compiled.form)].push_back({entry.pattern, next_id(), !entry.case_sensitive});
    }

    void add_number(const Entry& entry, CompiledEntry& compiled) {
        if (entry.kind == Entry::Kind::kLuhn &&
            (entry.min_digits < 2 || entry.min_digits > entry.max_digits || entry.max_digits > 32))
            fault(entry.origin, "a number with a check digit has 2 to 32 digits");
        compiled.min_digits = entry.min_digits;
        compiled.max_digits = entry.max_digits;
        out_.numbers.push_back(next_id());
    }

    base::Status build() {
        for (std::size_t form = 0; form < kForms; ++form) {
            auto keywords = PatternSet::literals(literals_[form], out_.scratch);
            if (!keywords)
                return keywords.error();
            out_.keywords[form] = std::move(*keywords);
            std::vector<PatternSet::Use> uses;
            auto regexes = PatternSet::expressions(regexes_[form], uses, out_.scratch);
            if (!regexes)
                return regexes.error();
            out_.regexes[form] = std::move(*regexes);
            for (std::size_t i = 0; i < uses.size(); ++i) {
                const auto id = regexes_[form][i].id;
                out_.entries[id].use = uses[i];
                if (uses[i] == PatternSet::Use::kNone)
                    out_.unfiltered.push_back(id);
            }
        }
        // Normalised text is what folded text is made of.
        auto& forms = out_.forms;
        forms[static_cast<std::size_t>(Form::kNormal)] |= forms[static_cast<std::size_t>(Form::kFolded)];
        return base::ok();
    }

    Compiled out_;
    Waiting literals_;
    Waiting regexes_;
    std::string faults_;
    std::size_t fault_count_ = 0;
};

}  // namespace

base::Result<Compiled> Compiled::compile(std::span<const policy::Expression> definitions) {
    if (hs_valid_platform() != HS_SUCCESS)
        return base::error("Vectorscan does not run on this processor");
    return Compiler().run(definitions);
}

}  // namespace scanners::content
