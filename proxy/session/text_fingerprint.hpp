// The fingerprint of a large mail's text, made while it comes in: each piece is in the processor's cache then, and
// nobody waits for it at the end.
//
// It begins below the topmost Received field, as far as the first piece shows it. Where the whole mail shows another
// one, there is no fingerprint here, and the journal makes it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "journal/journal.hpp"

namespace session {

class TextFingerprint {
  public:
    // Of what comes behind `below`, an offset in the mail. Before the first add().
    void begin(const journal::Journal& journal, std::size_t below);
    // All of the mail, piece by piece. Does nothing before begin().
    void add(std::string_view piece);
    // Of what was added behind `below`. Nothing: it was not begun there, or it failed. At most once.
    [[nodiscard]] std::optional<journal::Fingerprint> end(std::size_t below);

  private:
    std::optional<journal::RunningFingerprint> running_;
    std::size_t below_ = 0;
    std::size_t above_ = 0;  // octets that come yet and are no part of it
};

}  // namespace session
