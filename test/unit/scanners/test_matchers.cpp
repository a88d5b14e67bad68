// What stands in front of libclamav's matchers: with it libclamav finds in every text what it finds without.
#include <clamav.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "made_database.hpp"
#include "scanners/clamav/layout.hpp"
#include "scanners/clamav/matchers.hpp"
#include "scanners/clamav/plain_strings.hpp"
#include "scanners/clamav/trie_windows.hpp"

namespace {

using namespace std::string_literals;
using made::Directory;
using made::Engine;
using made::hex;
using made::is_known_version;
using made::silence_libclamav;
using scanners::clamav::PlainStrings;
using scanners::clamav::TrieWindows;
namespace layout = scanners::clamav::layout;

constexpr unsigned kSeed = 20261128;

class Dice {
  public:
    unsigned up_to(unsigned most) { return static_cast<unsigned>(dice_() % (most + 1)); }
    bool one_in(unsigned many) { return up_to(many - 1) == 0; }
    template <typename Container>
    const auto& one_of(const Container& all) {
        return all[up_to(static_cast<unsigned>(all.size()) - 1)];
    }

  private:
    std::mt19937 dice_{kSeed};
};

// Few octets, so that nearly everything nearly matches.
constexpr std::string_view kOctets{"abcAB \n\r\0MZ\xe4", 12};

std::string octets(Dice& dice, unsigned least, unsigned most) {
    std::string made;
    for (unsigned left = least + dice.up_to(most - least); left > 0; --left)
        made += dice.one_of(kOctets);
    return made;
}

// Pieces of texts, from which signatures are made as well.
std::vector<std::string> vocabulary(Dice& dice) {
    std::vector<std::string> words;
    for (int i = 0; i < 60; ++i)
        words.push_back(octets(dice, 2, 7));
    return words;
}

// What libclamav knows types of files by, wherever it stands or at the begin: of text, of mail, of others.
const std::vector<std::string> kMarks = {"<html>",       "<head>",      "<a href=",   "</html>",
                                         "\nFrom: ",     "\nTo: ",      "Received: ", "MZ",
                                         "PE\0\0"s,      "PK\x03\x04",  "%PDF-",      "GIF89a",
                                         "Rar!\x1a\x07", "{\\rtf",      "#@~^",       "<script>alert()<",
                                         "MSCF",         "\x1f\x8b\x08"};

// What a signature is looked for in: everything, text, HTML.
int target(Dice& dice) {
    static const std::vector<int> kTargets = {0, 0, 0, 7, 3};
    return dice.one_of(kTargets);
}

// What a signature says, and a text that it is true of.
struct Piece {
    std::string pattern;
    std::string text;

