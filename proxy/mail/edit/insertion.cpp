#include "mail/edit/insertion.hpp"

#include <algorithm>
#include <optional>

#include "mail/edit/encode.hpp"

namespace mail::edit {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool is_hex(char octet) {
    return (octet >= '0' && octet <= '9') || (octet >= 'A' && octet <= 'F') || (octet >= 'a' && octet <= 'f');
}

// ---- quoted-printable

// Behind the line end that `at` stands before, with blanks between; 0: it does not.
std::size_t behind_line_end(std::string_view body, std::size_t at) {
    at = body.find_first_not_of(" \t", at);
    if (at == kNowhere)
        return 0;
    return body[at] == '\n' ? at + 1 : body.substr(at, 2) == "\r\n" ? at + 2 : 0;
}

// Where the octet `wanted` of the content stands in the body; behind a soft line break, not before it.
std::size_t quoted_position(std::string_view body, std::size_t wanted) {
    std::size_t out = 0;
    std::size_t at = 0;
    while (at < body.size()) {
        const char octet = body[at];
        if (octet == '=') {
            if (const auto next = behind_line_end(body, at + 1); next != 0) {
                at = next;
                continue;
            }
        }
        if (out == wanted)
            return at;
        ++out;
        if (octet == '=' && at + 2 < body.size() && is_hex(body[at + 1]) && is_hex(body[at + 2])) {
            at += 3;
        } else if ((octet == ' ' || octet == '\t') && behind_line_end(body, at) != 0) {
            --out;  // blanks at the end of a line are none
            at = body.find_first_not_of(" \t", at);
        } else {
            ++at;
        }
    }
    return at;
}

RangeEdit insert_quoted(std::string_view body, const Insertion& insertion) {
    const auto at = quoted_position(body, insertion.at);
    const bool in_line = at > 0 && body[at - 1] != '\n';
    const auto text = encode_quoted_printable(insertion.octets);
    const bool open = at < body.size() && !text.ends_with('\n');
    return {at, at, (in_line ? "=\r\n" : "") + text + (open ? "=\r\n" : "")};
}

// ---- base64

// Letters and padding, in groups of four.
struct Groups {
    std::vector<std::size_t> begins;  // of each group
    std::vector<std::size_t> ends;
};

// Nothing: octets that are no base64, or a group that is not whole.
std::optional<Groups> groups_of(std::string_view body) {
    Groups groups;
    std::size_t letters = 0;
    bool padded = false;
    for (std::size_t at = 0; at < body.size(); ++at) {
        const char octet = body[at];
        if (octet == '\r' || octet == '\n' || octet == ' ' || octet == '\t')
            continue;
        const bool pad = octet == '=';
        if (padded && !pad)
            return std::nullopt;
        padded = pad;
        if (letters % 4 == 0)
            groups.begins.push_back(at);
        if (++letters % 4 == 0)
            groups.ends.push_back(at + 1);
    }
    return letters % 4 == 0 ? std::optional(std::move(groups)) : std::nullopt;
}

bool at_line_start(std::string_view body, std::size_t at) {
    return at == 0 || body[at - 1] == '\n';
}

// Between two groups, or inside one, which is written anew then.
RangeEdit insert_base64(std::string_view body, const Groups& groups, std::string_view content,
                        const Insertion& insertion) {
    const auto group = insertion.at / 3;
    const auto inside = insertion.at % 3;
    const bool there = group < groups.begins.size();
    const bool padded = there && content.size() < group * 3 + 3;
    if (inside == 0 && !padded) {
        const auto at = there ? groups.begins[group] : groups.ends.empty() ? 0 : groups.ends.back();
        const auto text = encode_base64(insertion.octets);
        return {at, at, (at_line_start(body, at) ? "" : "\r\n") + text + (there ? "\r\n" : "")};
    }
    auto octets = std::string(content.substr(group * 3, 3));
    octets.insert(inside, insertion.octets);
    // Its first group keeps its place in the line, whatever stands before it there.
    auto text = encode_base64(octets.substr(0, 3));
    if (octets.size() > 3)
        text += "\r\n" + encode_base64(octets.substr(3));
    const auto end = groups.ends[group];
    const bool more = end < body.size() && body[end] != '\r' && body[end] != '\n';
    return {groups.begins[group], end, text + (more ? "\r\n" : "")};
}

}  // namespace

std::vector<RangeEdit> insert_encoded(std::string_view body, mime::Encoding encoding, std::string_view content,
                                      const std::vector<Insertion>& insertions) {
    std::vector<RangeEdit> edits;
    if (encoding == mime::Encoding::kIdentity) {
        for (const auto& one : insertions)
            edits.push_back({one.at, one.at, one.octets});
    } else if (encoding == mime::Encoding::kQuotedPrintable) {
        for (const auto& one : insertions)
            edits.push_back(insert_quoted(body, one));
    } else if (encoding == mime::Encoding::kBase64) {
        const auto groups = groups_of(body);
        if (!groups || groups->begins.size() != (content.size() + 2) / 3)
            return {};
        for (const auto& one : insertions)
            edits.push_back(insert_base64(body, *groups, content, one));
    }
    return edits;
}

std::string with_insertions(std::string_view content, const std::vector<Insertion>& insertions) {
    std::string out;
    std::size_t kept = 0;
    for (const auto& one : insertions) {
        out.append(content.substr(kept, one.at - kept)).append(one.octets);
        kept = one.at;
    }
    return out.append(content.substr(kept));
}

void pad_to_groups(std::string& octets, std::string_view line_end) {
    while (octets.size() % 3 != 0)
        octets += line_end;
}

}  // namespace mail::edit
