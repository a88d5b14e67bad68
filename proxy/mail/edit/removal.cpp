#include "mail/edit/removal.hpp"

#include <algorithm>

#include "base/utf8.hpp"
#include "mail/edit/encode.hpp"
#include "mail/mime/defect.hpp"
#include "mail/text.hpp"

namespace mail::edit {
namespace {

using mime::Entity;
using mime::Tree;

constexpr std::size_t kPlainLine = 78;  // octets of a line that needs no encoding

// A note as an entity: its fields, and its content as it stands there.
struct Note {
    std::string fields;
    std::string content;  // ends with CRLF
};

// Whole lines with CRLF; what is no UTF-8 becomes "?".
std::string as_lines(std::string_view note) {
    std::string text;
    while (!note.empty()) {
        const auto octets = base::utf8_character(note);
        if (note.front() == '\n')
            text += "\r\n";
        else if (note.front() != '\r')
            text += octets == 0 ? std::string_view("?") : note.substr(0, octets);
        note.remove_prefix(std::max<std::size_t>(octets, 1));
    }
    if (!text.ends_with("\r\n"))
        text += "\r\n";
    return text;
}

// Lines as they are, none of which can be taken for a delimiter or be broken on the way.
bool is_plain(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find("\r\n", at);
        const auto line = text.substr(at, end - at);
        const bool usual = std::all_of(line.begin(), line.end(),
                                       [](char octet) { return octet == '\t' || (octet >= ' ' && octet <= '~'); });
        if (!usual || line.size() > kPlainLine || line.starts_with('-') || line.starts_with("From ") ||
            line.ends_with(' ') || line.ends_with('\t'))
            return false;
        at = end + 2;
    }
    return true;
}

Note make_note(std::string_view text) {
    Note note;
    note.content = as_lines(text);
    const bool plain = is_plain(note.content);
    if (!plain)
        note.content = encode_quoted_printable(note.content);
    note.fields = std::string("Content-Type: text/plain; charset=") + (plain ? "us-ascii" : "utf-8") +
                  "\r\nContent-Transfer-Encoding: " + (plain ? "7bit" : "quoted-printable") +
                  "\r\nContent-Disposition: inline\r\n";
    return note;
}

bool describes_content(std::string_view name) {
    constexpr std::string_view kContent = "Content-";
    return equal_ignoring_case(name.substr(0, kContent.size()), kContent);
}

base::Status replace_body(std::string_view text, const Entity& one, Note note, Plan& plan) {
    if (one.header.body == one.header.range.end)
        return base::error("the header of a message has no end");
    if (mime::find_field(one.header, text, "MIME-Version") == nullptr)
        note.fields += "MIME-Version: 1.0\r\n";
    bool written = false;
    for (const auto& field : one.header.fields) {
        if (describes_content(field.name.of(text)))
            plan.edits.push_back({field.range.begin, field.range.end, std::exchange(written, true) ? "" : note.fields});
    }
    if (!written)
        plan.edits.push_back({one.header.range.end, one.header.range.end, note.fields});
    plan.edits.push_back({one.body.begin, one.body.end, std::move(note.content)});
    return base::ok();
}

base::Status check_tree(const Tree& tree) {
    if (mime::is_malformed(tree.defects))
        return base::error("the mail is malformed ({})", mime::describe(tree.defects));
    if (tree.too_many_entities || tree.too_many_fields || tree.too_many_parameters || tree.too_deep)
        return base::error("the mail is over a limit of MIME");
    return base::ok();
}

}  // namespace

base::Status plan_removals(std::string_view text, const Tree& tree, const std::vector<Removal>& removals, Plan& plan) {
    if (removals.empty())
        return base::ok();
    if (auto checked = check_tree(tree); !checked)
        return checked;
    std::vector<std::size_t> wanted;
    for (const auto& removal : removals) {
        if (removal.entity >= tree.entities.size())
            return base::error("the mail has no entity {}", removal.entity + 1);
        wanted.push_back(removal.entity);
    }
    for (const auto& removal : removals) {
        const auto& one = tree.entities[removal.entity];
        const bool inside = removal.entity != 0 && is_within(tree, one.parent, wanted);
        const bool twice = std::find(plan.removed.begin(), plan.removed.end(), removal.entity) != plan.removed.end();
        if (inside || twice)
            continue;
        plan.removed.push_back(removal.entity);
        auto note = make_note(removal.note);
        if (!one.delimiter.empty()) {
            plan.edits.push_back({one.header.range.begin, one.body.end, note.fields + "\r\n" + note.content});
        } else if (auto replaced = replace_body(text, one, std::move(note), plan); !replaced) {
            return replaced;
        }
    }
    return base::ok();
}

}  // namespace mail::edit