    Piece& operator+=(const Piece& other) {
        pattern += other.pattern;
        text += other.text;
        return *this;
    }
};

Piece literal(const std::string& text) {
    return {hex(text), text};
}

// Between two pieces of a signature.
Piece between(Dice& dice) {
    switch (dice.up_to(16)) {
        case 0:
            return {"??", octets(dice, 1, 1)};
        case 1:
            return {"6?", "b"};
        case 2:
            return {"?1", "A"};
        case 3:
            return {"(61|62)", "b"};
        case 4:
            return {"!(61|62)", "c"};
        case 5:
            return {"(6161|6262)", "bb"};
        case 6:
            return {"(61|626363)", dice.one_in(2) ? "a" : "bcc"};
        case 7:
            return {"{2}", octets(dice, 2, 2)};
        case 8:
            return {"{1-3}", octets(dice, 1, 3)};
        case 9:
            return {"{-4}", octets(dice, 0, 4)};
        case 10:
            return {"{3-}", octets(dice, 3, 9)};
        case 11:
            return {"*", octets(dice, 0, 9)};
        case 12:
            return {"????", octets(dice, 2, 2)};
        case 13:
            return {"(B)", " "};
        case 14:
            return {"(W)", " "};
        case 15:
            return {"(L)", dice.one_in(2) ? "\n" : "\r\n"};
        default:
            return {};
    }
}

Piece body(Dice& dice, const std::vector<std::string>& words) {
    Piece made = literal(dice.one_of(words));
    for (unsigned more = dice.up_to(3); more > 0; --more) {
        made += between(dice);
        made += literal(dice.one_of(words));
    }
    // A single octet in some distance before or behind.
    if (dice.one_in(6)) {
        made += {"[1-4]", octets(dice, 1, 4)};
        made += literal("b");
    } else if (dice.one_in(6)) {
        auto before = literal("a");
        before += {"[2-6]", octets(dice, 2, 6)};
        before += made;
        made = before;
    }
    if (dice.one_in(12))
        made = {"(B)" + made.pattern, " " + made.text};
    if (dice.one_in(12))
        made += {"(B)", " "};
    if (dice.one_in(12))
        made = {"(L)" + made.pattern, "\n" + made.text};
    if (dice.one_in(12))
        made += {"(W)", " "};
    return made;
}

std::string place(Dice& dice) {
    static const std::vector<std::string> kPlaces = {"0", "3", "10,20", "EOF-20", "EOF-30,10", "131060,40"};
    return dice.one_in(4) ? dice.one_of(kPlaces) : "*";
}

std::string expression(Dice& dice, unsigned parts) {
    std::string made;
    for (unsigned i = 0; i < parts; ++i) {
        static const std::vector<std::string> kCounts = {"", "", "", "", "=1", "=2", ">1", "=0"};
        made += (made.empty() ? "" : dice.one_in(2) ? "&" : "|") + std::to_string(i) + dice.one_of(kCounts);
    }
    return made;
}

// In the order in which a text may have them.
struct Signature {
    std::string file;
    std::string line;
    std::vector<std::string> texts;
};

Signature logical_signature(Dice& dice, unsigned number, const std::vector<std::string>& words) {
    static const std::vector<std::string> kOptions = {"", "", "", "::i", "::f", "::w", "::wa", "::if"};
    const auto parts = 1 + dice.up_to(3);
    Signature made{"test.ldb",
                   fmt::format("Logical-{};Engine:51-255,Target:{};{}", number, target(dice), expression(dice, parts)),
                   {}};
    for (unsigned i = 0; i < parts; ++i) {
        const auto options = dice.one_of(kOptions);
        // With options of octets alone: others libclamav refuses.
        const auto piece = options.empty() ? body(dice, words) : literal(dice.one_of(words) + dice.one_of(words));
        const auto where = place(dice);
        made.line += ";" + (where == "*" ? "" : where + ":") + piece.pattern + options;
        made.texts.push_back(piece.text);
    }
    return made;
}

Signature body_signature(Dice& dice, unsigned number, const std::vector<std::string>& words) {
    const auto piece = dice.one_in(3) ? literal(dice.one_of(words) + dice.one_of(words)) : body(dice, words);
    return {
        "test.ndb", fmt::format("Body-{}:{}:{}:{}", number, target(dice), place(dice), piece.pattern), {piece.text}};
}

// Whether libclamav takes it at all: by loading it alone.
bool is_accepted(const Signature& signature) {
    const Directory alone;
    alone.write(signature.file, signature.line);
    const std::unique_ptr<cl_engine, decltype(&cl_engine_free)> engine(cl_engine_new(), cl_engine_free);
    unsigned count = 0;
    return cl_load(alone.path().c_str(), engine.get(), &count, CL_DB_STDOPT) == CL_SUCCESS && count == 1;
}

std::string words_of(Dice& dice, const std::vector<std::string>& words, unsigned size) {
    std::string text;
    while (text.size() < size) {
        text += dice.one_in(3) ? octets(dice, 1, 4) : dice.one_of(words);
        if (dice.one_in(25))
            text += dice.one_of(kMarks);
        if (dice.one_in(20))
            text += std::string(dice.up_to(40), dice.one_of(kOctets));
        if (dice.one_in(30)) {  // as wide characters
            for (const char c : dice.one_of(words))
                text += {c, '\0'};
        }
    }
    return text;
}

// What some of the signatures are true of, or would be but for an octet.
std::string text_of(Dice& dice, const std::vector<std::string>& words, const std::vector<Signature>& signatures) {
    auto text = (dice.one_in(6) ? dice.one_of(kMarks) : "") + words_of(dice, words, dice.up_to(60));
    if (dice.one_in(60))  // libclamav looks at so many octets at a time
        text.resize(131072 - dice.up_to(120), 'x');
    for (unsigned i = dice.up_to(2); i > 0 && !signatures.empty(); --i) {
        for (auto part : dice.one_of(signatures).texts) {
            if (dice.one_in(4)) {
                auto& octet = part[dice.up_to(static_cast<unsigned>(part.size()) - 1)];
                octet = static_cast<char>(octet ^ (dice.one_in(2) ? 0x20 : 1));
            }
            text += part;
            if (dice.one_in(2))
                text += words_of(dice, words, dice.up_to(12));
        }
    }
    return text;
}

bool has_any(const std::vector<std::string>& strings, std::string_view text) {
    return std::any_of(strings.begin(), strings.end(),
                       [text](const std::string& one) { return text.find(one) != std::string_view::npos; });
}

// A pattern of these octets alone, for any place.
struct Fixed {
    explicit Fixed(std::string_view text) {
        for (const char c : text)
            octets.push_back(static_cast<unsigned char>(c));
        pattern.octets = octets.data();
        std::fill(std::begin(pattern.length), std::end(pattern.length), static_cast<std::uint16_t>(text.size()));
        std::fill(std::begin(pattern.near), std::end(pattern.near), layout::kAny);
        pattern.depth = static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), 3));
        pattern.offset_data[0] = pattern.offset_min = layout::kOffsetAny;
    }
    Fixed(const Fixed&) = delete;
    Fixed& operator=(const Fixed&) = delete;

    std::vector<std::uint16_t> octets;
    layout::TriePattern pattern{};
    const layout::TriePattern* const address = &pattern;
};

