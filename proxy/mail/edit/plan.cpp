#include "mail/edit/plan.hpp"

#include <algorithm>

#include "mail/mime/base64.hpp"
#include "mail/mime/defect.hpp"
#include "mail/mime/quoted_printable.hpp"
#include "mail/text.hpp"

namespace mail::edit {
namespace {

using mime::Entity;
using mime::Tree;

bool is_content_field(std::string_view name) {
    constexpr std::string_view kContent = "Content-";
    return equal_ignoring_case(name.substr(0, kContent.size()), kContent) || equal_ignoring_case(name, "MIME-Version");
}

// Fields that say nothing of the body, as one text.
std::string other_fields(std::string_view text, const mime::Header& header) {
    std::string fields;
    for (const auto& field : header.fields) {
        if (!is_content_field(field.name.of(text)))
            fields += field.range.of(text);
    }
    return fields;
}

bool is_message_root(const Entity& entity) {
    return entity.delimiter.empty();
}

struct Pair {
    std::string_view before;
    std::string_view after;
    bool same(mime::Range old_range, mime::Range new_range) const {
        return old_range.of(before) == new_range.of(after);
    }
};

bool is_note(const Pair& texts, const Entity& old_one, const Entity& new_one) {
    return new_one.leaf && new_one.type.word == "text/plain" && new_one.disposition.word == "inline" &&
           (!is_message_root(old_one) ||
            other_fields(texts.before, old_one.header) == other_fields(texts.after, new_one.header));
}

bool is_stamped(const Pair& texts, const Entity& old_one, const Entity& new_one, const Plan::Stamped& wanted) {
    std::uint64_t defects = 0;
    return new_one.leaf && new_one.type.word == old_one.type.word &&
           new_one.disposition.word == old_one.disposition.word &&
           other_fields(texts.before, old_one.header) == other_fields(texts.after, new_one.header) &&
           decoded(new_one.body.of(texts.after), new_one.encoding, defects) == wanted.decoded;
}

bool is_untouched(const Pair& texts, const Entity& old_one, const Entity& new_one) {
    return old_one.leaf == new_one.leaf && texts.same(old_one.header.range, new_one.header.range) &&
           (!old_one.leaf || texts.same(old_one.body, new_one.body)) && texts.same(old_one.close, new_one.close);
}

}  // namespace

std::string with_edits(std::string_view text, const std::vector<RangeEdit>& edits) {
    std::string out;
    std::size_t kept = 0;
    for (const auto& edit : edits) {
        out.append(text.substr(kept, edit.begin - kept)).append(edit.text);
        kept = edit.end;
    }
    return out.append(text.substr(kept));
}

bool is_within(const Tree& tree, std::size_t entity, const std::vector<std::size_t>& others) {
    while (true) {
        if (std::find(others.begin(), others.end(), entity) != others.end())
            return true;
        if (entity == 0)
            return false;
        entity = tree.entities[entity].parent;
    }
}

std::string decoded(std::string_view body, mime::Encoding encoding, std::uint64_t& defects) {
    if (encoding == mime::Encoding::kBase64)
        return mime::decode_base64(body, mime::Base64Reading::kContinue, defects);
    if (encoding == mime::Encoding::kQuotedPrintable)
        return mime::decode_quoted_printable(body, mime::QuotedReading::kKeep, defects);
    return std::string(body);
}

base::Status check(std::string_view before, const Tree& tree, std::string_view after, const Plan& plan,
                   const mime::TreeLimits& limits) {
    const auto edited = mime::parse(after, limits);
    if (mime::is_malformed(edited.defects))
        return base::error("the edited mail is malformed ({})", mime::describe(edited.defects));
    const Pair texts{before, after};
    std::vector<std::size_t> place(tree.entities.size());  // in the edited tree
    std::vector<bool> gone(tree.entities.size());          // with something around it
    std::size_t next = 0;
    for (std::size_t i = 0; i < tree.entities.size(); ++i) {
        const auto& one = tree.entities[i];
        const bool removed = std::find(plan.removed.begin(), plan.removed.end(), i) != plan.removed.end();
        const auto stamped = std::find_if(plan.stamped.begin(), plan.stamped.end(),
                                          [i](const Plan::Stamped& other) { return other.entity == i; });
        gone[i] = i != 0 && (gone[one.parent] ||
                             std::find(plan.removed.begin(), plan.removed.end(), one.parent) != plan.removed.end());
        if (gone[i])
            continue;
        if (next == edited.entities.size())
            return base::error("entity {} is not in the edited mail", i + 1);
        const auto& now = edited.entities[next];
        place[i] = next++;
        const bool stands =
            now.parent == place[one.parent] && now.depth == one.depth && texts.same(one.delimiter, now.delimiter);
        const bool meant = removed                         ? is_note(texts, one, now)
                           : stamped != plan.stamped.end() ? is_stamped(texts, one, now, *stamped)
                                                           : is_untouched(texts, one, now);
        if (!stands || !meant)
            return base::error("entity {} is not what it should be in the edited mail", i + 1);
    }
    if (next != edited.entities.size())
        return base::error("the edited mail has {} entities instead of {}", edited.entities.size(), next);
    return base::ok();
}

}  // namespace mail::edit
