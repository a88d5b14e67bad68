// The zygote's thread that loads, and workers. Nothing is kept in any other process, nor of expressions of rules
// (PCRE2_UTF).
#include "scanners/clamav/regular_expressions.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "scanners/clamav/in_library.hpp"
#include "scanners/clamav/needed_octets.hpp"

namespace scanners::clamav {
namespace {

// With these a needed piece is one octet for octet.
constexpr std::uint32_t kUnderstood =
    PCRE2_ANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_UNGREEDY;
// PCRE looks for what a text needs itself as far as this; longer ones cost.
constexpr std::size_t kShort = 4096;
constexpr std::size_t kFewest = 2;

bool wanted = false;

std::unordered_map<const pcre2_code*, std::string>& needed() {
    static std::unordered_map<const pcre2_code*, std::string> all;
    return all;
}

}  // namespace

void look_for_needed_octets() {
    wanted = true;
}

}  // namespace scanners::clamav

using namespace scanners::clamav;

extern "C" {

#pragma GCC visibility push(default)
decltype(pcre2_compile) pcre2_compile;
decltype(pcre2_match) pcre2_match;
decltype(pcre2_code_free) pcre2_code_free;
#pragma GCC visibility pop

pcre2_code* pcre2_compile(PCRE2_SPTR expression, PCRE2_SIZE length, std::uint32_t options, int* error,
                          PCRE2_SIZE* error_at, pcre2_compile_context* context) {
    static auto* const library = in_library<decltype(pcre2_compile)>("pcre2_compile_8");
    auto* const code = library(expression, length, options, error, error_at, context);
    if (wanted && code != nullptr && (options & ~kUnderstood) == 0) {
        const auto* const text = reinterpret_cast<const char*>(expression);
        auto octets =
            needed_octets(length == PCRE2_ZERO_TERMINATED ? std::string_view(text) : std::string_view(text, length));
        if (octets.size() >= kFewest)
            needed().insert_or_assign(code, std::move(octets));
    }
    return code;
}

int pcre2_match(const pcre2_code* code, PCRE2_SPTR text, PCRE2_SIZE length, PCRE2_SIZE begin, std::uint32_t options,
                pcre2_match_data* data, pcre2_match_context* context) {
    static auto* const library = in_library<decltype(pcre2_match)>("pcre2_match_8");
    if (wanted && length >= kShort && begin <= length && (options & ~std::uint32_t{PCRE2_ANCHORED}) == 0) {
        const std::string_view all(reinterpret_cast<const char*>(text), length);
        if (const auto found = needed().find(code);
            found != needed().end() && all.find(found->second, begin) == std::string_view::npos)
            return PCRE2_ERROR_NOMATCH;
    }
    return library(code, text, length, begin, options, data, context);
}

void pcre2_code_free(pcre2_code* code) {
    static auto* const library = in_library<decltype(pcre2_code_free)>("pcre2_code_free_8");
    if (wanted)
        needed().erase(code);
    library(code);
}
}