TrieWindows::Request request_of(std::string_view text, const layout::Seen& seen) {
    return {reinterpret_cast<const unsigned char*>(text.data()),
            static_cast<std::uint32_t>(text.size()),
            0,
            true,
            true,
            &seen};
}

// Eight blocks at once, where the processor can, and one by one.
bool find(const TrieWindows& windows, const TrieWindows::Request& request, std::vector<TrieWindows::Window>& found) {
    std::vector<TrieWindows::Window> others;
    const bool done = windows.find(request, found);
    REQUIRE(windows.find(request, others, false) == done);
    REQUIRE(std::equal(found.begin(), found.end(), others.begin(), others.end(), [](const auto& a, const auto& b) {
        return a.begin == b.begin && a.end == b.end && a.types == b.types;
    }));
    return done;
}

}  // namespace

TEST_CASE("one of many strings is found in a text if and only if it stands there") {
    Dice dice;
    for (int round = 0; round < 40; ++round) {
        std::vector<std::string> strings;
        for (unsigned i = dice.up_to(30); i > 0; --i)
            strings.push_back(octets(dice, 4, 4 + dice.up_to(60)));
        const PlainStrings known(std::vector<std::string_view>(strings.begin(), strings.end()));
        unsigned found = 0;
        for (int i = 0; i < 200; ++i) {
            auto text = octets(dice, 0, 80);
            if (!strings.empty() && dice.one_in(2)) {
                auto inside = dice.one_of(strings);
                if (dice.one_in(3))
                    inside[dice.up_to(static_cast<unsigned>(inside.size()) - 1)] ^= 1;
                text.insert(dice.up_to(static_cast<unsigned>(text.size())), inside);
            }
            REQUIRE(known.any_in(text) == has_any(strings, text));
            REQUIRE(known.any_in(text, false) == has_any(strings, text));
            found += known.any_in(text) ? 1 : 0;
        }
        CHECK((strings.empty() || found > 20));
    }
}

