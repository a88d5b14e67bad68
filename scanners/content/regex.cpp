#include "scanners/content/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "scanners/content/unicode.hpp"

namespace scanners::content {
namespace {

// Steps of one attempt: some milliseconds.
constexpr std::uint32_t kMaxSteps = 200'000;
constexpr std::uint32_t kMaxDepth = 20'000;
constexpr std::uint32_t kMaxHeap = 16 * 1024;  // KiB
// A loop inside a pattern costs no step for an octet, so the text is given in windows: the work on one is at most the
// square of its size, a fraction of a second, and the clock is read between two.
constexpr std::size_t kWindow = 16 * 1024;

struct Working {
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    Working() {
        if (context == nullptr)
            return;
        pcre2_set_match_limit(context, kMaxSteps);
        pcre2_set_depth_limit(context, kMaxDepth);
        pcre2_set_heap_limit(context, kMaxHeap);
    }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;
    ~Working() {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
    }
};

Working& working() {
    thread_local Working made;
    return made;
}

// A window on the text: matches begin in [at, end).
struct Window {
    std::size_t from;  // what is seen
    std::size_t at;    // where matches may begin
    std::size_t end;
};

Window window_at(std::string_view text, std::size_t at) {
    const auto from = cut_at(text, at > Regex::kBefore ? at - Regex::kBefore : 0);
    return {from, at, cut_at(text, std::min(text.size(), at + kWindow))};
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const {
    pcre2_code_free(code);
}

base::Result<Regex> Regex::compile(const std::string& pattern, bool caseless) {
    int number = 0;
    std::size_t offset = 0;
    const std::uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (caseless ? PCRE2_CASELESS : 0);
    auto* code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &number, &offset, nullptr);
    if (code == nullptr) {
        std::array<unsigned char, 200> message{};
        pcre2_get_error_message(number, message.data(), message.size());
        return base::error("{} at octet {}", reinterpret_cast<const char*>(message.data()), offset);
    }
    Regex regex(code);
    std::uint32_t empty = 0;
    if (pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty) == 0 && empty != 0)
        return base::error("it matches the empty text, that is everywhere");
    return regex;
}

Regex::End Regex::search(std::string_view text, std::size_t from, std::size_t to, Clock::time_point until,
                         const Sink& sink) const {
    auto& with = working();
    if (with.context == nullptr || with.data == nullptr)
        return End::kCannotTell;
    for (std::size_t at = cut_at(text, from); at < std::min(to, text.size());) {
        if (Clock::now() >= until)
            return End::kCannotTell;
        const auto window = window_at(text, at);
        const bool last = window.end == text.size();
        const auto next = last ? text.size() : cut_at(text, window.end - kReach);
        const std::uint32_t options =
            PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | (window.from > 0 ? PCRE2_NOTBOL : 0) | (last ? 0 : PCRE2_NOTEOL);
        const auto found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data() + window.from),
                                       window.end - window.from, at - window.from, options, with.data, with.context);
        if (found == PCRE2_ERROR_NOMATCH) {
            at = next;
            continue;
        }
        if (found < 0)
            return End::kCannotTell;
        const auto* range = pcre2_get_ovector_pointer(with.data);
        const auto begin = window.from + range[0];
        const auto end = window.from + range[1];
        // What reaches the end of the window may go on behind it: the next window begins before it, and sees more.
        if (!last && end == window.end && begin >= next) {
            at = begin;
            continue;
        }
        if (begin >= to)
            return End::kDone;
        const auto on = sink(begin, end);
        if (on == std::string_view::npos)
            return End::kStopped;
        at = std::max(on, begin + 1);
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
            ++at;
    }
    return End::kDone;
}

}  // namespace scanners::content
