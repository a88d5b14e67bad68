#include "session/text_fingerprint.hpp"

#include <algorithm>
#include <exception>

namespace session {

void TextFingerprint::begin(const journal::Journal& journal, std::size_t below) {
    try {
        running_.emplace(journal.begin_text());
        below_ = above_ = below;
    } catch (const std::exception&) {  // the journal will try again, and say it
    }
}

void TextFingerprint::add(std::string_view piece) {
    if (!running_)
        return;
    const auto skipped = std::min(above_, piece.size());
    above_ -= skipped;
    try {
        running_->add(piece.substr(skipped));
    } catch (const std::exception&) {  // as above
        running_.reset();
    }
}

std::optional<journal::Fingerprint> TextFingerprint::end(std::size_t below) {
    if (!running_ || below != below_ || above_ > 0)
        return std::nullopt;
    try {
        return running_->end();
    } catch (const std::exception&) {  // as above
        return std::nullopt;
    }
}

}  // namespace session
