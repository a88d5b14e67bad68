// Files as mails bring them, opened as far as small limits go: nothing that is found breaks the bounds of what a worker
// may say, every item has its parent before it, and what goes over a limit is told. Text is taken out of documents,
// too.
#include <algorithm>

#include "scanners/attachment/open.hpp"
#include "target.hpp"

namespace {

using fuzz::require;

bool printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

policy::ContentLimits small_limits() {
    policy::ContentLimits limits;
    limits.layers = 4;
    limits.files = 50;
    limits.expanded_size = 4 << 20;
    return limits;
}

void check_items(const policy::Contents& contents, const policy::ContentLimits& limits) {
    require(contents.items.size() <= limits.files + 1, "files are counted");
    for (std::size_t i = 0; i < contents.items.size(); ++i) {
        const auto& item = contents.items[i];
        require(i == 0 || item.parent < i, "a parent comes before");
        require(i == 0 || item.layer == contents.items[item.parent].layer + 1, "a layer more than its parent");
        require(item.layer <= limits.layers, "layers are bounded");
        require(item.names.size() <= policy::kMaxNames, "few names");
        for (const auto& name : item.names)
            require(name.size() <= policy::kMaxName && printable(name), "a name is clean");
        require(item.true_type.size() <= policy::kMaxName && printable(item.true_type), "a type is clean");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool loaded = scanners::attachment::load().has_value();
    require(loaded, "the tables of types are there");
    const auto limits = small_limits();
    policy::Contents contents;
    scanners::Opening opening(limits, contents, scanners::Texts::kAll);
    policy::Item top;
    top.names = {"file.bin"};
    opening.add(std::move(top));
    scanners::attachment::open(opening, 0, fuzz::as_text(data, size));
    check_items(contents, limits);
    for (const auto& exceeded : contents.exceeded) {
        require(exceeded.item < contents.items.size(), "a limit is reached somewhere");
        require(contents.items[exceeded.item].is(policy::Mark::kUnopened), "what is beyond a limit was not looked at");
    }
    for (const auto& text : opening.texts()) {
        require(text.item < contents.items.size(), "a text stands somewhere");
        require(!text.plain || text.text.size() <= limits.expanded_size + scanners::kMaxText, "a text is bounded");
    }
    return 0;
}
