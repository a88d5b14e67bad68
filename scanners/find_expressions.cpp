#include "scanners/find_expressions.hpp"

#include <fmt/format.h>

#include <utility>

#include "scanners/content/html_text.hpp"

namespace scanners {
namespace {

bool is_html(const policy::Item& item) {
    return item.declared_type == "text/html" || item.true_type == "text/html";
}

// What a reader of HTML sees is no tags.
std::vector<Text> readable(Opening& opening) {
    auto texts = opening.texts();
    for (auto& text : texts)
        if (text.place != Place::kHeader && text.place != Place::kSubject && is_html(opening.item(text.item)))
            text.text = opening.keep(content::html_to_text(text.text));
    return texts;
}

}  // namespace

void find_expressions(Opening& opening, const content::Expressions& expressions,
                      std::vector<policy::ScanResult>& results) {
    auto matches = expressions.match(readable(opening));
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