TEST_CASE("windows lie apart, in the order of the text, and hold what their patterns look at") {
    const std::array<std::uint16_t, 4> fixed = {'a', 'b', 'c', 'd'};
    const std::array<std::uint16_t, 3> before = {'x', layout::kAny, 'z'};
    layout::TriePattern pattern{};
    pattern.octets = fixed.data();
    pattern.prefix = before.data();
    std::fill(std::begin(pattern.length), std::end(pattern.length), 4);
    std::fill(std::begin(pattern.prefix_length), std::end(pattern.prefix_length), 3);
    pattern.depth = 3;
    pattern.offset_data[0] = layout::kOffsetAny;
    pattern.offset_min = layout::kOffsetAny;
    std::fill(std::begin(pattern.near), std::end(pattern.near), layout::kAny);
    const layout::TriePattern* const one = &pattern;
    const auto windows = TrieWindows::make({&one, 1});
    REQUIRE(windows.has_value());
    const layout::Seen seen{};
    const auto places = [&](std::string_view text) {
        std::vector<TrieWindows::Window> found;
        REQUIRE(find(*windows, request_of(text, seen), found));
        std::string said;
        for (const auto& window : found)
            said += fmt::format("{}-{} ", window.begin, window.end);
        return said;
    };
    const std::string far(100, '.');
    CHECK(places("") == "");
    CHECK(places("xyzabcd") == "0-7 ");
    CHECK(places("xyyabcd") == "");
    CHECK(places("zabcd") == "");
    CHECK(places("xyzabc") == "");
    CHECK(places("xyzabcD") == "");
    CHECK(places(far + "xyzabcd" + far) == "100-107 ");
    CHECK(places(far + "xyzabcdxyzabcd" + far) == "100-114 ");
    CHECK(places(far + "xyzabcd" + far + "xyzabcd" + far) == "100-107 207-214 ");
    pattern.type = 560;  // HTML
    CHECK(places(far + "xyzabcd" + far + "xyzabcd" + far) == "100-107 207-214 ");
    for (const int type : {layout::kTypeProgram, layout::kTypeBootRecord}) {  // of all windows with types one is made
        pattern.type = static_cast<std::uint16_t>(type);
        CHECK(places(far + "xyzabcd" + far + "xyzabcd" + far) == "100-214 ");
    }
    pattern.type = 0;
    pattern.boundary = 1;
    CHECK(places(far + "xyzabcd" + far) == "96-111 ");
    pattern.near[0] = 'n';
    pattern.near_max[0] = 5;
    CHECK(places(far + "xyzabcd" + far) == "91-111 ");
}

TEST_CASE("a short pattern is found at the end of a text, and a later part only behind the first one") {
    const std::array<std::uint16_t, 2> first = {'a', 'b'};
    const std::array<std::uint16_t, 3> second = {'c', 'd', 'e'};
    std::array<layout::TriePattern, 2> patterns{};
    patterns[0].octets = first.data();
    patterns[1].octets = second.data();
    for (std::uint16_t i = 0; i < 2; ++i) {
        auto& pattern = patterns[i];
        std::fill(std::begin(pattern.length), std::end(pattern.length), i == 0 ? 2 : 3);
        std::fill(std::begin(pattern.near), std::end(pattern.near), layout::kAny);
        pattern.depth = i == 0 ? 2 : 3;
        pattern.signature = 1;
        pattern.part = static_cast<std::uint16_t>(i + 1);
        pattern.parts = 2;
    }
    const std::array<const layout::TriePattern*, 2> both = {&patterns[0], &patterns[1]};
    const auto windows = TrieWindows::make(both);
    REQUIRE(windows.has_value());
    std::uint32_t seen_first = 1;
    void* table = &seen_first;
    void** begun = &table;
    const auto count = [&](std::string_view text, void*** parts) {
        std::vector<TrieWindows::Window> found;
        layout::Seen seen{};
        seen.parts = parts;
        REQUIRE(find(*windows, request_of(text, seen), found));
        return found.size();
    };
    void** nothing = nullptr;
    CHECK(count("....ab", &nothing) == 1);
    CHECK(count("ab", &nothing) == 1);
    CHECK(count("....abc", &nothing) == 1);
    CHECK(count("....cde", &nothing) == 0);
    CHECK(count("....cde", &begun) == 1);
    CHECK(count("cde..ab", &nothing) == 1);
    CHECK(count("ab" + std::string(100, '.') + "cde", &nothing) == 2);
    CHECK(count("ab...cd", &nothing) == 1);
    seen_first = 0;
    CHECK(count("....cde", &begun) == 0);
}

