#include "mail/rope.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "mail/headers.hpp"

namespace mail {
namespace {

bool is_own(const HeaderField& field) {
    HeaderField front = field;
    front.name = front.name.substr(0, kOwnFieldPrefix.size());
    return field_name_is(front, kOwnFieldPrefix);
}

}  // namespace

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

std::string Rope::flatten() const {
    std::string text;
    text.reserve(size_);
    for (std::size_t i = 0; i < pieces_.size(); ++i)
        text += piece(i);
    return text;
}

Rope with_trace(MessagePtr original, std::string trace) {
    const auto mail = original->bytes();
    Rope rope(std::move(original));
    rope.insert(std::move(trace));
    HeaderReader reader(mail);
    std::size_t kept = 0;  // everything before it is in the rope, or taken out
    while (const auto field = reader.next()) {
        if (!is_own(*field))
            continue;
        rope.keep(kept, field->begin);
        kept = field->end;
    }
    rope.keep(kept, mail.size());
    return rope;
}

}  // namespace mail
