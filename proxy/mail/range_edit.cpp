#include "mail/range_edit.hpp"

#include <algorithm>

#include "mail/headers.hpp"
#include "mail/text.hpp"

namespace mail {
namespace {

bool has_only_crlf(std::string_view text) {
    for (std::size_t at = text.find_first_of("\r\n"); at != std::string_view::npos;
         at = text.find_first_of("\r\n", at)) {
        if (text.substr(at, 2) != "\r\n")
            return false;
        at += 2;
    }
    return true;
}

bool cuts_a_line_end(std::string_view mail, std::size_t at) {
    return at > 0 && at < mail.size() && mail[at - 1] == '\r' && mail[at] == '\n';
}

bool describes_the_body(const HeaderField& field) {
    constexpr std::string_view kContent = "Content-";
    return equal_ignoring_case(field.name.substr(0, kContent.size()), kContent) || field_name_is(field, "MIME-Version");
}

// Nothing but whole fields of these.
bool has_only_content_fields(std::string_view text) {
    HeaderReader reader(text);
    std::size_t end = 0;
    while (const auto field = reader.next()) {
        if (!describes_the_body(*field))
            return false;
        end = field->end;
    }
    return end == text.size() &&
           (text.empty() || (text.ends_with("\r\n") && text.front() != ' ' && text.front() != '\t'));
}

// What ends the mail now ends with a line end, if the mail did: the text of the last edit that leaves any, or what
// stands before the edits that reach to the end.
bool keeps_the_end(std::string_view mail, const std::vector<RangeEdit>& edits) {
    if (!mail.ends_with("\r\n"))
        return true;
    std::size_t end = mail.size();
    for (auto edit = edits.rbegin(); edit != edits.rend() && edit->end == end; ++edit) {
        if (!edit->text.empty())
            return edit->text.ends_with("\r\n");
        end = edit->begin;
    }
    return mail.substr(0, end).ends_with("\r\n");
}

}  // namespace

base::Status check_edits(std::string_view mail, const std::vector<RangeEdit>& edits) {
    std::size_t at = 0;
    for (const auto& edit : edits) {
        if (edit.begin < at || edit.end < edit.begin || edit.end > mail.size())
            return base::error("an edit from {} to {} is out of place", edit.begin, edit.end);
        if (cuts_a_line_end(mail, edit.begin) || cuts_a_line_end(mail, edit.end) || !has_only_crlf(edit.text))
            return base::error("an edit at {} leaves a bare line end", edit.begin);
        at = edit.end;
    }
    if (edits.empty())
        return base::ok();
    if (!keeps_the_end(mail, edits))
        return base::error("an edit at {} takes the last line end", edits.back().begin);
    HeaderReader reader(mail);
    auto edit = edits.begin();
    std::size_t header_end = 0;
    for (auto field = reader.next(); field && edit != edits.end(); field = reader.next()) {
        header_end = field->end;
        for (; edit != edits.end() && edit->begin < field->end; ++edit) {
            const bool inside = edit->begin >= field->begin && edit->end <= field->end;
            const bool whole = edit->begin == field->begin && (edit->end == field->begin || edit->end == field->end);
            if (!inside || !whole || (edit->end != edit->begin && !describes_the_body(*field)) ||
                !has_only_content_fields(edit->text))
                return base::error("an edit at {} is not of a field that describes the body", edit->begin);
        }
    }
    // Before the empty line (but not behind it): still the header's. Without that line all is.
    const auto behind = mail.substr(header_end);
    const bool ended = behind.starts_with("\r\n") || behind.starts_with('\n');
    for (; edit != edits.end() && (!ended || edit->begin < header_end + 2); ++edit) {
        if (!ended || edit->begin != header_end || edit->end != header_end || !has_only_content_fields(edit->text))
            return base::error("an edit at {} is in the empty line behind the header", edit->begin);
    }
    return base::ok();
}

}  // namespace mail