TEST_CASE("a part counts only behind the one before it") {
    const std::array<std::string_view, 3> texts = {"ab", "cdefghi", "kl"};
    std::vector<std::unique_ptr<Fixed>> fixed;
    std::vector<const layout::TriePattern*> patterns;
    for (std::uint16_t i = 0; i < texts.size(); ++i) {
        fixed.push_back(std::make_unique<Fixed>(texts[i]));
        auto& pattern = fixed.back()->pattern;
        pattern.signature = 1;
        pattern.part = static_cast<std::uint16_t>(i + 1);
        pattern.parts = 3;
        patterns.push_back(&pattern);
    }
    const auto windows = TrieWindows::make(patterns);
    REQUIRE(windows.has_value());
    std::array<std::uint32_t, 3> counts{};  // of what was seen before in the file
    std::array<void*, 3> table = {&counts[0], &counts[1], &counts[2]};
    void** parts = table.data();
    layout::Seen seen{};
    seen.parts = &parts;
    const auto count = [&](std::string_view text) {
        std::vector<TrieWindows::Window> found;
        REQUIRE(find(*windows, request_of(text, seen), found));
        return found.size();
    };
    for (const std::size_t distance : {50, 61, 72, 83}) {
        CAPTURE(distance);
        const std::string far(distance, '.');
        counts = {};
        CHECK(count(far + "ab" + far + "cdefghi" + far + "kl" + far) == 3);
        CHECK(count(far + "ab" + far + "kl" + far + "kl" + far) == 1);
        CHECK(count(far + "cdefghi" + far + "kl" + far) == 0);
        CHECK(count(far + "kl" + far + "ab" + far + "cdefghi" + far) == 2);
        counts[0] = 1;
        CHECK(count(far + "kl" + far) == 0);
        CHECK(count(far + "cdefghi" + far + "kl" + far) == 2);
        counts[1] = 2;
        CHECK(count(far + "kl" + far) == 1);
    }
}

TEST_CASE("the first of two parts counts where the other may follow in its distance, or where that is not shown") {
    Fixed first("ab");
    Fixed other("cdefghijkl");
    first.pattern.signature = other.pattern.signature = 1;
    first.pattern.parts = other.pattern.parts = 2;
    first.pattern.part = 1;
    other.pattern.part = 2;
    other.pattern.min_distance = 3;
    other.pattern.max_distance = 20;
    const std::array<const layout::TriePattern*, 2> both = {&first.pattern, &other.pattern};
    void** nothing = nullptr;
    layout::Seen seen{};
    seen.parts = &nothing;
    const std::string far(70, '.');
    const auto count = [&](std::string_view text, bool presence) {
        const auto windows = TrieWindows::make(both, {{presence, presence}, {false, false}});
        REQUIRE(windows.has_value());
        std::vector<TrieWindows::Window> found;
        REQUIRE(find(*windows, request_of(text, seen), found));
        return found.size();
    };
    const auto text_with = [&](std::size_t distance, std::string_view octets) {
        return far + "ab" + std::string(distance, '.') + std::string(octets) + far;
    };
    CHECK(count(far + "ab" + far, true) == 0);
    CHECK(count(far + "ab" + far, false) == 1);
    for (std::size_t distance = 0; distance < 25; ++distance) {
        CAPTURE(distance);
        const bool in_reach = distance >= 3 && distance <= 20;
        CHECK((count(text_with(distance, "cdefghijkl"), true) > 0) == in_reach);
        CHECK((count(text_with(distance, "cdefghij.."), true) > 0) == in_reach);  // of it eight octets are looked at
        CHECK(count(text_with(distance, "cdefghi..."), true) == 0);
        CHECK(count(text_with(distance, "CDEFGHIJKL"), true) == 0);
        // Up to eight octets behind the farthest place it is known.
        CHECK(count(far + "ab" + std::string(distance, '.'), true) == (distance < 28 ? 1 : 0));
    }
    CHECK(count(far + "ab" + std::string(27, '.'), true) == 1);
    CHECK(count(far + "ab" + std::string(28, '.'), true) == 0);
    SUBCASE("any case") {
        for (auto& octet : other.octets)
            octet |= layout::kAnyCase;
        CHECK(count(text_with(9, "CdEfGhIjKl"), true) > 0);
        CHECK(count(text_with(9, "xdefghijkl"), true) == 0);
    }
    SUBCASE("lengths that differ") {
        first.pattern.length[1] = 1;
        first.pattern.length[2] = 5;
        CHECK(count(text_with(1, "cdefghijkl"), true) == 0);
        CHECK(count(text_with(2, "cdefghijkl"), true) > 0);
        CHECK(count(text_with(23, "cdefghijkl"), true) > 0);
        CHECK(count(text_with(24, "cdefghijkl"), true) == 0);
    }
    SUBCASE("a prefix of the other") {
        const std::array<std::uint16_t, 2> before = {layout::kAny, layout::kAny};
        other.pattern.prefix = before.data();
        std::fill(std::begin(other.pattern.prefix_length), std::end(other.pattern.prefix_length), 2);
        CHECK(count(text_with(4, "cdefghijkl"), true) == 0);
        CHECK(count(text_with(5, "cdefghijkl"), true) > 0);
        CHECK(count(text_with(22, "cdefghijkl"), true) > 0);
        CHECK(count(text_with(23, "cdefghijkl"), true) == 0);
    }
    SUBCASE("any distance") {
        other.pattern.min_distance = other.pattern.max_distance = 0;
        CHECK(count(far + "ab" + far, true) == 1);
    }
    SUBCASE("too far to look") {
        other.pattern.max_distance = 511;
        CHECK(count(far + "ab" + std::string(1000, '.'), true) == 1);
        other.pattern.max_distance = 510;
        CHECK(count(far + "ab" + std::string(1000, '.'), true) == 0);
    }
    SUBCASE("more than two parts") {
        first.pattern.parts = other.pattern.parts = 3;
        CHECK(count(far + "ab" + far, true) == 1);
    }
    SUBCASE("another signature's") {
        other.pattern.signature = 2;
        CHECK(count(far + "ab" + far, true) == 1);
    }
}

