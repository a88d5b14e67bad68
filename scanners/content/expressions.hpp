// Expressions: all that a policy looks for in texts, compiled, and looked for at once.
//
// Compiled in the zygote, once for each set of rules; the workers share it and match, each one mail at a time. First
// stage: Vectorscan over a normalised copy of each text (normalise.hpp), for keywords and for all regular expressions
// at once. Second: PCRE2 counts the matches of those regular expressions that the first saw. Decides nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "policy/contents.hpp"
#include "policy/expression.hpp"
#include "scanners/opening.hpp"

namespace scanners::content {

struct Matches {
    std::vector<policy::Hit> hits;  // at most policy::kMaxHits; by text, then by expression
    // Expressions that did not hit, but might have if there had been more time or memory (invariant 6). Ascending.
    std::vector<std::uint32_t> undecided;
    bool complete = true;  // false: there were more hits
};

// What one mail may cost.
struct MatchLimits {
    std::chrono::milliseconds regex_time{2000};  // for PCRE2, in all texts together
    std::size_t text = kMaxText;                 // octets of one text that are looked at
    std::size_t matches = 200'000;               // of keywords, in one text
};

class Compiled;

class Expressions {
  public:
    // Error: everything that is wrong, a line each: "policy.ini:12: ...". Hit::expression is the index here.
    static base::Result<Expressions> compile(std::span<const policy::Expression> definitions);
    Expressions(Expressions&&) noexcept;
    Expressions& operator=(Expressions&&) noexcept;
    ~Expressions();

    // Texts in UTF-8; what is not is looked at as far as it is. One thread at a time.
    [[nodiscard]] Matches match(std::span<const Text> texts, const MatchLimits& limits = {}) const;

    struct Facts {
        std::size_t expressions = 0;
        std::size_t entries = 0;
        std::size_t memory = 0;      // octets of Vectorscan's tables
        std::size_t unfiltered = 0;  // regular expressions that only PCRE2 understands: each costs time in every mail
    };
    [[nodiscard]] Facts facts() const;

    // Any of them looks there.
    [[nodiscard]] bool looks_at(policy::Where place) const;

  private:
    explicit Expressions(std::unique_ptr<Compiled> compiled);
    std::unique_ptr<Compiled> compiled_;
};

}  // namespace scanners::content
