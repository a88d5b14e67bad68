#include "inspect/mail_file.hpp"

#include <string_view>

#include "config/load.hpp"
#include "session/spool_storage.hpp"

namespace inspect {
namespace {

// Line ends as a mail server would send them: a file has LF, a mail has CRLF.
std::string canonical(std::string_view text) {
    if (text.starts_with("From "))
        text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
    std::string mail;
    mail.reserve(text.size() + text.size() / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            mail += '\r';
        mail += text[i];
    }
    return mail;
}

}  // namespace

base::Result<mail::MessagePtr> read_mail(const std::string& path, std::size_t limit) {
    const auto text = config::read_file(path, limit);
    if (!text)
        return text.error();
    auto spool = session::make_spool("/tmp");
    if (auto kept = spool->append(canonical(*text)); !kept)
        return kept.error();
    return spool->seal();
}

}  // namespace inspect