TEST_CASE("of a part that several patterns are the first one counts everywhere") {
    Fixed first("ab");
    Fixed one("cdefg");
    Fixed other("hijkl");
    for (auto* const fixed : {&first, &one, &other}) {
        fixed->pattern.signature = 1;
        fixed->pattern.parts = 2;
        fixed->pattern.part = fixed == &first ? 1 : 2;
        fixed->pattern.max_distance = 20;
    }
    const std::vector<const layout::TriePattern*> patterns = {&first.pattern, &one.pattern, &other.pattern};
    const auto windows = TrieWindows::make(patterns, {{true, true, true}, {false, false, false}});
    REQUIRE(windows.has_value());
    const std::string far(70, '.');
    std::vector<TrieWindows::Window> found;
    REQUIRE(find(*windows, request_of(far + "ab" + far, {}), found));
    CHECK(found.size() == 1);
}

TEST_CASE("what it is enough to see once is looked at once in a text, and not at all when it was seen before") {
    const Fixed short_one("ab");
    Fixed long_one("qwertyuiop");
    Fixed always("cd");
    long_one.pattern.logical[2] = 1;
    const std::array<const layout::TriePattern*, 3> patterns = {&short_one.pattern, &always.pattern, &long_one.pattern};
    const auto windows = TrieWindows::make(patterns, {{}, {true, false, true}});
    REQUIRE(windows.has_value());
    std::array<std::uint32_t, 2> counts{};
    std::uint32_t* row = counts.data();
    layout::Seen seen{};
    const auto count = [&](std::string_view text) {
        std::vector<TrieWindows::Window> found;
        REQUIRE(find(*windows, request_of(text, seen), found));
        return found.size();
    };
    const std::string far(70, '.');
    const auto text = far + "ab" + far + "cd" + far + "ab" + far + "qwertyuiop" + far + "cd" + far + "qwertyuiop";
    CHECK(count(text) == 4);
    seen.counts = &row;
    CHECK(count(text) == 4);
    counts = {1, 0};
    CHECK(count(text) == 3);
    counts = {0, 7};
    CHECK(count(text) == 3);
    counts = {1, 1};
    CHECK(count(text) == 2);
    CHECK(count(far + "ab" + far) == 0);
}

TEST_CASE("eight blocks at once say what each says alone") {
    Dice dice;
    unsigned windows_found = 0;
    const layout::Seen seen{};
    for (int round = 0; round < 200; ++round) {
        std::vector<std::unique_ptr<Fixed>> fixed;
        std::vector<const layout::TriePattern*> patterns;
        for (unsigned i = 1 + dice.up_to(30); i > 0; --i) {
            fixed.push_back(std::make_unique<Fixed>(octets(dice, 2, 12)));
            patterns.push_back(&fixed.back()->pattern);
        }
        const auto windows = TrieWindows::make(patterns);
        REQUIRE(windows.has_value());
        for (int i = 0; i < 60; ++i) {
            std::string text(dice.up_to(300), '.');
            for (unsigned more = dice.up_to(4); more > 0; --more)
                text.insert(dice.up_to(static_cast<unsigned>(text.size())), octets(dice, 1, 20));
            std::vector<TrieWindows::Window> found;
            find(*windows, request_of(text, seen), found);
            windows_found += static_cast<unsigned>(found.size());
        }
    }
    CHECK(windows_found > 1000);
}

