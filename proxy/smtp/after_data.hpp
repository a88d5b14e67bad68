// What may stand behind the end of data before it is answered. Pure.
//
// An upstream that does not double dots (a Sendmail mailer without the flag X) ends data at a lone dot within the text,
// and sends the rest of the text where we would read commands: whoever wrote the text writes commands (invariant 7).
// Such an upstream cannot be told from its commands, but from their time: it sends on without waiting for our answer,
// which Sendmail's own SMTP client never does. So what comes before the answer is not carried out.
#pragma once

#include <cstdint>
#include <string_view>

namespace smtp {

// Who may send commands there.
enum class AfterData : std::uint8_t {
    kQuitOnly,   // nothing, or exactly "QUIT" CRLF, which Postfix sends in one segment with the dot
    kPipelines,  // also RSET and MAIL, and then whatever follows them (RFC 2920); for clients known to do it
};

// True when `bytes`, all that came since the end of data, cannot be what may stand there, however it goes on. The
// beginning of a permitted command is no stray yet: judge again when more has come.
[[nodiscard]] bool is_stray(std::string_view bytes, AfterData permitted);

}  // namespace smtp
