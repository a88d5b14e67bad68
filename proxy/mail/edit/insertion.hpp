// Octets put into the content of a text part, as changes of its encoded body that leave the rest of it as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mail/mime/tree.hpp"
#include "mail/range_edit.hpp"

namespace mail::edit {

// `octets` are whole lines: they end with a line end, or stand at the end of the content.
struct Insertion {
    std::size_t at = 0;  // in the decoded content
    std::string octets;
};

// Positions are those of the body. `insertions` ascend. Empty: it cannot be done so (the encoding is damaged, or none
// of identity, base64 and quoted-printable). The result decodes to with_insertions(); whoever wants to be sure looks.
std::vector<RangeEdit> insert_encoded(std::string_view body, mime::Encoding encoding, std::string_view content,
                                      const std::vector<Insertion>& insertions);

std::string with_insertions(std::string_view content, const std::vector<Insertion>& insertions);

// Base64 can be continued behind `octets` only if they are whole groups of three, so line ends are added.
void pad_to_groups(std::string& octets, std::string_view line_end);

}  // namespace mail::edit