TEST_CASE("a pattern is found however many of its keys stand alone before it") {
    const Fixed fixed("abcdefghij");
    const auto windows = TrieWindows::make({&fixed.address, 1});
    REQUIRE(windows.has_value());
    const layout::Seen seen{};
    for (std::size_t before = 0; before < 600; ++before) {
        CAPTURE(before);
        std::string text;
        for (std::size_t i = 0; i < 700; ++i)
            text += i == before ? "abcdefghij......" : "abcdefghi.cdefg.";
        std::vector<TrieWindows::Window> found;
        REQUIRE(find(*windows, request_of(text, seen), found));
        REQUIRE(found.size() == 1);
        CHECK(found.front().begin == before * 16);
    }
}

TEST_CASE("a pattern of any length is found wherever it stands") {
    constexpr std::string_view kLetters = "qwertyuiopas";
    const layout::Seen seen{};
    for (std::size_t length = 2; length <= kLetters.size(); ++length) {
        const Fixed fixed(kLetters.substr(0, length));
        const auto windows = TrieWindows::make({&fixed.address, 1});
        REQUIRE(windows.has_value());
        for (std::size_t before = 0; before < 20; ++before) {
            for (std::size_t behind = 0; behind < 12; ++behind) {
                for (const bool whole : {true, false}) {
                    auto text = std::string(before, '.') + std::string(kLetters.substr(0, length));
                    text += std::string(behind, '.');
                    text[before + length - 1] ^= whole ? 0 : 1;
                    CAPTURE(text);
                    std::vector<TrieWindows::Window> found;
                    REQUIRE(find(*windows, request_of(text, seen), found));
                    REQUIRE(found.size() == (whole ? 1 : 0));
                    if (whole) {
                        REQUIRE(found[0].begin == before);
                        REQUIRE(found[0].end == before + length);
                    }
                }
            }
        }
    }
}

TEST_CASE("a later part counts directly behind the first one, whatever their lengths") {
    void** nothing = nullptr;
    layout::Seen seen{};
    seen.parts = &nothing;
    for (const std::string_view one : {"qw", "qwe", "qwer", "qwerty", "qwertyu", "qwertyuiop"}) {
        for (const std::string_view other : {"as", "asd", "asdf", "asdfgh", "asdfghj", "asdfghjklz"}) {
            Fixed first(one);
            Fixed second(other);
            first.pattern.signature = second.pattern.signature = 1;
            first.pattern.parts = second.pattern.parts = 2;
            first.pattern.part = 1;
            second.pattern.part = 2;
            const std::array<const layout::TriePattern*, 2> both = {&second.pattern, &first.pattern};
            const auto windows = TrieWindows::make(both);
            REQUIRE(windows.has_value());
            for (std::size_t before = 0; before < 8; ++before) {
                const auto text = std::string(before, '.') + std::string(one) + std::string(other) + "...";
                CAPTURE(text);
                std::vector<TrieWindows::Window> found;
                REQUIRE(find(*windows, request_of(text, seen), found));
                REQUIRE(found.size() == 1);
                REQUIRE(found[0].end == before + one.size() + other.size());
            }
        }
    }
}

TEST_CASE("of patterns that begin alike each is found in its own places") {
    const layout::Seen seen{};
    for (const std::string_view octets : {"qw", "qwert", "qwertyu"}) {
        Fixed near(octets);
        Fixed far(octets);
        const Fixed anywhere(octets);
        near.pattern.offset_data[0] = far.pattern.offset_data[0] = layout::kOffsetAbsolute;
        near.pattern.offset_min = near.pattern.offset_max = 5;
        far.pattern.offset_min = 100;
        far.pattern.offset_max = 104;
        const auto is_found = [&](const std::vector<const layout::TriePattern*>& patterns, std::uint32_t at) {
            const auto windows = TrieWindows::make(patterns);
            REQUIRE(windows.has_value());
            const auto text = std::string(3, '.') + std::string(octets) + "....";
            auto request = request_of(text, seen);
            request.offset = at - 3;
            std::vector<TrieWindows::Window> found;
            REQUIRE(find(*windows, request, found));
            return !found.empty();
        };
        for (const std::uint32_t at : {4U, 5U, 6U, 99U, 100U, 102U, 104U, 105U, 4000U, 4294967295U}) {
            CAPTURE(at);
            const bool is_far = at >= 100 && at <= 104;
            CHECK(is_found({&near.pattern, &far.pattern}, at) == (at == 5 || is_far));
            CHECK(is_found({&far.pattern, &near.pattern}, at) == (at == 5 || is_far));
            CHECK(is_found({&near.pattern}, at) == (at == 5));
            CHECK(is_found({&near.pattern, &anywhere.pattern, &far.pattern}, at));
        }
    }
}

