// Plan: changes of a mail's body as ranges of octets, and what is to be true when they are made. Filled by removal.hpp
// and stamp.hpp, judged by check().
//
// Nothing here trusts itself: the edited mail is read anew and compared with the old one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "mail/mime/tree.hpp"
#include "mail/range_edit.hpp"

namespace mail::edit {

struct Plan {
    struct Stamped {
        std::size_t entity = 0;
        std::string decoded;  // its content afterwards
    };
    std::vector<RangeEdit> edits;
    std::vector<std::size_t> removed;  // entities; none inside another
    std::vector<Stamped> stamped;
};

// The whole mail as it is afterwards. `edits` have passed check_edits().
std::string with_edits(std::string_view text, const std::vector<RangeEdit>& edits);

// `entity` is one of `others`, or inside one.
bool is_within(const mime::Tree& tree, std::size_t entity, const std::vector<std::size_t>& others);

// Whether `after`, which is `before` with the plan's edits, is what was meant: what was removed is a leaf with text,
// and all other entities stand where they stood with the same octets, but for the content that was stamped.
base::Status check(std::string_view before, const mime::Tree& tree, std::string_view after, const Plan& plan,
                   const mime::TreeLimits& limits);

// The content of a text without its transfer encoding: identity, base64 and quoted-printable.
std::string decoded(std::string_view body, mime::Encoding encoding, std::uint64_t& defects);

}  // namespace mail::edit
