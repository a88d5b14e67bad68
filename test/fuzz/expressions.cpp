// Texts of any kind: normalising, HTML, the scripts, and looking for expressions. What comes out is bounded and valid,
// normalising twice changes nothing more, and a keyword that is put into a text in plain sight is found there.
#include "scanners/content/expressions.hpp"

#include <algorithm>
#include <cstring>

#include "policy/ready_made.hpp"
#include "scanners/content/html_text.hpp"
#include "scanners/content/normalise.hpp"
#include "scanners/content/numbers.hpp"
#include "scanners/content/script.hpp"
#include "scanners/content/unicode.hpp"
#include "target.hpp"

namespace {

using fuzz::require;
namespace content = scanners::content;

void is_utf8(std::string_view text, bool controls) {
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = at;
        const auto code = content::next_character(text, at);
        require(code != content::kReplacement || at - begin == 3, "UTF-8");
        require(controls || (code >= 0x20 && (code < 0x7f || code >= 0xa0)), "no control characters");
    }
}

policy::Entry entry(policy::Entry::Kind kind, std::string_view pattern) {
    policy::Entry made;
    made.kind = kind;
    made.pattern = pattern;
    return made;
}

policy::Expression expression(std::vector<policy::Entry> entries) {
    policy::Expression made;
    made.entries = std::move(entries);
    made.fields = {"subject"};
    return made;
}

// The first is the one that is planted.
std::vector<policy::Expression> definitions() {
    using Kind = policy::Entry::Kind;
    auto raw = entry(Kind::kRegex, R"(\r\n\.|\x{200b}(\w)\1)");
    raw.raw = true;
    auto near = expression({entry(Kind::kKeyword, "acc*"), entry(Kind::kRegex, R"(p(?:a|s)+(\w)\1)"), raw});
    near.proximity = policy::Proximity{2, 20, policy::Proximity::Unit::kCharacters};
    near.entries[0].distinct = true;
    std::vector<policy::Expression> all = {
        expression({entry(Kind::kKeyword, "zyzzyva")}),
        expression({entry(Kind::kKeyword, "a"), entry(Kind::kKeyword, "?b*"), raw}),
        expression({entry(Kind::kRegex, R"((\w+)*(\w)\2#)"), entry(Kind::kRegex, R"((?:a+)+b)"),
                    entry(Kind::kRegex, R"([^ ]{3,30}!|\x{e4}.*\x{f6})"), entry(Kind::kRegex, R"(a\Rb|\bx.*y\b)")}),
        expression({entry(Kind::kUsSsnDigits, ""), entry(Kind::kLuhn, "")}),
        near,
    };
    for (const auto& made : policy::ready_made())
        all.push_back(*policy::ready_made(made.name));
    return all;
}

const content::Expressions& compiled() {
    static const auto all = [] {
        auto made = content::Expressions::compile(definitions());
        require(made.has_value(), "the expressions compile");
        return std::move(*made);
    }();
    return all;
}

void check(const content::Matches& matches, std::size_t items) {
    require(matches.hits.size() <= policy::kMaxHits, "hits are bounded");
    for (const auto& hit : matches.hits) {
        require(hit.item < items && hit.score > 0, "a hit is somewhere");
        require(hit.excerpt.size() <= policy::kMaxExcerpt, "an excerpt is bounded");
        is_utf8(hit.excerpt, false);
        require(
            std::find(matches.undecided.begin(), matches.undecided.end(), hit.expression) == matches.undecided.end(),
            "what has hit is decided");
    }
}

bool has(const content::Matches& matches, std::uint32_t expression) {
    return std::any_of(matches.hits.begin(), matches.hits.end(),
                       [expression](const policy::Hit& hit) { return hit.expression == expression; });
}

void look(std::string_view text) {
    const std::string planted = std::string(text) +
                                " Z\xc2\xad"
                                "yz\xe2\x80\x8b"
                                "zYVA";
    const std::vector<scanners::Text> texts = {{0, scanners::Place::kHeader, text},
                                               {1, scanners::Place::kBody, text},
                                               {2, scanners::Place::kAttachment, planted}};
    content::MatchLimits limits;
    limits.regex_time = std::chrono::milliseconds(20);
    const auto matches = compiled().match(texts, limits);
    check(matches, texts.size());
    require(has(matches, 0), "a keyword is found behind any text");
}

void numbers(std::string_view normal) {
    const auto ends = [&normal](const content::Number& number) {
        require(number.begin < number.end && number.end <= normal.size(), "a number is inside the text");
        require(number.value.size() <= number.end - number.begin, "a number's value is in the text");
        return true;
    };
    content::find_cards(normal, [&ends](const content::Number& number) {
        require(content::passes_luhn(number.value) && content::is_card_range(number.value), "a card is valid");
        return ends(number);
    });
    content::find_ibans(normal, [&ends](const content::Number& number) {
        require(content::is_iban(number.value), "an IBAN is valid");
        return ends(number);
    });
    content::find_luhn(normal, 2, 32, ends);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::as_text(data, size);
    const auto normal = content::normalise(text);
    is_utf8(normal, false);
    require(content::normalise(normal) == normal, "normalising twice changes nothing more");
    const auto folded = content::fold_case(normal);
    is_utf8(folded, false);
    is_utf8(content::valid_utf8(text), true);
    const auto plain = content::html_to_text(text);
    require(plain.size() <= text.size() + 8, "HTML has no more text than octets");
    content::ScriptCount scripts;
    scripts.add(text);
    require(scripts.share(content::Script::kLatin) <= 100, "a share is a share");
    numbers(normal);
    look(text);
    look(plain);
    return 0;
}
