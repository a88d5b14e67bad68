// Text that is put into what people read of a mail: a disclaimer, a warning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/edit/plan.hpp"

namespace mail::edit {

// UTF-8, lines end with LF; html are fragments.
struct StampTexts {
    std::string plain_start{};
    std::string plain_end{};
    std::string html_start{};
    std::string html_end{};
};

// A fragment that shows the plain text.
std::string html_from_plain(std::string_view plain);

// What stands for a character that a character set does not have.
enum class Missing : std::uint8_t { kQuestionMark, kNumericReference };

// UTF-8 into a character set; one that nobody knows is taken for ASCII. Nothing: ASCII is not itself in it. The
// converters are not in this room.
using FromUtf8 = std::optional<std::string> (*)(std::string_view text, std::string_view charset, Missing missing);

// Adds the stamp to the plan wherever it can stand; what cannot be stamped is left alone, and nothing is an error:
// signed and encrypted mails, those that are malformed, texts in damaged encodings or where a file (uuencode ...) would
// come to light or change. Transfer encodings and character sets stay, but for ASCII text that becomes UTF-8, and 7bit
// that becomes quoted-printable, where the stamp needs it. The plan has its removals already. `room`: octets that may
// be written.
void plan_stamps(std::string_view text, const mime::Tree& tree, const StampTexts& stamps, FromUtf8 from_utf8,
                 std::size_t room, Plan& plan);

}  // namespace mail::edit
