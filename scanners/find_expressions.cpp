#include "scanners/find_expressions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scanners/content/html_text.hpp"
#include "scanners/content/script.hpp"

namespace scanners {
namespace {

bool is_html(const policy::Item& item) {
    return item.declared_type == "text/html" || item.true_type == "text/html";
}

// Texts of one mail of which the language is told: each takes some tenths of a millisecond.
constexpr std::size_t kMaxLanguageTexts = 4;

}  // namespace

// What a reader of HTML sees is no tags.
std::vector<Text> readable_texts(Opening& opening) {
    auto texts = opening.texts();
    for (auto& text : texts)
        if (text.place != Place::kHeader && text.place != Place::kSubject && !text.plain &&
            is_html(opening.item(text.item)))
            text.text = opening.keep(content::html_to_text(text.text));
    return texts;
}

void see_writing(Opening& opening, std::span<const Text> texts, const content::Languages* languages) {
    auto& contents = opening.contents();
    std::size_t told = 0;
    for (const auto& text : texts) {
        if (text.place == Place::kHeader || text.place == Place::kAttachment)
            continue;
        if (opening.wanted().writing)
            contents.writings = static_cast<std::uint16_t>(contents.writings | content::scripts_of(text.text));
        if (languages == nullptr || text.place != Place::kBody || told == kMaxLanguageTexts)
            continue;
        const auto language = languages->of(text.text);
        told += language.empty() ? 0 : 1;
        auto& all = contents.languages;
        if (!language.empty() && all.size() < policy::kMaxLanguages &&
            std::find(all.begin(), all.end(), language) == all.end())
            all.push_back(language);
    }
}

void find_expressions(Opening& opening, std::span<const Text> texts, const content::Expressions& expressions,
                      std::vector<policy::ScanResult>& results) {
    auto matches = expressions.match(texts);
    opening.contents().hits = std::move(matches.hits);
    if (matches.undecided.empty() && matches.complete)
        return;
    results.push_back({std::string(policy::kExpressionsScanner),
                       policy::Outcome::kCannotTell,
                       policy::Cause::kLimit,
                       {},
                       matches.complete ? fmt::format("{} expressions took too long", matches.undecided.size())
                                        : "more hits than can be told"});
}

}  // namespace scanners
