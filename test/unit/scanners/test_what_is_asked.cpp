// Of which patterns nothing is asked but whether they were there, and which of them need be seen once.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/what_is_asked.hpp"

namespace layout = scanners::clamav::layout;

namespace {

// One signature and three parts of it, each of a few octets anywhere.
struct Made {
    Made() {
        for (std::uint32_t i = 0; i < patterns.size(); ++i) {
            auto& pattern = patterns[i];
            pattern.octets = kOctets.data();
            for (auto& length : pattern.length)
                length = kOctets.size();
            pattern.near[0] = pattern.near[1] = layout::kAny;
            pattern.depth = 3;
            pattern.logical[0] = 1;
            pattern.logical[2] = i;
            pattern.offset_data[0] = pattern.offset_min = layout::kOffsetAny;
            addresses[i] = &pattern;
        }
        matcher.patterns = addresses.data();
        matcher.trie_patterns = static_cast<std::uint32_t>(addresses.size());
        matcher.logical_table = &table;
        matcher.logical = 1;
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;

    std::vector<bool> presence() { return scanners::clamav::what_is_asked(matcher).presence; }
    std::vector<bool> enough() { return scanners::clamav::what_is_asked(matcher).once; }
    std::vector<bool> enough(const std::string& expression) {
        signature.expression = expression.c_str();
        const auto result = enough();
        signature.expression = "0&1&2";
        return result;
    }

    static constexpr std::array<std::uint16_t, 4> kOctets = {'h', 't', 't', 'p'};
    std::array<layout::TriePattern, 3> patterns{};
    std::array<const layout::TriePattern*, 3> addresses{};
    layout::LogicalSignature signature{0, 0, layout::kNormalKind, 0, "0&1&2", "Made", {}};
    const layout::LogicalSignature* table = &signature;
    layout::Matcher matcher{};
};

using Each = std::vector<bool>;
const Each kAll = {true, true, true};
const Each kNone = {false, false, false};

}  // namespace

TEST_CASE("of a part of which an expression asks no number it is enough to be seen once") {
    Made made;
    for (const std::string expression : {"0&1&2", "0|1|2", "(0&1)|2", "0&(1|2)", "0&0&1|2", "2"}) {
        CAPTURE(expression);
        CHECK(made.enough(expression) == kAll);
        made.signature.expression = expression.c_str();
        CHECK(made.presence() == kAll);
    }
    for (const std::string expression : {"0>1&1&2", "0&1=0&2", "0&1&2<3", "(0|1|2)>2", "(0|1|2)>2,2", "0&1&2&3",
                                         "0&1&64", "0&1&4294967296", "0&1 &2", "0&1&2&-1"}) {
        CAPTURE(expression);
        CHECK(made.enough(expression) == kNone);
        made.signature.expression = expression.c_str();
        CHECK(made.presence() == kNone);
    }
}

TEST_CASE("where others than the expression look at how often a part was seen, it is not enough") {
    Made made;
    SUBCASE("a bytecode") {
        made.signature.bytecode = 1;
    }
    SUBCASE("a YARA rule") {
        made.signature.kind = 1;
    }
    SUBCASE("a part that is not in the trie") {
        made.patterns[2].logical[2] = 1;
    }
    SUBCASE("a signature that is not in its place") {
        made.signature.number = 1;
    }
    SUBCASE("none in its place") {
        made.table = nullptr;
    }
    SUBCASE("no table") {
        made.matcher.logical_table = nullptr;
    }
    CHECK(made.enough() == kNone);
    CHECK(made.presence() == kNone);
}

TEST_CASE("a signature of its own is asked for its presence, unless it is none of a virus") {
    Made made;
    for (auto& pattern : made.patterns)
        pattern.logical[0] = 0;
    auto& pattern = made.patterns[1];
    Each expected = {true, false, true};
    SUBCASE("as it is") {
        expected = kAll;
    }
    SUBCASE("a place") {
        pattern.offset_data[0] = layout::kOffsetAbsolute;
        expected = kAll;
    }
    SUBCASE("a type") {
        pattern.type = 560;
    }
    SUBCASE("what a caller has its own use for") {
        pattern.custom = &made;
    }
    SUBCASE("the last place of a macro") {
        pattern.offset_data[0] = 8;
    }
    CHECK(made.presence() == expected);
    CHECK(made.enough() == kNone);
}

TEST_CASE("a part with a macro's place is not asked for its presence alone") {
    Made made;
    made.patterns[1].offset_data[0] = 8;
    CHECK(made.presence() == Each{true, false, true});
}

TEST_CASE("a part that more than its octets decide of has to be looked for everywhere") {
    Made made;
    auto& pattern = made.patterns[1];
    static constexpr std::array<std::uint16_t, 4> kOthers = {'h', 't', layout::kAnyCase | 't', 'p'};
    static constexpr std::array<std::uint16_t, 4> kAnything = {'h', 't', 't', layout::kAny};
    static constexpr std::array<std::uint16_t, 1> kBefore = {'x'};
    SUBCASE("as it is") {
        CHECK(made.enough() == kAll);
        return;
    }
    SUBCASE("a later part of several") {
        pattern.signature = 1;
    }
    SUBCASE("a type") {
        pattern.type = 560;
        CHECK(made.presence() == Each{true, false, true});
    }
    SUBCASE("alternatives") {
        pattern.special = 1;
    }
    SUBCASE("the end of a word") {
        pattern.boundary = 1;
    }
    SUBCASE("an option") {
        pattern.options = layout::kOptionAnyCase;
    }
    SUBCASE("an octet near it") {
        pattern.near[0] = 'n';
    }
    SUBCASE("an octet near its end") {
        pattern.near[1] = 'n';
    }
    SUBCASE("a place") {
        pattern.offset_min = 5;
    }
    SUBCASE("a kind of place") {
        pattern.offset_data[0] = layout::kOffsetAbsolute;
    }
    SUBCASE("in any case") {
        pattern.octets = kOthers.data();
    }
    SUBCASE("any octet") {
        pattern.octets = kAnything.data();
    }
    SUBCASE("octets before it") {
        pattern.prefix = kBefore.data();
        pattern.prefix_length[0] = 1;
    }
    CHECK(made.enough() == Each{true, false, true});
}
