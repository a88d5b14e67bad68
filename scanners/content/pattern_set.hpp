// The first stage: many patterns at once over one text, by Vectorscan. Linear in the text, whatever it holds.
#pragma once

#include <hs.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace scanners::content {

struct HsFree {
    void operator()(hs_database_t* database) const { hs_free_database(database); }
    void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};

// Working memory for all sets of a process; one thread at a time.
using Scratch = std::unique_ptr<hs_scratch_t, HsFree>;

class PatternSet {
  public:
    struct Pattern {
        std::string text;
        std::uint32_t id = 0;
        bool caseless = false;  // regular expressions
    };
    // What became of a regular expression.
    enum class Use : std::uint8_t {
        kExact,   // what is reported does match
        kFilter,  // what is reported may match, what is not reported does not
        kNone,    // too hard for Vectorscan: it is not looked for
    };

    PatternSet() = default;  // empty: finds nothing

    // Literals: every occurrence is reported, with its end. Case counts.
    static base::Result<PatternSet> literals(const std::vector<Pattern>& patterns, Scratch& scratch);
    // Regular expressions over UTF-8: each is reported once at most. `uses`: one for each pattern.
    static base::Result<PatternSet> expressions(const std::vector<Pattern>& patterns, std::vector<Use>& uses,
                                                Scratch& scratch);

    // (id, octets before the end of the match); false ends the scan.
    using Sink = std::function<bool(std::uint32_t id, std::size_t end)>;
    // Precondition: text is UTF-8, when the set is one of regular expressions. False: the sink ended it, or memory did.
    bool scan(std::string_view text, const Scratch& scratch, const Sink& sink) const;

    [[nodiscard]] bool empty() const { return database_ == nullptr; }
    [[nodiscard]] std::size_t memory() const;  // octets

  private:
    std::unique_ptr<hs_database_t, HsFree> database_;
};

}  // namespace scanners::content
