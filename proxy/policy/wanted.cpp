#include "policy/wanted.hpp"

#include <algorithm>
#include <concepts>
#include <string_view>

namespace policy {
namespace {

// FNV-1a, 32 bits: nobody attacks it, both sides read the same texts.
class Digest {
  public:
    template <std::integral Number>
    void add(Number number) {
        for (std::size_t i = 0; i < sizeof number; ++i)
            octet(static_cast<std::uint8_t>(number >> (8 * i)));
    }
    void add(bool yes) { octet(yes ? 1 : 0); }
    void add(std::string_view text) {
        add(text.size());
        for (const char c : text)
            octet(static_cast<std::uint8_t>(c));
    }
    [[nodiscard]] std::uint32_t value() const { return value_ == 0 ? 1 : value_; }

  private:
    void octet(std::uint8_t octet) { value_ = (value_ ^ octet) * 16777619U; }
    std::uint32_t value_ = 2166136261U;
};

void add(Digest& digest, const Entry& entry) {
    digest.add(static_cast<std::uint8_t>(entry.kind));
    digest.add(std::string_view(entry.pattern));
    for (const bool flag : {entry.case_sensitive, entry.whole_words, entry.wildcards, entry.raw, entry.distinct})
        digest.add(flag);
    for (const auto number : {entry.weight, entry.max_count, entry.min_digits, entry.max_digits})
        digest.add(number);
}

void add(Digest& digest, const Expression& expression) {
    digest.add(expression.where);
    digest.add(expression.threshold);
    digest.add(expression.fields.size());
    for (const auto& field : expression.fields)
        digest.add(std::string_view(field));
    digest.add(expression.proximity.has_value());
    if (expression.proximity) {
        digest.add(expression.proximity->entries);
        digest.add(expression.proximity->distance);
        digest.add(static_cast<std::uint8_t>(expression.proximity->unit));
    }
    digest.add(expression.entries.size());
    for (const auto& entry : expression.entries)
        add(digest, entry);
}

void add(Digest& digest, const Wanted& wanted) {
    for (const bool flag : {wanted.malformed, wanted.language, wanted.writing, wanted.every_type})
        digest.add(flag);
    digest.add(wanted.fields.size());
    for (const auto& field : wanted.fields)
        digest.add(std::string_view(field));
}

}  // namespace

void add_wanted(Wanted& wanted, const Condition& condition) {
    using Kind = Condition::Kind;
    for (const auto& child : condition.children)
        add_wanted(wanted, child);
    for (const auto& field : condition.fields) {
        const auto at = std::lower_bound(wanted.fields.begin(), wanted.fields.end(), field);
        if (at == wanted.fields.end() || *at != field)
            wanted.fields.insert(at, field);
    }
    wanted.malformed = wanted.malformed || (condition.kind == Kind::kMalformedHeader && condition.fields.empty());
    wanted.language = wanted.language || condition.kind == Kind::kLanguage;
    wanted.writing = wanted.writing || condition.kind == Kind::kWriting;
    // (Of a header field no file says anything. The children of a set have been asked.)
    wanted.every_type = wanted.every_type || (is_about_contents(condition.kind) && condition.fields.empty());
}

std::uint32_t expression_set(const std::vector<Expression>& expressions, const Wanted& wanted) {
    if (expressions.empty() && wanted.nothing())
        return 0;
    Digest digest;
    for (const auto& expression : expressions)
        add(digest, expression);
    if (!wanted.nothing())
        add(digest, wanted);
    return digest.value();
}

}  // namespace policy
