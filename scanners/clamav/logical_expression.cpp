// Any process, any thread; no state. Exact: the answer is libclamav's own wherever this file gives one.
#include "scanners/clamav/logical_expression.hpp"

#include <cstdlib>

#include "scanners/clamav/in_library.hpp"

namespace scanners::clamav {
namespace {

constexpr unsigned kMaxDepth = 16;
constexpr unsigned kMaxDigits = 4;
constexpr std::uint32_t kMaxParts = 64;  // of a signature; libclamav loads none with more

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Reader {
  public:
    Reader(const char* at, const char* end, const std::uint32_t* counts) : at_(at), end_(end), counts_(counts) {}

    // term { ("&" | "|") term }. In parentheses there is an operator: without one libclamav reads them in another way.
    bool read() {
        unsigned depth = 0;
        std::uint32_t with_operator = 0;  // a bit for each depth
        while (true) {
            while (next_is('(')) {
                if (++depth > kMaxDepth)
                    return false;
                with_operator &= ~(1U << depth);
            }
            if (!read_part())
                return false;
            while (next_is(')')) {
                if (depth == 0 || (with_operator >> depth & 1U) == 0 || !read_group_limit())
                    return false;
                --depth;
            }
            if (at_ == end_)
                return depth == 0;
            if (*at_ != '&' && *at_ != '|')
                return false;
            ++at_;
            with_operator |= 1U << depth;
        }
    }

  private:
    bool next_is(char c) {
        if (at_ == end_ || *at_ != c)
            return false;
        ++at_;
        return true;
    }

    bool read_number(std::uint32_t& value) {
        const char* const first = at_;
        value = 0;
        for (; at_ != end_ && is_digit(*at_); ++at_)
            value = value * 10 + static_cast<std::uint32_t>(*at_ - '0');
        const auto digits = at_ - first;
        return digits > 0 && digits <= static_cast<std::ptrdiff_t>(kMaxDigits);
    }

    // "3" or "3>1".
    bool read_part() {
        std::uint32_t number = 0;
        if (!read_number(number) || number >= kMaxParts || counts_[number] != 0)
            return false;
        return !next_is('>') || read_number(number);
    }

    // "", ">1" or ">1,2".
    bool read_group_limit() {
        std::uint32_t number = 0;
        if (!next_is('>'))
            return true;
        return read_number(number) && (!next_is(',') || read_number(number));
    }

    const char* at_;
    const char* end_;
    const std::uint32_t* counts_;
};

}  // namespace

bool is_surely_false(const char* expression, const char* end, const std::uint32_t* counts) {
    return Reader(expression, end, counts).read();
}

void link_logical_expression() {}

}  // namespace scanners::clamav

extern "C" {

__attribute__((visibility("default"))) int cli_ac_chklsig(const char* expression, const char* end,
                                                          std::uint32_t* counts, unsigned* count, std::uint64_t* ids,
                                                          unsigned parse_only);

int cli_ac_chklsig(const char* expression, const char* end, std::uint32_t* counts, unsigned* count, std::uint64_t* ids,
                   unsigned parse_only) {
    // Found before main() or at the first signature that is loaded, by one thread; libclamav is linked, so it is there.
    static auto* const library = scanners::clamav::in_library<decltype(cli_ac_chklsig)>("cli_ac_chklsig");
    if (parse_only == 0 && scanners::clamav::is_surely_false(expression, end, counts))
        return 0;
    return library(expression, end, counts, count, ids, parse_only);
}
}
