#include "scanners/content/html_text.hpp"

#include <algorithm>
#include <cstddef>

#include "scanners/content/html_entity.hpp"
#include "scanners/content/html_tag.hpp"

namespace scanners::content {
namespace {

bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Where "</name" stands, followed by what ends a name; npos: nowhere.
std::size_t find_end_tag(std::string_view html, std::string_view name) {
    for (auto at = html.find("</"); at != std::string_view::npos; at = html.find("</", at + 2)) {
        const auto rest = html.substr(at + 2);
        if (rest.size() <= name.size() || is_letter(rest[name.size()]))
            continue;
        if (std::equal(name.begin(), name.end(), rest.begin(),
                       [](char a, char b) { return a == static_cast<char>(b | 0x20); }))
            return at;
    }
    return std::string_view::npos;
}

constexpr std::string_view kEndIf = "<![endif]";

class Converter {
  public:
    explicit Converter(bool inside_comment = false) : inside_comment_(inside_comment) {}

    std::string convert(std::string_view html) {
        html_ = html;
        while (!html_.empty()) {
            if (html_.front() == '<' && take_markup())
                continue;
            const auto end = std::min(html_.find('<', 1), html_.size());
            append_decoded(flow(), html_.substr(0, end), false);
            html_.remove_prefix(end);
        }
        for (const auto* apart : {&hidden_, &attributes_}) {
            if (!apart->empty())
                shown_ += (shown_.empty() || apart->front() == '\n' ? "" : "\n") + *apart;
        }
        return std::move(shown_);
    }

  private:
    std::string& flow() { return hidden_by_.empty() ? shown_ : hidden_; }

    // False: the "<" is text.
    bool take_markup() {
        const auto rest = html_.substr(1);
        if (rest.substr(0, 3) == "!--")
            take_comment();
        else if (rest.empty())
            return false;
        else if (is_letter(rest.front()) || (rest.size() > 1 && rest.front() == '/' && is_letter(rest[1])))
            take_tag();
        else if (rest.front() == '!' || rest.front() == '?' || rest.front() == '/')
            take_bogus_comment();
        else
            return false;
        return true;
    }

    void take_bogus_comment() {
        const auto end = html_.find('>');
        if (end == std::string_view::npos)
            set_apart(html_.substr(2));
        html_.remove_prefix(std::min(end, html_.size() - 1) + 1);
    }

    void take_comment() {
        html_.remove_prefix(4);
        // "<!-->" and "<!--->" are whole comments.
        for (const std::string_view whole : {">", "->"}) {
            if (html_.substr(0, whole.size()) == whole) {
                html_.remove_prefix(whole.size());
                return;
            }
        }
        std::size_t end = html_.size();
        std::size_t behind = end;
        for (auto at = html_.find("--"); at != std::string_view::npos; at = html_.find("--", at + 1)) {
            const auto after = html_.substr(at + 2, 2);
            if (after.substr(0, 1) == ">" || after == "!>") {
                end = at;
                behind = at + (after.front() == '>' ? 3 : 4);
                break;
            }
        }
        // "<!--[if mso]> ... <![endif]-->" is shown by one program. A comment without its end: all that follows.
        auto inside = html_.substr(0, end);
        if (inside.substr(0, 3) == "[if" || behind == end) {
            if (const auto condition = inside.find('>');
                inside.substr(0, 3) == "[if" && condition != std::string_view::npos)
                inside.remove_prefix(condition + 1);
            if (inside.size() >= kEndIf.size() && inside.substr(inside.size() - kEndIf.size()) == kEndIf)
                inside.remove_suffix(kEndIf.size());
            set_apart(inside);
        }
        html_.remove_prefix(behind);
    }

    void take_tag() {
        auto tag = read_tag(html_);
        if (!tag.complete) {
            set_apart(html_.substr(1));
            html_ = {};
            return;
        }
        html_.remove_prefix(tag.size);
        attributes_ += tag.readable;
        if (begins_line(tag.name))
            flow().push_back('\n');
        if (!tag.end && (tag.name == "script" || tag.name == "style"))
            skip_element(tag.name);
        else
            follow_hidden(tag);
    }

    void skip_element(std::string_view name) {
        if (const auto end = find_end_tag(html_, name); end != std::string_view::npos) {
            html_.remove_prefix(end);
            return;
        }
        set_apart(html_);
        html_ = {};
    }

    // An element of the same name inside has an end tag of its own.
    void follow_hidden(const Tag& tag) {
        if (hidden_by_.empty()) {
            if (tag.hidden && !is_void(tag.name)) {
                hidden_by_ = tag.name;
                open_ = 1;
                hidden_.push_back('\n');
            }
        } else if (tag.name == hidden_by_ && (tag.end ? --open_ : ++open_) == 0) {
            hidden_by_.clear();
        }
    }

    // One level is enough: a comment holds none, and what follows a tag without its end has no ">" left that matters.
    void set_apart(std::string_view html) {
        hidden_.push_back('\n');
        if (inside_comment_)
            append_decoded(hidden_, html, false);
        else
            hidden_ += Converter(true).convert(html);
    }

    std::string_view html_;
    bool inside_comment_;
    std::string shown_;
    std::string hidden_;
    std::string attributes_;
    std::string hidden_by_;  // the element that hides what stands in it; empty: none
    std::size_t open_ = 0;
};

}  // namespace

std::string html_to_text(std::string_view html) {
    return Converter().convert(html);
}

}  // namespace scanners::content
