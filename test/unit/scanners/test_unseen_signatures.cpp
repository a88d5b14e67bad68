// The table of a matcher whose unseen signatures are hidden, without libclamav.
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>

#include "made_database.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/seen_parts.hpp"
#include "scanners/clamav/unseen_signatures.hpp"

namespace {

using namespace scanners::clamav;
using layout::LogicalSignature;

// Of three signatures that need a part, one that is true without, and a rule.
class Made {
  public:
    Made() {
        const std::array<const char*, 5> expressions = {"0", "0&(1|2)>1", "0&(1=0)", "0>2|1", "0"};
        for (std::size_t i = 0; i < signatures.size(); ++i) {
            signatures[i].number = static_cast<std::uint32_t>(i);
            signatures[i].kind = i == 4 ? layout::kLastKind : layout::kNormalKind;
            signatures[i].expression = expressions[i];
            table[i] = &signatures[i];
        }
        matcher.logical = static_cast<std::uint32_t>(table.size());
        matcher.logical_table = table.data();
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made() { show_all_signatures(matcher); }

    // A letter for each: whether it stands in the table, or something that libclamav passes over.
    std::string shown() const {
        std::string said;
        for (std::size_t i = 0; i < table.size(); ++i) {
            const bool own = table[i] == &signatures[i];
            REQUIRE((own || table[i]->kind > layout::kLastKind));
            said += own ? 'x' : '-';
        }
        return said;
    }

    std::array<LogicalSignature, 5> signatures{};
    std::array<const LogicalSignature*, 5> table{};
    layout::Matcher matcher{};
};

// What libclamav calls.
template <typename Function>
Function* here(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

TEST_CASE("signatures that need a part are hidden until one is noted, and again afterwards") {
    Made made;
    CHECK(hide_unseen_signatures(made.matcher) == 3);
    CHECK(made.shown() == "--x-x");
    CHECK(hide_unseen_signatures(made.matcher) == 0);
    CHECK(made.shown() == "--x-x");
    show_signature(made.matcher, 1);
    show_signature(made.matcher, 1);
    show_signature(made.matcher, 2);
    CHECK(made.shown() == "-xx-x");
    show_signature(made.matcher, 3);
    CHECK(made.shown() == "-xxxx");
    CHECK(hide_shown_signatures() == 2);
    CHECK(made.shown() == "--x-x");
    CHECK(hide_shown_signatures() == 0);
    show_signature(made.matcher, 0);
    CHECK(made.shown() == "x-x-x");
}

TEST_CASE("what is freed is libclamav's own") {
    Made made;
    Made other;
    REQUIRE(hide_unseen_signatures(made.matcher) == 3);
    REQUIRE(hide_unseen_signatures(other.matcher) == 3);
    show_signature(made.matcher, 0);
    show_signature(other.matcher, 0);
    show_all_signatures(made.matcher);
    CHECK(made.shown() == "xxxxx");
    CHECK(other.shown() == "x-x-x");
    CHECK(hide_shown_signatures() == 1);
    CHECK(made.shown() == "xxxxx");
    CHECK(other.shown() == "--x-x");
    show_signature(made.matcher, 1);
    show_all_signatures(made.matcher);
    CHECK(hide_unseen_signatures(made.matcher) == 3);
}

TEST_CASE("where the matcher is not known, a signature is shown in all that may be meant") {
    Made made;
    Made other;
    Made smaller;
    smaller.matcher.logical = 4;
    for (auto* const one : {&made, &other, &smaller})
        REQUIRE(hide_unseen_signatures(one->matcher) == 3);
    show_signature_in_any(5, 1);
    CHECK(made.shown() == "-xx-x");
    CHECK(other.shown() == "-xx-x");
    CHECK(smaller.shown() == "--x-x");
}

TEST_CASE("a table that is not as it must be is left alone") {
    const auto refused = [](auto change) {
        Made made;
        change(made);
        const auto before = made.table;
        return hide_unseen_signatures(made.matcher) == 0 && made.table == before;
    };
    CHECK(refused([](Made& made) { made.matcher.logical = 0; }));
    CHECK(refused([](Made& made) { made.matcher.logical_table = nullptr; }));
    CHECK(refused([](Made& made) { made.signatures[3].number = 4; }));
    CHECK(refused([](Made& made) { made.signatures[3].kind = 3; }));
    CHECK(refused([](Made& made) { made.signatures[3].expression = nullptr; }));
    CHECK(refused([](Made& made) { made.table[3] = nullptr; }));
    CHECK(!refused([](Made&) {}));
}

TEST_CASE("while a file is being looked at, one within it hides nothing") {
    REQUIRE(keep_seen_parts() == made::is_known_version());
    if (!made::is_known_version())
        return;
    auto* const make =
        here<int(layout::Seen*, std::uint32_t, std::uint32_t, std::uint32_t, std::uint8_t)>("cli_ac_initdata");
    auto* const free = here<void(layout::Seen*)>("cli_ac_freedata");
    auto* const note =
        here<int(const layout::Matcher*, layout::Seen*, std::uint32_t, std::uint32_t, std::uint32_t, int)>(
            "lsig_sub_matched");
    auto* const add = here<void(layout::Seen*, std::uint32_t, std::uint32_t)>("lsig_increment_subsig_match");
    Made made;
    REQUIRE(hide_unseen_signatures(made.matcher) == 3);
    layout::Seen outer{};
    layout::Seen inner{};
    REQUIRE(make(&outer, 0, 5, 0, 8) == 0);
    REQUIRE(note(&made.matcher, &outer, 0, 0, layout::kNowhere, 0) == 0);
    CHECK(made.shown() == "--x-x");  // asked about, not seen
    REQUIRE(note(&made.matcher, &outer, 0, 0, 17, 0) == 0);
    CHECK(made.shown() == "x-x-x");
    REQUIRE(make(&inner, 0, 5, 0, 8) == 0);
    add(&inner, 3, 1);
    CHECK(made.shown() == "x-xxx");
    free(&inner);
    CHECK(made.shown() == "x-xxx");
    free(&outer);
    CHECK(made.shown() == "--x-x");
}
