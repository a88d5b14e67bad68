// Whether a header field can be read by its standard: RFC 5322 section 3.3 to 3.6 with the older forms of section 4,
// RFC 2045 section 4 for MIME-Version, RFC 6532 for UTF-8 everywhere. Pure, linear.
//
// Said of the structure only: an address that does not exist and a date that was never are well formed.
#pragma once

#include <array>
#include <string_view>

namespace mail {

// `name`: lower case. `value`: behind the colon, folded or not. Of a field whose structure is not known here only
// octets and lengths of lines are looked at.
bool is_well_formed(std::string_view name, std::string_view value);

// Fields that a message may have once at most (RFC 5322 section 3.6; those of MIME by RFC 2045 and 2183), and those
// that it must have. Lower case.
inline constexpr std::array<std::string_view, 17> kFieldsOnce = {"bcc",
                                                                 "cc",
                                                                 "content-description",
                                                                 "content-disposition",
                                                                 "content-id",
                                                                 "content-transfer-encoding",
                                                                 "content-type",
                                                                 "date",
                                                                 "from",
                                                                 "in-reply-to",
                                                                 "message-id",
                                                                 "mime-version",
                                                                 "references",
                                                                 "reply-to",
                                                                 "sender",
                                                                 "subject",
                                                                 "to"};
inline constexpr std::array<std::string_view, 2> kFieldsNeeded = {"date", "from"};

}  // namespace mail
