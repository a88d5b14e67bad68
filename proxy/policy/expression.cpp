#include "policy/expression.hpp"

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

}  // namespace

std::uint32_t expression_set(const std::vector<Expression>& expressions) {
    if (expressions.empty())
        return 0;
    Digest digest;
    for (const auto& expression : expressions)
        add(digest, expression);
    return digest.value();
}

}  // namespace policy
