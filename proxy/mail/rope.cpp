#include "mail/rope.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "mail/headers.hpp"
#include "mail/text.hpp"

namespace mail {
namespace {

bool is_own(const HeaderField& field) {
    HeaderField front = field;
    front.name = front.name.substr(0, kOwnFieldPrefix.size());
    return field_name_is(front, kOwnFieldPrefix);
}

bool is_named(const HeaderField& field, const HeaderEdit& edit) {
    return field_name_is(field, edit.name);
}

// Where the value itself stands: behind the colon and the blanks, but in the field's first line.
std::size_t value_begins(std::string_view mail, const HeaderField& field) {
    auto position = mail.find(':', field.begin) + 1;
    while (position < field.end && (mail[position] == ' ' || mail[position] == '\t'))
        ++position;
    return position;
}

// The edits, as the fields of a mail meet them.
class HeaderWork {
  public:
    explicit HeaderWork(const std::vector<HeaderEdit>& edits) : edits_(edits), tagged_(edits.size()) {}

    [[nodiscard]] bool removes(const HeaderField& field) const {
        return std::any_of(edits_.begin(), edits_.end(), [&field](const HeaderEdit& edit) {
            return (edit.kind == HeaderEdit::Kind::kRemove || edit.kind == HeaderEdit::Kind::kReplace) &&
                   is_named(field, edit);
        });
    }

    // Text before this field's value; several tags stand in the order of the edits.
    std::string tag_for(const HeaderField& field) {
        std::string tags;
        for (std::size_t i = 0; i < edits_.size(); ++i) {
            if (edits_[i].kind != HeaderEdit::Kind::kTag || tagged_[i] || !is_named(field, edits_[i]))
                continue;
            tagged_[i] = true;
            if (!trim(field.value).starts_with(edits_[i].value))
                tags += edits_[i].value + ' ';
        }
        return tags;
    }

    // Fields on top, once the whole header section has been seen.
    [[nodiscard]] std::string added() const {
        std::string fields;
        for (std::size_t i = 0; i < edits_.size(); ++i) {
            const auto kind = edits_[i].kind;
            if (kind == HeaderEdit::Kind::kAdd || kind == HeaderEdit::Kind::kReplace ||
                (kind == HeaderEdit::Kind::kTag && !tagged_[i]))
                fields += edits_[i].name + ": " + edits_[i].value + "\r\n";
        }
        return fields;
    }

  private:
    const std::vector<HeaderEdit>& edits_;
    std::vector<bool> tagged_;
};

}  // namespace

void Rope::append(Rope other) {
    std::move(other.pieces_.begin(), other.pieces_.end(), std::back_inserter(pieces_));
    size_ += other.size_;
}

void Rope::insert(std::string text) {
    if (text.empty())
        return;
    size_ += text.size();
    pieces_.emplace_back(std::move(text));
}

void Rope::keep(std::size_t begin, std::size_t end) {
    assert(begin <= end && end <= original_->size());
    if (begin >= end)
        return;
    size_ += end - begin;
    pieces_.emplace_back(Range{begin, end});
}

std::string_view Rope::piece(std::size_t index) const {
    const auto& piece = pieces_.at(index);
    if (const auto* range = std::get_if<Range>(&piece))
        return original_->bytes().substr(range->begin, range->end - range->begin);
    return std::get<std::string>(piece);
}

bool Rope::is_original(std::size_t index) const {
    return std::holds_alternative<Range>(pieces_.at(index));
}

std::string Rope::flatten() const {
    std::string text;
    text.reserve(size_);
    for (std::size_t i = 0; i < pieces_.size(); ++i)
        text += piece(i);
    return text;
}

Rope with_trace(MessagePtr original, std::string trace, const std::vector<HeaderEdit>& edits,
                const std::vector<RangeEdit>& body_edits) {
    HeaderWork work(edits);
    Rope body(original);
    std::size_t kept = 0;  // everything before it is in the rope, or taken out
    const auto make = [&](const RangeEdit& edit) {
        body.keep(kept, edit.begin);
        body.insert(edit.text);
        kept = edit.end;
    };
    auto next = body_edits.begin();
    // What begins before `position`, and what is inserted there.
    const auto make_up_to = [&](std::size_t position) {
        for (; next != body_edits.end() && (next->begin < position || next->end == position); ++next)
            make(*next);
    };
    const auto mail = original->bytes();
    HeaderReader reader(mail);
    while (const auto field = reader.next()) {
        make_up_to(field->begin);
        const bool replaced = next != body_edits.end() && next->begin == field->begin && next->end == field->end;
        if (replaced)
            continue;
        if (is_own(*field) || work.removes(*field))
            make({field->begin, field->end, {}});
        else if (auto tag = work.tag_for(*field); !tag.empty())
            make({value_begins(mail, *field), value_begins(mail, *field), std::move(tag)});
    }
    make_up_to(std::string_view::npos);
    body.keep(kept, mail.size());
    Rope rope(std::move(original));
    rope.insert(std::move(trace));
    rope.insert(work.added());
    rope.append(std::move(body));
    return rope;
}

}  // namespace mail
