// Expressions of logical signatures: wherever ours gives an answer, it is libclamav's own.
#include <clamav.h>
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <tuple>

#include "scanners/clamav/logical_expression.hpp"

namespace {

using Counts = std::array<std::uint32_t, 64>;
using Function = int(const char*, const char*, std::uint32_t*, unsigned*, std::uint64_t*, unsigned);

Function* library() {
    static void* const home = ::dlopen("libclamav.so.12", RTLD_NOW | RTLD_NOLOAD);
    REQUIRE(home != nullptr);
    return reinterpret_cast<Function*>(::dlsym(home, "cli_ac_chklsig"));
}

struct Said {
    int value = 0;
    unsigned count = 7;
    std::uint64_t ids = 1ULL << 40;
    bool operator==(const Said&) const = default;
};

Said ask(Function* function, const std::string& expression, Counts counts) {
    Said said;
    said.value =
        function(expression.data(), expression.data() + expression.size(), counts.data(), &said.count, &said.ids, 0);
    return said;
}

bool surely_false(const std::string& expression, const Counts& counts) {
    return scanners::clamav::is_surely_false(expression.data(), expression.data() + expression.size(), counts.data());
}

class Writer {
  public:
    explicit Writer(unsigned seed) : dice_(seed) {}

    unsigned up_to(unsigned most) { return static_cast<unsigned>(dice_() % (most + 1)); }

    std::string group(unsigned depth) {
        std::string text = term(depth);
        for (unsigned more = up_to(3); more > 0; --more)
            text += (up_to(1) == 0 ? "&" : "|") + term(depth);
        return text;
    }

    // What somebody might have written by mistake.
    std::string spoil(std::string text) {
        static constexpr std::string_view kOctets = "0123456789&|()<>=, x!";
        const auto at = up_to(static_cast<unsigned>(text.size()) - 1);
        if (up_to(1) == 0)
            text[at] = kOctets[up_to(kOctets.size() - 1)];
        else
            text.erase(at, 1);
        return text;
    }

  private:
    std::string term(unsigned depth) {
        static constexpr std::array<std::string_view, 8> kLimits = {"", "", "", ">1", ">12", "=0", "<2", "=3"};
        if (depth == 0 || up_to(2) != 0)
            return std::to_string(up_to(11)) + std::string(kLimits[up_to(7)]);
        return "(" + group(depth - 1) + ")" + std::string(kLimits[up_to(7)]) + (up_to(9) == 0 ? ",2" : "");
    }

    std::mt19937 dice_;
};

// Of which libclamav would look behind the counts; it refuses them when it loads signatures.
bool has_large_number(const std::string& expression) {
    std::size_t value = 0;
    return std::any_of(expression.begin(), expression.end(), [&value](char c) {
        value = c >= '0' && c <= '9' ? value * 10 + static_cast<std::size_t>(c - '0') : 0;
        return value >= std::tuple_size_v<Counts>;
    });
}

// The one that libclamav itself finds.
Function* ours() {
    scanners::clamav::link_logical_expression();
    auto* const found = reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, "cli_ac_chklsig"));
    const bool own = found != nullptr && found != library();
    REQUIRE(own);
    return found;
}

}  // namespace

TEST_CASE("what libclamav says of an expression is said without it") {
    const Counts none{};
    for (const char* expression :
         {"0", "0&1", "0|1|2", "0&(1|2)", "0&(1|2)>1", "(0|1)>2,1&3", "((0&1)|2)&3>4", "63&62"}) {
        CAPTURE(expression);
        CHECK(surely_false(expression, none));
        CHECK(ask(library(), expression, none).value == 0);
    }
}

TEST_CASE("what may be true of nothing, or is no expression, is left to libclamav") {
    const Counts none{};
    for (const char* expression : {"", "0=0", "0<1", "(0|1)=0", "(0|1)<2", "0&", "&0", "(0&1", "0&1)", "(0)", "()",
                                   "0 & 1", "!0", "64", "0>", "0>1,2", "(0|1)>,1", "00000"}) {
        CAPTURE(expression);
        CHECK_FALSE(surely_false(expression, none));
    }
    Counts some{};
    some[3] = 1;
    CHECK_FALSE(surely_false("0&3", some));
    CHECK(surely_false("0&2", some));
}

TEST_CASE("no expression gets another answer than from libclamav") {
    // It complains of each that is none.
    cl_set_clcb_msg([](cl_msg /*severity*/, const char* /*full*/, const char* /*text*/, void* /*context*/) {});
    Writer writer(20261128);
    unsigned answered = 0;
    unsigned matched = 0;
    for (unsigned i = 0; i < 20000; ++i) {
        auto expression = writer.group(3);
        if (i % 4 == 0)
            expression = writer.spoil(expression);
        if (expression.empty() || has_large_number(expression))
            continue;
        Counts counts{};
        for (unsigned seen = writer.up_to(3) * writer.up_to(2); seen > 0; --seen)
            counts[writer.up_to(11)] = writer.up_to(3);
        const auto said = ask(ours(), expression, counts);
        CAPTURE(expression);
        REQUIRE(said == ask(library(), expression, counts));
        answered += surely_false(expression, counts) ? 1 : 0;
        matched += said.value == 1 ? 1 : 0;
    }
    CHECK(answered > 1000);
    CHECK(matched > 1000);
}
