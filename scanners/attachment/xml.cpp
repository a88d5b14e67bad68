#include "scanners/attachment/xml.hpp"

#include <algorithm>

#include "scanners/attachment/names.hpp"

namespace scanners::attachment {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// The end of the tag that begins at `at`: quoted values may contain '>'.
std::size_t tag_end(std::string_view text, std::size_t at) {
    char quote = '\0';
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return at;
    }
    return std::string_view::npos;
}

std::string_view without_prefix(std::string_view name) {
    const auto colon = name.rfind(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

Tag tag_of(std::string_view inside) {
    Tag tag;
    tag.closing = inside.starts_with('/');
    inside.remove_prefix(tag.closing ? 1 : 0);
    const auto end = std::min(inside.find_first_of(" \t\r\n/"), inside.size());
    tag.name = without_prefix(inside.substr(0, end));
    tag.attributes = inside.substr(end);
    return tag;
}

// "#65" and "#x41", ASCII only: nothing else matters to who looks for words of a format.
char character(std::string_view reference) {
    constexpr std::pair<std::string_view, char> kNamed[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [name, c] : kNamed) {
        if (reference == name)
            return c;
    }
    const bool hex = reference.starts_with("#x") || reference.starts_with("#X");
    const std::string digits(reference.substr(std::min<std::size_t>(hex ? 2 : 1, reference.size())));
    if (!reference.starts_with('#') || digits.empty() || digits.size() > 6 ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return '\0';
    const auto value = std::strtoul(digits.c_str(), nullptr, hex ? 16 : 10);
    return value >= ' ' && value < 127 ? static_cast<char>(value) : '\0';
}

}  // namespace

std::string ascii_of(std::string_view octets) {
    std::string text(octets);
    if (octets.substr(0, 4).find('\0') != std::string_view::npos)
        std::erase(text, '\0');
    return text;
}

void each_tag(std::string_view text, const std::function<void(const Tag&)>& take) {
    for (auto at = text.find('<'); at != std::string_view::npos;) {
        std::size_t end = std::string_view::npos;
        const bool skipped = text.substr(at + 1).starts_with('!') || text.substr(at + 1).starts_with('?');
        if (text.substr(at).starts_with("<!--"))
            end = text.find("-->", at + 4);
        else
            end = skipped ? text.find('>', at) : tag_end(text, at);
        if (end == std::string_view::npos)
            return;
        end = text.find('>', end);
        const auto next = text.find('<', end);
        if (!skipped) {
            auto tag = tag_of(text.substr(at + 1, end - at - 1));
            tag.text = text.substr(end + 1, next == std::string_view::npos ? next : next - end - 1);
            take(tag);
        }
        at = next;
    }
}

std::string attribute(std::string_view attributes, std::string_view name) {
    for (std::size_t at = 0; at < attributes.size();) {
        at = std::min(attributes.find_first_not_of(" \t\r\n/", at), attributes.size());
        const auto equals = attributes.find('=', at);
        if (equals == std::string_view::npos)
            return {};
        auto found = attributes.substr(at, equals - at);
        found = found.substr(0, std::min(found.find_first_of(kBlank), found.size()));
        const auto begin = attributes.find_first_of("\"'", equals);
        if (begin == std::string_view::npos)
            return {};
        const auto end = attributes.find(attributes[begin], begin + 1);
        if (end == std::string_view::npos)
            return {};
        if (without_prefix(found) == name)
            return resolved(attributes.substr(begin + 1, end - begin - 1));
        at = end + 1;
    }
    return {};
}

std::string resolved(std::string_view text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto end = text[at] == '&' ? text.substr(at, 12).find(';') : std::string_view::npos;
        const char c = end == std::string_view::npos ? '\0' : character(text.substr(at + 1, end - 1));
        result.push_back(c == '\0' ? text[at] : c);
        at += c == '\0' ? 0 : end;
    }
    return result;
}

std::string xml_text(std::string_view text) {
    constexpr std::string_view kEnds[] = {"p", "si", "br", "tr", "tab", "t-end", "h", "table-cell", "line-break", "c"};
    std::string result;
    each_tag(text, [&](const Tag& tag) {
        const bool ends = std::find(std::begin(kEnds), std::end(kEnds), tag.name) != std::end(kEnds);
        if (ends && !result.empty() && result.back() != '\n')
            result.push_back('\n');
        result += resolved(tag.text);
    });
    return result;
}

}  // namespace scanners::attachment
