// Which entities of a mail are the text that people read: what a stamp goes into.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "mail/mime/tree.hpp"

namespace mail::edit {

struct ShownText {
    std::vector<std::size_t> entities;  // ascending; text/plain and text/html
    bool sealed = false;                // signed or encrypted: to be left alone
};

// multipart/alternative: the first text of each kind; multipart/related: its root; every other multipart: the first
// child with a text. Neither attachments nor what is in messages inside.
ShownText find_shown_text(std::string_view text, const mime::Tree& tree);

// Clear-signed or encrypted text without MIME (RFC 9580 section 6.2).
bool has_inline_openpgp(std::string_view decoded);

}  // namespace mail::edit
