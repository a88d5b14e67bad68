// The second stage: one regular expression over one text, by PCRE2. In bounded time, and honest about it.
//
// Always its interpreter: the sandbox forbids memory that is written and then run (scanners/worker/sandbox.cpp), and
// the patterns that get here are few.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct pcre2_real_code_8;

namespace scanners::content {

class Regex {
  public:
    // Error: what is wrong with the pattern, and at which octet. A pattern that matches nothing at all (an empty text)
    // is wrong, too: it matches everywhere.
    static base::Result<Regex> compile(const std::string& pattern, bool caseless);

    enum class End : unsigned char { kDone, kStopped, kCannotTell };
    using Clock = std::chrono::steady_clock;
    // (begin, end) of a match; the octet where to go on, at least begin + 1. std::string_view::npos: stop.
    using Sink = std::function<std::size_t(std::size_t begin, std::size_t end)>;
    // Matches that begin in [from, to), from left to right. A match longer than kReach octets may be cut or not be
    // found. kCannotTell: the pattern took too many steps, or the time was over; what came before counts. Precondition:
    // text is UTF-8. One thread at a time.
    [[nodiscard]] End search(std::string_view text, std::size_t from, std::size_t to, Clock::time_point until,
                             const Sink& sink) const;

    static constexpr std::size_t kReach = 4096;
    static constexpr std::size_t kBefore = 256;  // what looks behind sees that much, in octets

  private:
    struct Free {
        void operator()(pcre2_real_code_8* code) const;
    };
    explicit Regex(pcre2_real_code_8* code) : code_(code) {}

    std::unique_ptr<pcre2_real_code_8, Free> code_;
};

}  // namespace scanners::content
