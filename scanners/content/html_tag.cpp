#include "scanners/content/html_tag.hpp"

#include <algorithm>
#include <array>

#include "scanners/content/html_entity.hpp"

namespace scanners::content {
namespace {

constexpr std::size_t kMaxTagName = 16;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::string lower_ascii(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return lower;
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& sorted, std::string_view name) {
    return std::binary_search(sorted.begin(), sorted.end(), name);
}

bool hides(std::string_view property, std::string_view value) {
    const auto is = [&value](std::string_view word) { return value.substr(0, word.size()) == word; };
    if (property == "display")
        return is("none");
    if (property == "visibility")
        return is("hidden") || is("collapse");
    if (property == "font-size" || property == "opacity" || property == "max-height")
        return !value.empty() && value.front() == '0' && value.find_first_of("123456789") == std::string_view::npos;
    return false;
}

// A property that is set twice, once to be shown, hides nothing: which of the two counts is a matter of the program.
bool style_hides(std::string_view style) {
    std::string plain = lower_ascii(style);
    std::erase_if(plain, is_space);
    constexpr std::array<std::string_view, 5> kProperties = {"display", "font-size", "max-height", "opacity",
                                                             "visibility"};
    std::array<int, kProperties.size()> says{};  // 0 nothing, 1 hidden, 2 shown
    for (std::string_view rest = plain; !rest.empty();) {
        const auto end = std::min(rest.find(';'), rest.size());
        const auto declaration = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto colon = std::min(declaration.find(':'), declaration.size());
        for (std::size_t i = 0; i < kProperties.size(); ++i) {
            if (declaration.substr(0, colon) == kProperties[i] && colon < declaration.size())
                says[i] = std::max(says[i], hides(kProperties[i], declaration.substr(colon + 1)) ? 1 : 2);
        }
    }
    return std::find(says.begin(), says.end(), 1) != says.end();
}

class Reader {
  public:
    explicit Reader(std::string_view html) : html_(html) {}

    Tag read() {
        Tag tag;
        tag.end = html_[1] == '/';
        at_ = tag.end ? 2 : 1;
        tag.name =
            lower_ascii(take_until([](char c) { return is_space(c) || c == '/' || c == '>'; }).substr(0, kMaxTagName));
        while (more()) {
            if (html_[at_] == '>') {
                tag.complete = true;
                ++at_;
                break;
            }
            if (is_space(html_[at_]) || html_[at_] == '/')
                ++at_;
            else
                take_attribute(tag);
        }
        tag.size = at_;
        return tag;
    }

  private:
    [[nodiscard]] bool more() const { return at_ < html_.size(); }

    template <typename Stop>
    std::string_view take_until(Stop stop) {
        const auto begin = at_;
        while (more() && !stop(html_[at_]))
            ++at_;
        return html_.substr(begin, at_ - begin);
    }

    void skip_space() {
        take_until([](char c) { return !is_space(c); });
    }

    void take_attribute(Tag& tag) {
        const auto begin = at_++;  // "=" may begin a name
        take_until([](char c) { return is_space(c) || c == '/' || c == '>' || c == '='; });
        const auto name = lower_ascii(html_.substr(begin, std::min(at_ - begin, kMaxTagName)));
        skip_space();
        std::string_view value;
        if (more() && html_[at_] == '=') {
            ++at_;
            skip_space();
            value = take_value();
        }
        note(tag, name, value);
    }

    std::string_view take_value() {
        if (!more() || html_[at_] == '>')
            return {};
        if (const char quote = html_[at_]; quote == '"' || quote == '\'') {
            ++at_;
            const auto value = take_until([quote](char c) { return c == quote; });
            at_ += more() ? 1 : 0;
            return value;
        }
        return take_until([](char c) { return is_space(c) || c == '>'; });
    }

    static void note(Tag& tag, std::string_view name, std::string_view value) {
        if (tag.end)
            return;
        constexpr std::array<std::string_view, 7> kReadable = {"action",      "alt",   "aria-label", "href",
                                                               "placeholder", "title", "value"};
        if (name == "hidden") {
            tag.hidden = true;
        } else if (name == "style") {
            std::string style;
            append_decoded(style, value, true);
            tag.hidden = tag.hidden || style_hides(style);
        } else if (is_one_of(kReadable, name) && !value.empty()) {
            tag.readable.push_back('\n');
            append_decoded(tag.readable, value, true);
        }
    }

    std::string_view html_;
    std::size_t at_ = 0;
};

}  // namespace

Tag read_tag(std::string_view html) {
    return Reader(html).read();
}

bool begins_line(std::string_view name) {
    constexpr std::array<std::string_view, 58> kNames = {
        "address", "article", "aside",  "blockquote", "body",     "br",       "caption",  "center",     "dd",
        "details", "dialog",  "dir",    "div",        "dl",       "dt",       "fieldset", "figcaption", "figure",
        "footer",  "form",    "frame",  "frameset",   "h1",       "h2",       "h3",       "h4",         "h5",
        "h6",      "head",    "header", "hgroup",     "hr",       "html",     "iframe",   "legend",     "li",
        "main",    "menu",    "nav",    "ol",         "optgroup", "option",   "p",        "pre",        "section",
        "select",  "summary", "table",  "tbody",      "td",       "textarea", "tfoot",    "th",         "thead",
        "title",   "tr",      "ul",     "xmp"};
    return is_one_of(kNames, name);
}

bool is_void(std::string_view name) {
    constexpr std::array<std::string_view, 13> kNames = {"area",  "base", "br",   "col",    "embed", "hr", "img",
                                                         "input", "link", "meta", "source", "track", "wbr"};
    return is_one_of(kNames, name);
}

}  // namespace scanners::content
