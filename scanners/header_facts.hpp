// see_fields(): what rules ask about the fields of a mail's own header. Worker only.
#pragma once

#include <string_view>

#include "mail/mime/header.hpp"
#include "scanners/opening.hpp"

namespace scanners {

// Fills in Contents::fields and malformed_field, as far as the policy wants them. `header`: of `text`, the mail. Values
// that are not told in full are a limit that was reached.
void see_fields(Opening& opening, std::string_view text, const mail::mime::Header& header);

}  // namespace scanners
