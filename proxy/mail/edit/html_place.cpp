#include "mail/edit/html_place.hpp"

#include <algorithm>
#include <string>

#include "mail/text.hpp"

namespace mail::edit {
namespace {

constexpr auto kNone = std::string_view::npos;

bool is_letter(char octet) {
    return lower(octet) >= 'a' && lower(octet) <= 'z';
}

std::size_t name_end(std::string_view html, std::size_t at) {
    while (at < html.size() && !is_white(html[at]) && html[at] != '/' && html[at] != '>')
        ++at;
    return at;
}

// Behind the ">" of the tag; quotes hide others. npos: it does not end.
std::size_t tag_end(std::string_view html, std::size_t at) {
    while (at < html.size()) {
        const char octet = html[at];
        if (octet == '>')
            return at + 1;
        if (octet == '=') {
            ++at;
            while (at < html.size() && is_white(html[at]))
                ++at;
            if (at < html.size() && (html[at] == '"' || html[at] == '\'')) {
                const auto quote = html.find(html[at], at + 1);
                if (quote == kNone)
                    return kNone;
                at = quote + 1;
            }
            continue;
        }
        ++at;
    }
    return kNone;
}

// What these hold is no markup.
bool is_raw(std::string_view name) {
    constexpr std::string_view kRaw[] = {"script", "style",    "title",  "textarea",
                                         "xmp",    "noscript", "iframe", "noframes"};
    return std::any_of(std::begin(kRaw), std::end(kRaw), [name](auto raw) { return equal_ignoring_case(name, raw); });
}

// The "</name" that ends it, from `at` on.
std::size_t raw_end(std::string_view html, std::size_t at, std::string_view name) {
    for (at = html.find("</", at); at != kNone; at = html.find("</", at + 2)) {
        if (equal_ignoring_case(html.substr(at + 2, name_end(html, at + 2) - at - 2), name))
            return at;
    }
    return kNone;
}

class Search {
  public:
    explicit Search(std::string_view html) : html_(html) {}

    HtmlPlaces run() {
        bool complete = true;
        for (auto at = html_.find('<'); at != kNone && complete; at = html_.find('<', at)) {
            at = markup(at);
            complete = at != kNone;
            at = std::min(at, html_.size());
        }
        HtmlPlaces places;
        const auto start = body_ != kNone         ? body_
                           : head_end_ != kNone   ? head_end_
                           : html_begin_ != kNone ? html_begin_
                                                  : 0;
        places.start = start;
        if (body_end_ != kNone)
            places.end = body_end_;
        else if (html_end_ != kNone)
            places.end = html_end_;
        else if (complete)
            places.end = html_.size();
        // A text that is all inside of something.
        if (!complete && start == 0)
            places.start.reset();
        if (places.end && *places.end < start)
            places.end.reset();
        return places;
    }

  private:
    // Behind the markup that begins at "<"; npos: it does not end.
    std::size_t markup(std::size_t at) {
        const auto rest = html_.substr(at);
        if (rest.starts_with("<!--")) {
            const auto end = html_.find("-->", at + 2);
            return end == kNone ? kNone : end + 3;
        }
        if (rest.size() < 2)
            return html_.size();
        const bool closing = rest[1] == '/';
        const auto name_at = at + (closing ? 2 : 1);
        if (name_at >= html_.size() || !is_letter(html_[name_at])) {
            if (closing || rest[1] == '!' || rest[1] == '?') {
                const auto end = html_.find('>', at);
                return end == kNone ? kNone : end + 1;
            }
            return at + 1;
        }
        const auto name = html_.substr(name_at, name_end(html_, name_at) - name_at);
        const auto end = tag_end(html_, name_at + name.size());
        if (end == kNone)
            return kNone;
        note(name, closing, at, end);
        return closing || !is_raw(name) ? end : raw_end(html_, end, name);
    }

    void note(std::string_view name, bool closing, std::size_t begin, std::size_t end) {
        const auto is = [name](std::string_view other) { return equal_ignoring_case(name, other); };
        if (closing && is("body"))
            body_end_ = begin;
        else if (closing && is("html"))
            html_end_ = begin;
        else if (closing && is("head") && head_end_ == kNone)
            head_end_ = end;
        else if (!closing && is("body") && body_ == kNone)
            body_ = end;
        else if (!closing && is("html") && html_begin_ == kNone)
            html_begin_ = end;
    }

    std::string_view html_;
    std::size_t body_ = kNone;
    std::size_t head_end_ = kNone;
    std::size_t html_begin_ = kNone;
    std::size_t body_end_ = kNone;
    std::size_t html_end_ = kNone;
};

}  // namespace

HtmlPlaces find_html_places(std::string_view html) {
    return Search(html).run();
}

}  // namespace mail::edit