TEST_CASE("the place of a pattern is where its prefix begins") {
    const layout::Seen seen{};
    const std::array<std::uint16_t, 3> before = {'x', layout::kAny, 'z'};
    for (const std::string_view octets : {"qw", "qwert", "qwertyu"}) {
        Fixed fixed(octets);
        fixed.pattern.prefix = before.data();
        std::fill(std::begin(fixed.pattern.prefix_length), std::end(fixed.pattern.prefix_length), 3);
        fixed.pattern.offset_data[0] = layout::kOffsetAbsolute;
        fixed.pattern.offset_min = fixed.pattern.offset_max = 100;
        const auto windows = TrieWindows::make({&fixed.address, 1});
        REQUIRE(windows.has_value());
        for (std::uint32_t offset = 80; offset < 110; ++offset) {
            const auto text = "....xyz" + std::string(octets) + "....";
            auto request = request_of(text, seen);
            request.offset = offset;
            std::vector<TrieWindows::Window> found;
            REQUIRE(find(*windows, request, found));
            CAPTURE(offset);
            CHECK(found.size() == (offset + 4 == 100 ? 1 : 0));
        }
    }
}

TEST_CASE("patterns that are not as libclamav makes them are left to it") {
    const std::array<std::uint16_t, 3> fixed = {'a', 'b', 'c'};
    layout::TriePattern pattern{};
    pattern.octets = fixed.data();
    std::fill(std::begin(pattern.length), std::end(pattern.length), 3);
    pattern.depth = 3;
    const layout::TriePattern* const one = &pattern;
    REQUIRE(TrieWindows::make({&one, 1}).has_value());
    const auto refused = [&](auto change) {
        auto other = pattern;
        change(other);
        const layout::TriePattern* const changed = &other;
        return !TrieWindows::make({&changed, 1}).has_value();
    };
    CHECK(refused([](auto& p) { p.depth = 4; }));
    CHECK(refused([](auto& p) { p.depth = 1; }));
    CHECK(refused([](auto& p) { p.octets = nullptr; }));
    CHECK(refused([](auto& p) { p.length[0] = 2; }));
    CHECK(refused([](auto& p) { p.length[1] = 4; }));
    CHECK(refused([](auto& p) { p.prefix_length[0] = 1; }));
    CHECK(refused([](auto& p) { p.signature = 1; }));
    const std::array<std::uint16_t, 3> any = {'a', layout::kAny, 'c'};
    CHECK(refused([&](auto& p) { p.octets = any.data(); }));
}

TEST_CASE("libclamav finds the same with and without") {
    silence_libclamav();
    REQUIRE(cl_init(CL_INIT_DEFAULT) == CL_SUCCESS);
    Dice dice;
    unsigned signatures = 0;
    unsigned refused = 0;
    unsigned scans = 0;
    unsigned found = 0;
    for (int round = 0; round < 40; ++round) {
        const auto words = vocabulary(dice);
        const Directory database;
        database.write("test.ndb", "Always:0:*:" + hex("an empty database is none"));
        std::vector<Signature> made;
        for (unsigned i = dice.up_to(5) + 1; i > 0; --i) {
            auto one = dice.one_in(2) ? logical_signature(dice, i, words) : body_signature(dice, i, words);
            if (is_accepted(one)) {
                database.write(one.file, one.line);
                made.push_back(std::move(one));
            } else {
                ++refused;
            }
        }
        signatures += static_cast<unsigned>(made.size());
        Engine with(database.path());
        REQUIRE((scanners::clamav::prepare_matchers() > 0) == is_known_version());
        Engine without(database.path());
        for (int i = 0; i < 150; ++i) {
            const auto text = text_of(dice, words, made);
            const auto expected = without.scan(text);
            REQUIRE_MESSAGE(with.scan(text) == expected, hex(text.substr(0, 400)));
            found += expected.empty() ? 0 : 1;
            ++scans;
        }
    }
    MESSAGE(signatures << " signatures, " << refused << " refused, " << scans << " scans, " << found << " found");
    CHECK(signatures > 100);
    CHECK(found > scans / 10);
    CHECK(found < scans * 9 / 10);
}
